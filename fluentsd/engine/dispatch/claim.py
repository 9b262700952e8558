"""The claim: turns due rows of a lane into committed attempts, in one transaction.

One unit of work locks due rows and reads the facts of their contacts. It asks the gate about each in turn, counting
what it has already granted, and writes every verdict: an attempt for `Go`, a later time for `Wait`, the next step for
`Skip`, an exit for `Never`, a hold for `Hold`. The locks end with the transaction, so a crash leaves no lease behind.
An opt-out or a pause that commits earlier stops it. Providers are called only after the commit. Rows behind a `Wait`
for the whole lane do not change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from fluentsd.api import Kind, Message, Prices
from fluentsd.domain import pacing
from fluentsd.domain.enrollment import Leave, Progress, Queue, local_zone, queue
from fluentsd.domain.flow import Step, next_after_skip
from fluentsd.domain.gate import Go, Hold, Never, Person, Reason, Skip, Wait, spent
from fluentsd.domain.render import TemplateProblem
from fluentsd.domain.state_machines import CampaignState, EnrollmentState
from fluentsd.engine.dispatch.facts import Facts, names_in, reason_to_wait
from fluentsd.engine.dispatch.plans import Plan, Plans, with_spending
from fluentsd.store import attempts, campaigns, counters, enrollments, holds, lanes, numbers, spending
from fluentsd.store.attempts import Content, OpenAttempt
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import ORDINARY, PROMISED, Cause, Claim, Due, End, QueueKey, Requeue, Snooze
from fluentsd.store.nodes import Writer


class ChannelMissing(LookupError):
    """A step names a channel that is not configured."""


class NoPrice(LookupError):
    """The campaign has a budget, and the price of a step is not known; the campaign is held."""


class OverBudget(Exception):
    """The message costs more than what is left of the day's budget."""


#: The reason of the hold after the first people of a start.
FIRST_DONE = "the first people were contacted; look at the results, then release it"


class Claimed(NamedTuple):
    """A committed attempt, ready to be sent by its channel. `caller_id`: the number that was chosen for it; `claims`:
    see `ClaimResult`."""

    campaign_id: int
    message: Message
    token: str
    claimed_at: int
    caller_id: str | None
    step: str
    try_no: int
    claims: int = 0


@dataclass(slots=True)
class ClaimResult:
    """The result of one claim. `again_at`: the earliest time of the lane's next claim, even when rows are due."""

    claimed: list[Claimed] = field(default_factory=list)
    moved: int = 0  #: rows that were decided
    has_more: bool = False  #: the batch was full, so more rows may be due
    again_at: int = 0
    has_ended: bool = False  #: an enrollment ended
    is_stale: bool = False  #: a person is held until a record of a CRM is read again
    claims: int = 0  #: the claim's number, for the high-water mark; 0 when nothing was claimed


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """The dispatcher's request for one claim of at most `most` rows. `lookup_after`: microseconds after which an open
    attempt is looked up. Rows due from `late_since_at` to `late_before_at` fell due during a pause or downtime: they
    start no faster than one in `late_interval`, or are skipped where that is None."""

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
    prices: Prices | None = None  #: the channel, if it knows what a message will cost


