"""Holds: a stop with a scope, a reason and a name. A held lane is not served; no waiting row is rewritten for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.events import HoldLifted, HoldPlaced
from fluentsd.store import outbox
from fluentsd.store.tables import hold, number


async def place(
    conn: AsyncConnection,
    scope: str,
    target: str,
    *,
    reason: str,
    by: str,
    at: int,
    until_at: int | None = None,
    cases: Sequence[str] = (),
) -> bool:
    """Place a hold until it is lifted or its time is over; False when it is held for the same reason already.
    `cases` are the attempts that brought it about."""
    same = select(hold.c.id).where(*_mine(scope, target, at), hold.c.reason == reason)
    if (await conn.execute(same)).first() is not None:
        return False
    held = {"scope": scope, "target": target, "reason": reason, "by": by, "since_at": at, "until_at": until_at}
    await conn.execute(insert(hold).values(held | ({"cases": list(cases)} if cases else {})))
    if outbox.is_wanted(conn, HoldPlaced.topic):
        about = {"scope": scope, "target": await _name(conn, scope, target), "reason": reason}
        await outbox.post(conn, HoldPlaced(**about, by=by, until_at=until_at, cases=list(cases) or None), at=at)
    return True


async def lift(conn: AsyncConnection, scope: str, target: str, at: int, *, reason: str = "") -> int:
    """Lift every hold on one thing, or those whose reason begins so; returns how many there were."""
    mine = (*_mine(scope, target, at), hold.c.reason.startswith(reason, autoescape=True))
    if outbox.is_wanted(conn, HoldLifted.topic):
        name = await _name(conn, scope, target)
        reasons = (await conn.execute(select(hold.c.reason).where(*mine).order_by(hold.c.id))).scalars()
        lifted = [HoldLifted(scope=scope, target=name, reason=one) for one in reasons]
        await outbox.post(conn, *lifted, at=at)
    return (await conn.execute(update(hold).where(*mine).values(lifted_at=at))).rowcount


async def _name(conn: AsyncConnection, scope: str, target: str) -> str:
    """The target as an event names it: a caller ID by its database id."""
    if scope != "number":
        return target
    found = (await conn.execute(select(number.c.id).where(number.c.e164 == target))).scalar()
    return "unknown" if found is None else str(found)


async def is_held(conn: AsyncConnection, scope: str, target: str, at: int, *, reason: str = "") -> bool:
    """Whether one thing is held at this moment, for any reason or for one that begins so."""
    mine = (*_mine(scope, target, at), hold.c.reason.startswith(reason, autoescape=True))
    return (await conn.execute(select(hold.c.id).where(*mine).limit(1))).first() is not None


async def last_since(conn: AsyncConnection, scope: str, target: str) -> int | None:
    """When one thing was last held; it may not be any more."""
    statement = select(func.max(hold.c.since_at)).where(hold.c.scope == scope, hold.c.target == target)
    found: int | None = (await conn.execute(statement)).scalar()
    return found


async def open_holds(conn: AsyncConnection, at: int) -> list[dict[str, Any]]:
    """What is held at this moment, oldest first."""
    statement = (
        select(hold.c.scope, hold.c.target, hold.c.reason, hold.c.by, hold.c.since_at, hold.c.until_at, hold.c.cases)
        .where(*_open(at))
        .order_by(hold.c.id)
    )
    return [dict(row) for row in (await conn.execute(statement)).mappings()]


def _mine(scope: str, target: str, at: int) -> tuple[ColumnElement[bool], ...]:
    return hold.c.scope == scope, hold.c.target == target, *_open(at)


def _open(at: int) -> tuple[ColumnElement[bool], ...]:
    return hold.c.lifted_at.is_(None), hold.c.until_at.is_(None) | (hold.c.until_at > at)
