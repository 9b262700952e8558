"""Outcome reports: records what is known of attempts, and moves their enrollments.

One unit of work writes any number of reports: a receipt, a refusal, a later outcome, the result of a look-up. An open
attempt is closed once. Later evidence about a closed attempt only makes its outcome clearer, and may still end the
enrollment (a reply, an opt-out, a bounce). The attempt row and the enrollment row decide, under lock, whether a report
still counts.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fluentsd.api import Outcome
from fluentsd.domain.breakers import Figure, figure_of
from fluentsd.domain.enrollment import Leave, Progress, Queue, move_after
from fluentsd.domain.events import RecordingTask
from fluentsd.domain.flow import count_unreached, exit_reason
from fluentsd.domain.state_machines import AttemptState, EnrollmentState
from fluentsd.domain.time.absence import back_at
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.after_calls.begin import begin, has_work
from fluentsd.engine.campaigns.exits import exit_everywhere, exit_one
from fluentsd.engine.campaigns.rescheduling import bring_forward
from fluentsd.engine.dispatch import breakers
from fluentsd.engine.dispatch.breakers import Tripped
from fluentsd.engine.dispatch.claim import requeued
from fluentsd.engine.dispatch.facts import names_in
from fluentsd.engine.dispatch.outcome_events import ChangedOutcome, post_outcomes
from fluentsd.engine.dispatch.outcome_reports import OutcomeReport, cleaned, promised_at
from fluentsd.engine.dispatch.plans import Plan, Plans
from fluentsd.store import attempts, contacts, counters, enrollments, inbound_ids, outbox, spending, suppression
from fluentsd.store.attempts import (
    Acceptance,
    AttemptRow,
    Content,
    Conversation,
    Improvement,
    Postponement,
    Settlement,
    outcome_stats,
    step_counts,
)
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import End, Evidence, Requeue

#: From vague to clear: later evidence may move an outcome only to the right.
_CLEARER = [
    Outcome.unknown, Outcome.sent, Outcome.delivered, Outcome.failed, Outcome.bounced,
    Outcome.no_answer, Outcome.busy, Outcome.voicemail, Outcome.agent_error, Outcome.answered, Outcome.replied,
    Outcome.opted_out,
]  # fmt: skip


#: When a provider is asked again after an answer that proves nothing.
ASK_AGAIN = 60 * SECOND


#: Outcomes whose text is the person's, an automatic answer included.
_SPOKEN = (Outcome.replied, Outcome.opted_out, Outcome.delivered, Outcome.answered)


@dataclass(slots=True)
class Recorded:
    """Changes made by one `record`. `closed`: attempts no longer open; `ended_in`: campaigns in which an enrollment
    ended; `tripped`: breakers tripped by these outcomes."""

    closed: set[str]
    ended_in: set[int]
    tripped: list[Tripped]
    brought_forward: bool = False  #: a contact's absence ends earlier than known before


async def record(
    conn: Connection, plans: Plans, reports: Sequence[OutcomeReport], *, check_references: bool = False
) -> Recorded:
    """The unit of work. Reports about attempts that do not exist are dropped.

    Raises `ReferenceTaken` when a reference belongs to another attempt already. With `check_references` the owners are
    read first, and such a report counts without its reference: rare, so the usual record does not pay for the read.
    """
    recorded = Recorded(set(), set(), [])
    reports = [cleaned(report) for report in reports]
    waiting = await inbound_ids.new_ones(conn, reports, max(report.at for report in reports))
    known, counted = dict[int, Plan](), outcome_stats.Deltas()
    while waiting:
        rows = await attempts.load(conn, [report.attempt_id for report in waiting])
        if check_references:
            waiting = await _with_own_refs(conn, waiting, rows)
        batch, later = _Batch(counted), []
        people: set[int] = set()
        for report in waiting:
            row = rows.get(report.attempt_id)
            if row is None:
                continue
            if row.contact_id in people:  # one report per person at a time: the next one sees this one's changes
                later.append(report)
                continue
            people.add(row.contact_id)
            if row.campaign_id not in known:
                _, known[row.campaign_id] = await plans.current(conn, row.campaign_id)
            batch.add(row, report, known[row.campaign_id])
        await batch.write(conn)
        recorded.closed.update(batch.closed)
        recorded.ended_in |= batch.ended_in
        moved = await bring_forward.may_be_back(conn, plans, batch.absences, reports[0].at)
        recorded.brought_forward |= moved > 0
        waiting = later
    if counted:
        at = max(report.at for report in reports)
        recorded.tripped = await breakers.evaluate(conn, plans, counted, known, at)
    return recorded


async def _with_own_refs(
    conn: Connection, reports: Sequence[OutcomeReport], rows: Mapping[str, AttemptRow]
) -> list[OutcomeReport]:
    """The reports without references that belong to another attempt: a provider's reference belongs to one. Where
    nothing else shows that the report is about its attempt, it proves nothing, and the provider is asked again."""
    refs = {report.ref for report in reports if report.ref is not None}
    if not refs:
        return list(reports)
    owners = await attempts.owners(conn, refs)
    checked = []
    for report in reports:
        row = rows.get(report.attempt_id)
        if report.ref is not None and row is not None:
            owner = owners.setdefault((row.channel, report.ref), report.attempt_id)
            if owner != report.attempt_id:
                report = _without_ref(report)
        checked.append(report)
    return checked


def _without_ref(report: OutcomeReport) -> OutcomeReport:
    if not report.ref_is_proof:
        return report._replace(ref=None)
    why = "the provider's reference belongs to another attempt"
    return OutcomeReport(report.attempt_id, report.at, reason=why, ask_at=report.at + ASK_AGAIN)


class _Batch:
    """The changes of one `record`, collected row by row and written with one statement per kind."""

    def __init__(self, counted: outcome_stats.Deltas) -> None:
        self.counted = counted
        self.closed: list[str] = []
        self.ended_in: set[int] = set()
        self.deltas: counters.Deltas = counters.Deltas()
        self.steps: step_counts.Deltas = step_counts.Deltas()
        self.queued_in: Counter[int] = Counter()
        self.settled: list[Settlement] = []
        self.given_up: list[Settlement] = []
        self.accepted: list[Acceptance] = []
        self.postponed: list[Postponement] = []
        self.improved: list[Improvement] = []
        self.evidence: list[Evidence] = []
        self.requeued: list[Requeue] = []
        self.ended: dict[int, End] = {}
        self.exited: list[int] = []
        self.freed: dict[int, int] = {}  #: contacts released by an exclusive campaign → when
        self.content: list[Content] = []
        self.dead: list[tuple[int, str]] = []
        self.opt_outs: list[tuple[int, OutcomeReport]] = []
        self.absences: dict[int, int | None] = {}  #: contacts → new end of their absence; None: no longer away
        self.spending: list[tuple[Plan, int, int]] = []
        self.conversations: list[Conversation] = []
        self.changed: list[ChangedOutcome] = []  #: attempts whose outcome is new or clearer
        self.answered: dict[int, tuple[AttemptRow, int]] = {}  #: enrollments whose follow-up was answered, and when
        self.calls: list[tuple[AttemptRow, int]] = []  #: calls that have something to follow, and when they ended
        self.not_sent: set[tuple[int, int]] = set()  #: (campaign, contact) of attempts that were not made

    def add(self, row: AttemptRow, report: OutcomeReport, plan: Plan) -> None:
        """One report about one attempt."""
        if report.text or report.transcript or report.recording or report.summary:
            self._keep_content(row, report)
        if report.disposition or report.transcript:
            details = (report.disposition, promised_at(report), report.duration_s)
            self.conversations.append(Conversation(row.id, *details))
        if has_work(row, report, plan.flow(row.version_id)):
            self.calls.append((row, report.at))
        if row.follows is not None and report.outcome == Outcome.replied and Outcome.replied in plan.exits.on:
            self.answered[row.follows] = (row, report.at)
        if report.outcome == Outcome.opted_out:
            self.opt_outs.append((row.contact_id, report))
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
        """The latest news counts: an automatic reply gives the day of return, a personal reply ends the absence."""
        if report.outcome == Outcome.replied:
            self.absences[row.contact_id] = None
        elif report.away_until_at is not None:
            until_at = back_at(report.away_until_at, names_in(row.zones), report.at)
            if until_at is not None:
                self.absences[row.contact_id] = until_at

    def _settle(self, row: AttemptRow, report: OutcomeReport, plan: Plan) -> None:
        assert report.outcome is not None  # noqa: S101 - checked by the caller
        cost = report.cost_micros if report.cost_micros is not None else row.cost_micros
        if report.outcome == Outcome.not_sent:
            cost = 0
            self.not_sent.add((row.campaign_id, row.contact_id))
        figure = _figure(row, report)
        breakers.count(self.counted, row, plan.resumed_at, None, figure)
        step_counts.move(self.steps, row.campaign_id, row.step, None, report.outcome)
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
        self.changed.append(ChangedOutcome(row, str(report.outcome), plan.ref, report.at))
        if row.enrollment_state == EnrollmentState.active and row.at_step == row.step and row.at_try == row.try_no:
            self._move(row, report, plan)

    def _move(self, row: AttemptRow, report: OutcomeReport, plan: Plan) -> None:
        outcome = report.outcome
        assert outcome is not None  # noqa: S101 - checked by the caller
        place = (names_in(row.zones), names_in(row.states))
        progress = Progress(row.step, row.try_no, row.retries, row.unreached, *place)
        at = max(report.at, report.retry_at or 0)
        flow, promised = plan.flow(row.version_id), promised_at(report)
        move = move_after(flow, plan.rules, plan.exits, progress, outcome, at, report.fault, promised)
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
        """Later evidence: the outcome gets clearer; a reply, an opt-out or a bounce may end the enrollment. Otherwise
        conditions see the new outcome, and failures in a row are counted."""
        outcome, fault = report.outcome, report.fault
        if outcome is None or outcome not in _CLEARER or row.outcome not in _CLEARER:
            return
        figure = _figure(row, report)
        complains = figure == Figure.complained != row.counted  # the opt-out may have been recorded first
        if _CLEARER.index(outcome) <= _CLEARER.index(Outcome(row.outcome)) and not complains:
            return
        if row.counted is None and row.outcome != Outcome.unknown:
            figure = None  # it ended before breakers counted attempts
        breakers.count(self.counted, row, plan.resumed_at, row.counted, figure)
        step_counts.move(self.steps, row.campaign_id, row.step, row.outcome, outcome)
        self.improved.append(Improvement(row.id, outcome, report.reason or None, figure))
        self.changed.append(ChangedOutcome(row, str(report.outcome), plan.ref, report.at))
        if row.enrollment_state not in (EnrollmentState.queued, EnrollmentState.active, EnrollmentState.errored):
            return
        unreached = count_unreached(row.unreached, outcome, fault)
        reason = exit_reason(plan.exits.on, outcome, unreached, plan.exits.unreachable_after, fault)
        outcomes = _remember(row.outcomes, row.step, outcome)
        if reason:
            self.exited.append(row.enrollment_id)
            self._end(row, plan, EnrollmentState.exited, reason, report.at, unreached, outcomes, outcome)
        elif unreached != row.unreached or plan.reads_outcomes(row.version_id):
            self._note_evidence(row, unreached, outcomes, outcome)

    def _note_evidence(self, row: AttemptRow, unreached: int, outcomes: str, outcome: str) -> None:
        """Later evidence about an earlier step, for the conditions of the steps ahead."""
        last = row.last_outcome
        if row.at_step == row.step and row.at_try != row.try_no:
            outcomes = row.outcomes  # another try of the step is under way; its outcome counts for the step
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
        self.ended_in.add(row.campaign_id)
        if plan.spec.exclusive:
            self.freed[row.contact_id] = at

    def _keep_content(self, row: AttemptRow, report: OutcomeReport) -> None:
        for kind in ("text", "transcript", "recording", "summary"):
            text = getattr(report, kind)
            if kind == "text" and report.outcome not in _SPOKEN:
                continue  # what a channel says of itself is no reply
            if text:
                name = "reply" if kind == "text" else kind
                self.content.append(Content(row.contact_id, row.id, name, text, report.at, report.message_ref))

    async def write(self, conn: Connection) -> None:
        await attempts.settle(conn, self.settled)
        await attempts.give_up(conn, self.given_up)
        await attempts.accept(conn, self.accepted)
        await attempts.postpone(conn, self.postponed)
        await attempts.improve(conn, self.improved)
        await step_counts.add(conn, self.steps)
        await attempts.keep_content(conn, self.content)
        await attempts.keep_conversations(conn, self.conversations)
        await post_outcomes(conn, self.changed)
        if self.calls:
            await begin(conn, [row for row, _ in self.calls], max(at for _, at in self.calls))
        for one in self.content:
            if one.kind == "recording":
                await outbox.post(conn, RecordingTask(attempt=one.attempt_id), at=one.created_at)
        await contacts.mark_dead(conn, self.dead)
        await contacts.are_away(conn, self.absences)
        await enrollments.note_evidence(conn, self.evidence)
        await enrollments.leave_queue(conn, self.exited)
        await enrollments.requeue(conn, self.requeued)
        await enrollments.end(conn, list(self.ended.values()))
        for contact_id, at in self.freed.items():
            await enrollments.free(conn, [contact_id], at)
        for enrollment_id, (row, at) in self.answered.items():
            await exit_one(conn, enrollment_id, row.contact_id, str(Outcome.replied), at, self.deltas)
            self.ended_in.add(row.campaign_id)
        for contact_id, report in self.opt_outs:
            await self._opt_out(conn, contact_id, report)
        for campaign_id, count in self.queued_in.items():
            counters.moved(self.deltas, campaign_id, EnrollmentState.active, EnrollmentState.queued, count)
        if self.not_sent:
            made = await attempts.those_with_attempts(conn, {contact for _, contact in self.not_sent})
            for campaign_id, _ in self.not_sent - made:
                counters.moved(self.deltas, campaign_id, counters.CONTACTED, None)
        await counters.add(conn, self.deltas)
        for plan, at, micros in self.spending:
            await spending.add(conn, plan.campaign_id, plan.currency, plan.rules.day(at), micros)

    async def _opt_out(self, conn: Connection, contact_id: int, report: OutcomeReport) -> None:
        """The person goes on the suppression list with every point; they and all who share one leave all campaigns."""
        evidence = {"attempt": report.attempt_id}
        await suppression.add_contact(
            conn, contact_id, reason="opted_out", by="contact", at=report.at, evidence=evidence, said_at=report.said_at
        )
        everybody = await contacts.sharing(conn, contact_id)
        self.ended_in |= await exit_everywhere(conn, everybody, "opted_out", report.at, self.deltas)


def _figure(row: AttemptRow, report: OutcomeReport) -> str | None:
    """The breakers' class of an attempt with this outcome; None when it is not counted."""
    assert report.outcome is not None  # noqa: S101 - checked by the callers
    has_caller_id = row.number_id is not None
    figure = figure_of(
        report.outcome, report.fault, dead=report.dead, reason=report.reason, has_caller_id=has_caller_id
    )
    return figure.value if figure else None


def _remember(outcomes: str, step: str, outcome: str) -> str:
    """The outcomes by step as JSON, with this one added."""
    if outcomes == "{}":
        return f'{{"{step}":"{outcome}"}}'
    known = json.loads(outcomes)
    known[step] = str(outcome)
    return json.dumps(known, separators=(",", ":"))
