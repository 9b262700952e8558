"""The slow, obvious reading of a contact window, to hold the compiled one to.

It asks one question, "does the clock on this person's wall say an open time?", of one instant after another. It knows
nothing of edges, stretches or years; daylight saving is whatever the clock shows.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta

from fluentsd.domain.time.windows import ContactWindow, Hours, zone

MINUTE = 60_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def shown(at: int, name: str) -> datetime:
    """What the clock in this zone shows at an instant."""
    return (EPOCH + timedelta(microseconds=at)).astimezone(zone(name))


def hours_of(window: ContactWindow, day: date) -> Hours | None:
    named = dict(window.dates)
    return named[day] if day in named else window.days[day.weekday()]


def in_force(window: ContactWindow, day: date) -> bool:
    return (window.since is None or day >= window.since) and (window.until is None or day < window.until)


def is_open(window: ContactWindow, name: str, at: int) -> bool:
    """One window in one zone."""
    local = shown(at, name)
    today = local.date()
    if not in_force(window, today):
        return True
    minute = local.hour * 60 + local.minute  # ranges are whole minutes, so the seconds cannot matter
    own = hours_of(window, today)
    if own is not None and any(start <= minute < end for start, end in own.ranges):
        return True
    if today in dict(window.dates):
        return False
    yesterday = today - timedelta(days=1)
    before = hours_of(window, yesterday) if in_force(window, yesterday) else None
    return before is not None and any(minute + 1440 < end for _, end in before.ranges)


def all_open(windows: Collection[ContactWindow], names: Collection[str], at: int) -> bool:
    return all(is_open(window, name, at) for window in windows for name in names)


def next_open(windows: Collection[ContactWindow], names: Collection[str], at: int, minutes: int) -> int | None:
    """The first open instant at or after ``at``, looking at it and at so many whole minutes after it."""
    return _first(windows, names, at, minutes, wanted=True)


def closes(windows: Collection[ContactWindow], names: Collection[str], at: int, minutes: int) -> int | None:
    """The first shut instant after ``at``, by the same scan."""
    return _first(windows, names, at, minutes, wanted=False)


def open_time(windows: Collection[ContactWindow], names: Collection[str], since: int, until: int) -> int:
    """Open microseconds of [since, until), both whole minutes."""
    return sum(MINUTE for at in range(since, until, MINUTE) if all_open(windows, names, at))


def _first(
    windows: Collection[ContactWindow], names: Collection[str], at: int, minutes: int, *, wanted: bool
) -> int | None:
    if all_open(windows, names, at) == wanted:
        return at
    whole = at - at % MINUTE
    for ahead in range(1, minutes + 1):
        if all_open(windows, names, whole + ahead * MINUTE) == wanted:
            return whole + ahead * MINUTE
    return None
