"""The life of a campaign: start, schedule, pause, resume, stop, complete, reopen.

A start says everything that stands in its way at once; a pause takes effect before it is committed, and is taken back
if it is not. What must not live here: what a campaign says (`campaigns`), the launch check (`starting`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

from fluentsd.domain.gate import Reason
from fluentsd.domain.states import CampaignState, IllegalTransition, next_campaign_state
from fluentsd.engine.campaigns.rescheduling.catch_up import Policy
from fluentsd.engine.campaigns.rescheduling.catch_up import settle as settle_late
from fluentsd.engine.dispatch.cancellation import withdraw
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaigns, counters, holds, outbox
from fluentsd.store.campaigns import CampaignRow
from fluentsd.store.db import Connection
from fluentsd.verbs.campaigns import facts_of, finish_recompute, row_of
from fluentsd.verbs.execute import Answer, Call, Refused, change, facts_changed, refusing
from fluentsd.verbs.launch_check import examined, problems


async def start(runtime: Runtime, call: Call, ref: str, yes: bool) -> Answer:
    """draft or scheduled → active, once the launch check has no errors and somebody has seen its warnings (`yes`)."""
    checked = await _checked(runtime, call, ref, "start", yes)
    return await _move(runtime, call, "start", ref) | checked


async def _checked(runtime: Runtime, call: Call, ref: str, verb: str, yes: bool) -> Answer:
    """What the launch check has to say to whoever starts; `Refused` for errors, and for warnings nobody has seen."""
    row = await row_of(runtime, ref)
    try:
        next_campaign_state(verb, row.state)
    except IllegalTransition as why:
        raise Refused(str(why)) from None
    found = await examined(runtime, call, ref)
    if found["errors"]:
        lines = [f"{ref} cannot start; nothing was changed", *(f"  {line}" for line in found["errors"])]
        raise Refused("\n".join(lines))
    if found["warnings"] and not yes:
        lines = [f"{ref} was not started; see to this first, or say --yes", *(f"  {w}" for w in found["warnings"])]
        raise Refused("\n".join([*lines, f"  the whole check: fluentsd campaign check {ref}"]))
    return {"warnings": found["warnings"], "notes": found["notes"]}


async def schedule(runtime: Runtime, call: Call, ref: str, at: int, yes: bool) -> Answer:
    """draft → scheduled for a moment to come, after the same check as a start."""
    if at <= call.at:
        raise Refused("that moment has passed; give one to come, or use start")
    await _checked(runtime, call, ref, "schedule", yes)
    answer = await _move(runtime, call, "schedule", ref, starts_at=at)
    runtime.schedule_wakeup.notify()
    return answer


async def pause(runtime: Runtime, call: Call, ref: str, because: str) -> Answer:
    """active → paused: nothing is marked after this commits, what has not begun does not begin, ringing calls are
    withdrawn where the provider can; conversations finish."""
    return await _halt(runtime, call, "pause", ref, because)


async def stop(runtime: Runtime, call: Call, ref: str, because: str) -> Answer:
    """→ stopped, with the same care as a pause; people keep their place."""
    return await _halt(runtime, call, "stop", ref, because)


async def resume(runtime: Runtime, call: Call, ref: str, late: str | None, dry_run: bool) -> Answer:
    """paused → active; what fell due meanwhile is dripped, shifted or skipped, as the campaign or the actor says.
    With `dry_run` only told."""
    if late not in (None, "drip", "shift", "skip"):
        raise Refused(f"{late!r} is none of drip, shift and skip")
    await finish_recompute(runtime, ref)

    async def settle(conn: Connection, row: CampaignRow) -> Answer:
        _, plan = await runtime.plans.current(conn, row.id)
        policy = cast("Policy", late or row.spec.limits.on_resume)
        since_at = call.at if row.paused_at is None else row.paused_at
        return await settle_late(conn, plan, policy, since_at, call.at, dry_run=dry_run)

    if dry_run:

        async def preview(conn: Connection) -> Answer:
            row = await campaigns.get(conn, ref)
            next_campaign_state("resume", row.state)
            counts = dict(await counters.overview(conn, row.id))
            return facts_of(row) | counts | await settle(conn, row) | {"dry_run": True}

        return await refusing(runtime.store.run(preview))
    answer = await _move(runtime, call, "resume", ref, also=settle)
    runtime.recompute_wakeup.notify()
    return answer


async def complete(runtime: Runtime, call: Call, ref: str) -> Answer:
    """active or paused → completed, once nobody is queued or active."""
    return await _move(runtime, call, "complete", ref)


async def reopen(runtime: Runtime, call: Call, ref: str) -> Answer:
    """stopped or completed → paused, so that resuming is a decision of its own."""
    return await _move(runtime, call, "reopen", ref)


async def _halt(runtime: Runtime, call: Call, verb: str, ref: str, because: str) -> Answer:
    row = await row_of(runtime, ref)
    was = row.id in runtime.paused
    runtime.paused.add(row.id)  # before the commit: from now on nothing that is marked begins
    try:
        answer = await _move(runtime, call, verb, ref, because=because)
    except BaseException:
        if not was:
            runtime.paused.discard(row.id)
        raise
    answer["withdrawn"] = await withdraw(runtime, row.id, call.at)
    return answer


async def _move(
    runtime: Runtime,
    call: Call,
    verb: str,
    ref: str,
    *,
    starts_at: int | None = None,
    because: str = "",
    also: Callable[[Connection, CampaignRow], Awaitable[Answer]] | None = None,
) -> Answer:
    """One transition; `also` runs in its transaction, before it, and adds to its answer."""

    async def unit(conn: Connection) -> Answer:
        row = await campaigns.get(conn, ref)
        if row.archived_at is not None:
            raise Refused(f"{ref} is archived; copy it: fluentsd campaign copy {ref} NEW_REF")
        if verb in ("start", "schedule"):
            await _may_start(runtime, conn, row)
        if verb == "complete":
            await _may_complete(conn, row)
        before = row.state
        next_campaign_state(verb, before)
        more = await also(conn, row) if also is not None else {}
        row = await campaigns.move(conn, row, verb, at=call.at, starts_at=starts_at)
        await holds.lift(conn, "campaign", row.ref, call.at)  # what a breaker said of it has been seen
        details = {"from": before, "to": row.state, **({"because": because} if because else {}), **more}
        await outbox.post(conn, f"campaign.{row.state}", row.ref, {"campaign": row.ref, "by": call.actor}, call.at)
        return facts_of(row) | dict(await counters.overview(conn, row.id)) | more | {"_details": details}

    answer = await change(runtime, call, verb, ref, unit)
    if answer["state"] in (CampaignState.stopped, CampaignState.completed):
        await facts_changed(runtime, call, reason=Reason.elsewhere)  # it wants nobody for itself any more
    if answer["state"] == CampaignState.active:
        runtime.paused.discard(answer["id"])
        runtime.enrollment_ended({answer["id"]})  # a campaign may have nobody left to contact
    runtime.dispatcher_wakeup.notify()
    runtime.outbox_wakeup.notify()
    return answer


async def _may_start(runtime: Runtime, conn: Connection, row: CampaignRow) -> None:
    """The campaign's own problems once more, in the transaction of the start."""
    found = await problems(runtime, conn, row)
    if found:
        raise Refused("\n".join([f"{row.ref} cannot start; nothing was changed", *(f"  {p}" for p in found)]))


async def _may_complete(conn: Connection, row: CampaignRow) -> None:
    counts = await counters.overview(conn, row.id)
    if counts["queued"] or counts["active"]:
        raise Refused(
            f"{counts['queued']} people are queued and {counts['active']} active in {row.ref}; "
            "it completes by itself when they are done, or use stop"
        )
