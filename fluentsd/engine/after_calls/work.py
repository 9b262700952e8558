"""The work after a call: a target of the outbox that analyses the transcript and enrolls what follows.

A task is delivered until its work is done; the work is done in one transaction, which asks whether it is still pending.
So a crash at any point repeats the question to the model and nothing else. The channel asks the model; what of its
answer counts is decided by `domain.analysis`. An answer that does not keep the schema is `failed`, with its reason; the
transcript stays, and follow-ups that need no analysis go on.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fluentsd.api import Outcome, Unavailable
from fluentsd.domain.analysis import Analysis, settled
from fluentsd.domain.events import CallAnalysed, ReceivedCallTask
from fluentsd.domain.follow_ups import CallResult
from fluentsd.domain.leads import lead_of
from fluentsd.domain.subscriptions import AFTER_CALLS
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.after_calls import follow_ups, inbound_calls
from fluentsd.engine.after_calls.analysing import STOPPED, Conversation, Finding, analyse
from fluentsd.engine.dispatch.inbound import Inbox
from fluentsd.engine.dispatch.outcome_reports import OutcomeReport
from fluentsd.engine.dispatch.plans import Plan
from fluentsd.engine.dispatch.recorder import Recorder
from fluentsd.engine.outbox.targets import Posted
from fluentsd.store import after_calls, attempts, outbox
from fluentsd.store.after_calls import CallDone
from fluentsd.store.attempts import Content
from fluentsd.store.db import Connection
from fluentsd.unavailable import StoreClosed, StoreUnavailable

if TYPE_CHECKING:
    from fluentsd.engine.runtime import Runtime

#: A model that has not answered for so long is given up, microseconds from the call's end.
PATIENCE = 24 * 3600 * SECOND


class AfterCalls:
    """Does the work after calls."""

    name, keeps_delivered = AFTER_CALLS, False

    def __init__(self, runtime: Runtime, recorder: Recorder) -> None:
        self._runtime, self._recorder = runtime, recorder
        self._inbox = Inbox(runtime, recorder)

    async def deliver(self, event: Posted) -> None:
        """Do the work of one call, unless it is done."""
        try:
            if event.topic == ReceivedCallTask.topic:
                await inbound_calls.follow(self._runtime, self._inbox, event)
            else:
                await self._follow(event.payload["attempt"])
        except StoreClosed:
            raise
        except StoreUnavailable as why:
            raise Unavailable("the database does not answer", 1.0, only_this=True) from why

    async def _follow(self, attempt_id: str) -> None:
        runtime = self._runtime
        known = await runtime.store.read(self._pending, attempt_id)
        if known is None:
            return
        call, plan = known
        found = await self._analyse(call, plan)
        if found.analysis is not None and found.analysis.opted_out and call.outcome != Outcome.opted_out:
            report = OutcomeReport(call.attempt_id, runtime.clock.now(), Outcome.opted_out, STOPPED)
            await self._recorder.record(report)
        follow = await runtime.store.run(self._finish, attempt_id, found)
        runtime.log.info("call.analysed", attempt=attempt_id, problem=found.problem, follow_ups=follow)
        runtime.dispatcher_wakeup.notify()
        runtime.enrollment_ended({call.campaign_id})

    async def _pending(self, conn: Connection, attempt_id: str) -> tuple[CallDone, Plan] | None:
        call = await after_calls.pending(conn, attempt_id)
        if call is None:
            return None
        return call, (await self._runtime.plans.current(conn, call.campaign_id, lock=False))[1]

    async def _analyse(self, call: CallDone, plan: Plan) -> Finding:
        speaker = plan.flow(call.version_id).step(call.step).speaker
        about = Conversation(call.outcome, call.transcript, call.began_at + PATIENCE)
        return await analyse(self._runtime, speaker, about)

    async def _finish(self, conn: Connection, attempt_id: str, found: Finding) -> list[str]:
        """The unit of work: the words, the state, the follow-ups and the event, or nothing when it is done already."""
        call, at = await after_calls.pending(conn, attempt_id, lock=True), self._runtime.clock.now()
        if call is None:
            return []
        _, plan = await self._runtime.plans.current(conn, call.campaign_id)
        analysis = found.analysis or Analysis()
        disposition = settled(call.disposition, analysis)
        await attempts.keep_content(conn, _words(call, found, at))
        if disposition is not None:
            await attempts.keep_conversations(conn, [attempts.Conversation(attempt_id, str(disposition), None, None)])
        result = CallResult(call.outcome, str(disposition or ""), analysis.summary, analysis.fields)
        steps = await follow_ups.enroll(conn, plan, call, result, at)
        lead = lead_of(disposition)
        if found.problem:
            await after_calls.fail(conn, attempt_id, found.problem, at, lead)
        else:
            await after_calls.finish(conn, attempt_id, at, lead)
        told = CallAnalysed(
            enrollment=call.enrollment_id, contact=call.contact_id, campaign=call.campaign, attempt=attempt_id,
            step=call.step, outcome=call.outcome, disposition=str(disposition or ""),
            state="failed" if found.problem else "done", analysed=found.analysis is not None, follow_ups=steps,
        )  # fmt: skip
        await outbox.post(conn, told, at=at)
        return steps


def _words(call: CallDone, found: Finding, at: int) -> list[Content]:
    """The summary, and the fields as JSON, to keep with the person's words."""
    analysis = found.analysis or Analysis()
    kept = [("summary", analysis.summary), ("analysis", json.dumps(found.kept) if analysis.fields else "")]
    return [Content(call.contact_id, call.attempt_id, kind, text, at) for kind, text in kept if text]
