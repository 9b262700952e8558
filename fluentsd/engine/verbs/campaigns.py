"""The life of a campaign: create, look, start, pause, resume, stop, copy, archive, hand over.

Here lives one function for each verb about a campaign as a whole. What must not live here: its people in error
(`errors`), statements (`store`), how an answer looks. A start says everything that stands in its way at once; a pause
takes effect before it is committed, and is taken back if it is not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

import trio
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.api import Attempt, Outcome
from fluentsd.domain.campaign import CampaignFile, read_campaign
from fluentsd.domain.gate import Reason
from fluentsd.domain.states import Campaign, IllegalTransition, next_campaign_state
from fluentsd.engine import launch, retiming
from fluentsd.engine.house import House
from fluentsd.engine.lateness import Policy
from fluentsd.engine.lateness import settle as settle_late
from fluentsd.engine.recording import Report
from fluentsd.engine.verbs import forecasts
from fluentsd.engine.verbs.acts import Answer, Call, Refused, change, facts_changed, refusing
from fluentsd.engine.verbs.differ import differences
from fluentsd.store import attempts, campaigns, counters, courses, holds, numbers, outbox, reports
from fluentsd.store.campaigns import CampaignRow, NoSuchCampaign


async def apply(house: House, call: Call, file: Any, dry_run: bool) -> Answer:
    """Create the campaign a file describes, or change it to what the file says."""
    spec = await _read(file)
    await _finish_retiming(house, spec.slug)

    async def unit(conn: AsyncConnection) -> Answer:
        try:
            row = await campaigns.get(conn, spec.slug)
        except NoSuchCampaign:
            if not dry_run:
                await campaigns.create(conn, spec, owner=call.actor, at=call.at)
            return {"ref": spec.slug, "created": True, "changes": [], "state": Campaign.draft, "dry_run": dry_run}
        changes = differences(row.spec, spec)
        waiting = await reports.at_steps(conn, row.id)
        if changes and not dry_run:
            row = await campaigns.revise(conn, row, spec, by=call.actor, at=call.at, revision=call.revision)
        answer: Answer = {"ref": row.ref, "created": False, "changes": changes, "state": row.state, "dry_run": dry_run}
        answer["id"] = row.id
        answer["keep_their_flow"] = await _keepers(conn, row, flow_changes=any(_is_flow(c) for c in changes))
        answer["retimed"] = sum(waiting.values()) if any(_is_hours(c) for c in changes) else 0
        return answer | {"people_at_steps": waiting, "_details": {"changes": [c["path"] for c in changes]}}

    if dry_run:
        return await refusing(house.store.run(unit))
    answer = await change(house, call, "apply", spec.slug, unit)
    house.edited.ring()
    if answer["changes"]:
        await facts_changed(house, call, campaign_id=answer["id"])
    if {"exclusive", "priority"} & {change["path"] for change in answer["changes"]}:
        await facts_changed(house, call, reason=Reason.elsewhere)
    house.look_anew()
    return answer


def _is_flow(change: Answer) -> bool:
    return str(change["path"]).startswith("step.")


def _is_hours(change: Answer) -> bool:
    return str(change["path"]).startswith(("window.", "law."))


async def _keepers(conn: AsyncConnection, row: CampaignRow, *, flow_changes: bool) -> int:
    """How many people follow a flow that is, or with this change will be, an earlier one."""
    behind = await courses.behind(conn, row.id, row.version_id)
    here = sum((await reports.at_steps(conn, row.id)).values()) if flow_changes else 0
    return max(sum(behind.values()), here)


async def _finish_retiming(house: House, ref: str) -> None:
    """One change of everybody's moments at a time: an edit begun before is carried through first."""
    try:
        row = await house.store.read(campaigns.get, ref)
    except NoSuchCampaign:
        return
    if row.retime_from is not None:
        await retiming.finish(house, row.id)


async def _read(file: Any) -> CampaignFile:
    try:
        return read_campaign(file)
    except ValueError as why:
        raise Refused(str(why)) from None


async def export(house: House, call: Call, ref: str) -> Answer:
    """The campaign as its file says it."""
    row = await _get(house, ref)
    return {"ref": row.ref, "file": row.spec.model_dump(mode="json", exclude_defaults=True)}


async def listing(house: House, call: Call, archived: bool) -> Answer:
    """Every campaign with its overview."""

    async def unit(conn: AsyncConnection) -> Answer:
        rows = await campaigns.listing(conn, archived=archived)
        return {"campaigns": [_facts(row) | dict(await counters.overview(conn, row.id)) for row in rows]}

    return await house.store.read(unit)


