"""Enrollments and the rows that wait: one named function per transition, many rows at a time.

Every function here takes what `domain` decided and writes it; from-states stand in the WHERE. A waiting row is
addressed by its whole key (lane, rank, moment, enrollment), which the enrollment row repeats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.api import Kind
from fluentsd.domain.states import Enrollment
from fluentsd.store.contacts import new_ids
from fluentsd.store.prepared import Prepared, among, json_of
from fluentsd.store.schema import campaign, contact, enrollment, hold, lane, version, waiting

#: Ranks: a promised callback goes before the flow.
PROMISED, ORDINARY = 0, 1


def _state_is(*states: Enrollment) -> Any:
    """The legal from-states, spelt out: a list would be expanded anew for every row of a batch."""
    return or_(*(enrollment.c.state == state for state in states))


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
_UNWAIT = Prepared(
    delete(waiting).where(
        waiting.c.lane_id == bindparam("b_lane"),
        waiting.c.rank == bindparam("b_rank"),
        waiting.c.due_at == bindparam("b_due"),
        waiting.c.enrollment_id == bindparam("b_id"),
    )
)
_WAIT = Prepared(insert(waiting).values({column.name: bindparam(column.name) for column in waiting.c}))
_MARK = Prepared(
    update(enrollment)
    .where(enrollment.c.id == bindparam("b_id"), enrollment.c.state == Enrollment.queued)
    .values(state=Enrollment.active, due_at=None, touched_at=bindparam("b_at"), sender_id=bindparam("b_sender"))
)
_QUEUE = Prepared(
    update(enrollment)
    .where(enrollment.c.id == bindparam("b_id"), _state_is(Enrollment.queued, Enrollment.active))
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
_SNOOZE = Prepared(
    update(enrollment)
    .where(enrollment.c.id == bindparam("b_id"), enrollment.c.state == Enrollment.queued)
    .values(due_at=bindparam("b_due"))
)
_END = Prepared(
    update(enrollment)
    .where(
        enrollment.c.id == bindparam("b_id"),
        _state_is(Enrollment.queued, Enrollment.active, Enrollment.errored),
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
_HOLD = Prepared(
    update(enrollment)
    .where(enrollment.c.id == bindparam("b_id"), enrollment.c.state == Enrollment.queued)
    .values(held=True, reason=bindparam("b_reason"), due_at=None)
)
_FAIL = Prepared(
    update(enrollment)
    .where(enrollment.c.id == bindparam("b_id"), _state_is(Enrollment.queued, Enrollment.active))
    .values(state=Enrollment.errored, reason=bindparam("b_reason"), held=False, due_at=None)
)


@dataclass(frozen=True, slots=True)
class LaneDue:
    """A lane of an active campaign and the earliest moment of somebody in it."""

    lane_id: int
    campaign_id: int
    channel: Kind
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


class Due(NamedTuple):
    """Somebody whose moment has come, as the mark needs them; `zones` as the store keeps them."""

    id: int
    rank: int
    due_at: int
    contact_id: int
    version_id: int
    step: str
    try_no: int
    retries: int
    unreached: int
    outcomes: str
    last_outcome: str
    sender_id: int | None
    zones: str


async def due(conn: AsyncConnection, lane_id: int, at: int, most: int) -> list[Due]:
    """The claim: due rows of a lane, promised first, locked until the transaction ends where the database can."""
    rows: list[Due] = []
    for rank in (PROMISED, ORDINARY):
        if len(rows) < most:
            found = await conn.execute(_DUE, {"lane": lane_id, "rank_": rank, "at": at, "most": most - len(rows)})
            rows += map(Due._make, found)
    return rows


async def unwait(conn: AsyncConnection, keys: Sequence[dict[str, Any]]) -> None:
    """Take rows out of the queue: `b_lane`, `b_rank`, `b_due`, `b_id`."""
    if keys:
        await _UNWAIT.many(conn, keys)


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


async def wait(conn: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Put rows into the queue: `lane_id`, `rank`, `due_at`, `enrollment_id`."""
    if rows:
        await _WAIT.many(conn, rows)


