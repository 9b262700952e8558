"""After a time in which nobody worked: a pause, or a daemon that was down.

Steps that fell due meanwhile never come as a flood. The campaign says what becomes of them: `drip` makes them at half
the lane's pace (a lane without one spreads them over as long as nobody worked, an hour at most), `shift` moves
everybody's course by the time lost, `skip` lets the missed steps go. Nobody is contacted earlier than the gate allows
in any of the three.
"""

from __future__ import annotations

from typing import Any, Literal

import trio

from fluentsd.domain.pacing import SPREAD
from fluentsd.domain.states import CampaignState
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.dispatch.plans import Plan
from fluentsd.engine.runtime import Runtime
from fluentsd.store import audit, campaigns
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import rescheduling
from fluentsd.unavailable import StoreUnavailable

Policy = Literal["drip", "shift", "skip"]
#: A daemon that was away for less than this goes on as if nothing had been.
AWAY = 3600 * SECOND


async def settle(
    conn: Connection, plan: Plan, policy: Policy, since_at: int, at: int, *, dry_run: bool = False
) -> dict[str, Any]:
    """Decide what becomes of the steps that fell due in [since, at), and say so."""
    late = await rescheduling.overdue(conn, plan.campaign_id, at)
    away = max(at - since_at, 0)
    channels = {lane_id: channel for channel, lane_id in plan.lanes.items()}
    told: dict[str, Any] = {"late": sum(late.values()), "late_policy": policy, "away_s": away // SECOND}
    told["late_by_channel"] = {channels[lane_id]: count for lane_id, count in sorted(late.items())}
    intervals = {lane_id: _interval(plan, count, away) for lane_id, count in late.items()}
    if policy == "drip" and late:
        told["late_done_at"] = at + max(interval * late[lane_id] for lane_id, interval in intervals.items())
    if dry_run or not late:
        return told
    if policy == "shift":
        await rescheduling.shift(conn, plan.campaign_id, away)
    else:
        for lane_id, interval in intervals.items():
            await rescheduling.remember_late(conn, lane_id, since_at, at, interval if policy == "drip" else None)
    return told


def _interval(plan: Plan, count: int, away: int) -> int:
    """Microseconds between two late steps of a lane."""
    return 2 * plan.pace if plan.pace else min(SPREAD, away) // count


async def notice_absence(runtime: Runtime) -> None:
    """At the start, before anything is marked: whether the daemon was away long enough for steps to be missed."""
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
            waits_since = await rescheduling.earliest(conn, row.id)
            if waits_since is None or now - waits_since <= AWAY:  # after a quiet time the latest mark tells too little
                continue
            told = await settle(conn, plan, plan.spec.limits.on_resume, seen_at, now)
            if told["late"]:
                await audit.note(conn, at=now, actor="fluentsd", verb="late-start", target=row.ref, details=told)
                found.append({"campaign": row.ref, **told})
        return found

    for told in await runtime.store.run(unit):
        said = {key: told[key] for key in ("campaign", "late", "late_policy", "away_s")}
        runtime.log.warning("campaign.late_start", **said)


async def note_leaving(runtime: Runtime) -> None:
    """At an orderly stop. A database that does not answer now has to do without: the latest mark tells enough."""
    with trio.move_on_after(0.2):
        try:
            await runtime.store.run(rescheduling.leave, runtime.clock.now())
        except StoreUnavailable:
            runtime.log.warning("daemon.leaving_not_noted")
