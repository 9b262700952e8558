"""Holds: a stop with a scope, a reason, a name and perhaps an end. The mark reads them; no waiting row is rewritten."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.schema import hold


async def place(
    conn: AsyncConnection, scope: str, target: str, *, reason: str, by: str, at: int, until_at: int | None = None
) -> bool:
    """Hold one thing; False when the same hold is open already (its end is then put off if the new one is later)."""
    mine = (hold.c.scope == scope, hold.c.target == target, hold.c.reason == reason, hold.c.lifted_at.is_(None))
    found = (await conn.execute(select(hold.c.id).where(*mine))).scalar()
    if found is not None:
        await conn.execute(update(hold).where(hold.c.id == found).values(until_at=until_at))
        return False
    await conn.execute(
        insert(hold).values(scope=scope, target=target, reason=reason, by=by, since_at=at, until_at=until_at)
    )
    return True


async def lift(conn: AsyncConnection, scope: str, target: str, at: int) -> int:
    """Lift every hold on one thing; returns how many there were."""
    mine = (hold.c.scope == scope, hold.c.target == target, hold.c.lifted_at.is_(None))
    return (await conn.execute(update(hold).where(*mine).values(lifted_at=at))).rowcount


async def lift_ended(conn: AsyncConnection, at: int) -> int:
    """Lift the holds whose end has come."""
    ended = (hold.c.lifted_at.is_(None), hold.c.until_at <= at)
    return (await conn.execute(update(hold).where(*ended).values(lifted_at=at))).rowcount


async def open_holds(conn: AsyncConnection, at: int) -> list[dict[str, Any]]:
    """What is held at this moment, oldest first."""
    statement = (
        select(hold.c.scope, hold.c.target, hold.c.reason, hold.c.by, hold.c.since_at, hold.c.until_at)
        .where(hold.c.lifted_at.is_(None), hold.c.until_at.is_(None) | (hold.c.until_at > at))
        .order_by(hold.c.id)
    )
    return [dict(row) for row in (await conn.execute(statement)).mappings()]