async def mark(conn: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """queued → active: `b_id`, `b_at`, `b_sender`."""
    if rows:
        await _MARK.many(conn, rows)


async def requeue(conn: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """queued or active → queued at a step: `b_id`, `b_step`, `b_try`, `b_retries`, `b_unreached`, `b_due`,
    `b_outcomes`, `b_last`; with `b_lane` the waiting row is written too."""
    if rows:
        await _QUEUE.many(conn, rows)
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
        await _SNOOZE.many(conn, [{"b_id": row_id, "b_due": moment} for row_id, _, moment in rows])
        await wait(
            conn, [{"lane_id": lane_id, "rank": rank, "due_at": moment, "enrollment_id": i} for i, rank, moment in rows]
        )


async def end(conn: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """→ completed or exited: `b_id`, `b_state`, `b_reason`, `b_at`, `b_unreached`, `b_outcomes`, `b_last`."""
    if rows:
        await _END.many(conn, rows)


async def put_on_hold(conn: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Queued, but out of the queue until a fact changes: `b_id`, `b_reason`."""
    if rows:
        await _HOLD.many(conn, rows)


async def fail(conn: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """→ errored with a cause an operator can act on: `b_id`, `b_reason`."""
    if rows:
        await _FAIL.many(conn, rows)


async def enroll(conn: AsyncConnection, rows: Sequence[dict[str, Any]]) -> list[int]:
    """New entries, ids in the order of `rows`: campaign_id, contact_id, entry, version_id, step, due_at,
    enrolled_at."""
    if not rows:
        return []
    ids = await new_ids(conn, enrollment, len(rows))
    state = Enrollment.queued
    await conn.execute(insert(enrollment), [{"id": i, "state": state, **row} for i, row in zip(ids, rows, strict=True)])
    return ids


_ENROLLED = select(enrollment.c.contact_id).where(
    enrollment.c.campaign_id == bindparam("campaign"), among(enrollment.c.contact_id, "ids")
)


async def enrolled(conn: AsyncConnection, campaign_id: int, contact_ids: Sequence[int]) -> set[int]:
    """Which of these contacts are in the campaign already, in any entry."""
    people = {"campaign": campaign_id, "ids": json_of(contact_ids)}
    return {int(i) for i in (await conn.execute(_ENROLLED, people)).scalars()}


_ERRORED = (among(enrollment.c.id, "ids"), enrollment.c.state == Enrollment.errored)
_RETRY = (
    update(enrollment)
    .where(*_ERRORED)
    .values(state=Enrollment.queued, reason="", due_at=bindparam("b_at"), rank=ORDINARY)
)
_RELEASE = (
    update(enrollment)
    .where(among(enrollment.c.id, "ids"), enrollment.c.held)
    .values(held=False, reason="", due_at=bindparam("b_at"), rank=ORDINARY)
)
_DISMISS = (
    update(enrollment)
    .where(*_ERRORED)
    .values(state=Enrollment.exited, reason="removed", ended_at=bindparam("b_at"), due_at=None)
)


async def retry(conn: AsyncConnection, people: Sequence[Any], at: int) -> None:
    """errored → queued at the same step, due at once; the gate says when. `people`: id, step, version_id."""
    await conn.execute(_RETRY, {"ids": json_of(row.id for row in people), "b_at": at})
    await _wait_in_lanes(conn, people, at)


async def release_held(
    conn: AsyncConnection,
    at: int,
    *,
    campaign_id: int | None = None,
    contact_ids: Sequence[int] | None = None,
    reason: str | None = None,
    most: int = 1000,
) -> int:
    """People whom a fact kept out of the queue come back, due at once: it may have changed, and the gate says what
    that means. At most `most` of a campaign, of some contacts, or held for one reason; returns how many came."""
    statement = select(enrollment.c.id, enrollment.c.version_id, enrollment.c.step).where(enrollment.c.held)
    if campaign_id is not None:
        statement = statement.where(enrollment.c.campaign_id == campaign_id)
    if reason is not None:
        statement = statement.where(enrollment.c.reason == reason)
    given = {"ids": json_of(contact_ids)} if contact_ids is not None else {}
    if given:
        statement = statement.where(among(enrollment.c.contact_id, "ids"))
    rows = (await conn.execute(statement.order_by(enrollment.c.id).limit(most), given)).all()
    if rows:
        await conn.execute(_RELEASE, {"ids": json_of(row.id for row in rows), "b_at": at})
        await _wait_in_lanes(conn, rows, at)
    return len(rows)


async def _wait_in_lanes(conn: AsyncConnection, rows: Sequence[Any], at: int) -> None:
    """Into the queue at `at`, each in the lane of the step they stand at: id, version_id, step."""
    lanes = {place: await _lane(conn, *place) for place in {(row.version_id, row.step) for row in rows}}
    await wait(
        conn,
        [
            {"lane_id": lanes[row.version_id, row.step], "rank": ORDINARY, "due_at": at, "enrollment_id": row.id}
            for row in rows
        ],
    )


async def _lane(conn: AsyncConnection, version_id: int, step: str) -> int:
    """The lane in which people of that flow version wait for that step."""
    row = (await conn.execute(select(version.c.campaign_id, version.c.steps).where(version.c.id == version_id))).one()
    channel = next(s["channel"] for s in row.steps if s["id"] == step)
    mine = (lane.c.campaign_id == row.campaign_id, lane.c.channel == channel)
    return int((await conn.execute(select(lane.c.id).where(*mine))).scalar_one())


async def dismiss(conn: AsyncConnection, people: Sequence[Any], at: int) -> None:
    """errored → exited (removed)."""
    await conn.execute(_DISMISS, {"ids": json_of(row.id for row in people), "b_at": at})


async def of_contact(conn: AsyncConnection, contact_id: int) -> list[Any]:
    """Every entry of a person in any campaign, newest first, with the person's zones."""
    statement = (
        select(enrollment, contact.c.zones, contact.c.zone_basis)
        .join(contact, contact.c.id == enrollment.c.contact_id)
        .where(enrollment.c.contact_id == contact_id)
        .order_by(enrollment.c.id.desc())
    )
    return list((await conn.execute(statement)).all())


async def open_of_contact(conn: AsyncConnection, contact_id: int) -> list[dict[str, Any]]:
    """Where a person is queued, active or errored now, in all campaigns."""
    states = (Enrollment.queued, Enrollment.active, Enrollment.errored)
    statement = select(enrollment).where(enrollment.c.contact_id == contact_id, enrollment.c.state.in_(states))
    return [dict(row) for row in (await conn.execute(statement)).mappings()]
