"""Enrolling: entries into a campaign, the first or a further one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.state_machines import EnrollmentState
from fluentsd.store.contacts import new_ids
from fluentsd.store.db.bulk_insert import Insert
from fluentsd.store.db.statements import among, json_of
from fluentsd.store.enrollments.rows import ORDINARY
from fluentsd.store.tables import enrollment, waiting

_ENROLL = Insert(
    enrollment, "id", "campaign_id", "contact_id", "entry", "version_id", "state", "reason", "step", "due_at",
    "wanted_at", "enrolled_at",
)  # fmt: skip


_WAIT_FIRST = Insert(waiting, "lane_id", "rank", "due_at", "enrollment_id")


class Entrance(NamedTuple):
    """Where people enter a campaign: the flow's version, its first step, and the lane in which that waits."""

    campaign_id: int
    version_id: int
    step: str
    lane_id: int


class Entry(NamedTuple):
    """One entry: the moment the flow wants, the moment the contact hours allow, and the reason if they differ."""

    contact_id: int
    entry: int
    wanted_at: int
    due_at: int
    reason: str = ""


async def enroll(conn: AsyncConnection, where: Entrance, people: Sequence[Entry], at: int) -> list[int]:
    """Entries at an instant, queued. Returns their ids, in order."""
    ids = await new_ids(conn, enrollment, len(people))
    campaign_id, version_id, step, lane_id = where
    state = EnrollmentState.queued.value
    await _ENROLL.many(
        conn,
        [
            (i, campaign_id, contact_id, entry, version_id, state, reason, step, due_at, wanted_at, at)
            for i, (contact_id, entry, wanted_at, due_at, reason) in zip(ids, people, strict=True)
        ],
    )
    await _WAIT_FIRST.many(conn, [(lane_id, ORDINARY, person.due_at, i) for i, person in zip(ids, people, strict=True)])
    return ids


_ENTERED = (
    select(enrollment.c.contact_id, enrollment.c.entry, enrollment.c.reason, enrollment.c.ended_at)
    .where(enrollment.c.campaign_id == bindparam("campaign"), among(enrollment.c.contact_id, "ids"))
    .order_by(enrollment.c.entry)
)


class FollowUp(NamedTuple):
    """A follow-up of one enrollment: its step and lane, its moments, and what it takes over from that enrollment."""

    campaign_id: int
    contact_id: int
    version_id: int
    step: str
    lane_id: int
    wanted_at: int
    due_at: int
    reason: str
    follows: int
    sender_id: int | None
    unreached: int
    outcomes: str
    last_outcome: str
    rank: int = ORDINARY


_LOWEST = select(func.min(enrollment.c.entry)).where(
    enrollment.c.campaign_id == bindparam("campaign"), enrollment.c.contact_id == bindparam("contact")
)


async def enroll_follow_ups(conn: AsyncConnection, rows: Sequence[FollowUp], at: int) -> None:
    """Follow-ups of one person in one campaign, queued. Their entries count downwards from -1, apart from the person's
    own; a step that follows the enrollment already breaks a constraint."""
    if not rows:
        return
    lowest = (
        await conn.execute(_LOWEST, {"campaign": rows[0].campaign_id, "contact": rows[0].contact_id})
    ).scalar() or 0
    ids = await new_ids(conn, enrollment, len(rows))
    values = [
        {**row._asdict(), "id": i, "entry": min(lowest, 0) - n}
        for n, (i, row) in enumerate(zip(ids, rows, strict=True), 1)
    ]
    lanes = [value.pop("lane_id") for value in values]
    await conn.execute(insert(enrollment).values(state=EnrollmentState.queued, enrolled_at=at), values)
    await _WAIT_FIRST.many(
        conn, [(lane, row.rank, row.due_at, i) for lane, row, i in zip(lanes, rows, ids, strict=True)]
    )


class Entered(NamedTuple):
    """A contact's latest entry: its number, its end reason and the time of its end (None while it lasts)."""

    entry: int
    reason: str
    ended_at: int | None


async def entered(conn: AsyncConnection, campaign_id: int, contact_ids: Sequence[int]) -> dict[int, Entered]:
    """Which of these contacts are or were in the campaign, each by the latest entry."""
    people = {"campaign": campaign_id, "ids": json_of(contact_ids)}
    return {int(who): Entered(*entry) for who, *entry in await conn.execute(_ENTERED, people)}
