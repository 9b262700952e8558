"""Typed values of a CRM's fields as the texts that a table would hold.

What must not live here: the meaning of a field (`mapping`), the reading of the text (`reader`).
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence

Value = str | int | float | bool | dt.date | None | Sequence["Value"]


class UnknownValue(ValueError):
    """A value that no field has, such as an object; the message names its type."""


def texts_of(value: Value) -> list[str]:
    """The texts of a value: none without a value, several for a list. Numbers have no needless decimals, dates and
    times are ISO 8601, flags are "true" and "false". Raises `UnknownValue`."""
    if isinstance(value, (list, tuple)):
        return [text for one in value for text in texts_of(one)]
    text = _text_of(value).strip()
    return [text] if text else []


def _text_of(value: Value) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return "" if not math.isfinite(value) else str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    raise UnknownValue(f"a value of the type {type(value).__name__} is not supported")
