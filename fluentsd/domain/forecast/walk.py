"""The simulation of a forecast: from instant to instant, person by person.

The order of events mirrors the dispatcher and the claim: record finished contacts, give each lane that is due and has
capacity a turn, go on to the next instant. The gate, the flow and the pacing make every decision; here are only the
effects that a claim or a record would write.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from heapq import heappop, heappush
from operator import attrgetter
from typing import Any

from fluentsd.api import Kind, Outcome
from fluentsd.domain.enrollment import Exits, Leave, Move, Progress, Queue, local_zone, move_after, queue
from fluentsd.domain.flow import Flow, Step, next_after_skip
from fluentsd.domain.forecast.assumptions import Assumed, draw
from fluentsd.domain.forecast.cached_conditions import remembering
from fluentsd.domain.forecast.figures import HOUR, Cause, Forecast
from fluentsd.domain.forecast.lanes import CannotForecast, Channel, Lane, Place, Queued, Subject
from fluentsd.domain.gate import Go, Hold, Never, Person, Point, Reason, Rules, Skip, Touch, Verdict, Wait, decide
from fluentsd.domain.pacing import ROUNDS, CallerIds
from fluentsd.domain.render import TemplateProblem

#: (instant, enrollment, step, try, channel, number's id, point's id, outcome) of every contact, as it starts.
OnEvent = Callable[[int, int, str, int, Kind, int | None, int, Outcome], None]


@dataclass(frozen=True, slots=True)
class World:
    """The campaign's state: flows by version, rules and exits, lanes, channels, caller IDs. `name` is the campaign's,
    for conditions. Never changed by a forecast."""

    flows: Mapping[int, Flow]
    rules: Rules
    exits: Exits
    lanes: Sequence[Lane]
    channels: Mapping[Kind, Channel]
    caller_ids: CallerIds | None = None
    name: str = ""


class Walk:
    """One simulated run."""

    def __init__(
        self, world: World, assumed: Assumed, start_at: int, until_at: int, seed: int, on_event: OnEvent | None
    ) -> None:
        self.flows = {version: remembering(flow) for version, flow in world.flows.items()}
        self.rules, self.exits, self.assumed, self.seed = world.rules, world.exits, assumed, seed
        self.caller_ids = world.caller_ids.copy() if world.caller_ids is not None else None
        self.queues: dict[Kind, Queued] = {}
        for lane in world.lanes:
            self.queues[lane.channel] = Queued(lane, world.channels.get(lane.channel))
        self.now, self.until_at, self.on_event = start_at, until_at, on_event
        self.campaign = {"name": world.name}
        self.shared = frozenset[int]()  #: ids of points that several people share
        self.sharers: dict[int, list[tuple[Person, Point]]] = {}  #: who shares each of them
        self.moved = False  #: whether a person has an outcome at the start, perhaps of a later step
        #: Whether a condition or the goal may read earlier outcomes.
        self.remembers = any(flow.has_conditions for flow in world.flows.values()) or world.rules.goal is not None
        self.landings: list[tuple[int, int, Place, Outcome]] = []
        self.spent_on = world.rules.day(start_at)
        self.moves: dict[Any, Move] = {}  # of this instant: people claimed together mostly make the same move
        self.found = Forecast(start_at, until_at, 0)
        self.hours_from = self.found.hours_from
        hours = (until_at - self.hours_from) // HOUR + 1
        self.found.load = {kind: array("l", bytes(8 * hours)) for kind in self.queues}

    def enter(self, subject: Subject) -> None:
        """Add a person at the start."""
        self.found.people += 1
        flow = self.flows.get(subject.version)
        if flow is None or subject.step not in flow.index:
            where = f"step {subject.step!r} of version {subject.version}"
            raise CannotForecast(
                f"enrollment {subject.id} is at {where}, whose flow was not passed in; pass it in `World.flows`"
            )
        person = Person(*_FACTS(subject.person))  # a copy, for half of what `dataclasses.replace` takes
        person.touches, person.sender_id = list(person.touches), subject.sender_id
        if self.shared and not self.shared.isdisjoint([point.id for point in person.points]):
            person.points = [self._shared(person, point) for point in person.points]
        step = flow.step(subject.step)
        place = Place(
            subject.id, subject.version, step, subject.try_no, subject.retries, subject.unreached, subject.outcomes,
            subject.last_outcome, subject.rank, subject.due_at, person, subject.fields or {},
        )  # fmt: skip
        lane = self._lane(step)
        self.moved = self.moved or bool(subject.outcomes)
        if subject.in_flight:
            self._fly(lane, place)
        else:
            ahead = max(subject.due_at - self.now, 0)
            wanted = ahead if subject.wanted_at is None else max(subject.wanted_at - self.now, 0)
            self._ahead(min(wanted, ahead), ahead)
            lane.add(place)

    def _shared(self, person: Person, point: Point) -> Point:
        """A person's point; a contact at one that is shared counts for all who share it."""
        if point.id in self.shared:
            point = point._replace(others=list(point.others))
            self.sharers.setdefault(point.id, []).append((person, point))
        return point

    def _lane(self, step: Step) -> Queued:
        lane = self.queues.get(step.channel)
        if lane is None:
            raise CannotForecast(f"step {step.id!r} needs a lane for {step.channel}; pass it in `World.lanes`")
        return lane

    def run(self) -> Forecast:
        """Run from instant to instant, until no one waits or the end is reached."""
        self.found.waiting = self.found.people
        lanes = list(self.queues.values())
        while (moment := max(self.now, self._land(min([lane.opens_at for lane in lanes])))) <= self.until_at:
            self._turn_to(moment)
            self._pass([lane for lane in lanes if lane.opens_at <= moment])
        return self.found

    def _turn_to(self, moment: int) -> None:
        if moment > self.now:
            self.now = moment
            self.moves.clear()

    def _pass(self, due: list[Queued]) -> None:
        """Give turns to lanes that are due and have capacity, in the dispatcher's order."""
        if len(due) > 1:
            due.sort(key=lambda lane: (-lane.lane.priority, lane.due_at, lane.lane.id))
        for _ in range(ROUNDS):
            due = [lane for lane in due if self._turn(lane)]
            if not due:
                return

    def _turn(self, lane: Queued) -> bool:
        """One turn of one lane; whether there may be more to do for it now."""
        most = lane.capacity(self.now)
        if most <= 0:
            return False
        moved, started = self._judge_up_to(lane, most)
        lane.started(self.now, started)
        lane.look()
        return moved == most and not lane.interval

    def _judge_up_to(self, lane: Queued, most: int) -> tuple[int, int]:
        """Ask the gate about the lane's people in turn; returns how many were decided and how many contacts started.

        People who go on waiting join their queue when the turn is over, as the claim writes them after all
        decisions."""
        moved, flying, now, later = 0, lane.flying, self.now, list[Place]()
        if self.rules.budget is not None and (today := self.rules.day(now)) != self.spent_on:
            self.spent_on, self.rules = today, replace(self.rules, spent=0)
        while moved < most and (waiting := lane.waiting(now)).due_at <= now:
            if not self._judge(lane, waiting.next(), later):
                break
            waiting.drop()
            moved += 1
        for place in later:
            self._lane(place.step).add(place)
        return moved, lane.flying - flying

    def _judge(self, lane: Queued, place: Place, later: list[Place]) -> bool:
        """Apply the gate's verdict about one person; False when the whole lane has to wait."""
        now, step, person = self.now, place.step, place.person
        if lane.channel is None:
            return self._err("not_served")
        if step.when is not None or step.moment is not None or self.rules.goal is not None:
            person.values = place.values(self.campaign)
        if lane.skipped:
            person.is_late = place.due_at in lane.skipped and not (step.index == 0 and not place.outcomes)
        person.promised = not place.rank
        if self.moved:
            person.is_done = place.try_no == 1 and step.id in place.outcomes
        try:
            verdict = decide(step, self.rules, person, now, self.caller_ids)
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
            self.found.waits[lane.blames(verdict, late)] += verdict.until_at - now
            place.due_at = verdict.until_at
            later.append(place)
        else:
            self._refuse(place, verdict, later)
        return True

    def _refuse(self, place: Place, verdict: Verdict, later: list[Place]) -> None:
        if isinstance(verdict, Skip):
            self._skip(place, str(verdict.reason), later)
        elif isinstance(verdict, Never):
            self._exit(str(verdict.reason))
        elif isinstance(verdict, Hold):
            self.found.held[str(verdict.reason)] += 1
            self.found.waiting -= 1

    def _go(self, lane: Queued, place: Place, go: Go) -> None:
        found, step, now = self.found, place.step, self.now
        number_id = None
        if go.caller_id is not None and self.caller_ids is not None:
            number_id = place.person.sender_id = go.caller_id.id
            self.caller_ids.grant(go.caller_id, now)
            found.numbers[number_id] += 1
        _touch(place.person.touches, step, now)
        for _, point in self.sharers.get(go.point.id, ()):
            if point is not go.point:
                _touch(point.others, step, now)
        if cost := self.rules.cost_of(step):
            found.money[step.channel] += cost
            if self.rules.budget is not None:
                self.rules = replace(self.rules, spent=self.rules.spent + cost)
        found.contacts[step.id] += 1
        found.load[step.channel][(now - self.hours_from) // HOUR] += 1
        found.last_contact_at = now
        outcome = self._fly(lane, place)
        if self.on_event is not None:
            self.on_event(now, place.id, step.id, place.try_no, step.channel, number_id, go.point.id, outcome)

    def _fly(self, lane: Queued, place: Place) -> Outcome:
        """Start a contact, which is in flight until its outcome."""
        step = place.step
        outcome, length = self.assumed.ends(step.channel, draw(self.seed, place.id, step.id, place.try_no))
        lane.flying += 1
        heappush(self.landings, (self.now + length, place.id, place, outcome))
        if length:
            self.found.call_time[step.channel] += length
        return outcome

    def _land(self, moment: int) -> int:
        """Record the outcomes that come up to the next turn of a lane; returns the instant of that turn."""
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

    def _after(self, place: Place, outcome: Outcome) -> Queued | None:
        """Apply an outcome; returns the queue that the person joins, if any."""
        self.found.outcomes[place.step.id, outcome] += 1
        if outcome == Outcome.opted_out and self.sharers:
            for person, _ in (who for point in place.person.points for who in self.sharers.get(point.id, ())):
                person.stopped = frozenset("*")
        move = self._moved(self.flows[place.version], place.progress, outcome)
        if self.remembers:
            place.outcomes, place.last = {**place.outcomes, place.step.id: outcome}, outcome
        if isinstance(move, Leave):
            self._exit(move.reason)
            return None
        self._requeue(place, move)
        joined = self._lane(move.step)
        joined.add(place)
        return joined

    def _moved(self, flow: Flow, progress: Progress, outcome: Outcome) -> Move:
        if not (self.moves or (self.landings and self.landings[0][0] == self.now)):
            return move_after(flow, self.rules, self.exits, progress, outcome, self.now)
        key = (id(flow), progress, outcome)
        move = self.moves.get(key)
        if move is None:
            move = self.moves[key] = move_after(flow, self.rules, self.exits, progress, outcome, self.now)
        return move

    def _skip(self, place: Place, reason: str, later: list[Place]) -> None:
        self.found.skips[place.step.id, reason] += 1
        zone = local_zone(self.rules, place.person.zones)
        following = next_after_skip(self.flows[place.version], place.step, self.now, zone)
        move = queue(self.rules, place.progress, following, place.unreached)
        if isinstance(move, Leave):
            self._exit(move.reason)
            return
        self._requeue(place, move)
        later.append(place)

    def _requeue(self, place: Place, move: Queue) -> None:
        place.step, place.try_no, place.retries = move.step, move.try_no, move.retries
        place.unreached, place.due_at, place.rank = move.unreached, move.due_at, 1
        self._ahead(move.wanted_at - self.now, move.due_at - self.now)

    def _ahead(self, delay: int, ahead: int) -> None:
        """Count the time until a person is due: first the flow's delay, then the closed window."""
        if delay > 0:
            self.found.waits[Cause.delay] += delay
        if ahead > delay:
            self.found.waits[Reason.window] += ahead - delay

    def _exit(self, reason: str) -> None:
        """End an enrollment; without a reason the flow was completed."""
        if reason:
            self.found.exited[reason] += 1
        else:
            self.found.completed += 1
        self.found.waiting -= 1
        self.found.last_end_at = self.now

    def _err(self, reason: str) -> bool:
        self.found.errored[reason] += 1
        self.found.waiting -= 1
        self.found.last_end_at = self.now
        return True


_FACTS = attrgetter(*(fact.name for fact in fields(Person)))


def _touch(touches: Sequence[Touch], step: Step, at: int) -> None:
    """Add a contact to a person's or a shared point's touches, which the gate reads."""
    touches.append((at, step.channel))  # type: ignore[attr-defined]  # `enter` made it a list
