"""Answers and their JSON form: one encoder, one tolerant decoder.

The decoder ignores unknown fields and gives missing ones their default, so that releases can read each other's answers.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import field, fields, is_dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")


def absent() -> Any:
    """A field that is None, and is left out of the JSON form, when an answer does not have it."""
    return field(default=None, metadata={"absent": True})


def called(key: str, default: Any) -> Any:
    """A field whose key in the JSON form is a word that Python keeps for itself."""
    return field(default=default, metadata={"key": key})


def encode(answer: Any) -> Any:
    """The JSON form of an answer. Mappings, lists and plain values are their own."""
    if is_dataclass(answer) and not isinstance(answer, type):
        values = {_key(one): getattr(answer, one.name) for one in fields(answer) if not _is_left_out(one, answer)}
        return {name: encode(value) for name, value in values.items()}
    if isinstance(answer, Mapping):
        return {key: encode(value) for key, value in answer.items()}
    return [encode(one) for one in answer] if isinstance(answer, (list, tuple)) else answer


def decode(answer_type: type[T], value: Any) -> T:
    """An answer from its JSON form. A value of another shape than its field's gives the field its default."""
    given = value if isinstance(value, Mapping) else {}
    found = {}
    for name, (key, hint) in _hints(cast("Any", answer_type)).items():
        if key in given and (read := _read(hint, given[key])) is not _UNREADABLE:
            found[name] = read
    return answer_type(**found)


def typed(answers: Mapping[str, str], verb: str, answer: Any) -> Any:
    """The answer of a verb as a value of its class; unchanged if `answers` (verb → "module.Class") has none for it."""
    if verb not in answers:
        return answer
    module, _, name = answers[verb].partition(".")
    return decode(getattr(import_module(f"{__package__}.{module}"), name), answer)


_UNREADABLE = object()


def _read(hint: Any, value: Any) -> Any:
    """A value of a field with this type; `_UNREADABLE` when it has another shape."""
    if hint is Any:
        return value
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        readings = (_read(one, value) for one in inner)
        return next((one for one in readings if one is not _UNREADABLE), _UNREADABLE)
    if is_dataclass(hint):
        return decode(hint, value) if isinstance(value, Mapping) and isinstance(hint, type) else _UNREADABLE
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            return _UNREADABLE
        return tuple(one for part in value if (one := _read(inner[0], part)) is not _UNREADABLE)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            return _UNREADABLE
        return {key: one for key, part in value.items() if (one := _read(inner[1], part)) is not _UNREADABLE}
    is_flag_for_number = isinstance(value, bool) and hint is int
    return value if isinstance(value, hint) and not is_flag_for_number else _UNREADABLE


@lru_cache(maxsize=256)
def _hints(answer_type: Any) -> Mapping[str, tuple[str, Any]]:
    """Field → its key and its type."""
    hints = get_type_hints(answer_type)
    return {one.name: (_key(one), hints[one.name]) for one in fields(answer_type)}


def _key(one: Any) -> str:
    return str(one.metadata.get("key", one.name))


def _is_left_out(one: Any, answer: Any) -> bool:
    return "absent" in one.metadata and getattr(answer, one.name) is None
