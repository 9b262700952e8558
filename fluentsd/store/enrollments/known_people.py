"""People whom the installation knows already, as candidates for a campaign: of a source, or of another campaign."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.tables import contact, enrollment, record, source


class Candidate(NamedTuple):
    """One person with what is known of the place: zones and states as the store keeps them."""

    contact_id: int
    zones: str
    states: str


_PERSON = select(contact.c.id, contact.c.zones, contact.c.states).where(contact.c.erased_at.is_(None))


async def of_source(conn: AsyncConnection, source_id: int, after: int, most: int) -> list[Candidate]:
    """People of whom a source has a record, in the order of their ids, from the next one after `after`."""
    theirs = select(record.c.contact_id).where(record.c.source_id == source_id)
    return await _some(conn, contact.c.id.in_(theirs), after, most)


async def of_campaign(
    conn: AsyncConnection, campaign_id: int, states: Sequence[str], reason: str, after: int, most: int
) -> list[Candidate]:
    """People whose latest entry in a campaign is in one of these states, and has this reason unless it is ""; in the
    order of their ids, from the next one after `after`."""
    other = enrollment.alias()
    latest = (
        select(func.max(other.c.entry))
        .where(other.c.campaign_id == campaign_id, other.c.contact_id == enrollment.c.contact_id)
        .correlate(enrollment)
        .scalar_subquery()
    )
    mine = [
        enrollment.c.campaign_id == campaign_id, enrollment.c.follows.is_(None), enrollment.c.entry == latest,
        enrollment.c.state.in_(list(states)),
    ]  # fmt: skip
    if reason:
        mine.append(enrollment.c.reason == reason)
    return await _some(conn, contact.c.id.in_(select(enrollment.c.contact_id).where(*mine)), after, most)


async def _some(conn: AsyncConnection, which: ColumnElement[bool], after: int, most: int) -> list[Candidate]:
    statement = _PERSON.where(which, contact.c.id > after).order_by(contact.c.id).limit(most)
    return [Candidate._make(row) for row in await conn.execute(statement)]


async def sources(conn: AsyncConnection) -> list[dict[str, Any]]:
    """Every source with the number of its records, the newest first."""
    statement = (
        select(source.c.name, source.c.kind, func.count(record.c.id).label("people"))
        .join(record, record.c.source_id == source.c.id, isouter=True)
        .group_by(source.c.id, source.c.name, source.c.kind)
        .order_by(source.c.id.desc())
    )
    return [dict(row) for row in (await conn.execute(statement)).mappings()]
