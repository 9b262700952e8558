"""The run of the daemon that claimed last: its name, which its journal of begun attempts carries too."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.tables import meta

_KEY = "run"


async def last(conn: AsyncConnection) -> str | None:
    """The name of the run that claimed last; None before the first."""
    found: str | None = (await conn.execute(select(meta.c.value).where(meta.c.key == _KEY))).scalar()
    return found


async def begin(conn: AsyncConnection, name: str) -> None:
    """A new run claims from now on."""
    if (await conn.execute(update(meta).where(meta.c.key == _KEY).values(value=name))).rowcount == 0:
        await conn.execute(meta.insert().values(key=_KEY, value=name))
