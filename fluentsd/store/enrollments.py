"""Enrollments and the rows that wait: one named function per transition, many rows at a time.

Every function here takes what `domain` decided and writes it; from-states stand in the WHERE. A waiting row is
addressed by its whole key (lane, rank, moment, enrollment), which the enrollment row repeats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.states import Enrollment
from fluentsd.store.contacts import new_ids
from fluentsd.store.schema import campaign, contact, enrollment, hold, lane, waiting

#: Ranks: a promised callback goes before the flow.
PROMISED, ORDINARY = 0, 1

_DUE = (
    select(
        waiting.c.enrollment_id.label("id"),
        waiting.c.rank,
        waiting.c.due_at,
        enrollment.c.contact_id,
        enrollment.c.version_id,
        enrollment.c.step,
        enrollment.c.try_no,
        enrollment.c.retries,
        enrollment.c.unreached,
        enrollment.c.outcomes,
        enrollment.c.last_outcome,
        enrollment.c.sender_id,
        contact.c.zones,
    )
    .join(enrollment, enrollment.c.id == waiting.c.enrollment_id)
    .join(contact, contact.c.id == enrollment.c.contact_id)
    .where(
        waiting.c.lane_id == bindparam("lane"),
        waiting.c.rank == bindparam("rank_"),
        waiting.c.due_at <= bindparam("at"),
    )
    .order_by(waiting.c.due_at, waiting.c.enrollment_id)
    .limit(bindparam("most"))
    .with_for_update(of=(waiting, contact), skip_locked=True)  # PostgreSQL; SQLite has one writer at a time
)
_UNWAIT = delete(waiting).where(
    waiting.c.lane_id == bindparam("b_lane"),
    waiting.c.rank == bindparam("b_rank"),
    waiting.c.due_at == bindparam("b_due"),
    waiting.c.enrollment_id == bindparam("b_id"),
)
_MARK = (
    update(enrollment)
    .where(enrollment.c.id == bindparam("b_id"), enrollment.c.state == Enrollment.queued)
    .values(state=Enrollment.active, due_at=None, touched_at=bindparam("b_at"), sender_id=bindparam("b_sender"))
)
_QUEUE = (
    update(enrollment)
    .where(enrollment.c.id == bindparam("b_id"), enrollment.c.state.in_((Enrollment.queued, Enrollment.active)))
    .values(
        state=Enrollment.queued,
        held=False,
        reason="",
        step=bindparam("b_step"),
        try_no=bindparam("b_try"),
        retries=bindparam("b_retries"),
        unreached=bindparam("b_unreached"),
        due_at=bindparam("b_due"),
        rank=ORDINARY,
        outcomes=bindparam("b_outcomes"),
        last_outcome=bindparam("b_last"),
    )
)
_SNOOZE = (
    update(enrollment)
    .where(enrollment.c.id == bindparam("b_id"), enrollment.c.state == Enrollment.queued)
    .values(due_at=bindparam("b_due"))
)
_END = (
    update(enrollment)
    .where(
        enrollment.c.id == bindparam("b_id"),
        enrollment.c.state.in_((Enrollment.queued, Enrollment.active, Enrollment.errored)),
    )
    .values(
        state=bindparam("b_state"),
        reason=bindparam("b_reason"),
        held=False,
        due_at=None,
        ended_at=bindparam("b_at"),
        unreached=bindparam("b_unreached"),
        outcomes=bindparam("b_outcomes"),
        last_outcome=bindparam("b_last"),
    )
)
_HOLD = (
    update(enrollment)
    .where(enrollment.c.id == bindparam("b_id"), enrollment.c.state == Enrollment.queued)
    .values(held=True, reason=bindparam("b_reason"), due_at=None)
)
_FAIL = (
    update(enrollment)
    .where(enrollment.c.id == bindparam("b_id"), enrollment.c.state.in_((Enrollment.queued, Enrollment.active)))
    .values(state=Enrollment.errored, reason=bindparam("b_reason"), held=False, due_at=None)
)


@dataclass(frozen=True, slots=True)
class LaneDue:
    """A lane of an active campaign and the earliest moment of somebody in it."""

    lane_id: int
    campaign_id: int
    channel: str
    room_at: int
    due_at: int


async def agenda(conn: AsyncConnection) -> list[LaneDue]:
    """Every lane that may be served, with its earliest waiting moment; campaigns under a hold are left out."""

    def held(scope: str) -> Any:
        return select(hold.c.target).where(hold.c.scope == scope, hold.c.lifted_at.is_(None))

    def earliest(rank: int) -> Any:
        mine = (waiting.c.lane_id == lane.c.id, waiting.c.rank == rank)
        return (
            select(waiting.c.due_at).where(*mine).order_by(waiting.c.due_at).limit(1).correlate(lane).scalar_subquery()
        )

    statement = (
        select(lane.c.id, lane.c.campaign_id, lane.c.channel, lane.c.room_at, earliest(PROMISED), earliest(ORDINARY))
        .join(campaign, campaign.c.id == lane.c.campaign_id)
        .where(campaign.c.state == "active", campaign.c.ref.not_in(held("campaign")))
        .where(lane.c.channel.not_in(held("channel")))
        .order_by(lane.c.id)
    )
    found = []
    for lane_id, campaign_id, channel, room_at, promised, ordinary in await conn.execute(statement):
        moments = [m for m in (promised, ordinary) if m is not None]
        if moments:
            found.append(LaneDue(int(lane_id), int(campaign_id), channel, int(room_at), int(min(moments))))
    return found


async def due(conn: AsyncConnection, lane_id: int, at: int, most: int) -> Sequence[Any]:
    """The claim: due rows of a lane, promised first, locked until the transaction ends where the database can."""
    rows: list[Any] = []
    for rank in (PROMISED, ORDINARY):
        if len(rows) < most:
            found = await conn.execute(_DUE, {"lane": lane_id, "rank_": rank, "at": at, "most": most - len(rows)})
            rows += found.all()
    return rows


async def unwait(conn: AsyncConnection, keys: Sequence[Mapping[str, Any]]) -> None:
    """Take rows out of the queue: `b_lane`, `b_rank`, `b_due`, `b_id`."""
    if keys:
        await conn.execute(_UNWAIT, keys)


async def leave_queue(conn: AsyncConnection, ids: Sequence[int]) -> None:
    """Take people out of the queue, whatever lane and moment they wait for."""
    if not ids:
        return
    rows = await conn.execute(
        select(lane.c.id, enrollment.c.rank, enrollment.c.due_at, enrollment.c.id)
        .join(lane, lane.c.campaign_id == enrollment.c.campaign_id)
        .where(enrollment.c.id.in_(list(ids)), enrollment.c.due_at.is_not(None))
    )
    await unwait(conn, [{"b_lane": li, "b_rank": rank, "b_due": moment, "b_id": i} for li, rank, moment, i in rows])


async def wait(conn: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put rows into the queue: `lane_id`, `rank`, `due_at`, `enrollment_id`."""
    if rows:
        await conn.execute(insert(waiting), rows)


