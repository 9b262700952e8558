"""Enrolling: entries into a campaign, the first or a further one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.states import EnrollmentState
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


class Entered(NamedTuple):
    """A contact's latest entry: its number, its end reason and the time of its end (None while it lasts)."""

    entry: int
    reason: str
    ended_at: int | None


async def entered(conn: AsyncConnection, campaign_id: int, contact_ids: Sequence[int]) -> dict[int, Entered]:
    """Which of these contacts are or were in the campaign, each by the latest entry."""
    people = {"campaign": campaign_id, "ids": json_of(contact_ids)}
    return {int(who): Entered(*entry) for who, *entry in await conn.execute(_ENTERED, people)}
