"""Time zones: zone names, and the stretches of constant UTC offset in a zone.

What lives here: names of zones, their UTC offsets over time, and "n days later by the wall clock". What must not:
hours, weekdays, people. An instant is an ``int`` of epoch microseconds in UTC; local wall time is the same number with
the zone's offset added, so both fit one axis and a zone is just a short list of (start, offset).

Zones are read from the ``tzdata`` package, never from the machine's own files. Two machines must give one answer, and a
distribution's copy is often a year old: releases of 2026 moved most of western Canada by an hour in winter.
"""

from __future__ import annotations

import difflib
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

from fluentsd.domain.time.dates import read_wall

SECOND = 1_000_000
DAY = 86_400 * SECOND
FIRST_YEAR, LAST_YEAR = 1900, 2500

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WALL_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  local wall time has no zone until it is placed in one
_MICROSECOND = timedelta(microseconds=1)
_PROBE = 5 * DAY
_SHAPE = re.compile(r"[A-Za-z0-9_+-]{1,40}(/[A-Za-z0-9_+-]{1,40}){0,2}")
_MILLISECONDS = re.compile(r"\d{12,13}")
_NOT_PLACES = frozenset({"Factory"})  # tzdb's own placeholder for a clock that was never set


class UnknownZone(ValueError):
    """No such time zone. Write an IANA name such as "America/New_York"."""


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Every IANA name this installation knows, links such as "US/Eastern" included."""
    return frozenset(resources.files("tzdata").joinpath("zones").read_text("utf-8").split()) - _NOT_PLACES


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The zone with this exact IANA name. Any text is safe as an argument.

    Raises UnknownZone, with the nearest names, for everything else: other capitals, offsets, paths, the empty text.
    """
    if not _SHAPE.fullmatch(name) or name not in zone_names():
        raise UnknownZone(_unknown(name))
    with resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def _unknown(name: str) -> str:
    """The message for an unknown zone name."""
    if not name.strip():
        return 'the time zone is empty: write an IANA name such as "America/New_York"'
    shown = name if len(name) <= 40 else name[:40] + "…"
    near = near_zones(name)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else 'write an IANA name such as "America/New_York"'
    return f"unknown time zone {shown!r}: {hint}"


def near_zones(name: str) -> list[str]:
    """Up to three similar known names, best first."""
    folded = {known.casefold(): known for known in sorted(zone_names())}
    for known in zone_names():
        folded.setdefault(known.rpartition("/")[2].casefold(), known)
    wanted = re.sub(r"\s+", "_", name.strip()[:40]).casefold()
    found = difflib.get_close_matches(wanted, folded, n=3, cutoff=0.75)
    return list(dict.fromkeys(folded[text] for text in found))[: 1 if wanted in folded else 3]


