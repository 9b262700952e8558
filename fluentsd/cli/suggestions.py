"""The wording of suggested verbs as commands of the shell.

What must not live here: which verb helps (the verbs say so), and the output (`screen`, `runner`).
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from fluentsd.verbs import Suggestion
from fluentsd.verbs.catalogue import VERBS
from fluentsd.verbs.verb import Param

#: Verbs of the shell that are not in the catalogue, because they read a file: their parameters.
_FROM_FILES = {
    "contacts import": (
        Param("file", "text", "", required=True, option=False),
        Param("campaign", "text", ""),
    ),
}


def command(verb: str, arguments: Mapping[str, Any]) -> str:
    """The command for a verb: `fluentsd campaign resume q2`. What the person has to give is in capitals."""
    params = _FROM_FILES.get(verb) or (VERBS[verb].params if verb in VERBS else ())
    positional = [param for param in params if not param.option]
    words = [word for param in positional for word in _words(param, arguments)]
    options = [word for param in params if param.option for word in _words(param, arguments)]
    return " ".join(["fluentsd", verb, *words, *options])


def command_of(suggestion: Suggestion) -> str:
    """The command for a suggestion."""
    return command(suggestion.verb, suggestion.arguments)


def fix(suggestion: Suggestion | None) -> str:
    """What is added to a sentence that has a suggestion: ": fluentsd numbers add NUMBER"; "" when it has none."""
    return f": {command_of(suggestion)}" if suggestion else ""


def _words(param: Param, arguments: Mapping[str, Any]) -> list[str]:
    asked = param.name in arguments or param.required
    if not asked:
        return []
    value, option = arguments.get(param.name), f"--{param.flag}"
    if isinstance(value, bool):
        return [option] if value else []
    several = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    texts = [param.name.upper() if one in (None, "") else shlex.quote(str(one)) for one in several or [None]]
    return [word for text in texts for word in ([option, text] if param.option else [text])]
