"""The work after calls: analyse again what has failed. What the work is: `engine.after_calls`."""

from __future__ import annotations

from fluentsd.domain.events import AfterCallTask
from fluentsd.domain.state_machines import CampaignState
from fluentsd.engine.runtime import Runtime
from fluentsd.store import after_calls, campaigns, outbox
from fluentsd.store.db import Connection
from fluentsd.verbs.answers.suggestion import Suggestion
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.execute import Answer, change


async def analyse(runtime: Runtime, call: Call, ref: str, attempt: str | None) -> Answer:
    """failed → pending: one call of a campaign, or all whose analysis has failed; a completed campaign is active
    again until their follow-ups are sent."""

    async def unit(conn: Connection) -> Answer:
        row = await campaigns.get(conn, ref)
        failed = [one.attempt for one in await after_calls.failed(conn, row.id)]
        chosen = [one for one in failed if attempt in (None, one)]
        if not chosen:
            which = f" of the attempt {attempt!r}" if attempt else ""
            raise Refused(f"no analysis{which} has failed in {ref}", Suggestion("campaign errors", {"ref": ref}))
        for one in chosen:
            await after_calls.repeat(conn, one, call.at)
        await outbox.post(conn, *(AfterCallTask(call=one, is_told=True) for one in chosen), at=call.at)
        if row.state == CampaignState.completed:  # what follows is to go out
            row = await campaigns.move(conn, row, "reopen", at=call.at)
            await campaigns.move(conn, row, "resume", at=call.at)
        return {"ref": ref, "calls": len(chosen)}

    return await change(runtime, call, "campaign analyse", ref, unit)
