"""The check of one argument: its kind, its size and, for a choice, its options.

What must not live here: whether the named thing exists (the verbs say so, with what sounds alike), and the declaration
of parameters (`catalogue`).
"""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Mapping
from typing import Any

from fluentsd.domain.time.durations import BadDuration, Delay
from fluentsd.text import MESSAGE_AT_MOST
from fluentsd.verbs.call import Refused
from fluentsd.verbs.verb import TEXTUAL, Kind, Param, Shape

#: Numbers that a person types fit a 32-bit column; moments, in microseconds, end with the year 9999.
INT32, MOMENTS = range(-(2**31), 2**31), range(253_402_214_400_000_000)
_TYPES: Mapping[Kind, Any] = {
    **dict.fromkeys(TEXTUAL, str),
    "int": int,
    "flag": bool,
    "texts": list,
    "moment": (str, int),
}


def checked_value(verb: str, param: Param, value: Any) -> Any:
    """The value that the verb gets: its default when there is none. A moment stays a text, because its zone is not
    known here (`moments`). Raises `Refused`."""
    if param.kind in ("data", "file") and value is not None:
        return _structure(verb, param, value)
    if value is None or value in ((), []):
        if param.required:
            raise Refused(f"{verb}: {param.name} is missing ({param.help})")
        return [] if param.kind == "texts" else param.default
    is_flag = isinstance(value, bool)  # which Python takes for an integer
    if param.kind in _TYPES and (not isinstance(value, _TYPES[param.kind]) or is_flag is not (param.kind == "flag")):
        raise Refused(f"{verb}: {param.name} should be {_NOUNS.get(param.kind, 'text')}, not {short(value)}")
    if param.kind == "texts" and not all(isinstance(one, str) for one in value):
        raise Refused(f"{verb}: {param.name} should be a list of texts, not {short(value)}")
    for one in value if param.kind == "texts" else (value,):
        if isinstance(one, str) and len(one) > MESSAGE_AT_MOST:
            raise Refused(f"{verb}: {param.name} has {len(one)} characters; the limit is {MESSAGE_AT_MOST}")
        if isinstance(one, str) and not one.strip() and (param.required or param.kind == "texts"):
            raise Refused(f"{verb}: {param.name} is empty ({param.help}); nothing was changed")
    match param.kind:
        case "int" if param.least is not None and value < param.least:
            raise Refused(f"{verb}: {param.name} is {value}, and the smallest is {param.least}; nothing was changed")
        case "int" if value not in INT32:
            raise Refused(f"{verb}: {param.name} is {value}, and a number here lies between {INT32[0]} and {INT32[-1]}")
        case "moment" if isinstance(value, int) and value not in MOMENTS:
            raise Refused(f"{value} is not a time that fluentsd knows: microseconds since 1970, until the year 9999")
        case "date":
            return _date(verb, param, value)
        case "duration":
            return _duration(verb, param, value)
        case "choice":
            return _choice(verb, param, value)
        case "texts" if param.options:
            for one in (part.strip() for text in value for part in text.split(",")):
                _choice(verb, param, one)
    return value


#: What a value should be, where "text" would not say it.
_NOUNS: Mapping[Kind, str] = {"int": "int", "flag": "flag", "texts": "texts", "moment": "moment"}


#: What a structure should be, in the words of a refusal.
_SHAPES: Mapping[Shape, str] = {
    "object": "an object",
    "counts": "an object of whole numbers",
    "people": "a list",
    "texts": "a list of texts",
}


def _structure(verb: str, param: Param, value: Any) -> Any:
    """The value of a file or of data, whose outermost form is what its parameter declares; what is inside is checked by
    the one reader of that structure."""
    match param.shape:
        case "object":
            is_right = isinstance(value, Mapping)
        case "counts":
            is_right = isinstance(value, Mapping) and all(type(one) is int for one in value.values())
        case _:
            is_right = isinstance(value, list | tuple)
            if param.shape == "texts":
                is_right = is_right and all(isinstance(one, str) for one in value)
    if not is_right:
        raise Refused(f"{verb}: {param.name} should be {_SHAPES[param.shape]}, not {short(value)}; nothing was changed")
    return value


def _choice(verb: str, param: Param, value: str) -> str:
    if value in param.options:
        return value
    near = difflib.get_close_matches(value.lower(), param.options, 1, 0.7)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise Refused(f"{verb}: {param.name} {short(value)} is not one of {', '.join(param.options)}{hint}")


def _date(verb: str, param: Param, value: str) -> str:
    try:
        return dt.date.fromisoformat(value).isoformat()
    except ValueError:
        raise Refused(f"{verb}: {param.name} {short(value)} is not a date; write it like 2026-12-01") from None


def _duration(verb: str, param: Param, value: str) -> str:
    try:
        return str(Delay.parse(value))
    except BadDuration as why:
        raise Refused(f"{verb}: {param.flag}: {why}; nothing was changed") from None


def short(value: Any) -> str:
    """A value for a message, cut when it is long."""
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"
