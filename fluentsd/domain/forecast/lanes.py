"""Lanes as time goes by, for a forecast: who waits, in which order, and when there is room.

Here live the room of a lane and of its channel, and the order of turns in it; what must not live here is any judgement
about a person. The order is the daemon's: promised ones first, then by moment, then by enrollment.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from fluentsd.api import Kind
from fluentsd.domain import pacing
from fluentsd.domain.enrollment import Progress
from fluentsd.domain.flow import Step
from fluentsd.domain.forecast.figures import Cause
from fluentsd.domain.gate import Person, Reason, Wait
from fluentsd.domain.pacing import BATCH, SLACK

#: After everything.
NEVER = 1 << 62


class CannotForecast(ValueError):
    """Somebody stands where the campaign has nothing: a version or a channel that was not handed in."""


@dataclass(slots=True)
class Subject:
    """Where one person stands at the start. `in_flight`: a contact of the present try was started and has not ended;
    its outcome is assumed, a contact's length after the start."""

    id: int
    contact_id: int
    version: int
    step: str
    due_at: int
    person: Person
    try_no: int = 1
    retries: int = 0
    unreached: int = 0
    outcomes: Mapping[str, str] = field(default_factory=dict)
    last_outcome: str = ""
    rank: int = 1
    sender_id: int | None = None
    fields: Mapping[str, str] | None = None
    in_flight: bool = False
    wanted_at: int | None = None  #: when the flow wanted them, before the window; `due_at` if not known


@dataclass(frozen=True, slots=True)
class Lane:
    """One channel of the campaign: its pace (microseconds between two starts, 0 for none), its contacts at a time."""

    id: int
    channel: Kind
    next_slot_at: int = 0
    interval: int = 0
    concurrency: int | None = None
    priority: int = 0
    #: What was due from the first to the second instant fell due while nobody worked; it is started no faster than one
    #: in `late_interval`, or skipped where that is None.
    late_since_at: int = 0
    late_before_at: int = 0
    late_interval: int | None = None


@dataclass(frozen=True, slots=True)
class Channel:
    """What the installation gives a channel: contacts in flight at most, microseconds between two starts."""

    concurrency: int = 50
    interval: int = 0
    next_slot_at: int = 0


@dataclass(slots=True, eq=False)
class Place:
    """A person on the way through the flow."""

    id: int
    version: int
    step: Step
    try_no: int
    retries: int
    unreached: int
    outcomes: Mapping[str, str]
    last: str
    rank: int
    due_at: int
    person: Person
    fields: Mapping[str, str]

    @property
    def standing(self) -> Progress:
        """Where they stand, as the flow asks."""
        who = self.person
        return Progress(self.step.id, self.try_no, self.retries, self.unreached, who.zones, who.states)

    def values(self, campaign: Mapping[str, str]) -> dict[str, Any]:
        """What conditions see of them; the mark builds the same."""
        steps = {step: {"outcome": outcome} for step, outcome in self.outcomes.items()}
        runtime = {"last": {"outcome": self.last}, "steps": steps, "campaign": campaign}
        return {**self.fields, "contact": self.fields, **runtime}


class Waiting:
    """People by their moment, and by enrollment within it. Most moments are openings of the window that thousands
    share, so moments are kept in order and people only put in order when theirs has come. Nobody joins at a moment
    before the one whose people have their turn."""

    __slots__ = ("_at", "_moments", "_now", "due_at")

    def __init__(self) -> None:
        self._moments: list[int] = []
        self._at: dict[int, list[Place]] = {}
        self._now: list[Place] = []  # those of `due_at` once their turn has begun, the next one last
        self.due_at = NEVER

    def add(self, place: Place) -> None:
        """Somebody waits until their `due_at`."""
        moment = place.due_at
        if self._now and moment == self.due_at:
            insort(self._now, place, key=_backwards)
        elif (known := self._at.get(moment)) is not None:
            known.append(place)
        else:
            self._at[moment] = [place]
            heappush(self._moments, moment)
            if not self._now:
                self.due_at = self._moments[0]

    def next(self) -> Place:
        """Whose turn is next; somebody must be waiting."""
        if not self._now:
            self._now = self._at.pop(heappop(self._moments))
            if len(self._now) > 1:
                self._now.sort(key=_backwards)
        return self._now[-1]

    def drop(self) -> None:
        """The next one has had their turn."""
        self._now.pop()
        if not self._now:
            self.due_at = self._moments[0] if self._moments else NEVER


