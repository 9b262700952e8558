"""People in error: list them by cause, retry them, dismiss them.

What must not live here: how an enrollment gets into error (`engine.dispatch.claim`), the state of the campaign
(`lifecycle`). A cause is given by its number or a part of its text, which must match exactly one.
"""

from __future__ import annotations

from typing import Any

from fluentsd.domain.state_machines import CampaignState, EnrollmentState
from fluentsd.engine.runtime import Runtime
from fluentsd.store import after_calls, campaigns, counters, enrollments
from fluentsd.store.campaigns import CampaignRow
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import errored
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.contact_lookup import find_one
from fluentsd.verbs.execute import Answer, change, refusing


async def errors(runtime: Runtime, call: Call, ref: str) -> Answer:
    """People in error by cause, most frequent first, with examples."""

    async def unit(conn: Connection) -> Answer:
        row = await campaigns.get(conn, ref)
        failed = [one._asdict() for one in await after_calls.failed(conn, row.id)]
        return {"ref": row.ref, "causes": await errored.causes(conn, row.id), "analyses": failed}

    return await refusing(runtime.store.read(unit))


async def retry(runtime: Runtime, call: Call, ref: str, cause: str | None, person: str | None) -> Answer:
    """errored → queued at the same step, due at once; a completed campaign is active again."""
    answer = await _settle_errors(runtime, call, "retry", ref, cause, person)
    runtime.dispatcher_wakeup.notify()
    return answer


async def dismiss(runtime: Runtime, call: Call, ref: str, cause: str | None, person: str | None) -> Answer:
    """errored → exited (removed)."""
    return await _settle_errors(runtime, call, "dismiss", ref, cause, person)


async def _settle_errors(
    runtime: Runtime, call: Call, verb: str, ref: str, cause: str | None, person: str | None
) -> Answer:
    async def unit(conn: Connection) -> Answer:
        row = await campaigns.get(conn, ref)
        reason = _cause(await errored.causes(conn, row.id), cause)
        contact_id = await find_one(conn, person) if person else None
        people = await errored.of_campaign(conn, row.id, reason, contact_id)
        if not people:
            raise Refused(f"nobody in {ref} is in error" + (" for that cause or person" if cause or person else ""))
        deltas = counters.Deltas()
        after = EnrollmentState.queued if verb == "retry" else EnrollmentState.exited
        if verb == "retry":
            await enrollments.retry(conn, people, call.at)
            if row.state == CampaignState.completed:
                row = await campaigns.move(conn, await _reopened(conn, row, call.at), "resume", at=call.at)
        else:
            await enrollments.dismiss(conn, people, call.at)
        counters.moved(deltas, row.id, EnrollmentState.errored, after, len(people))
        await counters.add(conn, deltas)
        return {
            "ref": ref,
            "people": len(people),
            "state": row.state,
            "_details": {"people": len(people), "cause": reason},
        }

    return await change(runtime, call, verb, ref, unit)


async def _reopened(conn: Connection, row: CampaignRow, at: int) -> CampaignRow:
    return await campaigns.move(conn, row, "reopen", at=at)


def _cause(causes: list[dict[str, Any]], cause: str | None) -> str | None:
    """The cause with this number or part of its text; None for all causes."""
    if cause is None or cause == "all":
        return None
    if cause.isdigit() and 1 <= int(cause) <= len(causes):
        return str(causes[int(cause) - 1]["cause"])
    found = [c["cause"] for c in causes if cause.lower() in c["cause"].lower()]
    if len(found) != 1:
        known = "; ".join(f"{i}: {c['cause']}" for i, c in enumerate(causes, 1)) or "none"
        raise Refused(f"{cause!r} matches {len(found)} causes; there are: {known}")
    return str(found[0])
