"""The documented form of a provider's answer, checked before anything is read from it. Pure.

A list that is missing must not pass for an empty one: a walk would call it complete, and everybody would leave. So a
plugin names the parts that it reads, and an answer without them is `Malformed`. What must not live here: requests, the
meaning of one provider's fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from fluentsd.api.errors import Malformed


@dataclass(frozen=True, slots=True)
class Value:
    """A value that `holds` accepts; `name` is the word for it, with its article."""

    name: str
    holds: Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Maybe:
    """Missing, null, or of this form."""

    of: Shape


#: An object with these parts (and others), a list of one form, `Maybe` or a `Value`.
Shape: TypeAlias = "Mapping[str, Shape] | list[Shape] | Maybe | Value"


def count_of(value: Any) -> int | None:
    """A number of things, also one that is written as text; None for all else."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return int(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0 and value == value // 1:
        return int(value)
    return None


def _is_id(value: Any) -> bool:
    return (isinstance(value, str) and value != "") or (isinstance(value, int) and not isinstance(value, bool))


ANY = Value("anything", lambda _: True)
ID = Value("an id", _is_id)
NUMBER_ID = Value("the number of a record", lambda value: _is_id(value) and count_of(value) is not None)
TEXT = Value("text", lambda value: isinstance(value, str))
FLAG = Value("true or false", lambda value: isinstance(value, bool))
#: A value that must be given: null says that there is none, and missing says nothing.
TEXT_OR_NULL = Value("text or null", lambda value: value is None or (isinstance(value, str) and value != ""))
COUNT = Value("a count", lambda value: count_of(value) is not None)


def mismatch(value: Any, shape: Shape, place: str = "it") -> str:
    """What is wrong with a value, as half a sentence; "" when it has the form."""
    if isinstance(shape, Maybe):
        return "" if value is None else mismatch(value, shape.of, place)
    if isinstance(shape, Value):
        return "" if shape.holds(value) else f"{place} is {_word(value)}, not {shape.name}"
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"{place} is {_word(value)}, not a list"
        return next((wrong for one in value if (wrong := mismatch(one, shape[0], f"an entry of {_of(place)}"))), "")
    if not isinstance(value, Mapping):
        return f"{place} is {_word(value)}, not an object"
    for name, inner in shape.items():
        if name not in value and not isinstance(inner, Maybe):
            return f'{place} has no "{name}"'
        if wrong := mismatch(value.get(name), inner, f'"{name}"'):
            return wrong if place == "it" else f"{wrong} (in {_of(place)})"
    return ""


def malformed(provider: str, call: str, wrong: str) -> Malformed:
    """The error for an answer that is not as the provider documents it: `wrong` is half a sentence."""
    return Malformed(f"{provider}'s answer to {call} cannot be used: {wrong}. Nobody leaves for it; it is asked again")


def _of(place: str) -> str:
    return "the answer" if place == "it" else place


def _word(value: Any) -> str:
    if value is None:
        return "null"
    kinds = ((bool, "true or false"), ((int, float), "a number"), (str, "text"), (list, "a list"))
    return next((word for kind, word in kinds if isinstance(value, kind)), "an object")
