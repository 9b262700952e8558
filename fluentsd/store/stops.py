"""The stop list as operators keep it: look, add, lift with a reason. What the mark asks of it is `stoplist`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.prepared import among, json_of
from fluentsd.store.schema import stop

_OPEN = (among(stop.c.value, "values"), stop.c.lifted_at.is_(None))


async def listing(conn: AsyncConnection, words: str, since: int, most: int) -> list[dict[str, Any]]:
    """Entries that hold, by id, from `since` on; with `words` only those whose number, address or reason has them."""
    statement = select(stop).where(stop.c.lifted_at.is_(None), stop.c.id > since).order_by(stop.c.id).limit(most)
    if words:
        like = f"%{words.lower().replace('%', '')}%"
        statement = statement.where(func.lower(stop.c.value).like(like) | func.lower(stop.c.reason).like(like))
    return [dict(row) for row in (await conn.execute(statement)).mappings()]


async def history(conn: AsyncConnection, names: Sequence[str]) -> list[dict[str, Any]]:
    """Everything the list ever said of one number or address, by whatever name, oldest first, lifted or not."""
    statement = select(stop).where(stop.c.value.in_(names)).order_by(stop.c.id)
    return [dict(row) for row in (await conn.execute(statement)).mappings()]


async def already(conn: AsyncConnection, values: Sequence[str], channel: str) -> set[str]:
    """Which of these are on the list for this channel, or for all of them, already."""
    statement = select(stop.c.value).where(*_OPEN, stop.c.channel.in_(("*", channel)))
    return set((await conn.execute(statement, {"values": json_of(values)})).scalars())


async def lift(conn: AsyncConnection, names: Sequence[str], *, by: str, because: str, at: int) -> int:
    """Lift every entry of a number or address; the entries stay, with who lifted them, when and why."""
    mine = (stop.c.value.in_(names), stop.c.lifted_at.is_(None))
    done = update(stop).where(*mine).values(lifted_at=at, lifted_by=by, lifted_because=because)
    return (await conn.execute(done)).rowcount
