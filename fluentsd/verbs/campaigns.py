"""Campaigns: list, show, copy, archive, change the owner.

One function for each verb about a campaign as a whole that does not change its state. What must not live here: its file
(`campaign_files`), state changes (`lifecycle`), people in error (`people_in_error`), SQL (`store`), the display of
answers (fronts).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from fluentsd.api import Outcome
from fluentsd.domain.campaign import read_campaign
from fluentsd.domain.events import CampaignArchived, CampaignGiven
from fluentsd.domain.state_machines import CampaignState
from fluentsd.domain.time.durations import Budget
from fluentsd.domain.time.zones import day_of, next_day
from fluentsd.engine.campaigns.rescheduling import recompute
from fluentsd.engine.runtime import Runtime
from fluentsd.store import audit, campaigns, counters, holds, lanes, numbers, outbox, people_by_result, spending
from fluentsd.store.attempts import step_counts, unknown
from fluentsd.store.campaigns import CampaignRow, NoSuchCampaign
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import counts
from fluentsd.store.nodes import EVERYTHING, INSTALLATION
from fluentsd.verbs import campaign_segments, followed_segments
from fluentsd.verbs.answers.suggestion import Suggestion
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.execute import Answer, change, refusing
from fluentsd.verbs.operations import held


async def listing(runtime: Runtime, call: Call, archived: bool) -> Answer:
    """Every campaign with its counts, and whether a hold keeps it from contacting anybody."""

    async def unit(conn: Connection) -> Answer:
        rows = await campaigns.listing(conn, archived=archived)
        held_ones = {(hold["scope"], hold["target"]) for hold in await holds.open_holds(conn, call.at)}
        is_all = (INSTALLATION, EVERYTHING) in held_ones
        return {"campaigns": [
            facts_of(row) | dict(await counters.overview(conn, row.id))
            | {"held": row.state == CampaignState.active and (is_all or ("campaign", row.ref) in held_ones)}
            for row in rows
        ]}  # fmt: skip

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
        answer["now"] = call.at
        answer["runs"] = runtime.engine_runs
        answer["next_at"] = await _next_at(conn, runtime, row, call.at)
        answer["resumes_at"] = row.resumes_at
        answer["paused"] = await _pause_of(conn, row) if row.state == CampaignState.paused else None
        answer["budget"] = await _budget_of(conn, row, call.at) if row.spec.limits.budget else None
        answer["held_people"] = await counts.held(conn, row.id)
        answer["exited_by_reason"] = await counts.exited(conn, row.id)
        answer["unknown"] = await unknown.count(conn, row.id)
        answer["attempts"] = sum(map(made, (await step_counts.funnel(conn, row.id)).values()))
        more = await counters.follow_ups(conn, row.id)
        answer["follow_ups"] = more.get("queued", 0) + more.get("active", 0)
        answer["segments"] = await followed_segments.of_campaign(conn, runtime, row.id)
        answer["people"] = asdict(await people_by_result.of_campaign(conn, row.id))
        return answer

    return await refusing(runtime.store.read(unit))


def made(outcomes: Mapping[str, int]) -> int:
    """Attempts that were made, or may have been: all but those that were not sent."""
    return sum(count for outcome, count in outcomes.items() if outcome != Outcome.not_sent)


async def _next_at(conn: Connection, runtime: Runtime, row: CampaignRow, now: int) -> int | None:
    """The next possible contact, not before now and not before the campaign's start; None when nobody waits."""
    moments = []
    for lane in await lanes.next_in_lanes(conn, row.id):
        state = runtime.channels.get(lane.channel)
        busy_until = max(state.next_slot_at, state.backs_off_until) if state is not None else 0
        paced_at = max(lane.next_slot_at, runtime.not_before.get(lane.lane_id, 0))
        moments.append(max(lane.due_at, paced_at, busy_until))
    return max(now, min(moments), row.starts_at or row.resumes_at or 0) if moments else None


async def _pause_of(conn: Connection, row: CampaignRow) -> Answer | None:
    """Who paused the campaign, when and why."""
    entry = await audit.latest(conn, "pause", row.ref)
    if entry is None:
        return None
    details = entry["details"] if isinstance(entry["details"], Mapping) else {}
    because = str(details.get("because") or details.get("reason") or "")
    return {"by": entry["actor"], "at": entry["at"], "because": because}


