"""The record: what came of attempts, written together, and where it takes their people.

One unit of work takes any number of reports: a receipt, a refusal, an outcome that came back later, a look-up's
proof. An open attempt is closed once; later evidence about a closed one only improves it, and may still end the
person's course (a reply, an opt-out, a bounce). Whatever a report says, the attempt row and the enrollment row
decide, under lock, whether it still counts.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fluentsd.api import Fault, Outcome
from fluentsd.domain.breakers import Figure, figure_of
from fluentsd.domain.enrollment import Leave, Progress, Queue, move_after
from fluentsd.domain.flow import count_unreached, exit_reason
from fluentsd.domain.states import AttemptState, EnrollmentState
from fluentsd.domain.time.absence import back_at
from fluentsd.engine.campaigns.exits import exit_everywhere
from fluentsd.engine.campaigns.rescheduling import bring_forward
from fluentsd.engine.dispatch import breakers
from fluentsd.engine.dispatch.breakers import Tripped
from fluentsd.engine.dispatch.claim import requeued
from fluentsd.engine.dispatch.facts import names_in
from fluentsd.engine.dispatch.plans import Plan, Plans
from fluentsd.store import attempts, contacts, counters, enrollments, spending, suppression
from fluentsd.store.attempts import (
    Acceptance,
    AttemptRow,
    Content,
    Improvement,
    Postponement,
    Settlement,
    outcome_stats,
)
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import End, Evidence, Requeue

#: Vaguer to clearer: evidence may only move an outcome rightwards.
_CLEARER = [
    Outcome.unknown, Outcome.sent, Outcome.delivered, Outcome.failed, Outcome.bounced,
    Outcome.no_answer, Outcome.busy, Outcome.voicemail, Outcome.answered, Outcome.replied, Outcome.opted_out,
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class OutcomeReport:
    """What is known of one attempt now. `outcome` None: the provider has it, the end is still to come, ask again at
    `ask_at`; with `ref` None too, nothing is known and it stays open until `ask_at`. `at` is when it became known;
    `retry_at` is for `not_sent`: the earliest moment of the next try."""

    attempt_id: str
    at: int
    outcome: Outcome | None = None
    reason: str = ""
    ref: str | None = None
    ask_at: int | None = None
    retry_at: int | None = None
    cost_micros: int | None = None
    currency: str = "USD"
    duration_s: int | None = None
    dead: bool = False
    fault: Fault = "person"
    text: str = ""
    transcript: str = ""
    recording: str = ""
    message_ref: str | None = None
    away_until_at: int | None = None  #: as the person's automatic answer names it, see `Inbound`


@dataclass(slots=True)
class Recorded:
    """What one record changed. `closed`: attempts no longer open; `touched`: campaigns somebody's course ended in;
    `tripped`: breakers that what came back has tripped."""

    closed: set[str]
    touched: set[int]
    tripped: list[Tripped]
    hastened: bool = False  #: somebody who waited to be back need not wait so long


async def record(conn: Connection, plans: Plans, reports: Sequence[OutcomeReport]) -> Recorded:
    """The unit of work. Reports about attempts that do not exist are dropped."""
    answer = Recorded(set(), set(), [])
    waiting, known, counted = list(reports), dict[int, Plan](), outcome_stats.Deltas()
    while waiting:
        rows = await attempts.load(conn, [report.attempt_id for report in waiting])
        batch, later = _Batch(counted), []
        people: set[int] = set()
        for report in waiting:
            row = rows.get(report.attempt_id)
            if row is None:
                continue
            if row.contact_id in people:  # one word at a time about one person: the next sees what this one changed
                later.append(report)
                continue
            people.add(row.contact_id)
            if row.campaign_id not in known:
                _, known[row.campaign_id] = await plans.current(conn, row.campaign_id)
            batch.take(row, report, known[row.campaign_id])
        await batch.write(conn)
        answer.closed.update(batch.closed)
        answer.touched |= batch.touched
        answer.hastened |= await bring_forward.may_be_back(conn, plans, batch.back, reports[0].at) > 0
        waiting = later
    if counted:
        at = max(report.at for report in reports)
        answer.tripped = await breakers.settle(conn, plans, counted, known, at)
    return answer


class _Batch:
    """The answers of one record, gathered and written a statement per kind."""

    def __init__(self, counted: outcome_stats.Deltas) -> None:
        self.counted = counted
        self.closed: list[str] = []
        self.touched: set[int] = set()
        self.deltas: counters.Deltas = counters.Deltas()
        self.queued_in: Counter[int] = Counter()
        self.settled: list[Settlement] = []
        self.given_up: list[Settlement] = []
        self.accepted: list[Acceptance] = []
        self.postponed: list[Postponement] = []
        self.improved: list[Improvement] = []
        self.evidence: list[Evidence] = []
        self.requeued: list[Requeue] = []
        self.ended: dict[int, End] = {}
        self.leavers: list[int] = []
        self.freed: dict[int, int] = {}  #: contacts whom an exclusive campaign wanted for itself until now → since when
        self.content: list[Content] = []
        self.dead: list[tuple[int, str]] = []
        self.stops: list[tuple[int, OutcomeReport]] = []
        self.back: dict[int, int | None] = {}  #: contacts of whom it is newly known when they are back; None: they are
        self.spending: list[tuple[Plan, int, int]] = []

    def take(self, row: AttemptRow, report: OutcomeReport, plan: Plan) -> None:
        """One report about one attempt."""
        if report.text or report.transcript or report.recording:
            self._keep_words(row, report)
        if report.outcome == Outcome.opted_out:
            self.stops.append((row.contact_id, report))
        self._note_absence(row, report)
        if report.dead and row.point_id is not None:
            self.dead.append((row.point_id, row.channel))
        if row.state != AttemptState.open:
            self._improve(row, report, plan)
        elif report.outcome is not None:
            self._settle(row, report, plan)
        elif report.ref is not None:
            self.accepted.append(Acceptance(row.id, report.ref, report.at, report.ask_at))
        else:
            self.postponed.append(Postponement(row.id, report.ask_at, report.reason))

    def _note_absence(self, row: AttemptRow, report: OutcomeReport) -> None:
        """The latest word counts: a robot's about the day of return, or their own, for who writes is there."""
        if report.outcome == Outcome.replied:
            self.back[row.contact_id] = None
        elif report.away_until_at is not None:
            until_at = back_at(report.away_until_at, names_in(row.zones), report.at)
            if until_at is not None:
                self.back[row.contact_id] = until_at

    def _settle(self, row: AttemptRow, report: OutcomeReport, plan: Plan) -> None:
        assert report.outcome is not None  # noqa: S101 - the caller looked
        cost = report.cost_micros if report.cost_micros is not None else row.cost_micros
        cost = 0 if report.outcome == Outcome.not_sent else cost
        figure = _figure(row, report)
        breakers.count(self.counted, row, plan.resumed_at, None, figure)
        closed = self.given_up if report.outcome == Outcome.unknown else self.settled
        closed.append(
            Settlement(
                row.id,
                report.outcome.value,
                report.reason,
                report.ref,
                report.at if report.ref else None,
                report.at,
                report.duration_s,
                cost,
                report.currency,
                figure,
            )
        )
        if cost != row.cost_micros:
            self.spending.append((plan, row.claimed_at, cost - row.cost_micros))
        self.closed.append(row.id)
        if row.enrollment_state == EnrollmentState.active and row.at_step == row.step and row.at_try == row.try_no:
            self._move(row, report, plan)

    def _move(self, row: AttemptRow, report: OutcomeReport, plan: Plan) -> None:
        outcome = report.outcome
        assert outcome is not None  # noqa: S101 - the caller looked
        place = (names_in(row.zones), names_in(row.states))
        standing = Progress(row.step, row.try_no, row.retries, row.unreached, *place)
        at = max(report.at, report.retry_at or 0)
        move = move_after(plan.flow(row.version_id), plan.rules, plan.exits, standing, outcome, at, report.fault)
        outcomes, last = row.outcomes, row.last_outcome
        if outcome != Outcome.not_sent:
            outcomes, last = _remember(row.outcomes, row.step, outcome.value), outcome.value
        match move:
            case Queue():
                self.requeued.append(requeued(row.enrollment_id, plan, move, outcomes, last))
                self.queued_in[row.campaign_id] += 1
            case Leave(reason, unreached):
                state = EnrollmentState.exited if reason else EnrollmentState.completed
                self._end(row, plan, state, reason, report.at, unreached, outcomes, last)

    def _improve(self, row: AttemptRow, report: OutcomeReport, plan: Plan) -> None:
        """Later evidence: the outcome gets clearer; a reply, an opt-out or a bounce may end the course. Where it goes
        on, conditions see the outcome, and failures in a row count."""
        outcome, fault = report.outcome, report.fault
        if outcome is None or outcome not in _CLEARER or row.outcome not in _CLEARER:
            return
        figure = _figure(row, report)
        complains = figure == Figure.complained != row.counted  # the opt-out itself may have come first
        if _CLEARER.index(outcome) <= _CLEARER.index(Outcome(row.outcome)) and not complains:
            return
        if row.counted is None and row.outcome != Outcome.unknown:
            figure = None  # it ended before anything was counted
        breakers.count(self.counted, row, plan.resumed_at, row.counted, figure)
        self.improved.append(Improvement(row.id, outcome, report.reason or None, figure))
        if row.enrollment_state not in (EnrollmentState.queued, EnrollmentState.active, EnrollmentState.errored):
            return
        unreached = count_unreached(row.unreached, outcome, fault)
        reason = exit_reason(plan.exits.on, outcome, unreached, plan.exits.unreachable_after, fault)
        outcomes = _remember(row.outcomes, row.step, outcome)
        if reason:
            self.leavers.append(row.enrollment_id)
            self._end(row, plan, EnrollmentState.exited, reason, report.at, unreached, outcomes, outcome)
        elif unreached != row.unreached or plan.asks(row.version_id):
            self._hear(row, unreached, outcomes, outcome)

    def _hear(self, row: AttemptRow, unreached: int, outcomes: str, outcome: str) -> None:
        """What later evidence about an earlier contact means for the way ahead."""
        last = row.last_outcome
        if row.at_step == row.step and row.at_try != row.try_no:
            outcomes = row.outcomes  # a further try of the step is under way, and its outcome is the step's
        elif next(reversed(json.loads(outcomes))) == row.step:
            last = outcome
        self.evidence.append(Evidence(row.enrollment_id, unreached, outcomes, last))

    def _end(
        self,
        row: AttemptRow,
        plan: Plan,
        state: EnrollmentState,
        reason: str,
        at: int,
        unreached: int,
        outcomes: str,
        last: str,
    ) -> None:
        self.ended[row.enrollment_id] = End(row.enrollment_id, state, reason, at, unreached, outcomes, last)
        counters.moved(self.deltas, row.campaign_id, row.enrollment_state, state)
        self.touched.add(row.campaign_id)
        if plan.spec.exclusive:
            self.freed[row.contact_id] = at

    def _keep_words(self, row: AttemptRow, report: OutcomeReport) -> None:
        for kind in ("text", "transcript", "recording"):
            words = getattr(report, kind)
            if words:
                name = "reply" if kind == "text" else kind
                self.content.append(Content(row.contact_id, row.id, name, words, report.at, report.message_ref))

    async def write(self, conn: Connection) -> None:
        await attempts.settle(conn, self.settled)
        await attempts.give_up(conn, self.given_up)
        await attempts.accept(conn, self.accepted)
        await attempts.postpone(conn, self.postponed)
        await attempts.improve(conn, self.improved)
        await attempts.keep_content(conn, self.content)
        await contacts.mark_dead(conn, self.dead)
        await contacts.are_away(conn, self.back)
        await enrollments.note_evidence(conn, self.evidence)
        await enrollments.leave_queue(conn, self.leavers)
        await enrollments.requeue(conn, self.requeued)
        await enrollments.end(conn, list(self.ended.values()))
        for contact_id, at in self.freed.items():
            await enrollments.free(conn, [contact_id], at)
        for contact_id, report in self.stops:
            await self._opt_out(conn, contact_id, report)
        for campaign_id, count in self.queued_in.items():
            counters.moved(self.deltas, campaign_id, EnrollmentState.active, EnrollmentState.queued, count)
        await counters.add(conn, self.deltas)
        for plan, at, micros in self.spending:
            await spending.add(conn, plan.campaign_id, plan.currency, at, micros)

    async def _opt_out(self, conn: Connection, contact_id: int, report: OutcomeReport) -> None:
        evidence = {"attempt": report.attempt_id}
        await suppression.add_contact(
            conn, contact_id, reason="opted_out", by="contact", at=report.at, evidence=evidence
        )
        self.touched |= await exit_everywhere(conn, contact_id, "opted_out", report.at, self.deltas)


def _figure(row: AttemptRow, report: OutcomeReport) -> str | None:
    """What an attempt counts as for breakers, by this report's outcome."""
    assert report.outcome is not None  # noqa: S101 - the callers looked
    has_caller_id = row.number_id is not None
    figure = figure_of(
        report.outcome, report.fault, dead=report.dead, reason=report.reason, has_caller_id=has_caller_id
    )
    return figure.value if figure else None


def _remember(outcomes: str, step: str, outcome: str) -> str:
    """The outcomes by step, with this one."""
    if outcomes == "{}":
        return f'{{"{step}":"{outcome}"}}'
    known = json.loads(outcomes)
    known[step] = str(outcome)
    return json.dumps(known, separators=(",", ":"))
