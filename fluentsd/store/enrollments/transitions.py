"""Transitions of enrollments and the rows that wait: one named function per transition, many rows at a time.

Every function here writes what `domain` decided; the legal from-states come from the table in `domain.state_machines`.
A waiting row is addressed by its whole key (lane, rank, moment, enrollment), which the enrollment row repeats.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.events import EnrollmentEnded
from fluentsd.domain.gate import Reason
from fluentsd.domain.state_machines import ENROLLMENT, EnrollmentState
from fluentsd.store import outbox
from fluentsd.store.contacts import reserve
from fluentsd.store.db.state_columns import state_is, transition
from fluentsd.store.db.statements import Prepared, among, field, json_of
from fluentsd.store.enrollments.rows import (
    DUE_COLUMNS,
    ORDINARY,
    PROMISED,
    Cause,
    Claim,
    Due,
    End,
    Evidence,
    QueueKey,
    Requeue,
    Snooze,
)
from fluentsd.store.tables import campaign, contact, enrollment, lane, version, waiting

_DUE = (
    select(waiting.c.enrollment_id.label("id"), waiting.c.rank, waiting.c.due_at, *DUE_COLUMNS)
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
_ID = enrollment.c.id == field("id")
_UNWAIT = Prepared[QueueKey](
    QueueKey._fields, delete(waiting).where(*(column == field(column.name) for column in waiting.c))
)
_WAIT = Prepared[QueueKey](
    QueueKey._fields, insert(waiting).values({column.name: field(column.name) for column in waiting.c})
)
_CLAIM = Prepared[Claim](
    Claim._fields,
    transition(
        enrollment,
        ENROLLMENT,
        "claim",
        _ID,
        reason="",
        due_at=None,
        touched_at=field("at"),
        sender_id=field("sender_id"),
    ),
)


def _requeue(event: str) -> Prepared[Requeue]:
    names = ("reason", "step", "try_no", "retries", "unreached", "due_at", "wanted_at", "outcomes", "last_outcome")
    values: dict[str, Any] = {name: field(name) for name in names} | {"held": False, "rank": field("rank")}
    if event == "retry unknown":
        values["ended_at"] = None
    return Prepared(Requeue._fields, transition(enrollment, ENROLLMENT, event, _ID, **values))


def _end(event: str) -> Prepared[End]:
    values: dict[str, Any] = {name: field(name) for name in ("reason", "unreached", "outcomes", "last_outcome")}
    values |= {"held": False, "due_at": None, "ended_at": field("at")}
    return Prepared(End._fields, transition(enrollment, ENROLLMENT, event, _ID, **values))


_REQUEUE, _RETRY_UNKNOWN = _requeue("requeue"), _requeue("retry unknown")
_COMPLETE, _EXIT = _end("complete"), _end("exit")
_QUEUED = (_ID, enrollment.c.state == EnrollmentState.queued)
_SNOOZE = Prepared[Snooze](
    Snooze._fields, update(enrollment).where(*_QUEUED).values(due_at=field("due_at"), reason=field("reason"))
)
_HOLD = Prepared[Cause](
    Cause._fields, update(enrollment).where(*_QUEUED).values(held=True, reason=field("reason"), due_at=None)
)
_EVIDENCE = Prepared[Evidence](
    Evidence._fields,
    update(enrollment)
    .where(_ID, state_is(enrollment, EnrollmentState.queued, EnrollmentState.active, EnrollmentState.errored))
    .values(unreached=field("unreached"), outcomes=field("outcomes"), last_outcome=field("last_outcome")),
)
_FAIL = Prepared[Cause](
    Cause._fields,
    transition(enrollment, ENROLLMENT, "fail", _ID, reason=field("reason"), held=False, due_at=None),
)


async def due(conn: AsyncConnection, lane_id: int, at: int, most: int) -> list[Due]:
    """Due rows of a lane, promised first, locked until the transaction ends where the database can."""
    rows: list[Due] = []
    for rank in (PROMISED, ORDINARY):
        if len(rows) < most:
            found = await conn.execute(_DUE, {"lane": lane_id, "rank_": rank, "at": at, "most": most - len(rows)})
            rows += map(Due._make, found.all())
    return rows


async def reserve_those(conn: AsyncConnection, *which: Any, most: int) -> None:
    """Reserve the people of the first `most` enrollments that match, in the order of their ids."""
    ids = select(enrollment.c.contact_id).where(*which).order_by(enrollment.c.id).limit(most)
    if conn.dialect.name == "postgresql":
        await reserve(conn, list((await conn.execute(ids)).scalars()))


async def unwait(conn: AsyncConnection, keys: Sequence[QueueKey]) -> None:
    """Take rows out of the queue."""
    await _UNWAIT.many(conn, keys)


async def leave_queue(conn: AsyncConnection, ids: Sequence[int]) -> None:
    """Take enrollments out of the queue, whatever lane and moment they wait for."""
    if not ids:
        return
    rows = await conn.execute(
        select(lane.c.id, enrollment.c.rank, enrollment.c.due_at, enrollment.c.id)
        .join(lane, lane.c.campaign_id == enrollment.c.campaign_id)
        .where(enrollment.c.id.in_(list(ids)), enrollment.c.due_at.is_not(None))
    )
    await unwait(conn, [QueueKey._make(row) for row in rows])


async def wait(conn: AsyncConnection, rows: Sequence[QueueKey]) -> None:
    """Put rows into the queue."""
    await _WAIT.many(conn, rows)


async def claim(conn: AsyncConnection, rows: Sequence[Claim]) -> None:
    """queued → active."""
    await _CLAIM.many(conn, rows)


async def requeue(conn: AsyncConnection, rows: Sequence[Requeue]) -> None:
    """queued or active → queued at a step, with the waiting row."""
    await _REQUEUE.many(conn, rows)
    await wait(conn, [QueueKey(row.lane_id, row.rank, row.due_at, row.id) for row in rows])


async def retry_unknown(conn: AsyncConnection, rows: Sequence[Requeue]) -> None:
    """queued or completed → queued at the step of an unproved attempt, with the waiting row."""
    await leave_queue(conn, [row.id for row in rows])
    await _RETRY_UNKNOWN.many(conn, rows)
    await wait(conn, [QueueKey(row.lane_id, row.rank, row.due_at, row.id) for row in rows])


async def snooze(conn: AsyncConnection, lane_id: int, rows: Sequence[Snooze]) -> None:
    """queued, later: one person's wait. Their old waiting rows are out already."""
    await _SNOOZE.many(conn, rows)
    await wait(conn, [QueueKey(lane_id, row.rank, row.due_at, row.id) for row in rows])


