"""Replies of people: open until a person handles them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.api import Kind
from fluentsd.store.attempts.queries import to_contact
from fluentsd.store.tables import attempt, campaign, contact_point, content, enrollment, point

_OPEN = (content.c.kind == "reply", content.c.handled_at.is_(None))
#: The first number or address of who wrote, for words that belong to no attempt.
_FIRST = (
    select(point.c.value)
    .join(contact_point, contact_point.c.point_id == point.c.id)
    .where(contact_point.c.contact_id == content.c.contact_id)
    .order_by(contact_point.c.position)
    .limit(1)
    .scalar_subquery()
)


async def unasked(conn: AsyncConnection, contact_id: int, text: str, message_ref: str | None, at: int) -> None:
    """Keep what a known person writes before any attempt to reach them."""
    words = {"contact_id": contact_id, "kind": "reply", "text": text, "created_at": at, "provider_ref": message_ref}
    await conn.execute(insert(content).values(words))


def _of_people_in(campaign_id: int) -> ColumnElement[bool]:
    """Words without an attempt, of people of a campaign."""
    theirs = select(enrollment.c.contact_id).where(enrollment.c.campaign_id == campaign_id)
    return and_(content.c.attempt_id.is_(None), content.c.contact_id.in_(theirs))


async def unanswered(
    conn: AsyncConnection, campaign_id: int | None, most: int, attempt_id: str | None = None,
    contact_ids: Sequence[int] | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Open replies, oldest first, of one campaign or of all, to one attempt, or of some people: who wrote, on
    which channel, to which step, the words, the outcome of the attempt that they answer, and the campaign's owner.
    Campaign, step and channel are None for what a person wrote before any attempt."""
    statement = (
        select(
            content.c.id, content.c.attempt_id.label("attempt"), content.c.contact_id.label("contact"),
            campaign.c.ref, campaign.c.name.label("campaign_name"), campaign.c.owner, attempt.c.step, attempt.c.channel,
            func.coalesce(point.c.value, _FIRST).label("person"),
            content.c.text, content.c.created_at, attempt.c.outcome,
        )
        .join(attempt, attempt.c.id == content.c.attempt_id, isouter=True)
        .join(campaign, campaign.c.id == attempt.c.campaign_id, isouter=True)
        .join(point, point.c.id == attempt.c.point_id, isouter=True)
        .where(*_OPEN)
        .order_by(content.c.created_at, content.c.id)
        .limit(most)
    )  # fmt: skip
    if attempt_id is not None:
        statement = statement.where(content.c.attempt_id == attempt_id)
    if contact_ids is not None:
        statement = statement.where(content.c.contact_id.in_(contact_ids))
    if campaign_id is not None:
        statement = statement.where(or_(attempt.c.campaign_id == campaign_id, _of_people_in(campaign_id)))
    return [dict(row) for row in (await conn.execute(statement)).mappings()]


async def latest(conn: AsyncConnection, campaign_id: int, contact_id: int) -> tuple[Kind, str] | None:
    """The channel and step of a person's latest open reply in a campaign."""
    statement = (
        select(attempt.c.channel, attempt.c.step)
        .join(content, content.c.attempt_id == attempt.c.id)
        .where(*_OPEN, attempt.c.campaign_id == campaign_id, content.c.contact_id == contact_id)
        .order_by(content.c.id.desc())
        .limit(1)
    )
    found = (await conn.execute(statement)).first()
    return None if found is None else (found.channel, found.step)


async def wrote_unasked(conn: AsyncConnection, contact_id: int) -> bool:
    """Whether a person has an open message from before any attempt."""
    mine = (*_OPEN, content.c.attempt_id.is_(None), content.c.contact_id == contact_id)
    return (await conn.execute(select(content.c.id).where(*mine).limit(1))).first() is not None


def _of_person(campaign_id: int, contact_id: int) -> ColumnElement[bool]:
    """A person's words in a campaign, and those from before any attempt."""
    mine = select(attempt.c.id).where(attempt.c.campaign_id == campaign_id, to_contact(contact_id))
    unasked = and_(content.c.attempt_id.is_(None), content.c.contact_id == contact_id)
    return or_(content.c.attempt_id.in_(mine), unasked)


async def handled(conn: AsyncConnection, campaign_id: int, contact_id: int, *, by: str, at: int) -> int:
    """Mark a person's replies in a campaign as handled; returns how many."""
    whose = _of_person(campaign_id, contact_id)
    done = update(content).where(*_OPEN, whose).values(handled_at=at, handled_by=by)
    return (await conn.execute(done)).rowcount


async def last_handled(conn: AsyncConnection, campaign_id: int, contact_id: int) -> int | None:
    """When a reply of a person in a campaign was marked as handled the last time."""
    whose = (content.c.kind == "reply", _of_person(campaign_id, contact_id))
    found: int | None = (await conn.execute(select(func.max(content.c.handled_at)).where(*whose))).scalar()
    return found


async def reopen(conn: AsyncConnection, campaign_id: int, contact_id: int, handled_at: int) -> int:
    """Open the replies again that were marked as handled at this time; returns how many."""
    whose = (content.c.kind == "reply", content.c.handled_at == handled_at, _of_person(campaign_id, contact_id))
    return (await conn.execute(update(content).where(*whose).values(handled_at=None, handled_by=None))).rowcount
