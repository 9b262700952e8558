"""Templates: append-only versions under a name. A name that is removed keeps its history, and goes on where it was."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.templates import Kept, Template
from fluentsd.store.tables import template

_KEPT = select(*(template.c[name] for name in Kept.__slots__))


async def current(conn: AsyncConnection, names: Iterable[str] | None = None) -> dict[str, Kept]:
    """The newest version of each template, of all or of those named; removed ones are not there."""
    newest = select(template.c.name, func.max(template.c.version).label("version")).group_by(template.c.name)
    wanted = newest.where(template.c.removed_at.is_(None))
    if names is not None:
        wanted = wanted.where(template.c.name.in_(list(names)))
    latest = wanted.subquery()
    mine = (template.c.name == latest.c.name) & (template.c.version == latest.c.version)
    rows = await conn.execute(_KEPT.join(latest, mine).order_by(template.c.name))
    return {row.name: Kept(*row) for row in rows}


async def history(conn: AsyncConnection, name: str) -> list[Kept]:
    """Every version there ever was under a name, newest first."""
    rows = await conn.execute(_KEPT.where(template.c.name == name).order_by(template.c.version.desc()))
    return [Kept(*row) for row in rows]


async def keep(conn: AsyncConnection, new: Template, *, by: str, at: int) -> Kept | None:
    """A new version, unless the newest one says the same already."""
    now = (await current(conn, [new.name])).get(new.name)
    if now is not None and (now.channel, now.parts) == (new.channel, new.parts):
        return None
    before = await history(conn, new.name)
    await conn.execute(update(template).where(template.c.name == new.name).values(removed_at=None))
    kept = Kept(new.name, before[0].version + 1 if before else 1, new.channel, new.parts, at, by)
    await conn.execute(insert(template).values({name: getattr(kept, name) for name in Kept.__slots__}))
    return kept


async def remove(conn: AsyncConnection, name: str, at: int) -> bool:
    """Archive a template; enrollments whose flow has its text still get it."""
    mine: Any = (template.c.name == name, template.c.removed_at.is_(None))
    return (await conn.execute(update(template).where(*mine).values(removed_at=at))).rowcount > 0