async def _budget_of(conn: Connection, row: CampaignRow, at: int) -> Answer:
    """What is spent of the day's budget, and when the next day begins."""
    budget, zone = Budget.parse(row.spec.limits.budget or ""), row.spec.zone
    spent = await spending.on_day(conn, row.id, budget.currency, day_of(at, zone))
    return {
        "spent_micros": spent, "micros": budget.micros, "currency": budget.currency, "renewed_at": next_day(at, zone)
    }  # fmt: skip


async def copy(runtime: Runtime, call: Call, ref: str, new_ref: str, name: str | None = None) -> Answer:
    """Create a draft with the same file and without people."""

    async def unit(conn: Connection) -> Answer:
        row = await campaigns.get(conn, ref)
        called = name or f"{row.name} (copy)"
        spec = read_campaign(row.spec.model_dump(mode="json") | {"ref": new_ref, "name": called[:120]})
        made = await campaigns.create(conn, spec, owner=call.actor, at=call.at)
        await campaign_segments.link(conn, runtime, made.id, spec, call.actor, call.at)
        return facts_of(made)

    return await change(runtime, call, "copy", ref, unit)


async def archive(runtime: Runtime, call: Call, ref: str, yes: bool) -> Answer:
    """Hide a campaign from lists; it must have ended or never have started. A draft with people asks for `yes`."""

    async def unit(conn: Connection) -> Answer:
        row = await campaigns.get(conn, ref)
        if row.state not in (CampaignState.draft, CampaignState.stopped, CampaignState.completed):
            verb = "campaign pause" if row.state == CampaignState.scheduled else "campaign stop"
            raise Refused(
                f"{row.ref} is {row.state}; nothing was changed. Stop it first", Suggestion(verb, {"ref": ref})
            )
        people = (await counters.overview(conn, row.id))["queued"]
        if row.state == CampaignState.draft and people and not yes:
            raise Refused(
                f"{row.ref} is a draft with {people:,} people who have not been contacted; nothing was changed. To "
                "hide it all the same",
                Suggestion("campaign archive", {"ref": ref, "yes": True}),
            )
        await campaigns.archive(conn, row, call.at)
        await outbox.post(conn, CampaignArchived(campaign=row.ref, by=call.actor), at=call.at)
        return facts_of(row) | {"archived": True}

    return await change(runtime, call, "archive", ref, unit)


async def unarchive(runtime: Runtime, call: Call, ref: str) -> Answer:
    """Bring an archived campaign back, in the state it had."""

    async def unit(conn: Connection) -> Answer:
        row = await campaigns.get(conn, ref)
        if row.archived_at is None:
            raise Refused(f"{row.ref} is not archived; nothing was changed")
        await campaigns.unarchive(conn, row)
        return facts_of(row) | {"archived": False}

    return await change(runtime, call, "unarchive", ref, unit)


async def give(runtime: Runtime, call: Call, ref: str, owner: str) -> Answer:
    """Change the owner."""

    async def unit(conn: Connection) -> Answer:
        row = await campaigns.get(conn, ref)
        await campaigns.give(conn, row, owner)
        await outbox.post(conn, CampaignGiven(campaign=row.ref, by=call.actor, owner=owner), at=call.at)
        return facts_of(row) | {"owner": owner, "_details": {"from": row.owner, "to": owner}}

    return await change(runtime, call, "owner", ref, unit)


async def row_of(runtime: Runtime, ref: str) -> CampaignRow:
    try:
        return await runtime.store.read(campaigns.get, ref)
    except NoSuchCampaign as why:
        raise Refused(str(why)) from None


async def finish_recompute(runtime: Runtime, ref: str) -> None:
    """Finish the recompute of an earlier edit, because only one can run at a time."""
    try:
        row = await runtime.store.read(campaigns.get, ref)
    except NoSuchCampaign:
        return
    if row.recompute_from is not None:
        await recompute.finish(runtime, row.id)


def facts_of(row: CampaignRow) -> Answer:
    return {
        "id": row.id,
        "ref": row.ref,
        "name": row.name,
        "state": row.state,
        "revision": row.revision,
        "owner": row.owner,
        "zone": row.spec.zone,
        "created_at": row.created_at,
        "starts_at": row.starts_at,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
        "steps_in_flow": [{"id": step.id, "channel": step.channel, "after": step.after} for step in row.spec.step],
    }
