"""Pace and caller IDs: which number makes the next contact, and when the next slot is free.

A pace of 20 an hour is one every three minutes: evenly spread, without bursts, kept as one instant per number
(`next_slot_at`), which survives a restart. The choice prefers the number the person knows, then the same area code,
then the same state, then the least used number; a number without a free slot is passed over. When no number has a free
slot, the whole lane waits and no waiting row is touched. Ties are broken by id, so a forecast and the daemon agree.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from heapq import heappop, heappush

from fluentsd.domain.places import area_codes
from fluentsd.domain.time.durations import SECOND

#: Most people per turn of a lane.
BATCH = 500
#: Turns of a lane before all due times are looked at again.
ROUNDS = 8
#: How far ahead a pace may be used at once, and how far behind it catches up: longer than a claim takes, so that a
#: claim's own time costs no pace, and short, so that attempts begin right after their claim.
SLACK = SECOND // 10
#: How far a clock may be corrected back without a sign.
TOLERANCE = 5 * SECOND
#: The longest time over which late steps of a lane without a pace are spread.
SPREAD = 3600 * SECOND


@dataclass(slots=True)
class CallerId:
    """A caller ID and the time of its next free slot, which may be the end of a cool-down. Mutable: a batch counts its
    own grants."""

    id: int
    e164: str
    next_slot_at: int = 0
    used: int = 0
    interval: int = 0  #: microseconds between two uses; 0 is no limit
    carries: str = ""  #: channels that the provider allows, "phone,sms"; "" when unknown

    def fits(self, channel: str) -> bool:
        """Whether it can be used on a channel, as far as known."""
        return not self.carries or not channel or channel in self.carries


@dataclass(frozen=True, slots=True)
class Full:
    """No caller ID has a free slot before `until_at`."""

    until_at: int


class CallerIds:
    """The numbers a campaign may use now.

    Numbers with a free slot are sorted by use, in one list and by area code and state; the others by their next free
    slot. So a choice costs the same among two numbers and among a thousand. Calls may come in any order of time, but
    are cheapest in ascending order.
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
        """An independent copy of the current state."""
        return CallerIds(map(replace, self._caller_ids), local_presence=self._local)

    def choose(self, to: str, known: int | None, at: int, channel: str = "") -> CallerId | Full | None:
        """The caller ID for `to` at `at`, not yet granted; `known` is the id of the number this person knows. None when
        no number can be used on the channel at all."""
        caller_id = self._by_id.get(known) if known is not None else None
        if caller_id is not None and caller_id.next_slot_at <= at and caller_id.fits(channel):
            return caller_id
        self._turn_to(at)
        for place in _places(to) if self._local else ():
            if (caller_id := self._first(self._near.get(place, ()), channel)) is not None:
                return caller_id
        return self._first(self._free, channel) or self._full(channel)

    def _first(self, uses: Sequence[_Use], channel: str) -> CallerId | None:
        """The least used caller ID that fits the channel."""
        fitting = (self._by_id[number_id] for _, number_id in uses)
        return next((caller_id for caller_id in fitting if caller_id.fits(channel)), None)

    def _full(self, channel: str) -> Full | None:
        if self._busy and self._by_id[self._busy[0][1]].fits(channel):
            return Full(self._busy[0][0])
        moments = [next_slot_at for next_slot_at, number_id in self._busy if self._by_id[number_id].fits(channel)]
        return Full(min(moments)) if moments else None

    def grant(self, caller_id: CallerId, at: int) -> None:
        """Count one use of a caller ID that has a free slot at `at`."""
        self._turn_to(at)
        self._take_out(caller_id)
        caller_id.used += 1
        self._changed[caller_id.id] = caller_id
        caller_id.next_slot_at = max(caller_id.next_slot_at, at) + caller_id.interval
        self._put(caller_id, at)

    def granted(self) -> list[CallerId]:
        return self._caller_ids

    def changed(self) -> list[CallerId]:
        """The caller IDs with a granted use. Only these need writing; the end of a cool-down belongs to its hold."""
        return list(self._changed.values())

    def _turn_to(self, at: int) -> None:
        """Sort the numbers into those with a free slot at this instant and the others."""
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
    """The keys of local presence, nearest first: the area code, then its states."""
    return _places_of(area_codes.short(e164)) if e164.startswith("+1") else (e164[:4],)


@lru_cache(maxsize=1024)
def _places_of(short: str) -> tuple[str, ...]:
    return (short[2:5], *area_codes.of_number(short, None).states)


def capacity(next_slot_at: int, interval: int, at: int, most: int) -> int:
    """How many contacts a lane or channel with this pace may start now; at most `most`."""
    if interval <= 0:
        return most
    if next_slot_at > at:
        return 0
    return max(1, min(most, SLACK // interval))


def credible(next_slot_at: int, interval: int, at: int) -> int:
    """A stored slot, or `at` when its pace cannot explain it: a clock that ran ahead or a slower pace computed it."""
    return next_slot_at if next_slot_at <= at + max(interval, SLACK) + TOLERANCE else at


def scatter(id: int, span: int) -> int:
    """A point in a span for this id; neighbouring ids lie far from each other (golden section)."""
    return span * (id * 0x9E3779B1 % 2**32) >> 32


def spread(next_slot_at: int, interval: int, at: int, started: int) -> int:
    """The next free slot after `started` more contacts. Intervals shorter than the slack catch up on late claims."""
    return max(next_slot_at, at - max(0, SLACK - interval)) + started * interval if interval > 0 else next_slot_at