async def end(conn: AsyncConnection, rows: Sequence[End]) -> None:
    """queued or active → completed; queued, active or errored → exited."""
    await _COMPLETE.many(conn, [row for row in rows if row.state == EnrollmentState.completed])
    await _EXIT.many(conn, [row for row in rows if row.state == EnrollmentState.exited])
    if rows and outbox.is_wanted(conn, EnrollmentEnded.topic):
        await _tell_ended(conn, [row.id for row in rows], max(row.at for row in rows))


async def _tell_ended(conn: AsyncConnection, ids: Sequence[int], at: int) -> None:
    """Post the end of enrollments as their rows have it."""
    statement = (
        select(enrollment.c.id, enrollment.c.contact_id, campaign.c.ref, enrollment.c.state, enrollment.c.reason)
        .join(campaign, campaign.c.id == enrollment.c.campaign_id)
        .where(among(enrollment.c.id, "ids"))
        .where(state_is(enrollment, EnrollmentState.completed, EnrollmentState.exited))
        .order_by(enrollment.c.id)
    )
    events = [
        EnrollmentEnded(enrollment=id_, contact=contact_id, campaign=ref, state=state, reason=reason)
        for id_, contact_id, ref, state, reason in await conn.execute(statement, {"ids": json_of(ids)})
    ]
    await outbox.post(conn, *events, at=at)


async def note_evidence(conn: AsyncConnection, rows: Sequence[Evidence]) -> None:
    """Later evidence about an earlier contact; the place in the flow stays as it is."""
    await _EVIDENCE.many(conn, rows)


async def put_on_hold(conn: AsyncConnection, rows: Sequence[Cause]) -> None:
    """Queued, but out of the queue until a fact changes."""
    await _HOLD.many(conn, rows)


async def fail(conn: AsyncConnection, rows: Sequence[Cause]) -> None:
    """queued → errored with a cause an operator can act on."""
    await _FAIL.many(conn, rows)


_THOSE = among(enrollment.c.id, "ids")
_RETRY = transition(enrollment, ENROLLMENT, "retry", _THOSE, reason="", due_at=bindparam("b_at"), rank=ORDINARY)
_DISMISS = transition(
    enrollment, ENROLLMENT, "dismiss", _THOSE, reason="removed", ended_at=bindparam("b_at"), due_at=None
)
_RELEASE = (
    update(enrollment)
    .where(among(enrollment.c.id, "ids"), enrollment.c.held)
    .values(held=False, reason="", due_at=bindparam("b_at"), rank=ORDINARY)
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
    """Held people come back to the queue, due at once: the fact that held them may have changed, and the gate is asked
    again. At most `most` of a campaign, of some contacts, or held for one reason, from the enrollment `since` on;
    returns their enrollments."""
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
    """People an exclusive campaign has let go: other campaigns may go on with them."""
    if contact_ids:
        await release_held(conn, at, contact_ids=contact_ids, reason=Reason.exclusive, most=1000)


async def _wait_in_lanes(conn: AsyncConnection, rows: Sequence[Any], at: int) -> None:
    """Into the queue at `at`, each in the lane of the step they stand at: id, version_id, step."""
    lanes = {place: await _lane(conn, *place) for place in {(row.version_id, row.step) for row in rows}}
    await wait(conn, [QueueKey(lanes[row.version_id, row.step], ORDINARY, at, row.id) for row in rows])


async def _lane(conn: AsyncConnection, version_id: int, step: str) -> int:
    """The lane in which people of that flow version wait for that step."""
    row = (await conn.execute(select(version.c.campaign_id, version.c.steps).where(version.c.id == version_id))).one()
    channel = next(s["channel"] for s in row.steps if s["id"] == step)
    mine = (lane.c.campaign_id == row.campaign_id, lane.c.channel == channel)
    return int((await conn.execute(select(lane.c.id).where(*mine))).scalar_one())


async def dismiss(conn: AsyncConnection, people: Sequence[Any], at: int) -> None:
    """errored → exited (removed)."""
    await conn.execute(_DISMISS, {"ids": json_of(row.id for row in people), "b_at": at})
    if outbox.is_wanted(conn, EnrollmentEnded.topic):
        await _tell_ended(conn, [row.id for row in people], at)
