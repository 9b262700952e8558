"""The outbox: messages to deliver outside, written in the transaction of what happened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.tables import outbox

#: The next message of each key; later ones wait for it.
_OLDEST = select(func.min(outbox.c.id)).where(outbox.c.delivered_at.is_(None)).group_by(outbox.c.key)


async def post(conn: AsyncConnection, topic: str, key: str, payload: Mapping[str, Any], at: int) -> None:
    """Post one message; those with the same key are delivered in order. `payload` holds ids, no personal data."""
    row = {"topic": topic, "key": key, "payload": dict(payload), "created_at": at, "due_at": at}
    await conn.execute(insert(outbox).values(**row))


async def due(conn: AsyncConnection, at: int, most: int) -> list[dict[str, Any]]:
    """Due messages, at most the oldest undelivered one of each key."""
    statement = (
        select(outbox.c.id, outbox.c.topic, outbox.c.key, outbox.c.payload, outbox.c.tries, outbox.c.created_at)
        .where(outbox.c.id.in_(_OLDEST), outbox.c.due_at <= at)
        .order_by(outbox.c.id)
        .limit(most)
    )
    return [dict(row) for row in (await conn.execute(statement)).mappings()]


async def next_due(conn: AsyncConnection) -> int | None:
    """The earliest due moment."""
    statement = select(func.min(outbox.c.due_at)).where(outbox.c.id.in_(_OLDEST))
    found: int | None = (await conn.execute(statement)).scalar()
    return found


async def delivered(conn: AsyncConnection, message_id: int, at: int) -> None:
    """Delivered."""
    mine = (outbox.c.id == message_id, outbox.c.delivered_at.is_(None))
    await conn.execute(update(outbox).where(*mine).values(delivered_at=at, problem=""))


async def done(conn: AsyncConnection, message_id: int) -> None:
    """Carried out; the row is deleted."""
    await conn.execute(delete(outbox).where(outbox.c.id == message_id))


async def failed(conn: AsyncConnection, message_id: int, due_at: int, problem: str) -> None:
    """Delivery failed; try again at `due_at`."""
    mine = (outbox.c.id == message_id, outbox.c.delivered_at.is_(None))
    await conn.execute(update(outbox).where(*mine).values(due_at=due_at, tries=outbox.c.tries + 1, problem=problem))
