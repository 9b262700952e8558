"""Closed attempts by campaign, step and outcome: deltas written in the transaction of the outcome, so that a status
costs the same after ten attempts and after ten million. Open attempts are few and are counted when read."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.state_machines import AttemptState
from fluentsd.store.db.statements import Prepared, field
from fluentsd.store.tables import attempt, step_count

#: (campaign, step, outcome)
Deltas = Counter[tuple[int, str, str]]

_COLUMNS = ("campaign_id", "step", "outcome", "count")
_ADD = Prepared[tuple[int, str, str, int]](
    _COLUMNS,
    text(
        "INSERT INTO step_count (campaign_id, step, outcome, count)"
        " VALUES (:b_campaign_id, :b_step, :b_outcome, :b_count)"
        " ON CONFLICT (campaign_id, step, outcome) DO UPDATE SET count = step_count.count + excluded.count"
    ).bindparams(*(field(column) for column in _COLUMNS)),
)


def move(deltas: Deltas, campaign_id: int, step: str, before: str | None, after: str) -> None:
    """Note that an attempt closed with an outcome (`before` None), or that its outcome got clearer."""
    if before is not None:
        deltas[campaign_id, step, before] -= 1
    deltas[campaign_id, step, after] += 1


async def add(conn: AsyncConnection, deltas: Deltas) -> None:
    """Write the deltas of one transaction; rows in one order, so that writers never lock crosswise."""
    await _ADD.many(conn, [(*key, count) for key, count in sorted(deltas.items()) if count])


async def funnel(conn: AsyncConnection, campaign_id: int) -> dict[str, dict[str, int]]:
    """Attempts of a campaign by step and outcome; "open" where there is none yet."""
    closed = select(step_count.c.step, step_count.c.outcome, step_count.c.count)
    going = select(attempt.c.step, func.count()).where(attempt.c.state == AttemptState.open)
    found: dict[str, dict[str, int]] = {}
    for step, outcome, count in await conn.execute(closed.where(step_count.c.campaign_id == campaign_id)):
        if count:
            found.setdefault(step, {})[outcome] = int(count)
    for step, count in await conn.execute(going.where(attempt.c.campaign_id == campaign_id).group_by(attempt.c.step)):
        found.setdefault(step, {})["open"] = int(count)
    return found
