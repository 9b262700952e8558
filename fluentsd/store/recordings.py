"""Recordings as the database names them: the provider's address, or a file of ours."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.tables import content

_RECORDING = content.c.kind == "recording"


class Recording(NamedTuple):
    """One row: where the recording is."""

    id: int
    text: str


async def latest(conn: AsyncConnection, attempt_id: str) -> Recording | None:
    """The latest recording of an attempt."""
    mine = select(content.c.id, content.c.text).where(content.c.attempt_id == attempt_id, _RECORDING)
    row = (await conn.execute(mine.order_by(content.c.id.desc()).limit(1))).first()
    return Recording._make(row) if row is not None else None


async def rename(conn: AsyncConnection, row_id: int, before: str, after: str) -> bool:
    """Give a recording another name; False when the row is gone or has changed."""
    mine = (content.c.id == row_id, content.c.text == before, _RECORDING)
    return (await conn.execute(update(content).where(*mine).values(text=after))).rowcount == 1


async def names(conn: AsyncConnection, prefix: str) -> set[str]:
    """The names after this prefix."""
    rows = await conn.execute(select(content.c.text).where(_RECORDING, content.c.text.startswith(prefix)))
    return {text.removeprefix(prefix) for text in rows.scalars()}
