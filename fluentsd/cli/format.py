"""How one value looks: a state, a moment, an amount, a list.

Here lives the way of a single value into text for people. What must not live here: tables and whole answers (`views`),
where they go (`show`). What a stranger wrote is shown without what could steer a terminal.
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

#: A tab would add a column; the rest could steer the terminal of whoever looks at what a stranger wrote.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def state(value: str) -> Any:
    """A text of rich, in the colour of the state it names."""
    from rich.text import Text

    return Text(value, style=STYLES.get(value, ""))


def cell(value: Any) -> str:
    """Any value of an answer on one line."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {cell(inner)}" for key, inner in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(cell(inner) for inner in value)
    return CONTROL.sub(" ", str(value).replace("\r\n", "\n").replace("\n", " ⏎ "))


def when(at: int | None) -> str:
    """A moment in the machine's own zone."""
    if at is None:
        return ""
    return dt.datetime.fromtimestamp(at / 1_000_000, dt.UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def money(micros: int | None, currency: str) -> str:
    """An amount of micros; empty when nothing was charged."""
    return f"{micros / 1_000_000:.4f} {currency}" if micros else ""


def people(count: int) -> str:
    """So many people, in words."""
    return f"{count} {'person' if count == 1 else 'people'}"
