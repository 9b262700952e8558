"""The people of a campaign, page by page in the order of their ids: where each is in the flow. Nothing is changed here.

A page is found by the key (campaign, contact), so that the last of a million people costs what the first does. A
follow-up after a call is no further person and is left out; a person who has entered twice has two rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.db.statements import among, json_of
from fluentsd.store.tables import attempt, campaign_segment, enrollment, membership, record, segment, source


class Member(NamedTuple):
    """One entry of a person. `last_outcome`: "" before the first; instants are epoch microseconds."""

    id: int
    contact_id: int
    entry: int
    version_id: int
    state: str
    reason: str
    held: bool
    step: str
    last_outcome: str
    due_at: int | None
    enrolled_at: int
    touched_at: int | None
    ended_at: int | None


async def page(conn: AsyncConnection, campaign_id: int, states: Sequence[str], after: int, most: int) -> list[Member]:
    """The entries of the next `most` people after the contact `after`, in these states; in any, if there are none."""
    mine = [enrollment.c.campaign_id == campaign_id, enrollment.c.follows.is_(None)]
    if states:
        mine.append(enrollment.c.state.in_(list(states)))
    ids = (
        select(enrollment.c.contact_id)
        .where(*mine, enrollment.c.contact_id > after)
        .distinct()
        .order_by(enrollment.c.contact_id)
        .limit(most)
    )
    people = list((await conn.execute(ids)).scalars())
    columns = [enrollment.c[name] for name in Member._fields]
    statement = select(*columns).where(*mine, among(enrollment.c.contact_id, "ids"))
    rows = await conn.execute(statement.order_by(enrollment.c.contact_id, enrollment.c.entry), {"ids": json_of(people)})
    return [Member._make(row) for row in rows]


async def tries(conn: AsyncConnection, enrollment_ids: Sequence[int]) -> dict[int, int]:
    """How many attempts were made for these entries; one that was not sent is none."""
    made = or_(attempt.c.outcome.is_(None), attempt.c.outcome != "not_sent")
    statement = (
        select(attempt.c.enrollment_id, func.count())
        .where(among(attempt.c.enrollment_id, "ids"), made)
        .group_by(attempt.c.enrollment_id)
    )
    rows = await conn.execute(statement, {"ids": json_of(enrollment_ids)})
    return {int(id_): int(count) for id_, count in rows}


async def lists(conn: AsyncConnection, campaign_id: int, contact_ids: Sequence[int]) -> dict[int, list[str]]:
    """The lists that these people come from: the names of files and CRMs, with the segment that the campaign follows
    ("hubspot: New leads")."""
    followed = membership.join(segment, segment.c.id == membership.c.segment_id).join(
        campaign_segment,
        (campaign_segment.c.segment_id == segment.c.id) & (campaign_segment.c.campaign_id == campaign_id),
    )
    statement = (
        select(record.c.contact_id, source.c.name, segment.c.name)
        .select_from(
            record.join(source, source.c.id == record.c.source_id).outerjoin(
                followed, membership.c.record_id == record.c.id
            )
        )
        .where(among(record.c.contact_id, "ids"))
        .order_by(record.c.contact_id, record.c.id, segment.c.name)
    )
    found: dict[int, list[str]] = {}
    for contact_id, name, segment_name in await conn.execute(statement, {"ids": json_of(contact_ids)}):
        words = name if segment_name in (None, "", name) else f"{name}: {segment_name}"
        known = found.setdefault(int(contact_id), [])
        if words not in known:
            known.append(words)
    return found
