"""The overview's figures: people by state, and people who were contacted. Deltas are written with each transition, and
summed when read.

Exact in every committed snapshot, because the delta commits with the transition it counts. One row per node keeps
writers on PostgreSQL from waiting for each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import bindparam, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.state_machines import EnrollmentState
from fluentsd.store.tables import counter, enrollment

_ADD = text(
    "INSERT INTO counter (campaign_id, state, node, count) VALUES (:campaign_id, :state, :node, :count)"
    " ON CONFLICT (campaign_id, state, node) DO UPDATE SET count = counter.count + excluded.count"
).bindparams(bindparam("campaign_id"), bindparam("state"), bindparam("node"), bindparam("count"))

Deltas = Counter[tuple[int, str]]
#: Beside the states: people with an attempt that was made, or may have been.
CONTACTED = "contacted"


def moved(deltas: Deltas, campaign_id: int, before: str | None, after: str | None, count: int = 1) -> None:
    """Note that `count` people went from one state to another; None is outside."""
    if before == after:
        return
    if before is not None:
        deltas[campaign_id, before] -= count
    if after is not None:
        deltas[campaign_id, after] += count


async def add(conn: AsyncConnection, deltas: Deltas, node: str = "") -> None:
    """Write the deltas of one transaction; rows in one order, so that writers never lock crosswise."""
    rows = [
        {"campaign_id": campaign, "state": state, "node": node, "count": count}
        for (campaign, state), count in sorted(deltas.items())
        if count
    ]
    if rows:
        await conn.execute(_ADD, rows)


_COUNTED = (
    select(counter.c.state, func.sum(counter.c.count))
    .where(counter.c.campaign_id == bindparam("campaign"))
    .group_by(counter.c.state)
)


async def overview(conn: AsyncConnection, campaign_id: int) -> Mapping[str, int]:
    """People by state, every state present, and `total`: their sum. Follow-ups after calls are no further people."""
    found = {state: int(count) for state, count in await conn.execute(_COUNTED, {"campaign": campaign_id})}
    more = await follow_ups(conn, campaign_id)
    counts = {state.value: found.get(state.value, 0) - more.get(state.value, 0) for state in EnrollmentState}
    return {"total": sum(counts.values()), **counts}


async def contacted(conn: AsyncConnection, campaign_id: int) -> int:
    """People with an attempt that was made, or may have been."""
    found = await conn.execute(_COUNTED.where(counter.c.state == CONTACTED), {"campaign": campaign_id})
    return sum(int(count) for _, count in found)


_FOLLOW_UPS = (
    select(enrollment.c.state, func.count())
    .where(enrollment.c.campaign_id == bindparam("campaign"), enrollment.c.follows.is_not(None))
    .group_by(enrollment.c.state)
)


async def follow_ups(conn: AsyncConnection, campaign_id: int) -> Mapping[str, int]:
    """Follow-ups after calls by state: enrollments that the counters hold too."""
    return {state: int(count) for state, count in await conn.execute(_FOLLOW_UPS, {"campaign": campaign_id})}
