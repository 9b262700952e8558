"""Pace and caller IDs: which line carries the next contact, and when there is room again.

A pace of 20 an hour is one every three minutes: evenly spread, no bursts, kept as one instant per line (`next_slot_at`),
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
class CallerId:
    """A caller ID and the moment it has room again, which may be the end of a rest. Mutable: one batch counts what it
    has granted."""

    id: int
    e164: str
    next_slot_at: int = 0
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


class CallerIds:
    """The numbers a campaign may use now.

    Those with room are kept sorted by use, all of them and by area code and state, the others by the moment they have
    room again: a choice costs the same among two numbers and among a thousand. Moments may come in any order, but
    cost least when they do not go back.
    """

    __slots__ = ("_at", "_busy", "_by_id", "_caller_ids", "_changed", "_free", "_local", "_near", "_near_of")

    def __init__(self, caller_ids: Iterable[CallerId], *, local_presence: bool) -> None:
        self._caller_ids = sorted(caller_ids, key=lambda caller_id: caller_id.id)
        self._by_id = {caller_id.id: caller_id for caller_id in self._caller_ids}
        self._local = local_presence
        self._at: int | None = None
        self._free: list[_Use] = []
        self._near: dict[str, list[_Use]] = {}
        self._near_of = {
            caller_id.id: [self._near.setdefault(place, []) for place in _places(caller_id.e164)]
            for caller_id in self._caller_ids
        }
        self._busy: list[tuple[int, int]] = []
        self._changed: dict[int, CallerId] = {}

    def __len__(self) -> int:
        return len(self._caller_ids)

    def copy(self) -> CallerIds:
        """The same lines as they are now, to be used up apart from these."""
        return CallerIds(map(replace, self._caller_ids), local_presence=self._local)

    def choose(self, to: str, known: int | None, at: int, channel: str = "") -> CallerId | Full | None:
        """The line for `to` at `at`, not yet granted; `known` is the id of the number this person knows. None when no
        line can be used on the channel at all."""
        caller_id = self._by_id.get(known) if known is not None else None
        if caller_id is not None and caller_id.next_slot_at <= at and caller_id.fits(channel):
            return caller_id
        self._turn_to(at)
        for place in _places(to) if self._local else ():
            if (caller_id := self._first(self._near.get(place, ()), channel)) is not None:
                return caller_id
        return self._first(self._free, channel) or self._full(channel)

    def _first(self, uses: Sequence[_Use], channel: str) -> CallerId | None:
        """The one used least of those that fit."""
        fitting = (self._by_id[line_id] for _, line_id in uses)
        return next((caller_id for caller_id in fitting if caller_id.fits(channel)), None)

    def _full(self, channel: str) -> Full | None:
        if self._busy and self._by_id[self._busy[0][1]].fits(channel):
            return Full(self._busy[0][0])
        moments = [next_slot_at for next_slot_at, line_id in self._busy if self._by_id[line_id].fits(channel)]
        return Full(min(moments)) if moments else None

    def grant(self, caller_id: CallerId, at: int) -> None:
        """Count one use of a line that has room at `at`."""
        self._turn_to(at)
        self._take_out(caller_id)
        caller_id.used += 1
        self._changed[caller_id.id] = caller_id
        caller_id.next_slot_at = max(caller_id.next_slot_at, at) + caller_id.interval
        self._put(caller_id, at)

    def granted(self) -> list[CallerId]:
        return self._caller_ids

    def changed(self) -> list[CallerId]:
        """Those of which a use was granted. The others are as they were, and the end of a rest is the hold's to say."""
        return list(self._changed.values())

    def _turn_to(self, at: int) -> None:
        """Sort the lines into those with room at this moment and the others."""
        if self._at is None or at < self._at:
            self._free, self._busy = [], []
            for uses in self._near.values():
                uses.clear()
            for caller_id in self._caller_ids:
                self._put(caller_id, at)
        while self._busy and self._busy[0][0] <= at:
            self._put(self._by_id[heappop(self._busy)[1]], at)
        self._at = at

    def _put(self, caller_id: CallerId, at: int) -> None:
        if caller_id.next_slot_at > at:
            heappush(self._busy, (caller_id.next_slot_at, caller_id.id))
        else:
            insort(self._free, (caller_id.used, caller_id.id))
            for near in self._near_of[caller_id.id]:
                insort(near, (caller_id.used, caller_id.id))

    def _take_out(self, caller_id: CallerId) -> None:
        use = (caller_id.used, caller_id.id)
        for uses in (self._free, *self._near_of[caller_id.id]):
            del uses[bisect_left(uses, use)]


_Use = tuple[int, int]  # how often, id


def _places(e164: str) -> tuple[str, ...]:
    """What two numbers share when they are local to each other, nearest first: the area code, then its states."""
    return _places_of(area_codes.short(e164)) if e164.startswith("+1") else (e164[:4],)


@lru_cache(maxsize=1024)
def _places_of(short: str) -> tuple[str, ...]:
    return (short[2:5], *area_codes.of_number(short, None).states)


def capacity(next_slot_at: int, interval: int, at: int, most: int, slack: int) -> int:
    """How many a lane with this pace may start now: those whose turn has come, looking `slack` microseconds ahead."""
    if interval <= 0:
        return most
    if next_slot_at > at:
        return 0
    return max(1, min(most, slack // interval))


def apart(place: int, span: int) -> int:
    """A point of a span for whoever has this id; neighbours lie far from each other (by the golden section)."""
    return span * (place * 0x9E3779B1 % 2**32) >> 32


def spread(next_slot_at: int, interval: int, at: int, started: int) -> int:
    """The moment the lane has room again after `started` more."""
    return max(next_slot_at, at) + started * interval if interval > 0 else next_slot_at
