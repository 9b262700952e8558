"""Text from outside: safe for both databases and of bounded length.

Every text that a stranger or a user hands in passes here once, where it enters: inbound messages
(`engine.dispatch.inbound`) and the arguments of verbs (`verbs.catalogue`). PostgreSQL stores no NUL, no driver stores
half of a surrogate pair, and no column holds an integer past 64 bits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

#: Most characters kept of an inbound message; what a person writes has a few hundred.
MESSAGE_AT_MOST = 10_000
#: Most characters of a name, a reason, an address or an id.
LINE_AT_MOST = 1_000
#: Most characters of a transcript: hours of speech.
TRANSCRIPT_AT_MOST = 1_000_000
#: The integers that both databases store.
INTEGERS = range(-(2**63), 2**63)
#: Levels of objects and lists in one JSON value.
DEPTH_AT_MOST = 64

_TEXT = frozenset({str})
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class NotStorable(ValueError):
    """A value that no database stores as it is; the message says which and why."""


def clean(text: str, at_most: int = MESSAGE_AT_MOST) -> str:
    """The text with a replacement character for what no database stores, cut with a note if it is too long."""
    safe = _UNSTORABLE.sub("�", text) if _UNSTORABLE.search(text) else text
    if len(safe) <= at_most:
        return safe
    note = f" … ({len(safe) - at_most} more characters were cut)"
    return safe[: max(0, at_most - len(note))] + note[-at_most:]


def storable(value: Any) -> Any:
    """A value of JSON with every text in it cleaned; raises `NotStorable` for an integer past 64 bits, for a number
    without a value (NaN) and for deep nesting. Texts keep their length, because each verb bounds its own."""
    return _storable(value, 0)


def _storable(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return _UNSTORABLE.sub("�", value) if _UNSTORABLE.search(value) else value
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        if value not in INTEGERS:
            raise NotStorable("a number has more than 64 bits")
        return value
    if isinstance(value, float) and not math.isfinite(value):
        raise NotStorable(f"{value} is not a number")
    if depth >= DEPTH_AT_MOST and isinstance(value, (Mapping, list, tuple)):
        raise NotStorable(f"a value is nested deeper than {DEPTH_AT_MOST} levels")
    if isinstance(value, Mapping):
        return {_storable(key, depth): _storable(part, depth + 1) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        if _TEXT.issuperset(map(type, value)) and not _UNSTORABLE.search("".join(value)):
            return value  # as long as a list of numbers to suppress, looked at once
        return type(value)([_storable(part, depth + 1) for part in value])
    return value


def like(words: str) -> str:
    r"""A LIKE pattern that finds the words anywhere, with `\` as its escape character: `%` and `_` are characters."""
    escaped = re.sub(r"([\\%_])", r"\\\1", words[:LINE_AT_MOST])
    return f"%{escaped}%"