async def claim(conn: Connection, plans: Plans, request: ClaimRequest, at: int) -> ClaimResult:
    """The unit of work of one claim."""
    state, plan = await plans.current(conn, request.campaign_id)
    if state != CampaignState.active:
        return ClaimResult()
    explains = max(plan.pace, request.late_interval or 0)
    request = replace(request, next_slot_at=pacing.credible(request.next_slot_at, explains, at))
    most = pacing.capacity(request.next_slot_at, plan.pace, at, request.most)
    if most <= 0:
        return ClaimResult(again_at=request.next_slot_at)
    rows = await enrollments.due(conn, request.lane_id, at, most)
    missed = range(request.late_since_at, request.late_before_at)
    pace, skipped, dripped = plan.pace, range(0), range(0)
    if request.late_interval is None:
        skipped = missed
    elif any(row.due_at < missed.stop for row in rows):
        pace, dripped = max(pace, request.late_interval), missed
        rows = rows[: pacing.capacity(request.next_slot_at, pace, at, most)]
        if not rows:
            return ClaimResult(again_at=request.next_slot_at)
    rules = plans.with_prices(plan, await with_spending(conn, plan, at))
    facts = Facts(plan, rules, at, skipped=skipped, dripped=dripped)
    left = await campaigns.first_left(conn, plan.campaign_id) if plan.starts_with_few else None
    batch = _Batch(facts, request, pace, left)
    if rows:
        await facts.read(conn, rows, lock=True, fresh=True)
        for row in rows:
            batch.decide(row)
            if batch.result.again_at or batch.is_full:
                break
        await batch.write(conn, plans.writer)
        if left is not None:
            await _count_first(conn, plan, batch.first_left or 0, at)
        if batch.no_price:
            await holds.place(conn, "campaign", plan.ref, reason=batch.no_price, by="fluentsd", at=at)
        plans.note_prices(plan, batch.prices)
    batch.result.has_more = batch.result.moved == most and not pace
    return batch.result


async def _count_first(conn: Connection, plan: Plan, left: int, at: int) -> None:
    """Note how many people are left before a person has to say go; after the last one the campaign is held."""
    await campaigns.set_first_left(conn, plan.campaign_id, left or None)
    if not left:
        await holds.place(conn, "campaign", plan.ref, reason=FIRST_DONE, by="fluentsd", at=at)


