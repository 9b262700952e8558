"""State changes of a campaign: start, schedule, pause, resume, stop, complete, reopen.

A start reports all its obstacles at once. A pause takes effect before its commit, and is undone if the commit fails.
What must not live here: edits and reads of campaigns (`campaigns`), the launch check (`launch_check`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from fluentsd.domain.events import (
    CampaignCompleted,
    CampaignEvent,
    CampaignPaused,
    CampaignReopened,
    CampaignResumed,
    CampaignScheduled,
    CampaignStarted,
    CampaignStopped,
    CampaignUnscheduled,
)
from fluentsd.domain.gate import Reason
from fluentsd.domain.state_machines import CampaignState, IllegalTransition, next_campaign_state
from fluentsd.domain.time.moments import iso, show_moment
from fluentsd.engine.campaigns.rescheduling.catch_up import Policy
from fluentsd.engine.campaigns.rescheduling.catch_up import settle as settle_late
from fluentsd.engine.dispatch.cancellation import withdraw
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaigns, counters, holds, outbox
from fluentsd.store.campaigns import CampaignRow
from fluentsd.store.db import Connection
from fluentsd.verbs.answers.suggestion import Suggestion
from fluentsd.verbs.call import Call, Refused, identity
from fluentsd.verbs.campaigns import facts_of, finish_recompute, row_of
from fluentsd.verbs.execute import Answer, change, facts_changed, refusing, repeated
from fluentsd.verbs.launch_check import examined, problems
from fluentsd.verbs.moments import end_of, past


async def start(runtime: Runtime, call: Call, ref: str, yes: bool, first: int | None) -> Answer:
    """draft or scheduled → active, if the launch check has no errors and its warnings are confirmed (`yes`). After
    the `first` people the campaign is held until a person releases it."""
    if (stored := await repeated(runtime, call)) is not None:
        return stored
    checked = await _checked(runtime, call, ref, "start", yes)
    return await _move(runtime, call, "start", ref, first=first) | checked | {"runs": runtime.engine_runs}


async def _checked(runtime: Runtime, call: Call, ref: str, verb: str, yes: bool, **more: Any) -> Answer:
    """Warnings and notes of the launch check; `Refused` for errors, and for warnings that are not confirmed."""
    row = await row_of(runtime, ref)
    try:
        next_campaign_state(verb, row.state)
    except IllegalTransition as why:
        raise Refused(str(why)) from None
    found = await examined(runtime, call, ref, more.get("at", call.at))
    if found["errors"]:
        lines = [f"{ref} cannot start; nothing was changed", *(f"  {line}" for line in found["errors"])]
        raise Refused("\n".join([*lines, "the check shows all of it"]), Suggestion("campaign check", {"ref": ref}))
    if found["warnings"] and not yes:
        done = "started"
        if "at" in more:  # the moment is repeated with its zone, before it counts
            zone = row.spec.zone
            done, more = f"scheduled for {show_moment(more['at'], zone)}", {"at": iso(more["at"], zone)}
        lines = [f"{ref} was not {done}; fix this first, or confirm it", *(f"  {w}" for w in found["warnings"])]
        lines.append("the check shows all of it; to go on as it is")
        raise Refused("\n".join(lines), Suggestion(f"campaign {verb}", {"ref": ref, **more, "yes": True}))
    return {name: found[name] for name in ("warnings", "notes", "suggestions")}


async def schedule(runtime: Runtime, call: Call, ref: str, at: int, yes: bool) -> Answer:
    """draft → scheduled for a future time, after the same check as a start."""
    if (stored := await repeated(runtime, call)) is not None:
        return stored
    zone = (await row_of(runtime, ref)).spec.zone
    if at <= call.at:
        raise Refused(f"{past(at, zone)}; give a future time, or use start")
    await _checked(runtime, call, ref, "schedule", yes, at=at)
    answer = await _move(runtime, call, "schedule", ref, starts_at=at)
    runtime.schedule_wakeup.notify()
    return answer


async def pause(runtime: Runtime, call: Call, ref: str, because: str, for_: str | None, until: int | None) -> Answer:
    """active → paused: no claims after this commits, claimed attempts that have not begun do not begin, ringing calls
    are withdrawn where the provider supports it; conversations finish. With `for_` or `until` it resumes by itself."""
    row = await row_of(runtime, ref)
    until = end_of(for_, until, call.at, row.spec.zone)
    if until is not None and until <= call.at:
        raise Refused(f"{past(until, row.spec.zone)}. Give a future time for the end of the pause")
    if until is not None and row.state == CampaignState.scheduled:
        raise Refused(
            f"{ref} has not started, so a pause takes its start back and has no end; nothing was changed. Give the "
            "start another time",
            Suggestion("campaign schedule", {"ref": ref, "at": iso(until, row.spec.zone)}),
        )
    answer = await _halt(runtime, call, "pause", ref, because, until)
    runtime.schedule_wakeup.notify()
    return answer


async def stop(runtime: Runtime, call: Call, ref: str, because: str) -> Answer:
    """→ stopped, with the same effects as a pause; people keep their progress."""
    return await _halt(runtime, call, "stop", ref, because)


async def resume(runtime: Runtime, call: Call, ref: str, late: str | None, dry_run: bool) -> Answer:
    """paused → active; missed steps are dripped, shifted or skipped: `late`, or the campaign's setting. With `dry_run`
    nothing changes, and the answer has the counts."""
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
    """stopped or completed → paused, so that resuming is a separate decision."""
    return await _move(runtime, call, "reopen", ref)


async def _halt(
    runtime: Runtime, call: Call, verb: str, ref: str, because: str, resumes_at: int | None = None
) -> Answer:
    row = await row_of(runtime, ref)
    was = row.id in runtime.paused
    runtime.paused.add(row.id)  # before the commit: from now on no claimed attempt begins
    try:
        answer = await _move(runtime, call, verb, ref, because=because, resumes_at=resumes_at)
    except BaseException:
        if not was:
            runtime.paused.discard(row.id)
        raise
    answer["withdrawn"] = await withdraw(runtime, row.id)
    return answer


async def _move(
    runtime: Runtime,
    call: Call,
    verb: str,
    ref: str,
    *,
    starts_at: int | None = None,
    resumes_at: int | None = None,
    first: int | None = None,
    because: str = "",
    also: Callable[[Connection, CampaignRow], Awaitable[Answer]] | None = None,
) -> Answer:
    """One transition. `also` runs before it in the same transaction and adds to the answer."""

    async def unit(conn: Connection) -> Answer:
        row = await campaigns.get(conn, ref)
        _refuse_if_changed(row, call, verb)
        if verb in ("start", "schedule"):
            await _may_start(runtime, conn, row)
            await _may_launch(runtime, conn, row, call)
        if verb == "complete":
            await _may_complete(conn, row)
        before = row.state
        next_campaign_state(verb, before)
        more = await also(conn, row) if also is not None else {}
        if before == CampaignState.scheduled and verb == "pause":
            more["unscheduled_at"] = row.starts_at
        row = await campaigns.move(conn, row, verb, at=call.at, starts_at=starts_at, resumes_at=resumes_at, first=first)
        await holds.lift(conn, "campaign", row.ref, call.at)  # the user has decided about a breaker's hold
        details = {"from": before, "to": row.state, **({"because": because} if because else {}), **more}
        details |= {"until": resumes_at} if resumes_at is not None else {}
        details |= {"first": first} if first is not None else {}
        counts = dict(await counters.overview(conn, row.id))
        await outbox.post(conn, _event(verb, row, call.actor, counts), at=call.at)
        return facts_of(row) | counts | more | {"_details": details}

    answer = await change(runtime, call, verb, ref, unit)
    if answer["state"] in (CampaignState.stopped, CampaignState.completed):
        await facts_changed(runtime, call, reason=Reason.exclusive)  # an exclusive campaign releases its people
    if answer["state"] == CampaignState.active:
        runtime.paused.discard(answer["id"])
        runtime.enrollment_ended({answer["id"]})  # nobody may be left to contact
    runtime.dispatcher_wakeup.notify()
    return answer


def _refuse_if_changed(row: CampaignRow, call: Call, verb: str) -> None:
    """The actor has seen another revision of the campaign than the one that the verb would meet."""
    if call.revision is not None and call.revision != row.revision:
        raise Refused(
            f"{row.ref} has changed since you looked at it (revision {row.revision}, you saw {call.revision}); "
            "nothing was changed. Look again, then repeat it",
            Suggestion(f"campaign {verb}" if verb in ("start", "schedule") else "campaign status", {"ref": row.ref}),
        )


def _event(verb: str, row: CampaignRow, by: str, counts: Mapping[str, int]) -> CampaignEvent:
    """What the outbox tells of a transition."""
    match verb:
        case "schedule":
            return CampaignScheduled(campaign=row.ref, by=by, starts_at=row.starts_at)
        case "complete":
            return CampaignCompleted(campaign=row.ref, by=by, **counts)
        case "pause" if row.state == CampaignState.draft:
            return CampaignUnscheduled(campaign=row.ref, by=by)
    return _PLAIN_EVENTS[verb](campaign=row.ref, by=by)


_PLAIN_EVENTS: Mapping[str, type[CampaignEvent]] = {
    "start": CampaignStarted,
    "pause": CampaignPaused,
    "resume": CampaignResumed,
    "stop": CampaignStopped,
    "reopen": CampaignReopened,
}


async def _may_start(runtime: Runtime, conn: Connection, row: CampaignRow) -> None:
    """Check the campaign's own problems again, in the transaction of the start."""
    found = await problems(runtime, conn, row)
    if found:
        lines = [
            f"{row.ref} cannot start; nothing was changed",
            *(f"  {p}" for p in found),
            "the check shows all of it",
        ]
        raise Refused("\n".join(lines), Suggestion("campaign check", {"ref": row.ref}))


