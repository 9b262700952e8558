"""Two loops: start campaigns at their scheduled time and end pauses that have an end, and complete campaigns in which
nobody is waiting."""

from __future__ import annotations

import trio

from fluentsd.domain.events import CampaignCompleted, CampaignResumed, CampaignStarted, CampaignUnscheduled
from fluentsd.domain.state_machines import CampaignState
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.campaigns.rescheduling import recompute
from fluentsd.engine.campaigns.rescheduling.catch_up import settle
from fluentsd.engine.runtime import Approval, Runtime
from fluentsd.store import after_calls, audit, campaigns, counters, outbox
from fluentsd.store.db import Connection
from fluentsd.unavailable import StoreUnavailable


async def start_scheduled(runtime: Runtime, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """Sleep until the earliest scheduled start or end of a pause, then start or resume the campaign."""
    task_status.started()
    while True:
        try:
            now = runtime.clock.now()
            for ref in await runtime.store.read(campaigns.due_to_start, now):
                started = await runtime.store.run(_start, ref, now, runtime.approval)
                runtime.log.info("campaign.started" if started else "campaign.unscheduled", campaign=ref, by="schedule")
                runtime.dispatcher_wakeup.notify()
            for campaign_id in await runtime.store.read(campaigns.due_to_resume, now):
                await _resume(runtime, campaign_id, now)
            moments = [await runtime.store.read(next_) for next_ in (campaigns.next_start, campaigns.next_resume)]
            until = min((at for at in moments if at is not None), default=None)
        except StoreUnavailable:
            until = runtime.clock.now() + SECOND
        await runtime.schedule_wakeup.wait_until(runtime.clock, until)


async def _start(conn: Connection, ref: str, at: int, approval: Approval | None) -> bool:
    """scheduled → active; back to draft if it was edited after a second person had approved it. Whether it started."""
    row = await campaigns.get(conn, ref)
    if row.state == CampaignState.scheduled and row.starts_at is not None and row.starts_at <= at:
        people = (await counters.overview(conn, row.id))["queued"]
        # the schedule itself made the revision one higher than the approved one
        if (
            approval is not None
            and people > approval.above
            and not await campaigns.approvals(conn, row, row.revision - 1)
        ):
            await campaigns.move(conn, row, "pause", at=at)
            details = {"because": "it was changed after its start was approved", "scheduled": row.starts_at}
            await audit.note(conn, at=at, actor="fluentsd", verb="unschedule", target=ref, details=details)
            await outbox.post(conn, CampaignUnscheduled(campaign=ref, by="fluentsd"), at=at)
            return False
        await campaigns.move(conn, row, "start", at=at)
        await audit.note(conn, at=at, actor="fluentsd", verb="start", target=ref, details={"scheduled": row.starts_at})
        await outbox.post(conn, CampaignStarted(campaign=ref, by="schedule"), at=at)
    return True


async def _resume(runtime: Runtime, campaign_id: int, at: int) -> None:
    """paused → active at the end that the pause was given; missed steps follow the campaign's setting."""
    await recompute.finish(runtime, campaign_id)

    async def unit(conn: Connection) -> str | None:
        row = await campaigns.by_id(conn, campaign_id)
        if row.state != CampaignState.paused or row.resumes_at is None or row.resumes_at > at:
            return None
        _, plan = await runtime.plans.current(conn, row.id)
        found = await settle(conn, plan, row.spec.limits.on_resume, row.paused_at or at, at)
        await campaigns.move(conn, row, "resume", at=at)
        details = {"from": row.state, "to": CampaignState.active, **found}
        await audit.note(conn, at=at, actor="fluentsd", verb="resume", target=row.ref, details=details)
        await outbox.post(conn, CampaignResumed(campaign=row.ref, by="schedule"), at=at)
        return row.ref

    try:
        ref = await runtime.store.run(unit)
    except campaigns.Changed:
        return  # a person was faster; the next pass looks again
    if ref is not None:
        runtime.log.info("campaign.resumed", campaign=ref, by="schedule")
        runtime.paused.discard(campaign_id)
        runtime.enrollment_ended({campaign_id})
        runtime.recompute_wakeup.notify()
        runtime.dispatcher_wakeup.notify()


async def complete_finished(runtime: Runtime, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """After an enrollment ends, complete its campaign if that was the last one. At the start every active campaign is
    checked, because an earlier process may have died between the last end and this check."""
    task_status.started()
    try:
        runtime.enrollment_ended(await runtime.store.read(campaigns.active_ids))
    except StoreUnavailable:
        runtime.log.warning("campaigns.not_looked_at")  # the next ended enrollment checks again
    while True:
        await runtime.completion_wakeup.wait_until(runtime.clock, None)
        ended, runtime.ended_campaigns = runtime.ended_campaigns, set()
        for campaign_id in sorted(ended):
            try:
                ref = await runtime.store.run(complete_if_done, campaign_id, runtime.clock.now())
            except campaigns.Changed:  # a person paused or stopped it in the same moment: look again
                runtime.enrollment_ended({campaign_id})
                continue
            except StoreUnavailable:
                runtime.enrollment_ended({campaign_id})
                await runtime.clock.sleep_until(runtime.clock.now() + SECOND)
                continue
            if ref:
                runtime.log.info("campaign.completed", campaign=ref)


async def complete_if_done(conn: Connection, campaign_id: int, at: int) -> str | None:
    """active → completed when nobody is queued or active, follow-ups after calls included, and no call's work is
    pending; returns the ref of a completed campaign. People in error do not keep a campaign open: a retry reopens
    it."""
    row = await campaigns.by_id(conn, campaign_id, lock=True)  # before the counts: who enters now finds it completed
    counts = await counters.overview(conn, campaign_id)
    if row.state != CampaignState.active or row.spec.segment:  # people may join a segment at any time
        return None
    more = await counters.follow_ups(conn, campaign_id)
    if any(counts[state] or more.get(state) for state in ("queued", "active")) or not counts["total"]:
        return None
    if await after_calls.is_pending(conn, campaign_id):
        return None
    await campaigns.move(conn, row, "complete", at=at)
    await audit.note(conn, at=at, actor="fluentsd", verb="complete", target=row.ref, details=dict(counts))
    await outbox.post(conn, CampaignCompleted(campaign=row.ref, by="fluentsd", **counts), at=at)
    return row.ref
