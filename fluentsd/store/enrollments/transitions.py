"""Enrollments and the rows that wait: one named function per transition, many rows at a time.

Every function here takes what `domain` decided and writes it; from-states stand in the WHERE. A waiting row is
addressed by its whole key (lane, rank, moment, enrollment), which the enrollment row repeats.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.gate import Reason
from fluentsd.domain.states import EnrollmentState
from fluentsd.store.contacts import reserve
from fluentsd.store.db.statements import Prepared, among, json_of
from fluentsd.store.tables import contact, enrollment, lane, version, waiting

#: Ranks: a promised callback goes before the flow.
PROMISED, ORDINARY = 0, 1


def state_is(*states: EnrollmentState) -> Any:
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
        contact.c.states,
        contact.c.conflict,
        contact.c.consent,
        contact.c.scrubbed_at,
        contact.c.away_until_at,
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
    .where(enrollment.c.id == bindparam("b_id"), enrollment.c.state == EnrollmentState.queued)
    .values(
        state=EnrollmentState.active,
        reason="",
        due_at=None,
        touched_at=bindparam("b_at"),
        sender_id=bindparam("b_sender"),
    )
)
_QUEUE = Prepared(
    update(enrollment)
    .where(enrollment.c.id == bindparam("b_id"), state_is(EnrollmentState.queued, EnrollmentState.active))
    .values(
        state=EnrollmentState.queued,
        held=False,
        reason=bindparam("b_reason"),
        step=bindparam("b_step"),
        try_no=bindparam("b_try"),
        retries=bindparam("b_retries"),
        unreached=bindparam("b_unreached"),
        due_at=bindparam("b_due"),
        wanted_at=bindparam("b_wanted"),
        rank=ORDINARY,
        outcomes=bindparam("b_outcomes"),
        last_outcome=bindparam("b_last"),
    )
)
_SNOOZE = Prepared(
    update(enrollment)
    .where(enrollment.c.id == bindparam("b_id"), enrollment.c.state == EnrollmentState.queued)
    .values(due_at=bindparam("b_due"), reason=bindparam("b_reason"))
)
_END = Prepared(
    update(enrollment)
    .where(
        enrollment.c.id == bindparam("b_id"),
        state_is(EnrollmentState.queued, EnrollmentState.active, EnrollmentState.errored),
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
    .where(enrollment.c.id == bindparam("b_id"), enrollment.c.state == EnrollmentState.queued)
    .values(held=True, reason=bindparam("b_reason"), due_at=None)
)
_HEAR = Prepared(
    update(enrollment)
    .where(
        enrollment.c.id == bindparam("b_id"),
        state_is(EnrollmentState.queued, EnrollmentState.active, EnrollmentState.errored),
    )
    .values(unreached=bindparam("b_unreached"), outcomes=bindparam("b_outcomes"), last_outcome=bindparam("b_last"))
)
_FAIL = Prepared(
    update(enrollment)
    .where(enrollment.c.id == bindparam("b_id"), state_is(EnrollmentState.queued, EnrollmentState.active))
    .values(state=EnrollmentState.errored, reason=bindparam("b_reason"), held=False, due_at=None)
)


class Due(NamedTuple):
    """Somebody whose moment has come, as the mark needs them; place and consent as the store keeps them."""

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
    states: str = ""
    conflict: bool = False
    consent: str = ""
    scrubbed_at: int | None = None
    away_until_at: int | None = None


async def due(conn: AsyncConnection, lane_id: int, at: int, most: int) -> list[Due]:
    """The claim: due rows of a lane, promised first, locked until the transaction ends where the database can."""
    rows: list[Due] = []
    for rank in (PROMISED, ORDINARY):
        if len(rows) < most:
            found = await conn.execute(_DUE, {"lane": lane_id, "rank_": rank, "at": at, "most": most - len(rows)})
            rows += map(Due._make, found)
    return rows


async def reserve_those(conn: AsyncConnection, *which: Any, most: int) -> None:
    """Reserve the people of the first so many enrollments of these conditions, in the order of their ids."""
    ids = select(enrollment.c.contact_id).where(*which).order_by(enrollment.c.id).limit(most)
    if conn.dialect.name == "postgresql":
        await reserve(conn, list((await conn.execute(ids)).scalars()))


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


async def claim(conn: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """queued → active: `b_id`, `b_at`, `b_sender`."""
    if rows:
        await _MARK.many(conn, rows)


async def requeue(conn: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """queued or active → queued at a step: `b_id`, `b_step`, `b_try`, `b_retries`, `b_unreached`, `b_wanted`, `b_due`,
    `b_reason`, `b_outcomes`, `b_last`; with `b_lane` the waiting row is written too."""
    if rows:
        await _QUEUE.many(conn, rows)
        await wait(
            conn,
            [
                {"lane_id": row["b_lane"], "rank": ORDINARY, "due_at": row["b_due"], "enrollment_id": row["b_id"]}
                for row in rows
            ],
        )


async def snooze(conn: AsyncConnection, lane_id: int, rows: Sequence[tuple[int, int, int, str]]) -> None:
    """One person's wait without spending a try: (enrollment, rank, new moment, reason); their old rows are out."""
    if rows:
        await _SNOOZE.many(conn, [{"b_id": row_id, "b_due": at, "b_reason": why} for row_id, _, at, why in rows])
        await wait(
            conn, [{"lane_id": lane_id, "rank": rank, "due_at": at, "enrollment_id": i} for i, rank, at, _ in rows]
        )


