"""Contact windows compiled against zones: the next open instant costs one bisection.

What lives here: the definition of "open", and its compiled form. What must not: text, presets, zones' names; they come
from ``hours``, ``blackouts`` and ``zones`` and are re-exported, so that a window needs one import.

Open means wall-clock membership. An instant is open in a zone when the local clock shows a time in a range [start, end)
that starts on a day with those hours. So a range past midnight spills into the next date. On a date named by a blackout
or an override only that date's own hours apply. The spill of the evening before is cut there; an override's own may
spill into the next ordinary date. A calendar has parts, each a window with its zones; it is open when all are open. So
a campaign's hours, a step's, and the lawful hours of each place are one calendar.

The form: local wall time is an axis of its own, on which a window is a plain sorted list of edges (opening, closing,
…). A zone is a few stretches of constant offset; each sees a slice of that axis, shifted by its offset and clipped to
its ends. That alone answers daylight saving: a skipped hour never opens, a repeated one opens twice. Edges are kept per
UTC year and joined on demand; an answer never depends on earlier questions.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, MutableSequence, Sequence
from contextlib import suppress
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from fluentsd.domain.time import blackouts
from fluentsd.domain.time.blackouts import UnknownPreset
from fluentsd.domain.time.hours import DAY_MINUTES, BadHours, ContactWindow, Hours
from fluentsd.domain.time.zones import (
    DAY,
    LAST_YEAR,
    UnknownZone,
    add_days,
    stretches,
    year_of,
    year_start,
    zone,
)

__all__ = [
    "AHEAD",
    "BadHours",
    "Calendar",
    "ContactWindow",
    "Hours",
    "Part",
    "UnknownPreset",
    "UnknownZone",
    "add_days",
    "calendar",
    "together",
    "zone",
]

#: The range of the search for an opening or a closing: three years, leap day included.
AHEAD = (3 * 365 + 1) * DAY

_MINUTE = 60_000_000
_YEARS_APART = 4
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_SHUT: tuple[tuple[int, int], ...] = ()
_ALL_DAY = ((0, DAY_MINUTES),)


class Part(NamedTuple):
    """Hours and their zones: open only when open in each zone."""

    window: ContactWindow
    zones: frozenset[str]


class Calendar:
    """The instants at which all parts are open.

    Instants are epoch microseconds in UTC, 1900 to 2500 (ValueError outside). Safe to share between threads: compiled
    edges are replaced, never changed. Raises UnknownZone for an unknown name, and when there is no zone.
    """

    __slots__ = ("_built", "_parts")

    def __init__(self, parts: Iterable[Part]) -> None:
        self._parts = [(part.window, sorted({zone(name).key for name in part.zones})) for part in parts]
        if not all(zones for _, zones in self._parts) or not self._parts:
            raise UnknownZone(
                "no candidate zone: a person with an unknown zone has no calendar; hold, or use a fallback zone"
            )
        self._built: tuple[int, int, array[int]] = (0, 0, array("q"))

    def next_open(self, at: int) -> int | None:
        """The first open instant at or after ``at``; None when there is none within three years."""
        since, _, edges = self._built
        place = bisect_right(edges, at)
        if at < since or place == len(edges):
            return self._look_ahead(at)
        if place & 1:
            return at
        found = edges[place]
        return found if found - at <= AHEAD else None

    def is_open(self, at: int) -> bool:
        """Whether this instant is open."""
        since, until, edges = self._built
        if not since <= at < until:
            _, _, edges = self._reach(at, at)
        return bisect_right(edges, at) & 1 == 1

    def closes(self, at: int) -> int:
        """The end of the open interval that contains ``at``, or at most three years later. ValueError when closed."""
        since, until, edges = self._built
        if not since <= at < until:
            _, until, edges = self._reach(at, at)
        if not bisect_right(edges, at) & 1:
            raise ValueError(f"the window is closed at {at}; call next_open first")
        limit = at + AHEAD
        while (end := edges[bisect_right(edges, at)]) == until and end < limit and year_of(end - 1) < LAST_YEAR:
            _, until, edges = self._reach(at, end)  # cut off by the end of the compiled years
        return min(end, limit)

    def after_open(self, at: int, span: int) -> int | None:
        """The instant at which ``span`` microseconds of open time have passed since ``at``; None when the calendar is
        not open for so long within three years."""
        while (opens := self.next_open(at)) is not None:
            closes = self.closes(opens)
            if closes - opens >= span:
                return opens + span
            span, at = span - (closes - opens), closes
        return None

    def open_time(self, since: int, until: int) -> int:
        """How many microseconds of [since, until) are open."""
        if until <= since:
            return 0
        _, _, edges = self._reach(since, until - 1)
        part = _clip(edges, since, until)
        return sum(part[1::2]) - sum(part[::2])

    def _look_ahead(self, at: int) -> int | None:
        """``next_open`` beyond the compiled years: one more year at a time."""
        year = year_of(at)
        for last in range(year, min(year + 3, LAST_YEAR) + 1):
            _, _, edges = self._reach(at, max(at, year_start(last)))
            place = bisect_right(edges, at)
            if place < len(edges):
                found = at if place & 1 else edges[place]
                return found if found - at <= AHEAD else None
        return None

    def _reach(self, since: int, until: int) -> tuple[int, int, array[int]]:
        """Compile at least the years of both instants. Years far from those kept replace them instead of joining up."""
        first, last = year_of(since), year_of(until)
        built = self._built
        if built[0] < built[1]:
            low, high = year_of(built[0]), year_of(built[1] - 1)
            if low <= first and last <= high:
                return built
            if first <= high + _YEARS_APART and last >= low - _YEARS_APART:
                first, last = min(first, low), max(last, high)
        edges: array[int] = array("q")
        for year in range(first, last + 1):
            _join(edges, self._compile(year))
        self._built = built = (year_start(first), year_start(last + 1), edges)
        return built

    def _compile(self, year: int) -> Sequence[int]:
        """The edges of one UTC year."""
        edges: Sequence[int] | None = None
        for window, zones in self._parts:
            for name in zones:
                more = _year_edges(window, name, year)
                edges = more if edges is None else _intersect(edges, more)
        assert edges is not None  # noqa: S101  there is at least one part
        return edges


def calendar(window: ContactWindow, zones: Collection[str], also: ContactWindow | None = None) -> Calendar:
    """The shared calendar of a window, and optionally of a second one, in some zones. Raises UnknownZone."""
    if isinstance(zones, str):
        raise TypeError(f"zones is a collection of names: write ({zones!r},)")
    names = frozenset(zones)
    return together([Part(rules, names) for rules in (window, also) if rules is not None])


def together(parts: Iterable[Part]) -> Calendar:
    """The shared calendar of these parts; neither their order nor that of the zones matters. A part covered by another
    is left out. Raises UnknownZone."""
    wanted = list(dict.fromkeys(parts))
    kept = [part for part in wanted if not any(_is_covered(part, other) for other in wanted)]
    return _together(frozenset(kept))


def _is_covered(part: Part, other: Part) -> bool:
    """Whether ``part`` is open whenever ``other`` is; of two equivalent parts, the later in text order."""
    if part == other or not part.zones <= other.zones or not part.window.covers(other.window):
        return False
    return not (other.zones <= part.zones and other.window.covers(part.window)) or repr(part) > repr(other)


@lru_cache(maxsize=1024)  # at some 12 KB each for two years of working days
def _together(parts: frozenset[Part]) -> Calendar:
    return Calendar(parts)


@lru_cache(maxsize=1024)
def _year_edges(window: ContactWindow, name: str, year: int) -> array[int]:
    """The edges of one window in one zone in one UTC year."""
    since, until = year_start(year), year_start(year + 1)
    local = _local_edges(window, year)
    edges = array("q")
    for start, end, offset in stretches(name, since, until):
        _join(edges, [edge - offset for edge in _clip(local, start + offset, end + offset)])
    return edges


@lru_cache(maxsize=256)
def _local_edges(window: ContactWindow, year: int) -> array[int]:
    """The edges of a window in local wall time: one year, with two extra days on either side."""
    first, last = date(year, 1, 1).toordinal() - 3, date(year, 12, 31).toordinal() + 2
    named = _named_dates(window, range(year - 1, year + 2))
    week = [_SHUT if hours is None else hours.ranges for hours in window.days]
    edges: array[int] = array("q")
    in_force = range(
        window.since.toordinal() if window.since else first, window.until.toordinal() if window.until else last + 1
    )
    for day in range(first, last + 1):
        midnight = (day - _EPOCH_ORDINAL) * DAY
        # ordinal 1 is a Monday, so (day - 1) % 7 counts from Monday
        ranges = named.get(day, week[(day - 1) % 7]) if day in in_force else _ALL_DAY
        for start, end in ranges:
            if end > DAY_MINUTES and day + 1 in named:
                end = DAY_MINUTES
            opening, closing = midnight + start * _MINUTE, midnight + end * _MINUTE
            if edges and opening <= edges[-1]:
                edges[-1] = max(edges[-1], closing)
            else:
                edges.extend((opening, closing))
    return edges


def _named_dates(window: ContactWindow, years: range) -> dict[int, tuple[tuple[int, int], ...]]:
    """Date ordinal → the only ranges of that date, for presets and explicit dates; an explicit date wins."""
    named = {day.toordinal(): _SHUT for name in window.presets for year in years for day in blackouts.dates(name, year)}
    named.update((day.toordinal(), _SHUT if hours is None else hours.ranges) for day, hours in window.dates)
    return named


def _clip(edges: Sequence[int], since: int, until: int) -> list[int]:
    """The edges within [since, until); an interval that crosses an end gets an edge there."""
    first, last = bisect_right(edges, since), bisect_left(edges, until)
    part = list(edges[first:last])
    if first & 1:
        part.insert(0, since)
    if last & 1:
        part.append(until)
    return part


def _join(edges: MutableSequence[int], more: Sequence[int]) -> None:
    """Append later edges; an interval across the seam stays one."""
    if edges and more and edges[-1] == more[0]:
        edges.pop()
        more = more[1:]
    edges.extend(more)


def _intersect(one: Sequence[int], other: Sequence[int]) -> list[int]:
    """The edges of the intersection."""
    edges: list[int] = []
    left, right = zip(one[::2], one[1::2], strict=True), zip(other[::2], other[1::2], strict=True)
    with suppress(StopIteration):  # the list that ends first
        (start, end), (since, until) = next(left), next(right)
        while True:
            begin = start if start > since else since
            if end < until:
                if begin < end:
                    edges += (begin, end)
                start, end = next(left)
            else:
                if begin < until:
                    edges += (begin, until)
                since, until = next(right)
    return edges
