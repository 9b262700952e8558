"""The work after a call: a target of the outbox that analyses the transcript and enrolls what follows.

One work for our calls and for those that people make to us. A task is delivered until its work is done; the work is
done in one transaction, which asks whether it is still pending. So a crash at any point repeats the question to the
model and nothing else. The channel asks the model; what of its answer counts is decided by `domain.analysis`. An
answer that does not keep the schema is `failed`, with its reason; the transcript stays, and follow-ups that need no
analysis go on.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fluentsd.api import Inbound, Outcome, Unavailable
from fluentsd.domain.analysis import Analysis, settled
from fluentsd.domain.compiled_agent import CompiledAgent, compile_agent
from fluentsd.domain.events import CallAnalysed
from fluentsd.domain.follow_ups import CallResult
from fluentsd.domain.leads import lead_of
from fluentsd.domain.subscriptions import AFTER_CALLS
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.after_calls import follow_ups
from fluentsd.engine.after_calls.analysing import STOPPED, Conversation, Finding, analyse
from fluentsd.engine.calls.inbound_calls import post_event
from fluentsd.engine.dispatch.inbound import Inbox
from fluentsd.engine.dispatch.outcome_reports import OutcomeReport
from fluentsd.engine.dispatch.recorder import Recorder
from fluentsd.engine.outbox.targets import Posted
from fluentsd.store import after_calls, agents, attempts, inbound_calls, outbox
from fluentsd.store.after_calls import CallDone, Entry
from fluentsd.store.attempts import Content
from fluentsd.store.db import Connection
from fluentsd.unavailable import StoreClosed, StoreUnavailable

if TYPE_CHECKING:
    from fluentsd.engine.runtime import Runtime

#: A model that has not answered for so long is given up, microseconds from the call's end. The news of a call to us
#: waits for its analysis, so it waits less.
PATIENCE, NEWS_PATIENCE = 24 * 3600 * SECOND, 15 * 60 * SECOND


class AfterCalls:
    """Does the work after calls."""

    name, keeps_delivered = AFTER_CALLS, False

    def __init__(self, runtime: Runtime, recorder: Recorder) -> None:
        self._runtime, self._recorder = runtime, recorder
        self._inbox = Inbox(runtime, recorder)

    async def deliver(self, event: Posted) -> None:
        """Do the work of one call, unless it is done."""
        try:
            await self._follow(event.payload["call"], is_told=event.payload["is_told"])
        except StoreClosed:
            raise
        except StoreUnavailable as why:
            raise Unavailable("the database does not answer", 1.0, only_this=True) from why

    async def _follow(self, call_id: str, *, is_told: bool) -> None:
        runtime = self._runtime
        known = await runtime.store.read(self._pending, call_id)
        if known is None:
            return
        call, compiled = known
        patience = NEWS_PATIENCE if call.called_us else PATIENCE
        found = await analyse(runtime, compiled, Conversation(call.outcome, call.transcript, call.began_at + patience))
        if found.analysis is not None and found.analysis.opted_out and call.outcome != Outcome.opted_out:
            await self._opt_out(call)
        steps = await runtime.store.run(self._finish, call_id, found, is_told)
        runtime.log.info("call.analysed", call=call_id, problem=found.problem, follow_ups=steps)
        runtime.dispatcher_wakeup.notify()
        if call.entry is not None:
            runtime.enrollment_ended({call.entry.campaign_id})

    async def _pending(self, conn: Connection, call_id: str) -> tuple[CallDone, CompiledAgent | None] | None:
        """The call, while its work is to be done, and who spoke for us."""
        call = await after_calls.pending(conn, call_id)
        if call is None:
            return None
        if call.entry is None or call.called_us:
            kept = (await agents.current(conn, [call.agent])).get(call.agent) if call.agent else None
            return call, compile_agent(kept) if kept is not None else None
        _, plan = await self._runtime.plans.current(conn, call.entry.campaign_id, lock=False)
        return call, plan.flow(call.entry.version_id).step(call.entry.step).compiled_agent

    async def _opt_out(self, call: CallDone) -> None:
        """Record an opt-out that only the analysis understood."""
        if call.called_us:
            opt_out = Inbound(Outcome.opted_out, None, call.ref, call.address, reason=STOPPED, called_us=True)
            await self._inbox.take(opt_out)
        else:
            now = self._runtime.clock.now()
            await self._recorder.record(OutcomeReport(call.id, now, Outcome.opted_out, STOPPED))

    async def _finish(self, conn: Connection, call_id: str, found: Finding, is_told: bool) -> list[str]:
        """The unit of work: the words, the state, the follow-ups and the event, or nothing when it is done already."""
        call, at = await after_calls.pending(conn, call_id, lock=True), self._runtime.clock.now()
        if call is None:
            return []
        analysis = found.analysis or Analysis()
        disposition = settled(call.disposition, analysis)
        await attempts.keep_content(conn, _words(call, found, at))
        if disposition is not None and call.called_us:
            await inbound_calls.judge(conn, call_id, str(disposition))
        elif disposition is not None:
            await attempts.keep_conversations(conn, [attempts.Conversation(call_id, str(disposition), None, None)])
        steps: list[str] = []
        if call.entry is not None:
            result = CallResult(call.outcome, str(disposition or ""), analysis.summary, analysis.fields)
            _, plan = await self._runtime.plans.current(conn, call.entry.campaign_id)
            steps = await follow_ups.enroll(conn, plan, call, call.entry, result, at)
        lead = lead_of(disposition) if call.entry is not None else None
        if found.problem:
            await after_calls.fail(conn, call_id, found.problem, at, lead)
        else:
            await after_calls.finish(conn, call_id, at, lead)
        if call.called_us:
            news = await inbound_calls.ended(conn, call_id)
            await post_event(conn, news, at, analysed=found.analysis is not None, follow_ups=steps, is_told=is_told)
        elif call.entry is not None:
            await outbox.post(conn, _analysed(call, call.entry, str(disposition or ""), found, steps), at=at)
        return steps


def _analysed(call: CallDone, entry: Entry, disposition: str, found: Finding, steps: list[str]) -> CallAnalysed:
    return CallAnalysed(
        enrollment=entry.id, contact=call.contact_id, campaign=entry.campaign, attempt=call.id, step=entry.step,
        outcome=call.outcome, disposition=disposition, state="failed" if found.problem else "done",
        analysed=found.analysis is not None, follow_ups=steps,
    )  # fmt: skip


def _words(call: CallDone, found: Finding, at: int) -> list[Content]:
    """The summary, and the fields as JSON, to keep with the person's words."""
    analysis = found.analysis or Analysis()
    kept = [("summary", analysis.summary), ("analysis", json.dumps(found.kept) if analysis.fields else "")]
    return [Content(call.contact_id, call.id, kind, text, at) for kind, text in kept if text]
