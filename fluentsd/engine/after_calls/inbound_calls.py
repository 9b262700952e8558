"""The work after a call that a person made to us: its analysis, an opt-out that it understood, the news of the call.

It has no flow, so nothing follows by message: the person's steps wait until somebody decides (`engine.calls`). Durable
and done once, like the work after our own calls: the analysis is kept in the transaction that tells of the call, and a
call that has one is not analysed again.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fluentsd.api import Inbound, Outcome
from fluentsd.domain.analysis import settled
from fluentsd.domain.events import CallReceived
from fluentsd.domain.speaker import compile_speaker
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.after_calls.analysing import STOPPED, Conversation, Finding, analyse
from fluentsd.engine.dispatch.inbound import Inbox
from fluentsd.engine.outbox.targets import Posted
from fluentsd.store import agents, attempts, inbound_calls, outbox
from fluentsd.store.attempts import Content
from fluentsd.store.db import Connection

if TYPE_CHECKING:
    from fluentsd.engine.runtime import Runtime

#: A model that has not answered for so long is given up, microseconds from the call's end: people wait for the news.
PATIENCE = 15 * 60 * SECOND


async def follow(runtime: Runtime, inbox: Inbox, event: Posted) -> None:
    """Do the work after one call to us, unless it is done. Raises `Unavailable` when it has to be tried again."""
    call_id = event.payload["call"]
    call = await runtime.store.read(inbound_calls.unread, call_id)
    if call is None:
        return
    kept = (await runtime.store.read(agents.current, [call.agent])).get(call.agent)
    speaker = compile_speaker(kept) if kept is not None else None
    about = Conversation(call.outcome, call.transcript, event.at + PATIENCE)
    found = await analyse(runtime, speaker, about)
    if found.analysis is not None and found.analysis.opted_out and call.outcome != Outcome.opted_out:
        await inbox.take(Inbound(Outcome.opted_out, None, call.ref, call.address, reason=STOPPED, called_us=True))
    await runtime.store.run(_finish, call_id, found, event.payload["is_told"], runtime.clock.now())
    runtime.log.info("call.analysed", call=call_id, problem=found.problem)


async def _finish(conn: Connection, call_id: str, found: Finding, is_told: bool, at: int) -> None:
    """The unit of work: the words, what the conversation came to, and the event, or nothing when it is done already."""
    call = await inbound_calls.unread(conn, call_id, lock=True)
    if call is None:
        return
    analysis = found.analysis
    disposition = settled(call.disposition, analysis) if analysis is not None else call.disposition
    said = [("analysis", json.dumps({"problem": found.problem} if found.problem else found.kept))]
    said += [("summary", analysis.summary)] if analysis is not None else []
    await attempts.keep_content(conn, [Content(call.contact_id, call_id, kind, text, at) for kind, text in said])
    if disposition is not None:
        await inbound_calls.judge(conn, call_id, str(disposition))
    if not is_told:
        told = CallReceived(
            call=call_id, contact=call.contact_id, known=True, answered_by=call.answered_by, outcome=call.outcome,
            disposition=str(disposition or ""),
        )  # fmt: skip
        await outbox.post(conn, told, at=at)
