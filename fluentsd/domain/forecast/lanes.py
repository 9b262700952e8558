"""The lanes of a forecast: their waiting people in order, and their capacity over time.

What must not live here: any decision about a person. The order is the daemon's: promised callbacks first, then by due
time, then by enrollment.
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
from fluentsd.domain.pacing import BATCH

#: After everything.
NEVER = 1 << 62


class CannotForecast(ValueError):
    """An enrollment refers to a flow version or a channel that was not passed in."""


@dataclass(slots=True)
class Subject:
    """One person's state at the start. `in_flight`: a contact of the current try was started and has not ended; its
    outcome is assumed, one contact's length after the start of the forecast."""

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
    wanted_at: int | None = None  #: the due time by the flow, before the window; `due_at` if not known


@dataclass(frozen=True, slots=True)
class Lane:
    """One channel of the campaign: its pace (microseconds between two starts, 0 for none), its contacts at a time."""

    id: int
    channel: Kind
    next_slot_at: int = 0
    interval: int = 0
    concurrency: int | None = None
    priority: int = 0
    #: Steps due from the first to the second instant came due during downtime; they start no faster than one per
    #: `late_interval`, or are skipped when that is None.
    late_since_at: int = 0
    late_before_at: int = 0
    late_interval: int | None = None


@dataclass(frozen=True, slots=True)
class Channel:
    """The installation's limits of a channel: contacts in flight at most, microseconds between two starts."""

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
    def progress(self) -> Progress:
        """The person's progress, as the flow functions take it."""
        person = self.person
        return Progress(self.step.id, self.try_no, self.retries, self.unreached, person.zones, person.states)

    def values(self, campaign: Mapping[str, str]) -> dict[str, Any]:
        """The values for conditions; the claim builds the same."""
        steps = {step: {"outcome": outcome} for step, outcome in self.outcomes.items()}
        history = {"last": {"outcome": self.last}, "steps": steps, "campaign": campaign}
        return {**self.fields, "contact": self.fields, **history}


class Waiting:
    """People by due time, then by enrollment. Most due times are openings of the window that thousands share, so due
    times are kept in a heap, and the people of one are sorted only when it comes. A person never joins at a due time
    before the one whose turn it is."""

    __slots__ = ("_at", "_moments", "_now", "due_at")

    def __init__(self) -> None:
        self._moments: list[int] = []
        self._at: dict[int, list[Place]] = {}
        self._now: list[Place] = []  # those of `due_at` once their turn has begun, the next one last
        self.due_at = NEVER

    def add(self, place: Place) -> None:
        """Add a person who waits until `due_at`."""
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
        """The next person in turn; the queue must not be empty."""
        if not self._now:
            self._now = self._at.pop(heappop(self._moments))
            if len(self._now) > 1:
                self._now.sort(key=_backwards)
        return self._now[-1]

    def drop(self) -> None:
        """Remove the next person after their turn."""
        self._now.pop()
        if not self._now:
            self.due_at = self._moments[0] if self._moments else NEVER


def _backwards(place: Place) -> int:
    return -place.id


class Queued:
    """The state of a lane: its waiting people, its capacity, and the cause of its lateness."""

    __slots__ = (
        "cause",
        "channel",
        "channel_slot_at",
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
        most = channel.concurrency if channel else NEVER  # without a channel the claim reports the error
        self.limit = most if lane.concurrency is None else min(most, lane.concurrency)
        self.next_slot_at, self.channel_slot_at = lane.next_slot_at, channel.next_slot_at if channel else 0
        self.not_before = self.flying = 0
        self.promised, self.ordinary = Waiting(), Waiting()
        self.cause: str = Cause.channel_concurrency
        self.opens_at = NEVER  #: the next possible turn, if no contact ends before; see `look`

    @property
    def due_at(self) -> int:
        """The earliest due time in the lane."""
        return min(self.promised.due_at, self.ordinary.due_at)

    def look(self) -> None:
        """Recompute `opens_at` after a change of the queue, the capacity or the contacts in flight."""
        if self.flying >= self.limit:
            self.opens_at = NEVER
        else:
            due_at = min(self.promised.due_at, self.ordinary.due_at)
            self.opens_at = max(due_at, self.next_slot_at, self.channel_slot_at, self.not_before)

    def capacity(self, now: int) -> int:
        """How many contacts may start in one turn now."""
        free = min(self.limit - self.flying, BATCH)
        if self.channel is not None and free > 0:
            free = min(free, pacing.capacity(self.channel_slot_at, self.channel.interval, now, free))
        self.interval = self._interval_now(now)
        return pacing.capacity(self.next_slot_at, self.interval, now, free) if free > 0 else 0

    def _interval_now(self, now: int) -> int:
        """The interval between two starts: the lane's, or a longer one while the next in turn is late."""
        late = self.lane.late_interval
        if late is None:
            return self.lane.interval
        is_late = self.waiting(now).due_at < self.lane.late_before_at
        return max(self.lane.interval, late) if is_late else self.lane.interval

    def started(self, now: int, count: int) -> None:
        """Use up capacity, and note the cause of further waiting."""
        if self.interval and count:
            self.next_slot_at = pacing.spread(self.next_slot_at, self.interval, now, count)
        if self.channel is not None and self.channel.interval:
            self.channel_slot_at = pacing.spread(self.channel_slot_at, self.channel.interval, now, count)
        if self.flying >= self.limit:
            by_lane = self.channel is None or self.limit < self.channel.concurrency
            self.cause = Cause.concurrency if by_lane else Cause.channel_concurrency
        elif max(self.next_slot_at, self.channel_slot_at) > now:
            self.cause = Cause.pace if self.next_slot_at >= self.channel_slot_at else Cause.channel_pace

    def add(self, place: Place) -> None:
        """Add a person to the lane."""
        (self.ordinary if place.rank else self.promised).add(place)
        if place.due_at < self.opens_at:
            self.look()

    def waiting(self, now: int) -> Waiting:
        """The queue with the next turn: promised callbacks go first."""
        return self.promised if self.promised.due_at <= now else self.ordinary

    def blames(self, wait: Wait, late: int) -> str:
        """The cause that a wait counts under; `late` is how long the person was already due."""
        if late > 0 and wait.reason in (Reason.window, Reason.lawful_hours):
            return self.cause  # due before the hours ended: the wait has the cause of the lateness
        return Cause.delay if wait.reason == Reason.moment else wait.reason
