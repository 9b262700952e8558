"""The mark: from "due" to "committed intent" in one transaction.

One unit of work claims due rows of a lane (locked for as long as the transaction lasts, so a crash leaves no lease
behind to expire), reads the facts of their people, asks the gate about each one in turn, counting what it has already
granted, and writes every answer: an intent for `Go`, a later moment for `Wait`, the next step for `Skip`, an end for
`Never`, a hold for `Hold`. An opt-out or a pause that commits before it stops it. Only after its commit is any
provider called. Rows behind a `Wait` for the whole lane are left as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fluentsd.api import Attempt, Kind, Message
from fluentsd.domain import pacing
from fluentsd.domain.enrollment import Leave, Progress, Queue, local_zone, queue
from fluentsd.domain.flow import Step, next_after_skip
from fluentsd.domain.gate import Go, Hold, Never, Person, Skip, Wait
from fluentsd.domain.render import TemplateProblem
from fluentsd.domain.states import CampaignState, EnrollmentState
from fluentsd.engine.dispatch.facts import Facts, names_in, put_off
from fluentsd.engine.dispatch.plans import Plan, Plans, with_spending
from fluentsd.store import attempts, counters, enrollments, lanes, numbers, spending
from fluentsd.store.attempts import Content, OpenAttempt
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import Cause, Claim, Due, End, QueueKey, Requeue, Snooze


class NotServed(LookupError):
    """A step names a channel that this installation does not have."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A committed intent, ready to be handed to its channel."""

    campaign_id: int
    message: Message
    attempt: Attempt


@dataclass(slots=True)
class ClaimResult:
    """What one mark did. `again_at`: the lane has nothing to give before then, whatever its rows say."""

    marked: list[Claimed] = field(default_factory=list)
    moved: int = 0
    more: bool = False  #: there was room for everybody asked for, and there may be more of them
    again_at: int = 0
    ended: bool = False


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """What the dispatcher asks of one mark. `lookup_after`: microseconds after which an open attempt is asked about.
    What was due from `late_since_at` to `late_before_at` was due while nobody worked: it is started no faster than one
    in `late_interval`, or skipped where that is None."""

    lane_id: int
    campaign_id: int
    channel: Kind
    next_slot_at: int
    most: int
    lookup_after: int
    has_channel: bool = True
    late_since_at: int = 0
    late_before_at: int = 0
    late_interval: int | None = None


async def claim(conn: Connection, plans: Plans, order: ClaimRequest, at: int) -> ClaimResult:
    """The unit of work; runs whole, in one transaction."""
    state, plan = await plans.current(conn, order.campaign_id)
    if state != CampaignState.active:
        return ClaimResult()
    most = pacing.capacity(order.next_slot_at, plan.pace, at, order.most, pacing.SLACK)
    if most <= 0:
        return ClaimResult(again_at=order.next_slot_at)
    rows = await enrollments.due(conn, order.lane_id, at, most)
    missed = range(order.late_since_at, order.late_before_at)
    pace, skipped, dripped = plan.pace, range(0), range(0)
    if order.late_interval is None:
        skipped = missed
    elif any(row.due_at < missed.stop for row in rows):
        pace, dripped = max(pace, order.late_interval), missed
        rows = rows[: pacing.capacity(order.next_slot_at, pace, at, most, pacing.SLACK)]
        if not rows:
            return ClaimResult(again_at=order.next_slot_at)
    facts = Facts(plan, await with_spending(conn, plan, at), at, skipped=skipped, dripped=dripped)
    batch = _Batch(facts, order, pace)
    if rows:
        await facts.read(conn, rows, lock=True)
        for row in rows:
            batch.judge(row)
            if batch.taken.again_at:
                break
        await batch.write(conn)
    batch.taken.more = batch.taken.moved == most and not pace
    return batch.taken


