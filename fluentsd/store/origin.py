"""Where a database comes from: its id, made once, and how far its history goes."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import exists, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.states import AttemptState
from fluentsd.store import nodes
from fluentsd.store.tables import attempt, enrollment, meta

_KEY = "database_id"


@dataclass(frozen=True, slots=True)
class Origin:
    """`database`: None before the id is made. `claims` and `claimed_at`: number and time of the newest claim."""

    database: str | None
    claims: int
    claimed_at: int
    has_people: bool


async def look(conn: AsyncConnection) -> Origin:
    """The database's id and history."""
    name: str | None = (await conn.execute(select(meta.c.value).where(meta.c.key == _KEY))).scalar()
    newest = select(attempt.c.claimed_at).order_by(attempt.c.id.desc()).limit(1)
    claimed_at: int = (await conn.execute(newest)).scalar() or 0
    people = bool((await conn.execute(select(exists(select(enrollment.c.id))))).scalar())
    return Origin(name, await nodes.claims_so_far(conn), claimed_at, people or bool(claimed_at))


async def name_database(conn: AsyncConnection, name: str) -> None:
    """Give the database its id."""
    await conn.execute(insert(meta).values(key=_KEY, value=name))


async def looked_up(conn: AsyncConnection) -> int:
    """Open attempts that no provider is known to have: the reconciler still asks about them."""
    mine = (attempt.c.state == AttemptState.open, attempt.c.accepted_at.is_(None))
    return int((await conn.execute(select(func.count()).select_from(attempt).where(*mine))).scalar_one())
