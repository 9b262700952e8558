"""Two small tables and units about them: a pair is written whole or not at all, and some units take their time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import trio
from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

metadata = MetaData()
pairs = Table("pairs", metadata, Column("id", Integer, primary_key=True), Column("half", Integer, primary_key=True))
tally = Table("tally", metadata, Column("id", Integer, primary_key=True), Column("n", BigInteger, nullable=False))

SLOW = {
    "sqlite": text(
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 60000000) SELECT count(*) FROM c"
    ),
    "postgresql": text("SELECT pg_sleep(5)"),
}


async def create(conn: AsyncConnection) -> None:
    await conn.run_sync(metadata.create_all)
    await conn.execute(insert(tally).values(id=1, n=0))


async def write_pair(conn: AsyncConnection, number: int) -> int:
    await conn.execute(insert(pairs).values(id=number, half=0))
    await conn.execute(insert(pairs).values(id=number, half=1))
    return number


async def fetch_pairs(conn: AsyncConnection) -> list[int]:
    return [row.id for row in await conn.execute(select(pairs.c.id).order_by(pairs.c.id))]


async def count_pairs(conn: AsyncConnection) -> int:
    return (await conn.execute(select(func.count()).select_from(pairs))).scalar_one()


async def crawl(conn: AsyncConnection, number: int | None = None) -> None:
    if number is not None:
        await write_pair(conn, number)
    await conn.execute(SLOW[conn.dialect.name])


@contextmanager
def leaves_within(seconds: float) -> Iterator[None]:
    """On a quiet machine; a busy one gets ten times as long, which is less than the work would take."""
    began = trio.current_time()
    yield
    assert trio.current_time() - began < 10 * seconds
