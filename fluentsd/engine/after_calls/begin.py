"""Begins the work after calls, in the transaction that records their outcome.

A call has such work when its agent's file asks for an analysis and there is a transcript, when its flow has follow-ups,
or when the conversation itself made a hot lead. The row of the work and its task are committed with the outcome, so no
crash loses them, and a call begins its work once. What the work is: `work`.
"""

from __future__ import annotations

from collections.abc import Sequence

from fluentsd.domain.agents import KeptAgent
from fluentsd.domain.events import AfterCallTask
from fluentsd.domain.flow import Flow
from fluentsd.domain.follow_ups import OUTCOMES
from fluentsd.domain.leads import lead_of
from fluentsd.engine.dispatch.outcome_reports import OutcomeReport
from fluentsd.store import after_calls, outbox
from fluentsd.store.after_calls import NewCall
from fluentsd.store.attempts import AttemptRow
from fluentsd.store.db import Connection
from fluentsd.store.inbound_calls import Ended


def has_work(row: AttemptRow, report: OutcomeReport, flow: Flow) -> bool:
    """Whether this report ends a call that has something to follow. A transcript comes with the last report of a
    conversation; an opt-out may have been reported before it."""
    if row.channel != "phone" or row.step not in flow.index:
        return False
    compiled = flow.step(row.step).compiled_agent
    is_analysed = compiled is not None and compiled.agent.analysis is not None
    if report.transcript:
        return bool(flow.follow_ups) or is_analysed or lead_of(report.disposition) is not None
    follows = bool(flow.follow_ups) or (lead_of(report.disposition) is not None and not is_analysed)
    return follows and report.outcome in OUTCOMES


async def begin(conn: Connection, rows: Sequence[AttemptRow], at: int) -> None:
    """Begin the work of these calls, and post its tasks."""
    new = await after_calls.begin(conn, [NewCall(row.id, row.campaign_id, row.contact_id) for row in rows], at)
    await outbox.post(conn, *(AfterCallTask(call=attempt_id) for attempt_id in new), at=at)


async def begin_received(
    conn: Connection, call: Ended, kept: KeptAgent | None, flow: Flow | None, at: int, *, is_told: bool
) -> bool:
    """Begin the work of a conversation in a call to us; whether there is any, and it was not begun before. `kept`: the
    agent that answered; `flow`: of the enrollment that the call belongs to."""
    is_analysed = kept is not None and kept.agent.analysis is not None
    follows = flow is not None and (bool(flow.follow_ups) or lead_of(call.disposition) is not None)
    if call.contact_id is None or not (is_analysed or follows):
        return False
    new = await after_calls.begin(conn, [NewCall(call.id, call.campaign_id, call.contact_id)], at)
    await outbox.post(conn, *(AfterCallTask(call=call_id, is_told=is_told) for call_id in new), at=at)
    return bool(new)