def year_of(at: int) -> int:
    """The UTC year of an instant. Raises ValueError outside the range, most likely a wrong unit."""
    year = _year_of_day(at // DAY)
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(f"instant {at} is outside {FIRST_YEAR}–{LAST_YEAR}: instants are epoch microseconds in UTC")
    return year


@lru_cache(maxsize=4096)
def _year_of_day(day: int) -> int:
    """The UTC year of a day since 1970-01-01, cached because every step asks; 0 where no calendar reaches."""
    try:
        return (_EPOCH + timedelta(days=day)).year
    except OverflowError:
        return 0


def year_start(year: int) -> int:
    """The first instant of a UTC year."""
    return (datetime(year, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND


def _offset(tz: ZoneInfo, at: int) -> int:
    """The zone's UTC offset at an instant, in microseconds."""
    local = tz.fromutc((_WALL_EPOCH + timedelta(microseconds=at)).replace(tzinfo=tz))
    offset = local.utcoffset()
    assert offset is not None  # noqa: S101  a ZoneInfo always has one
    return offset // _MICROSECOND


@lru_cache(maxsize=4096)
def year_offsets(name: str, year: int) -> tuple[tuple[int, int], ...]:
    """The (first instant, offset) stretches of one zone in one UTC year, in order, both in microseconds.

    Found by probing every five days and halving: the closest two changes of any zone since 1970 are 6.96 days apart.
    """
    tz, since, until = zone(name), year_start(year), year_start(year + 1)
    found = [(since, _offset(tz, since))]
    for probe in [*range(since + _PROBE, until - SECOND, _PROBE), until - SECOND]:
        offset = _offset(tz, probe)
        if offset != found[-1][1]:
            found.append((_change(tz, max(since, probe - _PROBE), probe), offset))
    return tuple(found)


def _change(tz: ZoneInfo, before: int, after: int) -> int:
    """The first instant in (before, after] with the later offset; tzdb changes offsets on whole seconds."""
    old = _offset(tz, before)
    low, high = before // SECOND, after // SECOND
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(tz, middle * SECOND) == old else (low, middle)
    return high * SECOND


def _place(found: Sequence[tuple[int, int]], at: int) -> int:
    """How many of a year's stretches begin at or before an instant; no offset is as long as a day."""
    return bisect_right(found, (at, DAY))


def offset_at(at: int, zone_name: str) -> int:
    """A zone's UTC offset at an instant, in microseconds."""
    found = year_offsets(zone_name, year_of(at))
    return found[_place(found, at) - 1][1]


def day_of(at: int, zone_name: str) -> int:
    """The date at an instant in a zone, in days since 1970-01-01."""
    return (at + offset_at(at, zone_name)) // DAY


def next_day(at: int, zone_name: str) -> int:
    """The first instant of the next date in a zone."""
    return at_wall((day_of(at, zone_name) + 1) * DAY, zone_name)


def stretches(name: str, since: int, until: int) -> Iterator[tuple[int, int, int]]:
    """Cut [since, until) where the zone's offset changes: (start, end, offset) each, in order."""
    for year in range(year_of(since), year_of(until - 1) + 1):
        found = year_offsets(name, year)
        ends = [start for start, _ in found[1:]] + [year_start(year + 1)]
        for (start, offset), end in zip(found, ends, strict=True):
            if start < until and end > since:
                yield max(start, since), min(end, until), offset


def add_days(at: int, days: int, zone_name: str) -> int:
    """The instant that many days later (earlier when negative) at the same local wall time.

    A skipped wall time becomes the first instant after the gap; a repeated one, the first of the two.
    """
    if days == 0:
        return at
    year = year_of(at)
    found = year_offsets(zone_name, year)
    place = _place(found, at)
    end = found[place][0] if place < len(found) else year_start(year + 1)
    if days > 0 and at + days * DAY < end:  # no change of the clock in between
        return at + days * DAY
    return at_wall(at + found[place - 1][1] + days * DAY, zone_name)


def at_wall(wall: int, zone_name: str) -> int:
    """The instant at which clocks in a zone show this wall time, given in microseconds since 1970 by that clock.

    A skipped wall time becomes the first instant after the gap; a repeated one, the first of the two.
    """
    for start, end, offset in stretches(zone_name, wall - 2 * DAY, wall + 2 * DAY):
        # the first stretch whose wall clock reaches this time: earlier stretches ended before it, so it is either
        # shown in this one or was skipped on the way into it
        if wall - offset < end:
            return max(wall - offset, start)
    raise AssertionError("two days around a wall time contain it")  # pragma: no cover


def read_instant(text: str, zone_name: str) -> int | None:
    """The instant of a text: a date or a date and time as `dates` reads it, in the zone unless it has an offset, or
    epoch milliseconds, which some systems export; None for anything else. "12/05/2026" is ambiguous, so it is None."""
    plain = text.strip()
    if _MILLISECONDS.fullmatch(plain):
        return int(plain) * 1000
    found = read_wall(plain)
    if found is None or not FIRST_YEAR < found.year < LAST_YEAR:
        return None
    if found.tzinfo is not None:
        return (found - _EPOCH) // _MICROSECOND
    return at_wall((found - _WALL_EPOCH) // _MICROSECOND, zone_name)
