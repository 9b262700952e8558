"""The forecast: one campaign walked through from moment to moment, without a clock, a database or a provider.

The same gate, flow and pacing as the daemon's decide every step; here is only the order of things, which mirrors the
dispatcher and the mark: land what has ended, give lanes that are due and have room a turn each, go on to the next
moment. Given the same assumptions the daemon on a simulated clock makes the same contacts: person, step, try,
instant, number, outcome; a test holds it to that. What is handed in is read and never changed, so one population
serves several forecasts.

Left out, because nobody can know it: pauses, faults of providers, edits, new people, templates that fail. A reply or
an opt-out that would come hours after a message counts as that message's outcome at once.
"""

from __future__ import annotations

import gc
from array import array
from bisect import insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from typing import Any

from fluentsd.api import Kind, Outcome
from fluentsd.domain import pacing
from fluentsd.domain.assumptions import Assumed, draw
from fluentsd.domain.enrollment import Exits, Leave, Move, Queue, Standing, local_zone, move_after, queue
from fluentsd.domain.figures import HOUR, Cause, Forecast
from fluentsd.domain.flow import Flow, Step, next_after_skip
from fluentsd.domain.gate import DAY, Go, Hold, Never, Person, Reason, Rules, Skip, Wait, decide
from fluentsd.domain.pacing import BATCH, ROUNDS, SLACK, Lines
from fluentsd.domain.render import Template, TemplateProblem

#: (instant, enrollment, step, try, channel, number's id, point's id, outcome) of every contact, as it starts.
OnEvent = Callable[[int, int, str, int, Kind, int | None, int, Outcome], None]
_NEVER = 1 << 62


class CannotForecast(ValueError):
    """Somebody stands where the campaign has nothing: a version or a channel that was not handed in."""


@dataclass(slots=True)
class Subject:
    """Where one person stands at the start. `in_flight`: a contact of the present try was started and has not ended;
    its outcome is assumed, a contact's length after `due_at`."""

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
    room_at: int = 0
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
    room_at: int = 0


