"""Enrollments changed by an operator: a promised callback, another version of the flow."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.state_machines import EnrollmentState
from fluentsd.store.contacts import reserve
from fluentsd.store.db.statements import Prepared, field
from fluentsd.store.enrollments.rows import ENROLLMENT_COLUMNS, PROMISED, EnrollmentRow, QueueKey
from fluentsd.store.enrollments.transitions import leave_queue, reserve_those, unwait, wait
from fluentsd.store.tables import enrollment

#: The outcome of a step that a change of the flow made a person leave.
MOVED = "moved"
_OPEN = (EnrollmentState.queued, EnrollmentState.active, EnrollmentState.errored)


async def of(conn: AsyncConnection, campaign_id: int, contact_id: int) -> EnrollmentRow | None:
    """A contact's latest entry in a campaign, locked."""
    await reserve(conn, [contact_id])
    mine = (enrollment.c.campaign_id == campaign_id, enrollment.c.contact_id == contact_id)
    statement = select(*ENROLLMENT_COLUMNS).where(*mine).order_by(enrollment.c.entry.desc()).limit(1).with_for_update()
    row = (await conn.execute(statement)).first()
    return None if row is None else EnrollmentRow._make(row)


async def carry_over(conn: AsyncConnection, left: EnrollmentRow, entered: EnrollmentRow) -> EnrollmentRow:
    """Give a further entry of a person what the one that they left knows: the outcomes of its steps, and the failures
    to reach in a row."""
    known: dict[str, Any] = {"outcomes": left.outcomes, "last_outcome": left.last_outcome, "unreached": left.unreached}
    await conn.execute(update(enrollment).where(enrollment.c.id == entered.id).values(**known))
    return entered._replace(**known)


async def promise(conn: AsyncConnection, row: EnrollmentRow, step: str, try_no: int, lane_id: int, at: int) -> None:
    """queued → queued at this step at a promised moment, before the flow; a hold is lifted with it, and the gate is
    asked again."""
    await leave_queue(conn, [row.id])
    values: dict[str, Any] = {"step": step, "try_no": try_no, "rank": PROMISED}
    values |= {"due_at": at, "wanted_at": at, "held": False, "reason": ""}
    mine = (enrollment.c.id == row.id, enrollment.c.state == EnrollmentState.queued)
    await conn.execute(update(enrollment).where(*mine).values(**values))
    await wait(conn, [QueueKey(lane_id, PROMISED, at, row.id)])


def _behind(campaign_id: int, version_id: int) -> tuple[Any, ...]:
    return (
        enrollment.c.campaign_id == campaign_id,
        enrollment.c.version_id != version_id,
        enrollment.c.state.in_(_OPEN),
    )


async def behind(conn: AsyncConnection, campaign_id: int, version_id: int) -> dict[tuple[int, str, str], int]:
    """People of other flow versions: (version, step, state) → how many."""
    place = (enrollment.c.version_id, enrollment.c.step, enrollment.c.state)
    statement = select(*place, func.count()).where(*_behind(campaign_id, version_id)).group_by(*place)
    return {(version, step, state): int(count) for version, step, state, count in await conn.execute(statement)}


async def some_behind(
    conn: AsyncConnection, campaign_id: int, version_id: int, since: int, most: int
) -> list[EnrollmentRow]:
    """Some of them who are not being contacted just now, in the order of their ids."""
    mine = (*_behind(campaign_id, version_id), enrollment.c.state != EnrollmentState.active, enrollment.c.id >= since)
    await reserve_those(conn, *mine, most=most)
    statement = select(*ENROLLMENT_COLUMNS).where(*mine).order_by(enrollment.c.id).limit(most).with_for_update()
    return [EnrollmentRow._make(row) for row in await conn.execute(statement)]


class NewVersion(NamedTuple):
    """An enrollment's new version of the flow, and its step and outcomes there."""

    id: int
    version_id: int
    step: str
    outcomes: str


_ID = enrollment.c.id == field("id")
_SAME_STEP = Prepared[NewVersion](
    NewVersion._fields, update(enrollment).where(_ID).values(version_id=field("version_id"))
)
_OTHER_STEP = Prepared[NewVersion](
    NewVersion._fields,
    update(enrollment)
    .where(_ID)
    .values(version_id=field("version_id"), step=field("step"), try_no=1, retries=0, outcomes=field("outcomes")),
)


async def upgrade(
    conn: AsyncConnection,
    rows: Sequence[EnrollmentRow],
    version_id: int,
    lanes: Mapping[tuple[int, str], int],
    there: Mapping[str, tuple[str, int]],
) -> None:
    """Put people on another version of the flow, each at the step and in the lane that `there` names for theirs;
    `lanes` says where each waits now. Their moment stays. A step they leave after a try of it counts as made."""
    moved = [NewVersion(row.id, version_id, there[row.step][0], _with_moved(row)) for row in rows]
    stays = {row.id for row in rows if there[row.step][0] == row.step}
    await _SAME_STEP.many(conn, [new for new in moved if new.id in stays])
    await _OTHER_STEP.many(conn, [new for new in moved if new.id not in stays])
    crossing = [
        (row, lanes[row.version_id, row.step], there[row.step][1], row.due_at)
        for row in rows
        if row.due_at is not None and lanes[row.version_id, row.step] != there[row.step][1]
    ]
    await unwait(conn, [QueueKey(before, row.rank, at, row.id) for row, before, _, at in crossing])
    await wait(conn, [QueueKey(after, row.rank, at, row.id) for row, _, after, at in crossing])


def _with_moved(row: EnrollmentRow) -> str:
    """The outcomes by step; the one that is left behind counts as made if a try of it was."""
    if row.try_no == 1:
        return row.outcomes
    return json.dumps({row.step: MOVED} | json.loads(row.outcomes), separators=(",", ":"))
