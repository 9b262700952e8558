"""Retention: deletes texts, details of acts and delivered messages past their age, in small batches, oldest first."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, delete, func, null, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.retention import What
from fluentsd.store import outbox
from fluentsd.store.tables import audit, content

_DETAILED = audit.c.details.is_not(None) | audit.c.answer.is_not(None)


def _where(what: What) -> tuple[Any, ColumnElement[int], ColumnElement[bool]]:
    """The table, the moment a row counts from, and which rows."""
    if what == "details":
        return audit, audit.c.at, _DETAILED
    return content, content.c.created_at, content.c.kind == what


async def delete_old(conn: AsyncConnection, what: What, before: int, most: int) -> int:
    """Delete rows from before this moment; returns how many, at most `most`."""
    if what == "delivered":
        return await outbox.delete_delivered(conn, before, most)
    table, since, mine = _where(what)
    ids = select(table.c.id).where(mine, since < before).order_by(since).limit(most)
    theirs = table.c.id.in_(ids.scalar_subquery())
    if what == "details":
        return (
            await conn.execute(update(audit).where(theirs).values(details=null(), answer=null(), request_digest=null()))
        ).rowcount
    return (await conn.execute(delete(table).where(theirs))).rowcount


async def oldest(conn: AsyncConnection, what: What) -> int | None:
    """The moment the oldest of them counts from."""
    if what == "delivered":
        return await outbox.oldest_delivered(conn)
    _, since, mine = _where(what)
    found: int | None = (await conn.execute(select(func.min(since)).where(mine))).scalar()
    return found
