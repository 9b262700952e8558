"""Pace and caller IDs: which line carries the next contact, and when there is room again.

A pace of 20 an hour is one every three minutes: evenly spread, no bursts, kept as one instant per line (`room_at`),
so it costs nothing to remember and survives a restart. The choice prefers the number the person knows, then the same
area code, then the same state, then the line used least; a line without room is passed over. When no line has room
the whole lane waits and no waiting row is touched. Ties are broken by id, so a forecast and the daemon agree.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from heapq import heappop, heappush

from fluentsd.domain.places import area_codes
from fluentsd.domain.time.durations import SECOND

#: People judged at one turn of a lane at most.
BATCH = 500
#: Turns a lane may have before everybody's moments are looked at again.
ROUNDS = 8
#: How far ahead a lane's pace may be used at once: two seconds' worth.
SLACK = 2 * SECOND
#: Late steps of a lane without a pace are spread over at most this long.
SPREAD = 3600 * SECOND


@dataclass(slots=True)
class Line:
    """A caller ID and the moment it has room again, which may be the end of a rest. Mutable: one batch counts what it
    has granted."""

    id: int
    e164: str
    room_at: int = 0
    used: int = 0
    interval: int = 0  #: microseconds between two uses; 0 is no limit
    carries: str = ""  #: channels the provider lets it be used on, "phone,sms"; "" where that is not known

    def fits(self, channel: str) -> bool:
        """Whether it can be used on a channel, as far as is known."""
        return not self.carries or not channel or channel in self.carries


@dataclass(frozen=True, slots=True)
class Full:
    """No line has room before `until_at`."""

    until_at: int


class Lines:
    """The numbers a campaign may use now.

    Those with room are kept sorted by use, all of them and by area code and state, the others by the moment they have
    room again: a choice costs the same among two numbers and among a thousand. Moments may come in any order, but
    cost least when they do not go back.
    """

    __slots__ = ("_at", "_busy", "_by_id", "_changed", "_free", "_lines", "_local", "_near", "_near_of")

    def __init__(self, lines: Iterable[Line], *, local_presence: bool) -> None:
        self._lines = sorted(lines, key=lambda line: line.id)
        self._by_id = {line.id: line for line in self._lines}
        self._local = local_presence
        self._at: int | None = None
        self._free: list[_Use] = []
        self._near: dict[str, list[_Use]] = {}
        self._near_of = {
            line.id: [self._near.setdefault(place, []) for place in _places(line.e164)] for line in self._lines
        }
        self._busy: list[tuple[int, int]] = []
        self._changed: dict[int, Line] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def copy(self) -> Lines:
        """The same lines as they are now, to be used up apart from these."""
        return Lines(map(replace, self._lines), local_presence=self._local)

    def choose(self, to: str, known: int | None, at: int, channel: str = "") -> Line | Full | None:
        """The line for `to` at `at`, not yet granted; `known` is the id of the number this person knows. None when no
        line can be used on the channel at all."""
        line = self._by_id.get(known) if known is not None else None
        if line is not None and line.room_at <= at and line.fits(channel):
            return line
        self._turn_to(at)
        for place in _places(to) if self._local else ():
            if (line := self._first(self._near.get(place, ()), channel)) is not None:
                return line
        return self._first(self._free, channel) or self._full(channel)

    def _first(self, uses: Sequence[_Use], channel: str) -> Line | None:
        """The one used least of those that fit."""
        fitting = (self._by_id[line_id] for _, line_id in uses)
        return next((line for line in fitting if line.fits(channel)), None)

    def _full(self, channel: str) -> Full | None:
        if self._busy and self._by_id[self._busy[0][1]].fits(channel):
            return Full(self._busy[0][0])
        moments = [room_at for room_at, line_id in self._busy if self._by_id[line_id].fits(channel)]
        return Full(min(moments)) if moments else None

    def grant(self, line: Line, at: int) -> None:
        """Count one use of a line that has room at `at`."""
        self._turn_to(at)
        self._take_out(line)
        line.used += 1
        self._changed[line.id] = line
        line.room_at = max(line.room_at, at) + line.interval
        self._put(line, at)

    def granted(self) -> list[Line]:
        return self._lines

    def changed(self) -> list[Line]:
        """Those of which a use was granted. The others are as they were, and the end of a rest is the hold's to say."""
        return list(self._changed.values())

    def _turn_to(self, at: int) -> None:
        """Sort the lines into those with room at this moment and the others."""
        if self._at is None or at < self._at:
            self._free, self._busy = [], []
            for uses in self._near.values():
                uses.clear()
            for line in self._lines:
                self._put(line, at)
        while self._busy and self._busy[0][0] <= at:
            self._put(self._by_id[heappop(self._busy)[1]], at)
        self._at = at

    def _put(self, line: Line, at: int) -> None:
        if line.room_at > at:
            heappush(self._busy, (line.room_at, line.id))
        else:
            insort(self._free, (line.used, line.id))
            for near in self._near_of[line.id]:
                insort(near, (line.used, line.id))

    def _take_out(self, line: Line) -> None:
        use = (line.used, line.id)
        for uses in (self._free, *self._near_of[line.id]):
            del uses[bisect_left(uses, use)]


_Use = tuple[int, int]  # how often, id


def _places(e164: str) -> tuple[str, ...]:
    """What two numbers share when they are local to each other, nearest first: the area code, then its states."""
    return _places_of(area_codes.short(e164)) if e164.startswith("+1") else (e164[:4],)


@lru_cache(maxsize=1024)
def _places_of(short: str) -> tuple[str, ...]:
    return (short[2:5], *area_codes.of_number(short, None).states)


def room(room_at: int, interval: int, at: int, most: int, slack: int) -> int:
    """How many a lane with this pace may start now: those whose turn has come, looking `slack` microseconds ahead."""
    if interval <= 0:
        return most
    if room_at > at:
        return 0
    return max(1, min(most, slack // interval))


def apart(place: int, span: int) -> int:
    """A point of a span for whoever has this id; neighbours lie far from each other (by the golden section)."""
    return span * (place * 0x9E3779B1 % 2**32) >> 32


def spread(room_at: int, interval: int, at: int, started: int) -> int:
    """The moment the lane has room again after `started` more."""
    return max(room_at, at) + started * interval if interval > 0 else room_at
