"""Campaigns: create, edit, show, copy, archive, change the owner.

One function for each verb about a campaign as a whole that does not change its state. What must not live here: state
changes (`lifecycle`), people in error (`errors`), SQL (`store`), the display of answers (fronts).
"""

from __future__ import annotations

from typing import Any

from fluentsd.domain.campaign import CampaignFile, read_campaign
from fluentsd.domain.events import CampaignArchived
from fluentsd.domain.gate import Reason
from fluentsd.domain.states import CampaignState
from fluentsd.engine.campaigns.rescheduling import recompute
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaigns, counters, numbers, outbox, reports
from fluentsd.store.campaigns import CampaignRow, NoSuchCampaign
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import manual_changes
from fluentsd.store.nodes import EVERYTHING, INSTALLATION
from fluentsd.verbs import agents, following
from fluentsd.verbs.answers.suggestion import Suggestion
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.diff import differences
from fluentsd.verbs.enrollments import follow_new_flow
from fluentsd.verbs.execute import Answer, change, facts_changed, owning, refusing
from fluentsd.verbs.operations import held


async def apply(runtime: Runtime, call: Call, file: Any, dry_run: bool) -> Answer:
    """Create the campaign a file describes, or change it to what the file says."""
    spec = await _read(file)
    following.check(runtime, spec)
    call = await owning(runtime, call, spec.slug)
    await finish_recompute(runtime, spec.slug)

    followed = {"segments": [f"{one.source}: {one.segment}" for one in spec.segment]} if spec.segment else {}

    async def unit(conn: Connection) -> Answer:
        await campaigns.flow_of(conn, spec)
        if wrong := await agents.problems(runtime, conn, spec.step):
            raise Refused("; ".join(wrong), Suggestion(*next(iter(wrong.values()))))
        try:
            row = await campaigns.get(conn, spec.slug)
        except NoSuchCampaign:
            if not dry_run:
                row = await campaigns.create(conn, spec, owner=call.actor, at=call.at)
                await following.link(conn, runtime, row.id, spec, call.actor, call.at)
            made: Answer = {"ref": spec.slug, "created": True, "changes": [], "state": CampaignState.draft}
            return made | {"dry_run": dry_run} | followed
        changes = differences(row.spec, spec)
        waiting = await reports.at_steps(conn, row.id)
        if changes and not dry_run:
            row = await campaigns.revise(conn, row, spec, by=call.actor, at=call.at, revision=call.revision)
            await following.link(conn, runtime, row.id, spec, call.actor, call.at)
        answer: Answer = {"ref": row.ref, "created": False, "changes": changes, "state": row.state, "dry_run": dry_run}
        answer["id"] = row.id
        answer["keep_their_flow"] = await _keepers(conn, row, flow_changes=any(_is_flow(c) for c in changes))
        answer["retimed"] = sum(waiting.values()) if any(_is_hours(c) for c in changes) else 0
        answer |= followed
        return answer | {"people_at_steps": waiting, "_details": {"changes": [c["path"] for c in changes]}}

    if dry_run:
        answer = await refusing(runtime.store.run(unit))
        answer.pop("_details", None)
        return answer
    answer = await change(runtime, call, "apply", spec.slug, unit)
    runtime.recompute_wakeup.notify()
    await follow_new_flow(runtime, call, answer["ref"])
    if answer["changes"]:
        await facts_changed(runtime, call, campaign_id=answer["id"])
    if {"exclusive", "priority"} & {change["path"] for change in answer["changes"]}:
        await facts_changed(runtime, call, reason=Reason.elsewhere)
    runtime.look_again()
    for wakeup in runtime.sync_wakeups.values():
        wakeup.notify()
    return answer


def _is_flow(change: Answer) -> bool:
    return str(change["path"]).startswith("step.")


def _is_hours(change: Answer) -> bool:
    return str(change["path"]).startswith(("window.", "law."))


async def _keepers(conn: Connection, row: CampaignRow, *, flow_changes: bool) -> int:
    """How many people follow an earlier flow version, now or after this change; before the start, nobody."""
    if row.started_at is None:
        return 0
    behind = await manual_changes.behind(conn, row.id, row.version_id)
    here = sum((await reports.at_steps(conn, row.id)).values()) if flow_changes else 0
    return max(sum(behind.values()), here)


async def finish_recompute(runtime: Runtime, ref: str) -> None:
    """Finish the recompute of an earlier edit, because only one can run at a time."""
    try:
        row = await runtime.store.read(campaigns.get, ref)
    except NoSuchCampaign:
        return
    if row.recompute_from is not None:
        await recompute.finish(runtime, row.id)


async def _read(file: Any) -> CampaignFile:
    try:
        return read_campaign(file)
    except ValueError as why:
        raise Refused(str(why)) from None