class _Batch:
    """The facts and the verdicts of one claim. `first_left`: people who may still be contacted for the first time."""

    def __init__(self, facts: Facts, request: ClaimRequest, pace: int, first_left: int | None = None) -> None:
        self.pace, self.first_left, self.is_full = pace, first_left, False
        self.facts, self.plan, self.at, self.request = facts, facts.plan, facts.at, request
        self.result = ClaimResult()
        self.unwait: list[QueueKey] = []
        self.claims: list[Claim] = []
        self.attempts: list[OpenAttempt] = []
        self.bodies: list[Content] = []
        self.snoozed: list[Snooze] = []
        self.requeued: list[Requeue] = []
        self.ended: list[End] = []
        self.held: list[Cause] = []
        self.failed: list[Cause] = []
        self.prices: dict[str, int] = {}  #: step → micros of its latest message
        self.no_price = ""  #: why the campaign has to be held: a budget, and a message of unknown price
        self.freed: list[int] = []  #: contacts released by this exclusive campaign
        self.first_contacts = 0  #: people without any attempt before
        self.may_be_first: set[int] = set()  #: contacts of whom this is asked

    def decide(self, row: Due) -> None:
        """Ask the gate about one row and note the writes that follow."""
        step = self.facts.step(row)
        try:
            if not self.request.has_channel:
                raise ChannelMissing(f"no channel serves {step.channel}; add [channel.{step.channel}] to fluentsd.toml")
            person, verdict = self.facts.ask(row, step)
            match verdict:
                case Go():
                    is_new = self.first_left is not None and not row.last_outcome and row.try_no == 1
                    if is_new and not self.first_left:
                        self.is_full = True
                        return
                    self._go(row, step, person, verdict)
                    if is_new and self.first_left is not None:
                        self.first_left -= 1
                case Wait(until_at, reason, whole_lane):
                    if whole_lane:
                        self.result.again_at = until_at
                        return
                    until_at += self.facts.late_offset(row, step, verdict)
                    self.snoozed.append(Snooze(row.id, row.rank, until_at, reason.value))
                case Skip(reason):
                    self._skip(row, step, reason)
                case Never(reason):
                    self._end(row, EnrollmentState.exited, reason, row.unreached)
                case Hold(reason, _):
                    self.held.append(Cause(row.id, str(reason)))
                    self.result.is_stale = self.result.is_stale or reason is Reason.source_stale
        except OverBudget:
            self.result.again_at = spent(self.facts.rules, self.at).until_at
            return
        except NoPrice as why:
            self.no_price, self.is_full = str(why), True
            return
        except (TemplateProblem, ChannelMissing) as why:
            self.failed.append(Cause(row.id, f"step {step.id}: {why}"))
            self._note_end(row)
        self.result.moved += 1
        self.unwait.append(QueueKey(self.request.lane_id, row.rank, row.due_at, row.id))

    def _go(self, row: Due, step: Step, person: Person, go: Go) -> None:
        new = new_attempt(self.facts, row, step, person, go, self.request.lookup_after, self.request.prices)
        self.prices[step.id] = new.row.cost_micros
        self.result.claimed.append(new.claimed)
        self.claims.append(Claim(row.id, self.at, new.row.number_id or row.sender_id))
        self.attempts.append(new.row)
        if row.touched_at is None and row.entry == 1:
            self.first_contacts += 1
        elif not row.last_outcome:
            self.may_be_first.add(row.contact_id)
        if new.body is not None:
            self.bodies.append(new.body)

    def _skip(self, row: Due, step: Step, reason: str) -> None:
        flow = self.plan.flow(row.version_id)
        zones = names_in(row.zones)
        progress = Progress(step.id, row.try_no, row.retries, row.unreached, zones, names_in(row.states))
        following = next_after_skip(flow, step, self.at, local_zone(self.facts.rules, zones))
        match queue(self.facts.rules, progress, following, row.unreached):
            case Queue() as move:
                self.requeued.append(requeued(row.id, self.plan, move, row.outcomes, row.last_outcome))
            case Leave():
                self._end(row, EnrollmentState.completed, "", row.unreached)

    def _end(self, row: Due, state: EnrollmentState, reason: str, unreached: int) -> None:
        self.ended.append(End(row.id, state, str(reason), self.at, unreached, row.outcomes, row.last_outcome))
        self._note_end(row)

    def _note_end(self, row: Due) -> None:
        """The enrollment is no longer queued or active."""
        self.result.has_ended = True
        if self.plan.spec.exclusive:
            self.freed.append(row.contact_id)

    def _deltas(self) -> counters.Deltas:
        deltas = counters.Deltas()
        for state, count in Counter(row.state for row in self.ended).items():
            counters.moved(deltas, self.plan.campaign_id, EnrollmentState.queued, state, count)
        counters.moved(deltas, self.plan.campaign_id, EnrollmentState.queued, EnrollmentState.active, len(self.claims))
        counters.moved(deltas, self.plan.campaign_id, EnrollmentState.queued, EnrollmentState.errored, len(self.failed))
        counters.moved(deltas, self.plan.campaign_id, None, counters.CONTACTED, self.first_contacts)
        return deltas

    async def _count_those_without(self, conn: Connection) -> None:
        """Count the contacts who have no attempt in this campaign: an earlier one was not sent, or they entered
        again."""
        known = await attempts.those_with_attempts(conn, self.may_be_first)
        self.first_contacts += sum((self.plan.campaign_id, one) not in known for one in self.may_be_first)

    async def write(self, conn: Connection, writer: Writer) -> None:
        """Write every verdict, one statement per kind."""
        await enrollments.unwait(conn, self.unwait)
        await enrollments.claim(conn, self.claims)
        if self.may_be_first:
            await self._count_those_without(conn)
        self.result.claims = await attempts.add(conn, self.attempts, writer)
        await attempts.keep_content(conn, self.bodies)
        await enrollments.snooze(conn, self.request.lane_id, self.snoozed)
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
            next_slot_at = pacing.spread(self.request.next_slot_at, self.pace, self.at, started)
            await lanes.set_next_slot(conn, self.request.lane_id, next_slot_at)
        cost = sum(row.cost_micros for row in self.attempts)
        if cost:
            day = self.plan.rules.day(self.at)
            await spending.add(conn, self.plan.campaign_id, self.plan.currency, day, cost)