async def approve(runtime: Runtime, call: Call, ref: str) -> Answer:
    """Agree to the start of a campaign as it is now; an edit makes the approval void."""
    policy = runtime.approval
    if policy is None:
        raise Refused("no start needs an approval here; nothing was changed")
    if not policy.may_approve(call):
        raise Refused(f"{call.actor} is not one of the approvers; nothing was changed")

    async def unit(conn: Connection) -> Answer:
        row = await campaigns.get(conn, ref)
        if call.revision is not None and call.revision != row.revision:
            raise Refused(f"{ref} has changed since the approval was asked for; nothing was changed. Look at it again")
        next_campaign_state("start", row.state)
        if not await campaigns.approve(conn, row, by=identity(call.actor), at=call.at):
            raise Refused(f"you have approved {ref} already; nothing was changed")
        return facts_of(row) | {"_details": {"revision": row.revision}}

    return await change(runtime, call, "approve", ref, unit)


async def _may_launch(runtime: Runtime, conn: Connection, row: CampaignRow, call: Call) -> None:
    """A start with many people needs the approval of another person, for this revision."""
    policy = runtime.approval
    if policy is None:
        return
    people = (await counters.overview(conn, row.id))["queued"]
    others = [by for by in await campaigns.approvals(conn, row) if by != identity(call.actor)]
    if people > policy.above and not others:
        raise Refused(
            f"{row.ref} has {people:,} people; a start with more than {policy.above:,} needs the approval of a second "
            "person first; nothing was changed",
            Suggestion("campaign approve", {"ref": row.ref}),
        )


async def _may_complete(conn: Connection, row: CampaignRow) -> None:
    counts = await counters.overview(conn, row.id)
    if counts["queued"] or counts["active"]:
        raise Refused(
            f"{counts['queued']} people are queued and {counts['active']} active in {row.ref}; "
            "it completes by itself when they are done, or use stop"
        )
