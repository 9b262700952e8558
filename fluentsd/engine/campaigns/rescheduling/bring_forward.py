"""People brought forward: what put them off may be otherwise now, so the gate is asked again.

A date of theirs was brought up to date, or they are back from where they were. Only who would have waited longer is
moved; the gate puts them off anew where there is reason to.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from fluentsd.domain.flow import Step
from fluentsd.domain.reasons import Reason
from fluentsd.engine.dispatch.plans import Plans
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import rescheduling


async def dates_changed(conn: Connection, plans: Plans, contact_ids: Collection[int], at: int) -> int:
    """People whose records were brought up to date and who wait for a date of their own: it may be an earlier one
    now. Returns how many came back."""
    return await _sooner(conn, plans, contact_ids, at, lambda step: step.moment is not None)


async def may_be_back(conn: Connection, plans: Plans, contact_ids: Collection[int], at: int) -> int:
    """People who wait until they are back, of whom something else is known now. Returns how many came back."""
    return await _sooner(conn, plans, contact_ids, at, lambda _: True, Reason.away)


async def _sooner(
    conn: Connection,
    plans: Plans,
    contact_ids: Collection[int],
    at: int,
    concerns: Callable[[Step], bool],
    reason: Reason | None = None,
) -> int:
    moves = []
    for campaign_id, row in await rescheduling.ahead(conn, list(contact_ids), at, reason=reason):
        _, plan = await plans.current(conn, campaign_id, lock=False)
        step = plan.flow(row.version_id).step(row.step)
        due_at = max(at, row.wanted_at or at)
        if concerns(step) and due_at < row.due_at:
            moves.append(rescheduling.Put(row, plan.lanes[step.channel], row.wanted_at or at, due_at, ""))
    await rescheduling.put(conn, moves)
    return len(moves)
