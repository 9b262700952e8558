"""Holds: a stop with a scope, a reason and a name. A held lane is not served; no waiting row is rewritten for it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.schema import hold


async def place(conn: AsyncConnection, scope: str, target: str, *, reason: str, by: str, at: int) -> bool:
    """Hold one thing until somebody lifts it; False when it is held for the same reason already."""
    mine = (hold.c.scope == scope, hold.c.target == target, hold.c.reason == reason, hold.c.lifted_at.is_(None))
    if (await conn.execute(select(hold.c.id).where(*mine))).first() is not None:
        return False
    await conn.execute(insert(hold).values(scope=scope, target=target, reason=reason, by=by, since_at=at))
    return True


async def lift(conn: AsyncConnection, scope: str, target: str, at: int) -> int:
    """Lift every hold on one thing; returns how many there were."""
    mine = (hold.c.scope == scope, hold.c.target == target, hold.c.lifted_at.is_(None))
    return (await conn.execute(update(hold).where(*mine).values(lifted_at=at))).rowcount


async def open_holds(conn: AsyncConnection, at: int) -> list[dict[str, Any]]:
    """What is held at this moment, oldest first."""
    statement = (
        select(hold.c.scope, hold.c.target, hold.c.reason, hold.c.by, hold.c.since_at, hold.c.until_at)
        .where(hold.c.lifted_at.is_(None), hold.c.until_at.is_(None) | (hold.c.until_at > at))
        .order_by(hold.c.id)
    )
    return [dict(row) for row in (await conn.execute(statement)).mappings()]