class _Batch:
    """The facts and the answers of one mark."""

    def __init__(self, facts: Facts, order: ClaimRequest, pace: int) -> None:
        self.pace = pace
        self.facts, self.plan, self.at, self.order = facts, facts.plan, facts.at, order
        self.taken = ClaimResult()
        self.unwait: list[QueueKey] = []
        self.claims: list[Claim] = []
        self.attempts: list[OpenAttempt] = []
        self.bodies: list[Content] = []
        self.snoozed: list[Snooze] = []
        self.requeued: list[Requeue] = []
        self.ended: list[End] = []
        self.held: list[Cause] = []
        self.failed: list[Cause] = []
        self.freed: list[int] = []  #: contacts this campaign wanted for itself until now

    def judge(self, row: Due) -> None:
        """Ask the gate about one person and note what has to be written."""
        step = self.facts.step(row)
        try:
            if not self.order.has_channel:
                raise NotServed(f"no channel serves {step.channel}; add [channel.{step.channel}] to fluentsd.toml")
            person, verdict = self.facts.ask(row, step)
            match verdict:
                case Go():
                    self._go(row, step, person, verdict)
                case Wait(until_at, reason, whole_lane):
                    if whole_lane:
                        self.taken.again_at = until_at
                        return
                    until_at += self.facts.apart(row, step, verdict)
                    self.snoozed.append(Snooze(row.id, row.rank, until_at, reason.value))
                case Skip(reason):
                    self._skip(row, step, reason)
                case Never(reason):
                    self._end(row, EnrollmentState.exited, reason, row.unreached)
                case Hold(reason, _):
                    self.held.append(Cause(row.id, str(reason)))
        except (TemplateProblem, NotServed) as why:
            self.failed.append(Cause(row.id, f"step {step.id}: {why}"))
            self._gone(row)
        self.taken.moved += 1
        self.unwait.append(QueueKey(self.order.lane_id, row.rank, row.due_at, row.id))

    def _go(self, row: Due, step: Step, person: Person, go: Go) -> None:
        intent = new_attempt(self.facts, row, step, person, go, self.order.lookup_after)
        self.taken.marked.append(intent.marked)
        self.claims.append(Claim(row.id, self.at, intent.row.number_id or row.sender_id))
        self.attempts.append(intent.row)
        if intent.body is not None:
            self.bodies.append(intent.body)

    def _skip(self, row: Due, step: Step, reason: str) -> None:
        flow = self.plan.flow(row.version_id)
        zones = names_in(row.zones)
        standing = Progress(step.id, row.try_no, row.retries, row.unreached, zones, names_in(row.states))
        following = next_after_skip(flow, step, self.at, local_zone(self.facts.rules, zones))
        match queue(self.facts.rules, standing, following, row.unreached):
            case Queue() as move:
                self.requeued.append(requeued(row.id, self.plan, move, row.outcomes, row.last_outcome))
            case Leave():
                self._end(row, EnrollmentState.completed, "", row.unreached)

    def _end(self, row: Due, state: EnrollmentState, reason: str, unreached: int) -> None:
        self.ended.append(End(row.id, state, reason, self.at, unreached, row.outcomes, row.last_outcome))
        self._gone(row)

    def _gone(self, row: Due) -> None:
        """Somebody is no longer on their way through the campaign."""
        self.taken.ended = True
        if self.plan.spec.exclusive:
            self.freed.append(row.contact_id)

    def _deltas(self) -> counters.Deltas:
        deltas = counters.Deltas()
        for state, count in Counter(row.state for row in self.ended).items():
            counters.moved(deltas, self.plan.campaign_id, EnrollmentState.queued, state, count)
        counters.moved(deltas, self.plan.campaign_id, EnrollmentState.queued, EnrollmentState.active, len(self.claims))
        counters.moved(deltas, self.plan.campaign_id, EnrollmentState.queued, EnrollmentState.errored, len(self.failed))
        return deltas

    async def write(self, conn: Connection) -> None:
        """Every answer, a statement per kind."""
        await enrollments.unwait(conn, self.unwait)
        await enrollments.claim(conn, self.claims)
        await attempts.add(conn, self.attempts)
        await attempts.keep_content(conn, self.bodies)
        await enrollments.snooze(conn, self.order.lane_id, self.snoozed)
        await enrollments.requeue(conn, self.requeued)
        await enrollments.end(conn, self.ended)
        await enrollments.put_on_hold(conn, self.held)
        await enrollments.fail(conn, self.failed)
        await enrollments.free(conn, self.freed, self.at)
        await counters.add(conn, self._deltas())
        started = len(self.claims)
        if started and self.facts.caller_ids is not None:
            await numbers.granted(conn, self.facts.caller_ids.changed())
        if started and self.pace:
            next_slot_at = pacing.spread(self.order.next_slot_at, self.pace, self.at, started)
            await lanes.set_next_slot(conn, self.order.lane_id, next_slot_at)
        cost = sum(attempt.cost_micros for attempt in self.attempts)
        if cost:
            await spending.add(conn, self.plan.campaign_id, self.plan.currency, self.at, cost)


@dataclass(frozen=True, slots=True)
class NewAttempt:
    """One contact as it is committed before the provider is called: what to hand over, its row, its words."""

    marked: Claimed
    row: OpenAttempt
    body: Content | None


def new_attempt(facts: Facts, row: Due, step: Step, person: Person, go: Go, lookup_after: int) -> NewAttempt:
    """Compose what a `Go` allows and count what it uses up; `TemplateProblem` when the message cannot be made."""
    plan, at = facts.plan, facts.at
    token = attempts.new_id(at)
    sender = go.caller_id.e164 if go.caller_id else None
    message = compose(step, person.values, go, sender)
    number_id = go.caller_id.id if go.caller_id else None
    attempt = Attempt(token, step.channel, go.point.value, at, sender, None, step.id, row.try_no)
    opened = OpenAttempt(
        id=token,
        enrollment_id=row.id,
        campaign_id=plan.campaign_id,
        contact_id=row.contact_id,
        step=step.id,
        try_no=row.try_no,
        channel=step.channel,
        point_id=go.point.id,
        number_id=number_id,
        claimed_at=at,
        deadline_at=at + lookup_after,
        cost_micros=facts.grant(row, step, go),
        currency=plan.currency,
    )
    body = None
    if message.text or message.html:
        words = "\n".join(filter(None, (message.subject, message.text or message.html)))
        body = Content(row.contact_id, token, "body", words, at)
    return NewAttempt(Claimed(plan.campaign_id, message, attempt), opened, body)


def compose(step: Step, seen: Mapping[str, Any], go: Go, sender: str | None) -> Message:
    """The rendered message; `TemplateProblem` when a variable is missing or a limit is met."""
    seen = {**seen, "sender": sender or ""} if seen else seen
    fields = seen.get("contact", {})
    return Message(
        kind=step.channel,
        to=go.point.value,
        sender=sender or step.sender.render(seen) or None,
        reply_to=step.reply_to.render(seen),
        subject=step.subject.render(seen),
        text=step.text.render(seen),
        html=step.html.render(seen),
        agent=step.agent,
        variables=fields if step.agent else {},
        valid_until_at=go.closes_at,
    )


def requeued(enrollment_id: int, plan: Plan, move: Queue, outcomes: str, last: str) -> Requeue:
    """A move back to the queue, as the store writes it."""
    return Requeue(
        enrollment_id,
        plan.lanes[move.step.channel],
        move.step.id,
        move.try_no,
        move.retries,
        move.unreached,
        move.wanted_at,
        move.due_at,
        put_off(move.wanted_at, move.due_at),
        outcomes,
        last,
    )
