"""Blanking: a value without the words that name a person."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

#: Replaces words about an erased person.
ERASED = "(erased)"
#: Arguments of a verb that hold typed text.
_TYPED = ("person", "point", "because")


def named_in(text: str, words: Iterable[str]) -> str | None:
    """The first of these words that a text has in it, as a whole word."""
    return next((w for w in words if re.search(rf"(?<!\w){re.escape(w)}(?!\w)", text, re.IGNORECASE)), None)


def blanked(value: Any, words: Sequence[str]) -> Any:
    """The same without texts that name the person, and without what somebody typed to mean them or gave as a reason."""
    if isinstance(value, Mapping):
        return {k: ERASED if k in _TYPED and v else blanked(v, words) for k, v in value.items()}
    if isinstance(value, list):
        return [blanked(part, words) for part in value]
    return ERASED if isinstance(value, str) and named_in(value, words) else value
