"""New moments for queued people: after an edit of the contact hours, and after a pause or downtime.

An edit sets `recompute_from`; the rows are then rewritten in batches, and `recompute_from` moves along with them, so a
crash loses nothing and repeats nothing. Downtime is a range kept by the lane: what fell due in it is dripped or
skipped when its turn comes, and no row is rewritten for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.state_machines import EnrollmentState
from fluentsd.store.contacts import reserve
from fluentsd.store.db.statements import Prepared, among, field, json_of
from fluentsd.store.enrollments.rows import ORDINARY, QueueKey
from fluentsd.store.enrollments.transitions import reserve_those, unwait, wait
from fluentsd.store.tables import attempt, campaign, contact, enrollment, lane, meta, waiting


class Waiting(NamedTuple):
    """A queued enrollment, and the moment the flow wanted."""

    id: int
    rank: int
    due_at: int
    wanted_at: int | None
    version_id: int
    step: str
    zones_text: str
    states_text: str
    enrolled_at: int


_COLUMNS = (
    enrollment.c.id, enrollment.c.rank, enrollment.c.due_at, enrollment.c.wanted_at, enrollment.c.version_id,
    enrollment.c.step, contact.c.zones, contact.c.states, enrollment.c.enrolled_at,
)  # fmt: skip


class Rescheduled(NamedTuple):
    """A new moment for a queued enrollment."""

    row: Waiting
    lane_id: int
    wanted_at: int
    due_at: int
    reason: str


class NewMoment(NamedTuple):
    """The moment of an enrollment, and the reason it is later than wanted."""

    id: int
    due_at: int
    wanted_at: int
    reason: str


_PUT = Prepared[NewMoment](
    NewMoment._fields,
    update(enrollment)
    .where(enrollment.c.id == field("id"), enrollment.c.state == EnrollmentState.queued)
    .values(due_at=field("due_at"), wanted_at=field("wanted_at"), reason=field("reason")),
)


_TO_RECOMPUTE = select(campaign.c.id).where(campaign.c.recompute_from.is_not(None))


async def to_recompute(conn: AsyncConnection) -> list[int]:
    """Campaigns whose people still need new moments."""
    return list((await conn.execute(_TO_RECOMPUTE)).scalars())


async def place_of(conn: AsyncConnection, campaign_id: int) -> tuple[int | None, int]:
    """The enrollment from which moments are still to be recomputed (None: none), and by how much to shift. The row is
    locked: two that first share it and then both change it would wait for each other."""
    columns = (campaign.c.recompute_from, campaign.c.shift_after)
    since, shift = (await conn.execute(select(*columns).where(campaign.c.id == campaign_id).with_for_update())).one()
    return since, shift


async def queued_since(conn: AsyncConnection, campaign_id: int, since: int, most: int) -> list[Waiting]:
    """Queued enrollments in the order of their ids."""
    mine = (enrollment.c.campaign_id == campaign_id, enrollment.c.id >= since, enrollment.c.due_at.is_not(None))
    await reserve_those(conn, *mine, most=most)
    statement = (
        select(*_COLUMNS)
        .join(contact, contact.c.id == enrollment.c.contact_id)
        .where(*mine)
        .order_by(enrollment.c.id)
        .limit(most)
        .with_for_update(of=enrollment)
    )
    return [Waiting._make(row) for row in await conn.execute(statement)]


async def not_yet_due(
    conn: AsyncConnection, contact_ids: Sequence[int], at: int, *, reason: str | None = None
) -> list[tuple[int, Waiting]]:
    """Queued enrollments of these contacts with a moment still to come, for this `reason` if given; each with its
    campaign."""
    if not contact_ids:
        return []
    await reserve(conn, contact_ids)
    why = () if reason is None else (enrollment.c.reason == reason,)
    statement = (
        select(enrollment.c.campaign_id, *_COLUMNS)
        .join(contact, contact.c.id == enrollment.c.contact_id)
        .where(among(enrollment.c.contact_id, "ids"), enrollment.c.due_at > at, enrollment.c.rank == ORDINARY)
        .where(*why)
        .order_by(enrollment.c.id)
        .with_for_update(of=enrollment)
    )
    rows = await conn.execute(statement, {"ids": json_of(contact_ids)})
    return [(campaign_id, Waiting._make(row)) for campaign_id, *row in rows]


async def reschedule(conn: AsyncConnection, moves: Sequence[Rescheduled]) -> None:
    """Rewrite waiting rows and what their enrollments say of them."""
    if not moves:
        return
    await unwait(conn, [QueueKey(m.lane_id, m.row.rank, m.row.due_at, m.row.id) for m in moves])
    await _PUT.many(conn, [NewMoment(m.row.id, m.due_at, m.wanted_at, m.reason) for m in moves])
    await wait(conn, [QueueKey(m.lane_id, m.row.rank, m.due_at, m.row.id) for m in moves])


async def done_until(conn: AsyncConnection, campaign_id: int, since: int | None) -> None:
    """Where the next batch begins; None when all moments are recomputed."""
    values: dict[str, Any] = {"recompute_from": since}
    if since is None:
        values["shift_after"] = 0
    await conn.execute(update(campaign).where(campaign.c.id == campaign_id).values(**values))


async def overdue(conn: AsyncConnection, campaign_id: int, at: int) -> dict[int, int]:
    """How many people in each lane were due before this instant."""
    statement = (
        select(waiting.c.lane_id, func.count())
        .join(lane, lane.c.id == waiting.c.lane_id)
        .where(lane.c.campaign_id == campaign_id, waiting.c.due_at < at)
        .group_by(waiting.c.lane_id)
    )
    return {int(lane_id): int(count) for lane_id, count in await conn.execute(statement)}


async def shift(conn: AsyncConnection, campaign_id: int, by: int) -> None:
    """Shift every queued moment by so many microseconds."""
    values = {"recompute_from": 0, "shift_after": by}
    await conn.execute(update(campaign).where(campaign.c.id == campaign_id).values(**values))


async def remember_late(
    conn: AsyncConnection, lane_id: int, since_at: int, before_at: int, interval: int | None
) -> None:
    """What fell due in [since, before) is dripped at `interval` microseconds, or skipped when that is None."""
    values = {"late_since_at": since_at, "late_before_at": before_at, "late_interval": interval}
    await conn.execute(update(lane).where(lane.c.id == lane_id).values(**values))


SEEN = "seen_at"
_STOPPED = select(meta.c.value).where(meta.c.key == SEEN)
_CLAIMED = select(attempt.c.claimed_at).order_by(attempt.c.id.desc()).limit(1)


async def last_seen(conn: AsyncConnection) -> int | None:
    """When this installation last worked: the end of an orderly stop, or the latest claim."""
    stopped = (await conn.execute(_STOPPED)).scalar()
    claimed = (await conn.execute(_CLAIMED)).scalar()
    found = [int(moment) for moment in (stopped, claimed) if moment is not None]
    return max(found, default=None)


async def leave(conn: AsyncConnection, at: int) -> None:
    """Note the end of an orderly stop."""
    if (await conn.execute(update(meta).where(meta.c.key == SEEN).values(value=str(at)))).rowcount == 0:
        await conn.execute(meta.insert().values(key=SEEN, value=str(at)))
