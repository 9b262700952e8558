"""What the gate asks of CRMs' records: who is in no segment of a campaign any more, and how fresh opt-outs are.

What must not live here: the state of walks and memberships (`segments`), the decision (`domain.gate`).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.db.statements import among, json_of
from fluentsd.store.segments import BY_ID, TO_LOOK_UP
from fluentsd.store.tables import campaign, campaign_segment, enrollment, membership, record, source


async def lost(conn: AsyncConnection, campaign_id: int, contact_ids: Collection[int]) -> set[int]:
    """Those of these people who were in a segment of the campaign and are in none of them now."""
    statement = (
        select(record.c.contact_id, membership.c.missing_since_at, membership.c.left_at)
        .join(membership, membership.c.record_id == record.c.id)
        .join(campaign_segment, campaign_segment.c.segment_id == membership.c.segment_id)
        .where(campaign_segment.c.campaign_id == campaign_id, among(record.c.contact_id, "ids"))
    )
    was, present = set[int](), set[int]()
    for contact_id, missing_since_at, left_at in await conn.execute(statement, {"ids": json_of(contact_ids)}):
        was.add(contact_id)
        if missing_since_at is None and left_at is None:
            present.add(contact_id)
    return was - present


class Reading(NamedTuple):
    """When a person's record of one CRM was last read, and which opt-outs could not be."""

    contact_id: int
    source_id: int
    seen_at: int
    unreadable: str


_READINGS = (
    select(record.c.contact_id, record.c.source_id, record.c.seen_at, record.c.unreadable)
    .join(source, source.c.id == record.c.source_id)
    .where(source.c.kind == "crm", among(record.c.contact_id, "ids"))
)


async def of_people(conn: AsyncConnection, contact_ids: Collection[int]) -> list[Reading]:
    """The CRM records of these people."""
    return [Reading._make(row) for row in await conn.execute(_READINGS, {"ids": json_of(contact_ids)})]


# Asked before every page of a walk: naming the campaigns makes SQLite use the index of those who are held.
_HELD_FOR = select(enrollment.c.contact_id).where(
    enrollment.c.held,
    enrollment.c.campaign_id.in_(select(campaign.c.id)),
    enrollment.c.reason == bindparam("b_reason"),
)


async def some_stale(conn: AsyncConnection, source_id: int, reason: str, before: int, most: int) -> dict[str, int]:
    """Records of the source, by key, of people who are held for that reason: those last read before `before`, and those
    with opt-outs that only a look-up reads."""
    people = (await conn.execute(_HELD_FOR, {"b_reason": reason})).scalars().all()
    if not people:
        return {}
    statement = (
        select(record.c.key, record.c.id)
        .where(record.c.source_id + 0 == source_id, record.c.object == BY_ID)  # the people lead, not the source
        .where(or_(record.c.seen_at < before, record.c.unreadable.startswith(TO_LOOK_UP, autoescape=True)))
        .where(among(record.c.contact_id, "people"))
        .order_by(record.c.id)
        .limit(most)
    )
    return {key: int(one) for key, one in await conn.execute(statement, {"people": json_of(people)})}
