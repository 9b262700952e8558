"""Lanes, the queues of enrollments per campaign and channel, and the dispatcher's read of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.api import Kind
from fluentsd.store.enrollments.rows import ORDINARY, PROMISED
from fluentsd.store.nodes import HELD
from fluentsd.store.tables import campaign, hold, lane, waiting


@dataclass(frozen=True, slots=True)
class LaneDue:
    """A lane of an active campaign and its earliest due moment."""

    lane_id: int
    campaign_id: int
    channel: Kind
    next_slot_at: int
    due_at: int
    priority: int
    revision: int = 0  #: of the campaign
    late_since_at: int = 0
    late_before_at: int = 0
    late_interval: int | None = None


def _earliest(rank: int) -> Any:
    """The earliest due moment of a rank in a lane: one look into the index, however many wait."""
    mine = (waiting.c.lane_id == lane.c.id, waiting.c.rank == rank)
    return select(waiting.c.due_at).where(*mine).order_by(waiting.c.due_at).limit(1).correlate(lane).scalar_subquery()


def _first(promised_at: int | None, ordinary_at: int | None) -> int | None:
    return min((at for at in (promised_at, ordinary_at) if at is not None), default=None)


def _held(scope: str) -> Any:
    return select(hold.c.target).where(hold.c.scope == scope, hold.c.lifted_at.is_(None))


_AGENDA = (
    select(
        lane.c.id,
        lane.c.campaign_id,
        lane.c.channel,
        lane.c.next_slot_at,
        campaign.c.priority,
        campaign.c.revision,
        lane.c.late_since_at,
        lane.c.late_before_at,
        lane.c.late_interval,
        _earliest(PROMISED),
        _earliest(ORDINARY),
    )
    .join(campaign, campaign.c.id == lane.c.campaign_id)
    .where(campaign.c.state == "active", campaign.c.ref.not_in(_held("campaign")))
    .where(or_(campaign.c.shift_after == 0, campaign.c.recompute_from.is_(None)))  # a shift comes first
    .where(lane.c.channel.not_in(_held("channel")), ~HELD)
    .order_by(lane.c.id)
)


async def agenda(conn: AsyncConnection) -> list[LaneDue]:
    """Every lane that may be served, with its earliest waiting moment; campaigns under a hold are left out, and all
    of them while the installation is held."""
    found = []
    for *head, promised_at, ordinary_at in await conn.execute(_AGENDA):
        lane_id, campaign_id, channel, next_slot_at, *rest = head
        due_at = _first(promised_at, ordinary_at)
        if due_at is not None:
            found.append(LaneDue(lane_id, campaign_id, channel, next_slot_at, due_at, *rest))
    return found


class NextInLane(NamedTuple):
    """A lane in which people wait: when the earliest of them is due, and the earliest start that its pace allows."""

    lane_id: int
    channel: Kind
    due_at: int
    next_slot_at: int


async def next_in_lanes(conn: AsyncConnection, campaign_id: int) -> list[NextInLane]:
    """The lanes of a campaign in which people wait."""
    statement = select(lane.c.id, lane.c.channel, lane.c.next_slot_at, _earliest(PROMISED), _earliest(ORDINARY))
    rows = (await conn.execute(statement.where(lane.c.campaign_id == campaign_id))).all()
    return [
        NextInLane(lane_id, channel, due_at, next_slot_at)
        for lane_id, channel, next_slot_at, *due in rows
        if (due_at := _first(*due)) is not None
    ]


class LaneRow(NamedTuple):
    """A lane, with or without people in it."""

    id: int
    channel: Kind
    next_slot_at: int
    late_since_at: int
    late_before_at: int
    late_interval: int | None


async def lanes(conn: AsyncConnection, campaign_id: int) -> list[LaneRow]:
    """The lanes of a campaign."""
    statement = select(*(lane.c[name] for name in LaneRow._fields)).where(lane.c.campaign_id == campaign_id)
    return [LaneRow._make(row) for row in await conn.execute(statement.order_by(lane.c.id))]


async def lateness(conn: AsyncConnection, lane_id: int) -> range:
    """The instants at which nobody worked and whose steps a lane skips; empty when it skips none."""
    columns = (lane.c.late_since_at, lane.c.late_before_at, lane.c.late_interval)
    since, before, interval = (await conn.execute(select(*columns).where(lane.c.id == lane_id))).one()
    return range(since, before) if interval is None else range(0)


_NEXT_SLOT = update(lane).where(lane.c.id == bindparam("b_id")).values(next_slot_at=bindparam("b_slot"))


async def set_next_slot(conn: AsyncConnection, lane_id: int, at: int) -> None:
    """When the lane's pace allows the next start."""
    await conn.execute(_NEXT_SLOT, {"b_id": lane_id, "b_slot": at})


async def drop_slots_after(conn: AsyncConnection, at: int) -> None:
    """No lane waits for a slot after this instant, or catches up with time that was lost until after it."""
    await conn.execute(update(lane).where(lane.c.next_slot_at > at).values(next_slot_at=at))
    none = {"late_since_at": 0, "late_before_at": 0, "late_interval": None}
    await conn.execute(update(lane).where(lane.c.late_before_at > at).values(**none))