async def export(runtime: Runtime, call: Call, ref: str) -> Answer:
    """The campaign's file."""
    row = await row_of(runtime, ref)
    return {"ref": row.ref, "file": row.spec.model_dump(mode="json", exclude_defaults=True)}


async def listing(runtime: Runtime, call: Call, archived: bool) -> Answer:
    """Every campaign with its counts."""

    async def unit(conn: Connection) -> Answer:
        rows = await campaigns.listing(conn, archived=archived)
        return {"campaigns": [facts_of(row) | dict(await counters.overview(conn, row.id)) for row in rows]}

    return await runtime.store.read(unit)


async def show(runtime: Runtime, call: Call, ref: str) -> Answer:
    """A campaign's file and state."""
    row = await row_of(runtime, ref)
    return facts_of(row) | {"file": row.spec.model_dump(mode="json", exclude_defaults=True)}


async def status(runtime: Runtime, call: Call, ref: str) -> Answer:
    """Counts, next due time, and the holds that affect the campaign."""

    async def unit(conn: Connection) -> Answer:
        row = await campaigns.get(conn, ref)
        answer = facts_of(row) | dict(await counters.overview(conn, row.id))
        relevant = {(INSTALLATION, EVERYTHING), ("campaign", row.ref)}
        relevant |= {("channel", channel) for channel in row.spec.channels}
        relevant |= {("number", e164) for e164 in await numbers.chosen(conn, row.spec.numbers)}
        answer["holds"] = [h for h in await held(conn, call.at) if (h["scope"], h["target"]) in relevant]
        answer["next_at"] = await reports.next_moment(conn, row.id)
        answer["held_people"] = await reports.held_people(conn, row.id)
        answer["exited_by_reason"] = await reports.exits(conn, row.id)
        answer["unknown"] = await reports.unknown_count(conn, row.id)
        answer["attempts"] = await reports.attempt_count(conn, row.id)
        more = await counters.follow_ups(conn, row.id)
        answer["follow_ups"] = more.get("queued", 0) + more.get("active", 0)
        return answer

    return await refusing(runtime.store.read(unit))


async def report(runtime: Runtime, call: Call, ref: str) -> Answer:
    """Outcomes of each step, in the order of the flow."""

    async def unit(conn: Connection) -> Answer:
        row = await campaigns.get(conn, ref)
        by_step = await reports.funnel(conn, row.id)
        waiting = await reports.at_steps(conn, row.id)
        order = [step.id for step in row.spec.step]
        steps = [*order, *sorted((set(by_step) | set(waiting)) - set(order))]
        return facts_of(row) | {
            **(await counters.overview(conn, row.id)),
            "steps": [{"step": s, "waiting": waiting.get(s, 0), "outcomes": by_step.get(s, {})} for s in steps],
            "exited_by_reason": await reports.exits(conn, row.id),
        }

    return await refusing(runtime.store.read(unit))


async def copy(runtime: Runtime, call: Call, ref: str, new_ref: str) -> Answer:
    """Create a draft with the same file and without people."""

    async def unit(conn: Connection) -> Answer:
        row = await campaigns.get(conn, ref)
        spec = read_campaign(row.spec.model_dump(mode="json") | {"ref": new_ref, "name": f"{row.name} (copy)"[:120]})
        made = await campaigns.create(conn, spec, owner=call.actor, at=call.at)
        await following.link(conn, runtime, made.id, spec, call.actor, call.at)
        return facts_of(made)

    return await change(runtime, call, "copy", ref, unit)


async def archive(runtime: Runtime, call: Call, ref: str) -> Answer:
    """Hide a campaign from lists; it must have ended or never have started."""

    async def unit(conn: Connection) -> Answer:
        row = await campaigns.get(conn, ref)
        if row.state not in (CampaignState.draft, CampaignState.stopped, CampaignState.completed):
            raise Refused(f"{row.ref} is {row.state}; stop it first")
        await campaigns.archive(conn, row, call.at)
        await outbox.post(conn, CampaignArchived(campaign=row.ref, by=call.actor), at=call.at)
        return facts_of(row) | {"archived": True}

    return await change(runtime, call, "archive", ref, unit)


async def give(runtime: Runtime, call: Call, ref: str, owner: str) -> Answer:
    """Change the owner."""

    async def unit(conn: Connection) -> Answer:
        row = await campaigns.get(conn, ref)
        await campaigns.give(conn, row, owner)
        return facts_of(row) | {"owner": owner, "_details": {"from": row.owner, "to": owner}}

    return await change(runtime, call, "owner", ref, unit)


async def row_of(runtime: Runtime, ref: str) -> CampaignRow:
    try:
        return await runtime.store.read(campaigns.get, ref)
    except NoSuchCampaign as why:
        raise Refused(str(why)) from None


def facts_of(row: CampaignRow) -> Answer:
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
