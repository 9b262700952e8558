"""Who did what, when: one entry per act, and the answer it got, so that a double click is one act."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.tables import audit


async def answered(conn: AsyncConnection, request_id: str | None) -> Any:
    """The answer this request already got; None if it is new."""
    if not request_id:
        return None
    return (await conn.execute(select(audit.c.answer).where(audit.c.request_id == request_id))).scalar()


async def note(
    conn: AsyncConnection,
    *,
    at: int,
    actor: str,
    verb: str,
    target: str = "",
    request_id: str | None = None,
    details: Any = None,
    answer: Any = None,
) -> None:
    """Write the entry in the act's own transaction. `details` hold ids and settings, never personal data."""
    await conn.execute(
        insert(audit).values(
            at=at, actor=actor, verb=verb, target=target, request_id=request_id, details=details, answer=answer
        )
    )


async def entries(conn: AsyncConnection, target: str | None, most: int) -> list[dict[str, Any]]:
    """The newest entries, of one target or of all."""
    statement = select(audit.c.at, audit.c.actor, audit.c.verb, audit.c.target, audit.c.details)
    if target is not None:
        statement = statement.where(audit.c.target == target)
    rows = await conn.execute(statement.order_by(audit.c.at.desc(), audit.c.id.desc()).limit(most))
    return [dict(row) for row in rows.mappings()]
