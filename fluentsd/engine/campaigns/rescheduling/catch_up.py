"""Catching up after a pause or downtime.

Steps that fell due meanwhile never go out all at once. The campaign's policy decides: `drip` makes them at half the
lane's pace (a lane without a pace spreads them over the length of the interruption, one hour at most), `shift` delays
every enrollment by the time lost, `skip` drops the missed steps. Under every policy the gate still decides.
"""

from __future__ import annotations

from typing import Any, Literal

import trio

from fluentsd.domain.pacing import SPREAD
from fluentsd.domain.state_machines import CampaignState
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.dispatch.plans import Plan
from fluentsd.engine.runtime import Runtime
from fluentsd.store import audit, campaigns, lanes
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import rescheduling
from fluentsd.unavailable import StoreUnavailable

Policy = Literal["drip", "shift", "skip"]
#: Downtime shorter than this needs no catching up.
AWAY = 3600 * SECOND


async def settle(
    conn: Connection, plan: Plan, policy: Policy, since_at: int, at: int, *, dry_run: bool = False
) -> dict[str, Any]:
    """Apply the policy to the steps that fell due in [since_at, at); returns the counts for the answer."""
    late = await rescheduling.overdue(conn, plan.campaign_id, at)
    away = max(at - since_at, 0)
    channels = {lane_id: channel for channel, lane_id in plan.lanes.items()}
    result: dict[str, Any] = {"late": sum(late.values()), "late_policy": policy, "away_s": away // SECOND}
    result["late_by_channel"] = {channels[lane_id]: count for lane_id, count in sorted(late.items())}
    intervals = {lane_id: _interval(plan, count, away) for lane_id, count in late.items()}
    if policy == "drip" and late:
        result["late_done_at"] = at + max(interval * late[lane_id] for lane_id, interval in intervals.items())
    if dry_run or not late:
        return result
    if policy == "shift":
        await rescheduling.shift(conn, plan.campaign_id, away)
    else:
        for lane_id, interval in intervals.items():
            await rescheduling.remember_late(conn, lane_id, since_at, at, interval if policy == "drip" else None)
    return result


def _interval(plan: Plan, count: int, away: int) -> int:
    """Microseconds between two late steps of a lane."""
    return 2 * plan.pace if plan.pace else min(SPREAD, away) // count


async def notice_absence(runtime: Runtime) -> None:
    """Before a claim, at the start and after a pass that came late: catch up if the daemon was down, its machine
    suspended, or its database away long enough to miss steps."""
    now = runtime.clock.now()

    async def unit(conn: Connection) -> list[dict[str, Any]]:
        seen_at = await rescheduling.last_seen(conn)
        if seen_at is None or now - seen_at <= AWAY:
            return []
        found = []
        for row in await campaigns.listing(conn):
            if row.state != CampaignState.active:
                continue
            _, plan = await runtime.plans.current(conn, row.id)
            waits_since = min((lane.due_at for lane in await lanes.next_in_lanes(conn, row.id)), default=None)
            if waits_since is None or now - waits_since <= AWAY:  # in a quiet period `last_seen` is too old
                continue
            result = await settle(conn, plan, plan.spec.limits.on_resume, seen_at, now)
            if result["late"]:
                await audit.note(conn, at=now, actor="fluentsd", verb="late-start", target=row.ref, details=result)
                found.append({"campaign": row.ref, **result})
        return found

    for result in await runtime.store.run(unit):
        details = {key: result[key] for key in ("campaign", "late", "late_policy", "away_s")}
        runtime.log.warning("campaign.late_start", **details)
    runtime.recompute_wakeup.notify()  # under `shift`


async def note_leaving(runtime: Runtime) -> None:
    """Store the time of an orderly stop. Skipped if the database does not answer: the latest claim's time is enough."""
    with trio.move_on_after(0.2):
        try:
            await runtime.store.run(rescheduling.leave, runtime.clock.now())
        except StoreUnavailable:
            runtime.log.warning("daemon.leaving_not_noted")