def forecast(
    subjects: Sequence[Subject],
    flows: Mapping[int, Flow],
    rules: Rules,
    exits: Exits,
    lanes: Sequence[Lane],
    channels: Mapping[Kind, Channel],
    lines: Lines | None,
    assumed: Assumed,
    *,
    start_at: int,
    until_at: int,
    seed: int = 0,
    name: str = "",
    on_event: OnEvent | None = None,
) -> Forecast:
    """What would happen from `start_at` up to and including `until_at`. `name` is the campaign's, for conditions.
    Raises CannotForecast."""
    course = _Walk(flows, rules, exits, lanes, channels, lines, assumed, start_at, until_at, seed, name, on_event)
    with _collector_at_rest():
        for subject in subjects:
            course.enter(subject)
        return course.run()


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """A walk makes no cycles, and millions of short-lived objects: looking for cycles costs it a seventh of its time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


@dataclass(slots=True, eq=False)
class _Place:
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


class _Waiting:
    """People by their moment, and by enrollment within it. Most moments are openings of the window that thousands
    share, so moments are kept in order and people only put in order when theirs has come. Nobody joins at a moment
    before the one whose people have their turn."""

    __slots__ = ("_at", "_moments", "_now", "due_at")

    def __init__(self) -> None:
        self._moments: list[int] = []
        self._at: dict[int, list[_Place]] = {}
        self._now: list[_Place] = []  # those of `due_at` once their turn has begun, the next one last
        self.due_at = _NEVER

    def add(self, place: _Place) -> None:
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

    def next(self) -> _Place:
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
            self.due_at = self._moments[0] if self._moments else _NEVER


def _backwards(place: _Place) -> int:
    return -place.id


class _Queue:
    """A lane as time goes by: who waits in it, its room, and why those who are late in it are late."""

    __slots__ = (
        "cause", "channel", "channel_room_at", "flying", "interval", "lane", "limit", "not_before", "opens_at",
        "ordinary", "promised", "room_at", "skipped",
    )  # fmt: skip

    def __init__(self, lane: Lane, channel: Channel | None) -> None:
        self.lane, self.channel, self.interval = lane, channel, lane.interval
        self.skipped = range(lane.late_since_at, lane.late_before_at if lane.late_interval is None else 0)
        most = channel.concurrency if channel else _NEVER  # without a channel the mark says what is wrong
        self.limit = most if lane.concurrency is None else min(most, lane.concurrency)
        self.room_at, self.channel_room_at = lane.room_at, channel.room_at if channel else 0
        self.not_before = self.flying = 0
        self.promised, self.ordinary = _Waiting(), _Waiting()
        self.cause: str = Cause.channel_concurrency
        self.opens_at = _NEVER  #: the next moment somebody can have a turn, if no contact ends before; see `look`

    @property
    def due_at(self) -> int:
        """The earliest moment of somebody in it."""
        return min(self.promised.due_at, self.ordinary.due_at)

    def look(self) -> None:
        """See anew when the lane opens: its people, its room or what is in the air has changed."""
        if self.flying >= self.limit:
            self.opens_at = _NEVER
        else:
            due_at = min(self.promised.due_at, self.ordinary.due_at)
            self.opens_at = max(due_at, self.room_at, self.channel_room_at, self.not_before)

    def room(self, now: int) -> int:
        """How many may start at one turn now."""
        free = min(self.limit - self.flying, BATCH)
        if self.channel is not None and free > 0:
            free = min(free, pacing.room(self.channel_room_at, self.channel.interval, now, free, SLACK))
        self.interval = self._interval_now(now)
        return pacing.room(self.room_at, self.interval, now, free, SLACK) if free > 0 else 0

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
            self.room_at = pacing.spread(self.room_at, self.interval, now, count)
        if self.channel is not None and self.channel.interval:
            self.channel_room_at = pacing.spread(self.channel_room_at, self.channel.interval, now, count)
        if self.flying >= self.limit:
            by_lane = self.channel is None or self.limit < self.channel.concurrency
            self.cause = Cause.concurrency if by_lane else Cause.channel_concurrency
        elif max(self.room_at, self.channel_room_at) > now:
            self.cause = Cause.pace if self.room_at >= self.channel_room_at else Cause.channel_pace

    def add(self, place: _Place) -> None:
        """Somebody waits in this lane."""
        (self.ordinary if place.rank else self.promised).add(place)
        if place.due_at < self.opens_at:
            self.look()

    def waiting(self, now: int) -> _Waiting:
        """Among whom the next turn is: those with a promise go first."""
        return self.promised if self.promised.due_at <= now else self.ordinary


class _Walk:
    """One course of time."""

    def __init__(
        self,
        flows: Mapping[int, Flow],
        rules: Rules,
        exits: Exits,
        lanes: Sequence[Lane],
        channels: Mapping[Kind, Channel],
        lines: Lines | None,
        assumed: Assumed,
        start_at: int,
        until_at: int,
        seed: int,
        name: str,
        on_event: OnEvent | None,
    ) -> None:
        self.flows = {version: _remembering(flow) for version, flow in flows.items()}
        self.rules, self.exits, self.assumed, self.seed = rules, exits, assumed, seed
        self.lines = lines.copy() if lines is not None else None
        self.queues: dict[Kind, _Queue] = {}
        for lane in lanes:
            self.queues[lane.channel] = _Queue(lane, channels.get(lane.channel))
        self.now, self.until_at, self.on_event = start_at, until_at, on_event
        self.campaign = {"name": name}
        self.moved = False  #: whether somebody has an outcome at the start, perhaps of a step to come
        #: Whether anybody is asked about what happened to them before.
        asked = any(step.when is not None for flow in flows.values() for step in flow.steps)
        self.remembers = asked or rules.goal is not None
        self.landings: list[tuple[int, int, _Place, Outcome]] = []
        self.spent_on = start_at // DAY
        self.moves: dict[Any, Move] = {}  # of this instant: people marked together mostly go the same way
        self.found = Forecast(start_at, until_at, 0)
        self.hours_from = self.found.hours_from
        hours = (until_at - self.hours_from) // HOUR + 1
        self.found.load = {kind: array("l", bytes(8 * hours)) for kind in self.queues}

    def enter(self, subject: Subject) -> None:
        """Somebody at the start."""
        self.found.people += 1
        flow = self.flows.get(subject.version)
        if flow is None or subject.step not in flow.index:
            raise CannotForecast(f"enrollment {subject.id} stands at step {subject.step!r} of version "
                                 f"{subject.version}, which was not handed in")  # fmt: skip
        person = replace(subject.person, touches=list(subject.person.touches), sender_id=subject.sender_id)
        step = flow.step(subject.step)
        place = _Place(
            subject.id, subject.version, step, subject.try_no, subject.retries, subject.unreached, subject.outcomes,
            subject.last_outcome, subject.rank, subject.due_at, person, subject.fields or {},
        )  # fmt: skip
        if step.channel not in self.queues:
            raise CannotForecast(f"no lane for {step.channel}, where enrollment {subject.id} waits")
        self.moved = self.moved or bool(subject.outcomes)
        if subject.in_flight:
            self._fly(self.queues[step.channel], place)
        else:
            ahead = max(subject.due_at - self.now, 0)
            wanted = ahead if subject.wanted_at is None else max(subject.wanted_at - self.now, 0)
            self._ahead(min(wanted, ahead), ahead)
            self.queues[step.channel].add(place)

    def run(self) -> Forecast:
        """Moment to moment until nothing is left or the end is reached."""
        self.found.waiting = self.found.people
        lanes = list(self.queues.values())
        while (moment := max(self.now, self._land(min(lane.opens_at for lane in lanes)))) <= self.until_at:
            self._turn_to(moment)
            self._pass([lane for lane in lanes if lane.opens_at <= moment])
        return self.found

    def _turn_to(self, moment: int) -> None:
        if moment > self.now:
            self.now = moment
            self.moves.clear()

    def _pass(self, due: list[_Queue]) -> None:
        """Lanes that are due and have room get turns, in order, as the dispatcher gives them."""
        if len(due) > 1:
            due.sort(key=lambda lane: (-lane.lane.priority, lane.due_at, lane.lane.id))
        for _ in range(ROUNDS):
            due = [lane for lane in due if self._turn(lane)]
            if not due:
                return

    def _turn(self, lane: _Queue) -> bool:
        """One turn of one lane; whether there may be more to do for it now."""
        most = lane.room(self.now)
        if most <= 0:
            return False
        moved, started = self._judge_up_to(lane, most)
        lane.started(self.now, started)
        lane.look()
        return moved == most and not lane.interval

    def _judge_up_to(self, lane: _Queue, most: int) -> tuple[int, int]:
        """Ask the gate about people of the lane in turn; how many were judged, how many contacts started.

        Those who go on waiting join their queue when the turn is over, as the mark writes them after all answers."""
        moved, flying, now, later = 0, lane.flying, self.now, list[_Place]()
        if self.rules.budget is not None and now // DAY != self.spent_on:
            self.spent_on, self.rules = now // DAY, replace(self.rules, spent=0)
        while moved < most and (waiting := lane.waiting(now)).due_at <= now:
            if not self._judge(lane, waiting.next(), later):
                break
            waiting.drop()
            moved += 1
        for place in later:
            self.queues[place.step.channel].add(place)
        return moved, lane.flying - flying

    def _judge(self, lane: _Queue, place: _Place, later: list[_Place]) -> bool:
        """The gate's answer about one person, and what follows; False when the whole lane has to wait."""
        now, step, person = self.now, place.step, place.person
        if lane.channel is None:
            return self._err("not_served")
        if step.when is not None or step.moment is not None or self.rules.goal is not None:
            person.values = self._values(place)
        if lane.skipped:
            person.late = place.due_at in lane.skipped
        if self.moved:
            person.done = place.try_no == 1 and step.id in place.outcomes
        try:
            verdict = decide(step, self.rules, person, now, self.lines)
        except TemplateProblem:
            return self._err("condition")
        if type(verdict) is Wait and verdict.whole_lane:
            lane.not_before, lane.cause = verdict.until_at, verdict.reason
            return False
        late = now - place.due_at
        if late > 0:
            self.found.waits[lane.cause] += late
        if type(verdict) is Go:
            self._go(lane, place, verdict)
        elif type(verdict) is Wait:
            self.found.waits[_cause(lane, verdict, late)] += verdict.until_at - now
            place.due_at = verdict.until_at
            later.append(place)
        else:
            self._refuse(place, verdict, later)
        return True

    def _refuse(self, place: _Place, verdict: Skip | Never | Hold, later: list[_Place]) -> None:
        if isinstance(verdict, Skip):
            self._skip(place, str(verdict.reason), later)
        elif isinstance(verdict, Never):
            self._exit(str(verdict.reason))
        else:
            self.found.held[str(verdict.reason)] += 1
            self.found.waiting -= 1

    def _values(self, place: _Place) -> dict[str, Any]:
        """What conditions see of a person; the mark builds the same."""
        steps = {step: {"outcome": outcome} for step, outcome in place.outcomes.items()}
        house = {"last": {"outcome": place.last}, "steps": steps, "campaign": self.campaign}
        return {**place.fields, "contact": place.fields, **house}

    def _go(self, lane: _Queue, place: _Place, go: Go) -> None:
        found, step, now = self.found, place.step, self.now
        number_id = None
        if go.line is not None and self.lines is not None:
            number_id = place.person.sender_id = go.line.id
            self.lines.grant(go.line, now)
            found.numbers[number_id] += 1
        _touch(place.person, step, now)
        if cost := self.rules.cost.get(step.channel, 0):
            found.money[step.channel] += cost
            if self.rules.budget is not None:
                self.rules = replace(self.rules, spent=self.rules.spent + cost)
        found.contacts[step.id] += 1
        found.load[step.channel][(now - self.hours_from) // HOUR] += 1
        found.last_contact_at = now
        outcome = self._fly(lane, place)
        if self.on_event is not None:
            self.on_event(now, place.id, step.id, place.try_no, step.channel, number_id, go.point.id, outcome)

    def _fly(self, lane: _Queue, place: _Place) -> Outcome:
        """A contact is in the air until its outcome."""
        step = place.step
        outcome, length = self.assumed.ends(step.channel, draw(self.seed, place.id, step.id, place.try_no))
        lane.flying += 1
        heappush(self.landings, (self.now + length, place.id, place, outcome))
        if length:
            self.found.call_time[step.channel] += length
        return outcome

    def _land(self, moment: int) -> int:
        """Contacts whose outcome comes before any lane can go on, or just then; returns when one can."""
        landings = self.landings
        while landings and (at := landings[0][0]) <= moment and at <= self.until_at:
            _, _, place, outcome = heappop(landings)
            self._turn_to(at)
            lane = self.queues[place.step.channel]
            lane.flying -= 1
            joined = self._after(place, outcome)
            if lane.flying == lane.limit - 1:
                lane.look()
            if lane.opens_at < moment:
                moment = max(lane.opens_at, at)
            if joined is not None and joined.opens_at < moment:
                moment = max(joined.opens_at, at)
        return moment

    def _after(self, place: _Place, outcome: Outcome) -> _Queue | None:
        """Where an outcome takes a person; the queue they join, if any."""
        self.found.outcomes[place.step.id, outcome] += 1
        step, before = place.step, place.person
        standing = Standing(step.id, place.try_no, place.retries, place.unreached, before.zones, before.states)
        move = self._moved(self.flows[place.version], standing, outcome)
        if self.remembers:
            place.outcomes, place.last = {**place.outcomes, step.id: outcome}, outcome
        if isinstance(move, Leave):
            self._leave(move)
            return None
        self._requeue(place, move)
        joined = self.queues[move.step.channel]
        joined.add(place)
        return joined

    def _moved(self, flow: Flow, standing: Standing, outcome: Outcome) -> Move:
        if not (self.moves or (self.landings and self.landings[0][0] == self.now)):
            return move_after(flow, self.rules, self.exits, standing, outcome, self.now)
        key = (id(flow), standing, outcome)
        move = self.moves.get(key)
        if move is None:
            move = self.moves[key] = move_after(flow, self.rules, self.exits, standing, outcome, self.now)
        return move

    def _skip(self, place: _Place, reason: str, later: list[_Place]) -> None:
        step, zones, states = place.step, place.person.zones, place.person.states
        self.found.skips[step.id, str(reason)] += 1
        standing = Standing(step.id, place.try_no, place.retries, place.unreached, zones, states)
        following = next_after_skip(self.flows[place.version], step, self.now, local_zone(self.rules, zones))
        move = queue(self.rules, standing, following, place.unreached)
        if isinstance(move, Leave):
            self._leave(move)
            return
        self._requeue(place, move)
        later.append(place)

    def _requeue(self, place: _Place, move: Queue) -> None:
        if move.step.channel not in self.queues:
            raise CannotForecast(f"no lane for {move.step.channel}, which step {move.step.id!r} needs")
        place.step, place.try_no, place.retries = move.step, move.try_no, move.retries
        place.unreached, place.due_at, place.rank = move.unreached, move.due_at, 1
        self._ahead(move.wanted_at - self.now, move.due_at - self.now)

    def _ahead(self, delay: int, ahead: int) -> None:
        """Time until somebody is due: their own delay first, after it the shut window."""
        if delay > 0:
            self.found.waits[Cause.delay] += delay
        if ahead > delay:
            self.found.waits[Reason.window] += ahead - delay

    def _leave(self, move: Leave) -> None:
        if move.reason:
            self._exit(move.reason)
        else:
            self.found.completed += 1
            self._out()

    def _exit(self, reason: str) -> None:
        self.found.exited[reason] += 1
        self._out()

    def _err(self, reason: str) -> bool:
        self.found.errored[reason] += 1
        self._out()
        return True

    def _out(self) -> None:
        self.found.waiting -= 1
        self.found.last_end_at = self.now


class _Remembered(Template):
    """A condition over nothing but outcomes: what it says of a history is worked out once."""

    __slots__ = ("_known",)

    def __init__(self, of: Template) -> None:
        super().__init__(of.source, of.part)
        self._known: dict[tuple[str, ...], bool] = {}

    def holds(self, values: Mapping[str, Any]) -> bool:
        key = (values["last"]["outcome"], *values["steps"], *(seen["outcome"] for seen in values["steps"].values()))
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = super().holds(values)
        return known


def _remembering(flow: Flow) -> Flow:
    """The same flow, in which conditions that read no field of a person remember."""
    steps = tuple(
        replace(step, when=_Remembered(step.when))
        if step.when is not None and not step.when.variables and "contact" not in step.when.source
        else step
        for step in flow.steps
    )
    return Flow(steps, flow.index)


def _cause(lane: _Queue, wait: Wait, late: int) -> str:
    """Whose fault a wait is."""
    if late > 0 and wait.reason in (Reason.window, Reason.lawful_hours):
        return lane.cause  # the hours ended for somebody who was due before: what made them late makes them wait
    return Cause.delay if wait.reason == Reason.moment else wait.reason


def _touch(person: Person, step: Step, at: int) -> None:
    """Count a contact of a person. The one place that knows what a touch is; the gate's own function replaces it."""
    person.touches.append((at, step.channel))  # type: ignore[attr-defined]  # `enter` gave them a list
