"""Replies of people: open until a person handles them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.api import Kind
from fluentsd.store.attempts.queries import to_contact
from fluentsd.store.tables import attempt, campaign, content, point

_OPEN = (content.c.kind == "reply", content.c.handled_at.is_(None))


async def unanswered(conn: AsyncConnection, campaign_id: int | None, most: int) -> list[dict[str, Any]]:
    """Open replies, oldest first, of one campaign or of all: who wrote, on which channel, to which step, the words,
    and the outcome of the attempt that they answer."""
    statement = (
        select(
            content.c.id, content.c.attempt_id.label("attempt"),
            campaign.c.ref, attempt.c.step, attempt.c.channel, point.c.value.label("person"),
            content.c.text, content.c.created_at, attempt.c.outcome,
        )
        .join(attempt, attempt.c.id == content.c.attempt_id)
        .join(campaign, campaign.c.id == attempt.c.campaign_id)
        .join(point, point.c.id == attempt.c.point_id, isouter=True)
        .where(*_OPEN)
        .order_by(content.c.created_at, content.c.id)
        .limit(most)
    )  # fmt: skip
    if campaign_id is not None:
        statement = statement.where(attempt.c.campaign_id == campaign_id)
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


async def handled(conn: AsyncConnection, campaign_id: int, contact_id: int, *, by: str, at: int) -> int:
    """Mark a person's replies in a campaign as handled; returns how many."""
    mine = select(attempt.c.id).where(attempt.c.campaign_id == campaign_id, to_contact(contact_id))
    done = update(content).where(*_OPEN, content.c.attempt_id.in_(mine)).values(handled_at=at, handled_by=by)
    return (await conn.execute(done)).rowcount