async def mark(conn: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """queued → active: `b_id`, `b_at`, `b_sender`."""
    if rows:
        await conn.execute(_MARK, rows)


async def requeue(conn: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """queued or active → queued at a step: `b_id`, `b_step`, `b_try`, `b_retries`, `b_unreached`, `b_due`,
    `b_outcomes`, `b_last`; with `b_lane` the waiting row is written too."""
    if rows:
        await conn.execute(_QUEUE, [{k: v for k, v in row.items() if k != "b_lane"} for row in rows])
        await wait(
            conn,
            [
                {"lane_id": row["b_lane"], "rank": ORDINARY, "due_at": row["b_due"], "enrollment_id": row["b_id"]}
                for row in rows
            ],
        )


async def snooze(conn: AsyncConnection, lane_id: int, rows: Sequence[tuple[int, int, int]]) -> None:
    """One person's wait without spending a try: (enrollment, rank, new moment); their old rows are out already."""
    if rows:
        await conn.execute(_SNOOZE, [{"b_id": row_id, "b_due": moment} for row_id, _, moment in rows])
        await wait(
            conn, [{"lane_id": lane_id, "rank": rank, "due_at": moment, "enrollment_id": i} for i, rank, moment in rows]
        )


async def end(conn: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """→ completed or exited: `b_id`, `b_state`, `b_reason`, `b_at`, `b_unreached`, `b_outcomes`, `b_last`."""
    if rows:
        await conn.execute(_END, rows)


async def put_on_hold(conn: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Queued, but out of the queue until a fact changes: `b_id`, `b_reason`."""
    if rows:
        await conn.execute(_HOLD, rows)


async def fail(conn: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """→ errored with a cause an operator can act on: `b_id`, `b_reason`."""
    if rows:
        await conn.execute(_FAIL, rows)


async def enroll(conn: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """New entries, ids in the order of `rows`: campaign_id, contact_id, entry, version_id, step, due_at, enrolled_at."""
    if not rows:
        return []
    ids = await new_ids(conn, enrollment, len(rows))
    state = Enrollment.queued
    await conn.execute(insert(enrollment), [{"id": i, "state": state, **row} for i, row in zip(ids, rows, strict=True)])
    return ids


async def enrolled(conn: AsyncConnection, campaign_id: int, contact_ids: Sequence[int]) -> set[int]:
    """Which of these contacts are in the campaign already, in any entry."""
    mine = (enrollment.c.campaign_id == campaign_id, enrollment.c.contact_id.in_(list(contact_ids)))
    return {int(i) for i in (await conn.execute(select(enrollment.c.contact_id).where(*mine))).scalars()}


async def open_of_contact(conn: AsyncConnection, contact_id: int) -> list[dict[str, Any]]:
    """Where a person is queued, active or errored now, in all campaigns."""
    states = (Enrollment.queued, Enrollment.active, Enrollment.errored)
    statement = select(enrollment).where(enrollment.c.contact_id == contact_id, enrollment.c.state.in_(states))
    return [dict(row) for row in (await conn.execute(statement)).mappings()]