async def end(conn: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """→ completed or exited: `b_id`, `b_state`, `b_reason`, `b_at`, `b_unreached`, `b_outcomes`, `b_last`."""
    if rows:
        await _END.many(conn, rows)


async def hear(conn: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Later evidence about an earlier step, the place in the flow staying as it is: `b_id`, `b_unreached`,
    `b_outcomes`, `b_last`."""
    if rows:
        await _HEAR.many(conn, rows)


async def put_on_hold(conn: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Queued, but out of the queue until a fact changes: `b_id`, `b_reason`."""
    if rows:
        await _HOLD.many(conn, rows)


async def fail(conn: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """→ errored with a cause an operator can act on: `b_id`, `b_reason`."""
    if rows:
        await _FAIL.many(conn, rows)


_ERRORED = (among(enrollment.c.id, "ids"), enrollment.c.state == EnrollmentState.errored)
_RETRY = (
    update(enrollment)
    .where(*_ERRORED)
    .values(state=EnrollmentState.queued, reason="", due_at=bindparam("b_at"), rank=ORDINARY)
)
_RELEASE = (
    update(enrollment)
    .where(among(enrollment.c.id, "ids"), enrollment.c.held)
    .values(held=False, reason="", due_at=bindparam("b_at"), rank=ORDINARY)
)
_DISMISS = (
    update(enrollment)
    .where(*_ERRORED)
    .values(state=EnrollmentState.exited, reason="removed", ended_at=bindparam("b_at"), due_at=None)
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
    since: int = 0,
    most: int = 1000,
) -> list[int]:
    """People whom a fact kept out of the queue come back, due at once: it may have changed, and the gate says what
    that means. At most `most` of a campaign, of some contacts, or held for one reason, from the enrollment `since` on;
    returns who came."""
    mine = (enrollment.c.held, enrollment.c.id >= since)
    statement = select(enrollment.c.id, enrollment.c.version_id, enrollment.c.step).where(*mine)
    if campaign_id is not None:
        statement = statement.where(enrollment.c.campaign_id == campaign_id)
    if reason is not None:
        statement = statement.where(enrollment.c.reason == reason)
    given = {"ids": json_of(contact_ids)} if contact_ids is not None else {}
    if given:
        statement = statement.where(among(enrollment.c.contact_id, "ids"))
    rows = (await conn.execute(statement.order_by(enrollment.c.id).limit(most).with_for_update(), given)).all()
    if rows:
        await conn.execute(_RELEASE, {"ids": json_of(row.id for row in rows), "b_at": at})
        await _wait_in_lanes(conn, rows, at)
    return [row.id for row in rows]


async def free(conn: AsyncConnection, contact_ids: Sequence[int], at: int) -> None:
    """People whom a campaign wanted for itself until now: the others may go on with them."""
    if contact_ids:
        await release_held(conn, at, contact_ids=contact_ids, reason=Reason.elsewhere, most=1000)


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