def _backwards(place: Place) -> int:
    return -place.id


class Queued:
    """A lane as time goes by: who waits in it, its room, and why those who are late in it are late."""

    __slots__ = (
        "cause",
        "channel",
        "channel_room_at",
        "flying",
        "interval",
        "lane",
        "limit",
        "next_slot_at",
        "not_before",
        "opens_at",
        "ordinary",
        "promised",
        "skipped",
    )  # fmt: skip

    def __init__(self, lane: Lane, channel: Channel | None) -> None:
        self.lane, self.channel, self.interval = lane, channel, lane.interval
        self.skipped = range(lane.late_since_at, lane.late_before_at if lane.late_interval is None else 0)
        most = channel.concurrency if channel else NEVER  # without a channel the mark says what is wrong
        self.limit = most if lane.concurrency is None else min(most, lane.concurrency)
        self.next_slot_at, self.channel_room_at = lane.next_slot_at, channel.next_slot_at if channel else 0
        self.not_before = self.flying = 0
        self.promised, self.ordinary = Waiting(), Waiting()
        self.cause: str = Cause.channel_concurrency
        self.opens_at = NEVER  #: the next moment somebody can have a turn, if no contact ends before; see `look`

    @property
    def due_at(self) -> int:
        """The earliest moment of somebody in it."""
        return min(self.promised.due_at, self.ordinary.due_at)

    def look(self) -> None:
        """See anew when the lane opens: its people, its room or what is in the air has changed."""
        if self.flying >= self.limit:
            self.opens_at = NEVER
        else:
            due_at = min(self.promised.due_at, self.ordinary.due_at)
            self.opens_at = max(due_at, self.next_slot_at, self.channel_room_at, self.not_before)

    def capacity(self, now: int) -> int:
        """How many may start at one turn now."""
        free = min(self.limit - self.flying, BATCH)
        if self.channel is not None and free > 0:
            free = min(free, pacing.capacity(self.channel_room_at, self.channel.interval, now, free, SLACK))
        self.interval = self._interval_now(now)
        return pacing.capacity(self.next_slot_at, self.interval, now, free, SLACK) if free > 0 else 0

    def _interval_now(self, now: int) -> int:
        """Between two starts: the lane's, or a longer one as long as the next in turn is late."""
        late = self.lane.late_interval
        if late is None:
            return self.lane.interval
        is_late = self.waiting(now).due_at < self.lane.late_before_at
        return max(self.lane.interval, late) if is_late else self.lane.interval

    def started(self, now: int, count: int) -> None:
        """Use up room, and note what the next ones wait for."""
        if self.interval and count:
            self.next_slot_at = pacing.spread(self.next_slot_at, self.interval, now, count)
        if self.channel is not None and self.channel.interval:
            self.channel_room_at = pacing.spread(self.channel_room_at, self.channel.interval, now, count)
        if self.flying >= self.limit:
            by_lane = self.channel is None or self.limit < self.channel.concurrency
            self.cause = Cause.concurrency if by_lane else Cause.channel_concurrency
        elif max(self.next_slot_at, self.channel_room_at) > now:
            self.cause = Cause.pace if self.next_slot_at >= self.channel_room_at else Cause.channel_pace

    def add(self, place: Place) -> None:
        """Somebody waits in this lane."""
        (self.ordinary if place.rank else self.promised).add(place)
        if place.due_at < self.opens_at:
            self.look()

    def waiting(self, now: int) -> Waiting:
        """Among whom the next turn is: those with a promise go first."""
        return self.promised if self.promised.due_at <= now else self.ordinary

    def blames(self, wait: Wait, late: int) -> str:
        """What a wait of somebody in it is put down to; `late` is how long they were due already."""
        if late > 0 and wait.reason in (Reason.window, Reason.lawful_hours):
            return self.cause  # the hours ended for somebody who was due before: what made them late makes them wait
        return Cause.delay if wait.reason == Reason.moment else wait.reason
