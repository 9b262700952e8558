"""Hours and contact windows as values, in minutes of the local day, and their parsing from text.

What must not live here: zones, instants, the dates of holidays; ``windows`` joins those and defines what is open.
Ambiguous text is refused, because a wrong reading of "9-5" calls people at four in the morning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise

DAY_MINUTES = 24 * 60
_HOW = 'write "09:00-19:00", "9am-7pm", or several: "09:00-12:00, 13:00-19:00"'
_TIME = r"([0-9]{1,2})(?:[:.]([0-9]{2}))?(?:\s*([ap])\.?m?\.?)?"
_RANGE = re.compile(rf"{_TIME}\s*(?:-|–|—|−|\bto\b)\s*{_TIME}")


class BadHours(ValueError):
    """Hours, days or dates that cannot be a contact window; the message says how to write them right."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Ranges of one day as (start, end) minutes from local midnight; an end past 1440 runs into the next date.

    Raises BadHours when a range is empty, longer than a day, or overlaps another.
    """

    ranges: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        ordered = tuple(sorted((int(start), int(end)) for start, end in self.ranges))
        if not ordered:
            raise BadHours(f"no hours given: {_HOW}, or leave the day out of the window")
        for start, end in ordered:
            _check_range(start, end)
        for (_, end), (start, later) in pairwise(ordered):
            if start < end:
                raise BadHours(
                    f"{_clock(start)}-{_clock(later)} overlaps the range before it, which ends {_clock(end)}: "
                    "write the two as one"
                )
        object.__setattr__(self, "ranges", ordered)

    @classmethod
    def parse(cls, text: str) -> Hours:
        """Parse hours. Raises BadHours when they are wrong or ambiguous."""
        items = [item for item in re.split(r"[,;&\n]|\band\b", text.strip().casefold()) if item.strip()]
        return cls(tuple(_read_range(item.strip(), text) for item in items))

    def __str__(self) -> str:
        """The plain 24-hour form, which ``parse`` reads back to an equal value."""
        return ", ".join(f"{_clock(start)}-{_clock(end)}" for start, end in self.ranges)


def _check_range(start: int, end: int) -> None:
    """Refuse a range that cannot be written in the 24-hour form."""
    if (
        not 0 <= start < DAY_MINUTES
        or end <= start
        or (end - start >= DAY_MINUTES and (start, end) != (0, DAY_MINUTES))
    ):
        raise BadHours(f'minutes {start}–{end} are not a range of a day: the whole day is "00:00-24:00"; else {_HOW}')


def _clock(minute: int) -> str:
    """A minute of the day, or of the next day, as HH:MM; midnight at the end of the day is 24:00."""
    shown = minute if minute <= DAY_MINUTES else minute - DAY_MINUTES
    return f"{shown // 60:02}:{shown % 60:02}"


def _read_range(item: str, text: str) -> tuple[int, int]:
    """One range of the text as (start, end) minutes. Raises BadHours."""
    match = _RANGE.fullmatch(item)
    if match is None:
        raise BadHours(f"cannot read the hours {_short(item)} in {_short(text)}: {_HOW}")
    _refuse_ambiguous(match, item)
    start = _minute(match[1], match[2], match[3], item)
    end = _minute(match[4], match[5], match[6], item)
    if start == DAY_MINUTES:
        raise BadHours(f"{_short(item)} starts at 24:00, which can only be an end; write 00:00 for a start at midnight")
    if start == end:
        raise BadHours(f'{_short(item)} is empty: the whole day is "00:00-24:00"; to close a day, leave it out')
    return start, end if end > start else end + DAY_MINUTES


def _refuse_ambiguous(match: re.Match[str], item: str) -> None:
    """Refuse "9-5" and "1-5pm": on a 24-hour clock they run through the night, which is hardly the intention."""
    start, end = int(match[1]), int(match[4])
    if match[3] and match[6]:
        return
    if match[3] or match[6]:
        ambiguous = 1 <= (end if match[3] else start) <= 12
    else:
        plain = all(len(match[hour]) == 2 and match[minute] for hour, minute in ((1, 2), (4, 5)))
        ambiguous = not plain and 1 <= start <= 12 and 1 <= end <= 12 and (end < start or start < 7)
    if ambiguous:
        raise BadHours(f'{_short(item)} is ambiguous: write am or pm on both ends ("9am-5pm"), or "09:00-17:00"')


def _minute(hour: str, minute: str | None, half: str | None, item: str) -> int:
    """Minutes from midnight of one clock reading. Raises BadHours."""
    hours, minutes = int(hour), int(minute or 0)
    if half and not 1 <= hours <= 12:
        raise BadHours(f"{_short(item)}: with am or pm the hour is 1 to 12")
    if half:
        hours = hours % 12 + (12 if half == "p" else 0)
    if minutes > 59 or hours * 60 + minutes > DAY_MINUTES:
        raise BadHours(f"{_short(item)} is not a time of day: hours go to 24:00, minutes to 59")
    return hours * 60 + minutes


def _short(text: str) -> str:
    """A text quoted for an error message, shortened."""
    return f'"{text if len(text) <= 60 else text[:60] + "…"}"'


#: Monday first; None is a day without hours.
Week = tuple[Hours | None, Hours | None, Hours | None, Hours | None, Hours | None, Hours | None, Hours | None]


@dataclass(frozen=True, slots=True)
class ContactWindow:
    """Hours of each weekday, Monday first (None: closed), of explicit dates (None: a blackout), and blackout presets.

    An explicit date wins over a preset. ``dates`` may be given as a mapping; it is kept as a sorted tuple.
    On local dates before ``since`` or from ``until`` on the window does not apply: they are open all day.
    Raises BadHours when a date is named twice or has a time of day, or when ``until`` is not after ``since``.
    """

    days: Week
    dates: tuple[tuple[date, Hours | None], ...] = ()
    presets: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    _hash: int = field(init=False, repr=False, compare=False)  #: cached: windows are keys of the calendar caches

    def __hash__(self) -> int:
        return self._hash

    def __post_init__(self) -> None:
        if len(self.days) != 7:
            raise BadHours(f"a contact window needs seven days, Monday first, not {len(self.days)}")
        if self.since and self.until and self.until <= self.since:
            raise BadHours(f"a window until {self.until} that begins on {self.since} is never in force")
        given = list(self.dates.items() if isinstance(self.dates, Mapping) else self.dates)
        for day, _ in given:
            if isinstance(day, datetime):
                raise BadHours(f"{day} has a time of day: name a whole date, such as {day.date()}")
        ordered = sorted(given, key=lambda entry: entry[0])
        for (day, _), (after, _) in pairwise(ordered):
            if day == after:
                raise BadHours(f"{day} is named twice among blackouts and overrides: keep one of them")
        object.__setattr__(self, "days", tuple(self.days))
        object.__setattr__(self, "dates", tuple(ordered))
        object.__setattr__(self, "presets", tuple(sorted(set(self.presets))))
        key = (self.days, self.dates, self.presets, self.since, self.until)
        object.__setattr__(self, "_hash", hash(key))

    @classmethod
    def always(cls) -> ContactWindow:
        """The window that is always open."""
        day = Hours(((0, DAY_MINUTES),))
        return cls((day, day, day, day, day, day, day))

    def covers(self, other: ContactWindow) -> bool:
        """Whether this window is certainly open whenever ``other`` is, so that it adds no limit to ``other``. False
        also means "not obviously"."""
        if self.dates or self.presets or self.since or self.until or other.since or other.until:
            return False
        week = list(zip(self.days, other.days, strict=True))
        for _, special in other.dates:
            week += [(own, special) for own in self.days]
        return all(_within(theirs, own) for own, theirs in week)


def _within(inner: Hours | None, outer: Hours | None) -> bool:
    """Whether every range of a day lies inside one of another's, on the same date."""
    if inner is None:
        return True
    return outer is not None and all(
        any(start <= first and last <= end for start, end in outer.ranges) for first, last in inner.ranges
    )