async def show(house: House, call: Call, ref: str) -> Answer:
    """What it says, and where it stands."""
    row = await _get(house, ref)
    return _facts(row) | {"file": row.spec.model_dump(mode="json", exclude_defaults=True)}


async def status(house: House, call: Call, ref: str) -> Answer:
    """The overview as users know it, the next moment, and what holds the campaign up."""

    async def unit(conn: AsyncConnection) -> Answer:
        row = await campaigns.get(conn, ref)
        answer = _facts(row) | dict(await counters.overview(conn, row.id))
        held = await holds.open_holds(conn, call.at)
        relevant = {("campaign", row.ref), *(("channel", channel) for channel in row.spec.channels)}
        answer["holds"] = [h for h in held if (h["scope"], h["target"]) in relevant]
        answer["next_at"] = await reports.next_moment(conn, row.id)
        answer["held_people"] = await reports.held_people(conn, row.id)
        answer["exited_by_reason"] = await reports.exits(conn, row.id)
        answer["unknown"] = await reports.unknown_count(conn, row.id)
        answer["attempts"] = await reports.attempt_count(conn, row.id)
        return answer

    return await refusing(house.store.read(unit))


async def report(house: House, call: Call, ref: str) -> Answer:
    """What came of each step, in order."""

    async def unit(conn: AsyncConnection) -> Answer:
        row = await campaigns.get(conn, ref)
        by_step = await reports.funnel(conn, row.id)
        waiting = await reports.at_steps(conn, row.id)
        order = [step.id for step in row.spec.step]
        steps = [*order, *sorted((set(by_step) | set(waiting)) - set(order))]
        return _facts(row) | {
            **(await counters.overview(conn, row.id)),
            "steps": [{"step": s, "waiting": waiting.get(s, 0), "outcomes": by_step.get(s, {})} for s in steps],
            "exited_by_reason": await reports.exits(conn, row.id),
        }

    return await refusing(house.store.read(unit))


async def start(house: House, call: Call, ref: str, yes: bool) -> Answer:
    """draft or scheduled → active, once the launch check has no errors and somebody has seen its warnings (`yes`)."""
    checked = await _checked(house, call, ref, "start", yes)
    return await _move(house, call, "start", ref) | checked


async def check(house: House, call: Call, ref: str) -> Answer:
    """The launch check: who would be contacted and who not, what is missing, what no code can check, what will come
    of it."""
    found = await _examined(house, call, ref)
    ahead = await forecasts.ahead(house, call, ref, None, 0, 0) if found["ready"] else None
    return found | {"forecast": ahead and {name: ahead[name] for name in _FORESEEN}}


#: What the launch check tells of the forecast.
_FORESEEN = ("contacts", "finish_early_at", "finish_late_at", "until_at", "waiting", "channels", "bottleneck")


async def _examined(house: House, call: Call, ref: str) -> Answer:
    async def unit(conn: AsyncConnection) -> Answer:
        row = await campaigns.get(conn, ref)
        _, plan = await house.plans.current(conn, row.id, lock=False)
        found = await launch.examine(conn, plan, call.at)
        return _facts(row) | launch.told(found, plan, await _problems(house, conn, row))

    return await refusing(house.store.read(unit))


async def _checked(house: House, call: Call, ref: str, verb: str, yes: bool) -> Answer:
    """What the launch check has to say to whoever starts; `Refused` for errors, and for warnings nobody has seen."""
    row = await _get(house, ref)
    try:
        next_campaign_state(verb, row.state)
    except IllegalTransition as why:
        raise Refused(str(why)) from None
    found = await _examined(house, call, ref)
    if found["errors"]:
        lines = [f"{ref} cannot start; nothing was changed", *(f"  {line}" for line in found["errors"])]
        raise Refused("\n".join(lines))
    if found["warnings"] and not yes:
        lines = [f"{ref} was not started; see to this first, or say --yes", *(f"  {w}" for w in found["warnings"])]
        raise Refused("\n".join([*lines, f"  the whole check: fluentsd campaign check {ref}"]))
    return {"warnings": found["warnings"], "notes": found["notes"]}


async def schedule(house: House, call: Call, ref: str, at: int, yes: bool) -> Answer:
    """draft → scheduled for a moment to come, after the same check as a start."""
    if at <= call.at:
        raise Refused("that moment has passed; give one to come, or use start")
    await _checked(house, call, ref, "schedule", yes)
    answer = await _move(house, call, "schedule", ref, starts_at=at)
    house.scheduled.ring()
    return answer


