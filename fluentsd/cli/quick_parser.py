"""Reads plain command lines without a general parser: the settings file anywhere, the verb, and what comes next.

A verb sent to a running daemon should answer at once, and a general parser takes longer to import than the rest of it.
So the words of a verb are read here by its declaration, as typer would read them. Whatever is not plain (a help, a
mistake, an alias, a group without a command) is None, and typer reads it. What must not live here: any import of typer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fluentsd.verbs.catalogue import VERBS
from fluentsd.verbs.verb import Param, Verb

#: Commands that are no plain verbs, by what is typed: the function in `fluentsd.cli`.
COMMANDS: Mapping[str, str] = {
    "init": "commands.init",
    "run": "commands.run",
    "check": "commands.check",
    "demo": "commands.demo",
    "plugins": "commands.plugins",
    "backup": "backups.backup",
    "restore": "backups.restore",
    "calls": "call_history.calls",
    "history": "call_history.history",
    "campaign new": "commands.new",
    "campaign apply": "commands.apply",
    "campaign people": "campaign_people.list_people",
    "contacts import": "import_csv.import_file",
    "templates apply": "templates.apply_templates",
    "agents apply": "agents.apply_agents",
    "agents talk": "talk.talk",
    "suppression import": "suppression_files.import_list",
    "suppression export": "suppression_files.export_list",
    "source connect": "connecting.connect",
    "slack manifest": "slack.manifest",
    "slack check": "slack.check",
    "slack preview": "slack.preview",
}
_CONFIG = ("-c", "--config")


def without_config(words: Sequence[str]) -> tuple[str | None, list[str]]:
    """The settings file that the words name anywhere before `--` (the last one counts), and the other words. A `-c`
    without a file stays, for the parser's refusal."""
    file: str | None = None
    rest = list[str]()
    at = 0
    while at < len(words):
        word = words[at]
        if word == "--":
            return file, [*rest, *words[at:]]
        if word in _CONFIG and at + 1 < len(words):
            file, at = words[at + 1], at + 2
            continue
        if word.startswith("--config="):
            file = word.removeprefix("--config=")
        else:
            rest.append(word)
        at += 1
    return file, rest


@dataclass(frozen=True, slots=True)
class Plain:
    """A plain verb on the command line: its settings file, whether its answer is wanted as JSON, and what is given by
    parameter; of a parameter that takes words, a list."""

    verb: Verb
    config: Path | None
    as_json: bool = False
    given: Mapping[str, Any] = field(default_factory=dict)


def plain_verb(words: Sequence[str]) -> Plain | None:
    """The verb that the words name, if there is nothing about them that needs a parser."""
    config, rest = without_config(words)
    verb = _verb_of(rest)
    if verb is None:
        return None
    options = {f"--{param.flag}": param for param in verb.params if param.option}
    given: dict[str, Any] = {}
    places, as_json = list[str](), False
    following = iter(rest[verb.name.count(" ") + 1 :])
    for word in following:
        name, sign, value = word.partition("=")
        param = options.get(name)
        if word == "--json":
            as_json = True
        elif not word.startswith("-"):
            places.append(word)
        elif param is None or param.kind == "data" or (sign and param.kind == "flag"):
            return None
        elif param.kind == "flag":
            given[param.name] = True
        else:
            text = value if sign else next(following, "-")
            if text.startswith("-") or not _put(given, param, text):
                return None
    positional = [param for param in verb.params if not param.option and param.kind != "data"]
    if not _placed(given, positional, places) or not _is_whole(verb, given):
        return None
    return Plain(verb, None if config is None else Path(config), as_json, given)


def param_at_end(words: Sequence[str]) -> Param | None:
    """The parameter of a plain verb whose value comes after these words; None if that is none, or not certain."""
    verb = _verb_of(words)
    if verb is None:
        return None
    options = {f"--{param.flag}": param for param in verb.params if param.option}
    positional = [param for param in verb.params if not param.option and param.kind != "data"]
    following = iter(words[verb.name.count(" ") + 1 :])
    for word in following:
        param = options.get(word.partition("=")[0])
        if not word.startswith("-"):
            del positional[:1]
        elif param is not None and param.kind != "flag" and "=" not in word and next(following, None) is None:
            return param
        elif param is None and word != "--json":
            return None
    return positional[0] if positional else None


def takes_words(param: Param, *, is_last: bool) -> bool:
    """Whether the last positional parameter takes all words that are left: tomorrow 9am, +49 151 1234567."""
    return is_last and ((param.required and param.kind in ("moment", "contact")) or param.name == "words")


def _verb_of(words: Sequence[str]) -> Verb | None:
    for count in (2, 1):
        name = " ".join(words[:count])
        verb = VERBS.get(name)
        if verb is not None and name.count(" ") == count - 1 and not verb.hidden and name not in COMMANDS:
            return verb
    return None


def _put(given: dict[str, Any], param: Param, text: str) -> bool:
    """Note a value of a parameter; False if it has another form."""
    if param.kind == "int":
        if not text.isascii() or not text.isdigit():
            return False
        given[param.name] = int(text)
    elif param.kind == "texts":
        given.setdefault(param.name, []).append(text)
    elif param.kind == "file":
        given[param.name] = Path(text)
    else:
        given[param.name] = text
    return True


def _placed(given: dict[str, Any], params: Sequence[Param], words: Sequence[str]) -> bool:
    """Give the positional parameters their words; False if there are too many."""
    left = list(words)
    for param in params:
        if takes_words(param, is_last=param is params[-1]) and left:
            given[param.name], left = left, []
        elif left and not _put(given, param, left.pop(0)):
            return False
    return not left


def _is_whole(verb: Verb, given: Mapping[str, Any]) -> bool:
    return all(param.name in given for param in verb.params if param.required and param.kind != "data")
