"""Bring forward: reschedules people earlier when the reason they were deferred may have gone.

A date field was updated, or an absence ended earlier. Only people who would have waited longer are moved; the gate
defers them again if a reason remains.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from fluentsd.domain.flow import Step
from fluentsd.domain.reasons import Reason
from fluentsd.engine.dispatch.plans import Plan, Plans
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import rescheduling


async def dates_changed(conn: Connection, plans: Plans, contact_ids: Collection[int], at: int) -> int:
    """Bring forward updated contacts whose step waits for a date field, which may now be earlier. Returns how many."""
    return await _bring_forward(conn, plans, contact_ids, at, lambda step: step.moment is not None)


async def may_be_back(conn: Connection, plans: Plans, contact_ids: Collection[int], at: int) -> int:
    """Bring forward contacts who wait for the end of an absence, when its date changed. Returns how many."""
    return await _bring_forward(conn, plans, contact_ids, at, lambda _: True, Reason.away)


async def _bring_forward(
    conn: Connection,
    plans: Plans,
    contact_ids: Collection[int],
    at: int,
    applies_to: Callable[[Step], bool],
    reason: Reason | None = None,
) -> int:
    moves, found = [], await rescheduling.not_yet_due(conn, list(contact_ids), at, reason=reason)
    known: dict[int, Plan] = {}
    for campaign_id, row in found:
        if (plan := known.get(campaign_id)) is None:
            _, plan = await plans.current(conn, campaign_id, lock=False)
            known[campaign_id] = plan
        step = plan.flow(row.version_id).step(row.step)
        due_at = max(at, row.wanted_at or at)
        if applies_to(step) and due_at < row.due_at:
            moves.append(rescheduling.Rescheduled(row, plan.lanes[step.channel], row.wanted_at or at, due_at, ""))
    await rescheduling.reschedule(conn, moves)
    return len(moves)