async def pause(house: House, call: Call, ref: str, because: str) -> Answer:
    """active → paused: nothing is marked after this commits, what has not begun does not begin, ringing calls are
    withdrawn where the provider can; conversations finish."""
    return await _halt(house, call, "pause", ref, because)


async def stop(house: House, call: Call, ref: str, because: str) -> Answer:
    """→ stopped, with the same care as a pause; people keep their place."""
    return await _halt(house, call, "stop", ref, because)


async def resume(house: House, call: Call, ref: str, late: str | None, dry_run: bool) -> Answer:
    """paused → active; what fell due meanwhile is dripped, shifted or skipped, as the campaign or the actor says.
    With `dry_run` only told."""
    if late not in (None, "drip", "shift", "skip"):
        raise Refused(f"{late!r} is none of drip, shift and skip")
    await _finish_retiming(house, ref)

    async def settle(conn: AsyncConnection, row: CampaignRow) -> Answer:
        _, plan = await house.plans.current(conn, row.id)
        policy = cast("Policy", late or row.spec.limits.on_resume)
        since_at = call.at if row.paused_at is None else row.paused_at
        return await settle_late(conn, plan, policy, since_at, call.at, dry_run=dry_run)

    if dry_run:

        async def preview(conn: AsyncConnection) -> Answer:
            row = await campaigns.get(conn, ref)
            next_campaign_state("resume", row.state)
            counts = dict(await counters.overview(conn, row.id))
            return _facts(row) | counts | await settle(conn, row) | {"dry_run": True}

        return await refusing(house.store.run(preview))
    answer = await _move(house, call, "resume", ref, also=settle)
    house.edited.ring()
    return answer


async def complete(house: House, call: Call, ref: str) -> Answer:
    """active or paused → completed, once nobody is queued or active."""
    return await _move(house, call, "complete", ref)


async def reopen(house: House, call: Call, ref: str) -> Answer:
    """stopped or completed → paused, so that resuming is a decision of its own."""
    return await _move(house, call, "reopen", ref)


async def _halt(house: House, call: Call, verb: str, ref: str, because: str) -> Answer:
    row = await _get(house, ref)
    was = row.id in house.paused
    house.paused.add(row.id)  # before the commit: from now on nothing that is marked begins
    try:
        answer = await _move(house, call, verb, ref, because=because)
    except BaseException:
        if not was:
            house.paused.discard(row.id)
        raise
    answer["withdrawn"] = await _withdraw(house, row.id, call.at)
    return answer


async def _withdraw(house: House, campaign_id: int, at: int) -> int:
    """Ask the providers to drop calls that have not been answered yet."""
    withdrawn = 0

    async def ask(row: Any) -> None:
        nonlocal withdrawn
        served = house.channels.get(row.channel)
        if served is None or house.report is None:
            return
        about = Attempt(
            row.id, served.kind, row.to or "", row.marked_at, row.sender, row.provider_ref, row.step, row.try_no
        )
        try:
            dropped = await served.channel.cancel(about)
        except Exception as why:  # noqa: BLE001 - the guard at the edge of each call to a plugin
            house.log.warning("cancel.failed", channel=row.channel, attempt=row.id, error=type(why).__name__)
            return
        if dropped:
            withdrawn += 1
            await house.report(Report(row.id, at, Outcome.not_sent, "withdrawn by a pause"))

    rows = await house.store.read(attempts.accepted_open, campaign_id, "phone")
    async with trio.open_nursery() as nursery:
        for row in rows:
            nursery.start_soon(ask, row)
    return withdrawn


async def _move(
    house: House,
    call: Call,
    verb: str,
    ref: str,
    *,
    starts_at: int | None = None,
    because: str = "",
    also: Callable[[AsyncConnection, CampaignRow], Awaitable[Answer]] | None = None,
) -> Answer:
    """One transition; `also` runs in its transaction, before it, and adds to its answer."""

    async def unit(conn: AsyncConnection) -> Answer:
        row = await campaigns.get(conn, ref)
        if row.archived_at is not None:
            raise Refused(f"{ref} is archived; copy it: fluentsd campaign copy {ref} NEW_REF")
        if verb in ("start", "schedule"):
            await _may_start(house, conn, row)
        if verb == "complete":
            await _may_complete(conn, row)
        before = row.state
        next_campaign_state(verb, before)
        more = await also(conn, row) if also is not None else {}
        row = await campaigns.move(conn, row, verb, at=call.at, starts_at=starts_at)
        details = {"from": before, "to": row.state, **({"because": because} if because else {}), **more}
        await outbox.post(conn, f"campaign.{row.state}", row.ref, {"campaign": row.ref, "by": call.actor}, call.at)
        return _facts(row) | dict(await counters.overview(conn, row.id)) | more | {"_details": details}

    answer = await change(house, call, verb, ref, unit)
    if answer["state"] in (Campaign.stopped, Campaign.completed):
        await facts_changed(house, call, reason=Reason.elsewhere)  # it wants nobody for itself any more
    if answer["state"] == Campaign.active:
        house.paused.discard(answer["id"])
        house.course_ended({answer["id"]})  # a campaign may have nobody left to contact
    house.wake.ring()
    house.posted.ring()
    return answer


