"""Formats one value as text: a state, an instant, an amount, a list.

What must not live here: tables and whole answers (`views`), and the output itself (`screen`). Control characters in
text from outside are removed, because they could control the terminal.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

STYLES = {
    "active": "green", "answered": "green", "completed": "green", "delivered": "green", "replied": "green",
    "paused": "yellow", "scheduled": "yellow", "unknown": "yellow", "errored": "red", "failed": "red", "bounced": "red",
    "stopped": "red", "opted_out": "red", "draft": "dim",
}  # fmt: skip

#: A tab would add a column; the other characters could control the terminal of the user who reads a stranger's text.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def state(value: str) -> Any:
    """A rich text in the colour of the state."""
    from rich.text import Text

    return Text(value, style=STYLES.get(value, ""))


def cell(value: Any) -> str:
    """One value of an answer, on one line."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {cell(inner)}" for key, inner in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(cell(inner) for inner in value)
    return CONTROL.sub(" ", str(value).replace("\r\n", "\n").replace("\n", " ⏎ "))


def when(at: int | None) -> str:
    """An instant in the machine's time zone."""
    if at is None:
        return ""
    return dt.datetime.fromtimestamp(at / 1_000_000, dt.UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def money(micros: int | None, currency: str) -> str:
    """An amount of micros; empty when nothing was charged."""
    return f"{micros / 1_000_000:.4f} {currency}" if micros else ""


def people(count: int) -> str:
    """A count of people, as text: "1 person", "2 people"."""
    return f"{count} {'person' if count == 1 else 'people'}"