class NewAttempt(NamedTuple):
    """One attempt before it is committed: the `Claimed` for its channel, its row, and its stored text."""

    claimed: Claimed
    row: OpenAttempt
    body: Content | None


def new_attempt(
    facts: Facts, row: Due, step: Step, person: Person, go: Go, lookup_after: int, prices: Prices | None = None
) -> NewAttempt:
    """Build the attempt that a `Go` allows and count what it uses up. Raises `TemplateProblem` when the message cannot
    be rendered, and `NoPrice` or `OverBudget` when the budget does not allow it."""
    plan, at = facts.plan, facts.at
    token = attempts.new_id(at)
    sender = go.caller_id.e164 if go.caller_id else None
    timezone = local_zone(facts.rules, names_in(row.zones)) if step.compiled_agent else ""
    message = compose(step, person.values, go, sender, timezone)
    cost = _cost(facts, step, prices, message)
    facts.grant(row, step, go, cost)
    number_id = go.caller_id.id if go.caller_id else None
    attempt_row = OpenAttempt(
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
        cost_micros=cost,
        currency=plan.currency,
    )
    body = None
    if message.text or message.html:
        content = "\n".join(filter(None, (message.subject, message.text or message.html)))
        body = Content(row.contact_id, token, "body", content, at)
    claimed = Claimed(plan.campaign_id, message, token, at, sender, step.id, row.try_no)
    return NewAttempt(claimed, attempt_row, body)


def _cost(facts: Facts, step: Step, prices: Prices | None, message: Message) -> int:
    """The micros to reserve for a message: the campaign's own cost, else the channel's price; checked against the
    budget."""
    named = facts.rules.cost.get(step.channel)
    cost = price_of(prices, message, facts.plan.currency) if named is None else named
    if cost is None and facts.rules.budget is not None:
        raise NoPrice(unpriced(step.channel, facts.plan.currency))
    if not facts.rules.affords(cost or 0):
        raise OverBudget
    return cost or 0


def unpriced(channel: Kind, currency: str) -> str:
    """The sentence about a budget that cannot be kept."""
    return (
        f"the campaign has a budget, and the price of {channel} in {currency} is not known; write it in the campaign's "
        f"[limits], cost = {{ {channel} = 0.01 }}, or set the channel's price in fluentsd.toml"
    )


def price_of(prices: Prices | None, message: Message, currency: str) -> int | None:
    """The channel's price of a message in micros; None if it is not known in the currency. Nothing is nothing in every
    currency."""
    if prices is None:
        return None
    try:
        price = prices.price(message)
    except Exception:  # noqa: BLE001 - the guard at the edge of the plugin: what cannot be priced has no known price
        return None
    return price.micros if price is not None and (price.currency == currency or not price.micros) else None


def compose(step: Step, values: Mapping[str, Any], go: Go, sender: str | None, timezone: str = "") -> Message:
    """The rendered message; `timezone` is the person's, for a call. Raises `TemplateProblem` when a variable is missing
    or a limit is exceeded."""
    values = {**values, "sender": sender or ""} if values else values
    fields = values.get("contact", {})
    return Message(
        kind=step.channel,
        to=go.point.value,
        sender=sender or step.sender.render(values) or None,
        reply_to=step.reply_to.render(values),
        subject=step.subject.render(values),
        text=step.text.render(values),
        html=step.html.render(values),
        agent=step.agent,
        variables=fields if step.agent else {},
        valid_until_at=go.closes_at,
        settings=step.compiled_agent.settings(values) if step.compiled_agent else None,
        timezone=timezone,
    )


def requeued(enrollment_id: int, plan: Plan, move: Queue, outcomes: str, last: str) -> Requeue:
    """The store's row for a move back to the queue."""
    return Requeue(
        enrollment_id,
        plan.lanes[move.step.channel],
        move.step.id,
        move.try_no,
        move.retries,
        move.unreached,
        move.wanted_at,
        move.due_at,
        reason_to_wait(move.wanted_at, move.due_at),
        outcomes,
        last,
        PROMISED if move.promised else ORDINARY,
    )