async def _may_start(house: House, conn: AsyncConnection, row: CampaignRow) -> None:
    """The campaign's own problems once more, in the transaction of the start."""
    problems = await _problems(house, conn, row)
    if problems:
        raise Refused("\n".join([f"{row.ref} cannot start; nothing was changed", *(f"  {p}" for p in problems)]))


async def _problems(house: House, conn: AsyncConnection, row: CampaignRow) -> list[str]:
    """What would make a start pointless or wrong, whoever is in it."""
    problems = []
    if not await campaigns.has_people(conn, row.id):
        problems.append(f"nobody is enrolled; import people: fluentsd contacts import FILE --campaign {row.ref}")
    for channel in row.spec.channels:
        if channel not in house.channels:
            problems.append(f"no channel serves {channel}; add [channel.{channel}] to fluentsd.toml")
    spec = row.spec.numbers
    if (spec.numbers or spec.tags) and row.spec.needs_phone:
        lines = await numbers.lines(conn, spec.numbers, spec.tags, None, lock=False)
        missing = sorted(set(spec.numbers) - {line.e164 for line in lines})
        if missing:
            problems.append(f"unknown caller IDs: {', '.join(missing)}; add them: fluentsd numbers add NUMBER")
        elif not lines:
            problems.append(
                f"no caller ID has a tag of {', '.join(spec.tags)}; add one: fluentsd numbers add NUMBER --tag …"
            )
    return problems


async def _may_complete(conn: AsyncConnection, row: CampaignRow) -> None:
    counts = await counters.overview(conn, row.id)
    if counts["queued"] or counts["active"]:
        raise Refused(
            f"{counts['queued']} people are queued and {counts['active']} active in {row.ref}; "
            "it completes by itself when they are done, or use stop"
        )


async def copy(house: House, call: Call, ref: str, new_ref: str) -> Answer:
    """A new draft with the same file and nobody in it."""

    async def unit(conn: AsyncConnection) -> Answer:
        row = await campaigns.get(conn, ref)
        spec = read_campaign(row.spec.model_dump(mode="json") | {"ref": new_ref, "name": f"{row.name} (copy)"[:120]})
        return _facts(await campaigns.create(conn, spec, owner=call.actor, at=call.at))

    return await change(house, call, "copy", ref, unit)


async def archive(house: House, call: Call, ref: str) -> Answer:
    """Out of the lists; only what has ended or never began."""

    async def unit(conn: AsyncConnection) -> Answer:
        row = await campaigns.get(conn, ref)
        if row.state not in (Campaign.draft, Campaign.stopped, Campaign.completed):
            raise Refused(f"{row.ref} is {row.state}; stop it first")
        await campaigns.archive(conn, row, call.at)
        return _facts(row) | {"archived": True}

    return await change(house, call, "archive", ref, unit)


async def give(house: House, call: Call, ref: str, owner: str) -> Answer:
    """Hand it to somebody."""

    async def unit(conn: AsyncConnection) -> Answer:
        row = await campaigns.get(conn, ref)
        await campaigns.give(conn, row, owner)
        return _facts(row) | {"owner": owner, "_details": {"from": row.owner, "to": owner}}

    return await change(house, call, "owner", ref, unit)


async def _get(house: House, ref: str) -> CampaignRow:
    try:
        return await house.store.read(campaigns.get, ref)
    except NoSuchCampaign as why:
        raise Refused(str(why)) from None


def _facts(row: CampaignRow) -> Answer:
    return {
        "id": row.id,
        "ref": row.ref,
        "name": row.name,
        "state": row.state,
        "revision": row.revision,
        "owner": row.owner,
        "created_at": row.created_at,
        "starts_at": row.starts_at,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
        "steps_in_flow": [{"id": step.id, "channel": step.channel, "after": step.after} for step in row.spec.step],
    }
