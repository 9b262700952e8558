"""Agents: append-only versions under a name, like templates. A name that is removed keeps its history."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import cache
from typing import Any

from sqlalchemy import Select, func, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.agents import Agent, KeptAgent
from fluentsd.store.db.statements import among, json_of
from fluentsd.store.tables import agent

_KEPT = select(*(agent.c[name] for name in KeptAgent.__slots__))


@cache
def _newest(*, removed: bool, named: bool) -> Select[Any]:
    """The newest version of each agent, perhaps of a removed one, perhaps only of the `names`."""
    newest = select(agent.c.name, func.max(agent.c.version).label("version")).group_by(agent.c.name)
    if not removed:
        newest = newest.where(agent.c.removed_at.is_(None))
    if named:
        newest = newest.where(among(agent.c.name, "names"))
    latest = newest.subquery()
    mine = (agent.c.name == latest.c.name) & (agent.c.version == latest.c.version)
    return _KEPT.join(latest, mine).order_by(agent.c.name)


async def current(
    conn: AsyncConnection, names: Iterable[str] | None = None, *, removed: bool = False
) -> dict[str, KeptAgent]:
    """The newest version of each agent, of all or of those named; removed ones only with `removed`."""
    given = {} if names is None else {"names": json_of(names)}
    rows = await conn.execute(_newest(removed=removed, named=names is not None), given)
    return {row.name: KeptAgent(*row) for row in rows}


async def versions(conn: AsyncConnection, wanted: Collection[tuple[str, int]]) -> list[KeptAgent]:
    """These versions, those that exist."""
    if not wanted:
        return []
    rows = await conn.execute(_KEPT.where(tuple_(agent.c.name, agent.c.version).in_(list(wanted))))
    return [KeptAgent(*row) for row in rows]


async def history(conn: AsyncConnection, name: str) -> list[KeptAgent]:
    """Every version there ever was under a name, newest first."""
    rows = await conn.execute(_KEPT.where(agent.c.name == name).order_by(agent.c.version.desc()))
    return [KeptAgent(*row) for row in rows]


async def keep(conn: AsyncConnection, new: Agent, *, by: str, at: int) -> KeptAgent | None:
    """A new version, unless the newest one says the same already."""
    now = (await current(conn, [new.name])).get(new.name)
    if now is not None and now.agent == new:
        return None
    before = await history(conn, new.name)
    await conn.execute(update(agent).where(agent.c.name == new.name).values(removed_at=None))
    version = before[0].version + 1 if before else 1
    kept = KeptAgent(new.name, version, new.model_dump(mode="json", exclude_defaults=True), at, by)
    await conn.execute(insert(agent).values({name: getattr(kept, name) for name in KeptAgent.__slots__}))
    return kept


async def remove(conn: AsyncConnection, name: str, at: int) -> bool:
    """Archive an agent; enrollments whose flow names it still get it."""
    mine: Any = (agent.c.name == name, agent.c.removed_at.is_(None))
    return (await conn.execute(update(agent).where(*mine).values(removed_at=at))).rowcount > 0
