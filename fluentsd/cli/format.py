"""Formats one value as text: a state, an instant, an amount, a list.

What must not live here: tables and whole answers (`views`), and the output itself (`screen`). Control characters in
text from outside are removed, because they could control the terminal.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

from fluentsd.domain.time.zones import zone as zone_named

STYLES = {
    "active": "green", "answered": "green", "completed": "green", "delivered": "green", "replied": "green",
    "held": "yellow", "paused": "yellow", "scheduled": "yellow", "unknown": "yellow", "errored": "red",
    "failed": "red", "bounced": "red", "stopped": "red", "opted_out": "red", "draft": "dim",
}  # fmt: skip

#: A moment that lies nearer is shown without its year.
_NEAR = dt.timedelta(days=180)
#: A tab would add a column; the other characters could control the terminal of the user who reads a stranger's text.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def cell(value: Any) -> str:
    """One value of an answer, on one line."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {cell(inner)}" for key, inner in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(cell(inner) for inner in value)
    return CONTROL.sub(" ", str(value).replace("\r\n", "\n").replace("\n", " ⏎ "))


def now() -> dt.datetime:
    """The present, from which the year of a near moment is clear."""
    return dt.datetime.now(dt.UTC)


def when(at: int | None, zone: str = "") -> str:
    """An instant in this zone, else the machine's: "Dec 01 09:00 EST"; with its year when it is half a year away."""
    if at is None:
        return ""
    moment = dt.datetime.fromtimestamp(at / 1_000_000, dt.UTC)
    local = moment.astimezone(zone_named(zone) if zone else None)
    return local.strftime("%b %d %H:%M %Z" if abs(moment - now()) < _NEAR else "%Y-%m-%d %H:%M %Z")


def moment(at: int, zone: str = "") -> str:
    """An instant in a sentence: "Tue Dec 1 2026, 09:00 EST (America/New_York)"."""
    local = dt.datetime.fromtimestamp(at / 1_000_000, dt.UTC).astimezone(zone_named(zone) if zone else None)
    return f"{local:%a %b %-d %Y, %H:%M %Z}{f' ({zone})' if zone else ''}"


def iso(at: int, zone: str = "") -> str:
    """An instant for programs, with its offset: "2026-12-01T09:00:00-05:00"."""
    local = dt.datetime.fromtimestamp(at // 1_000_000, dt.UTC).astimezone(zone_named(zone) if zone else None)
    return local.isoformat()


def money(micros: int | None, currency: str) -> str:
    """An amount of micros, in cents or finer; empty when nothing was charged."""
    if not micros:
        return ""
    return f"{micros / 1_000_000:.{2 if micros % 10_000 == 0 else 4}f} {currency}"


def campaigns(count: int) -> str:
    """A count of campaigns, as text: "1 campaign", "2 campaigns"."""
    return f"{count:,} {'campaign' if count == 1 else 'campaigns'}"


def people(count: int) -> str:
    """A count of people, as text: "1 person", "2 people"."""
    return f"{count:,} {'person' if count == 1 else 'people'}"
