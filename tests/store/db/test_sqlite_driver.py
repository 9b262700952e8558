"""The driver does what SQLAlchemy's own does, with one crossing between threads per statement."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select, text, update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.db.bridge import Store, open_store

thing = Table("thing", MetaData(), Column("id", Integer, primary_key=True), Column("name", String, unique=True))


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Store]:
    async with open_store(f"sqlite+aiosqlite:///{folder}/things.db") as store:
        await store.run(_make)
        yield store


async def _make(conn: AsyncConnection) -> None:
    await conn.execute(text("CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT UNIQUE)"))


async def test_results_are_those_of_a_cursor(tmp_path: Path) -> None:
    async def unit(conn: AsyncConnection) -> list[Any]:
        first = await conn.execute(insert(thing).values(name="a"))
        many = await conn.execute(insert(thing), [{"name": name} for name in "bcd"])
        changed = await conn.execute(update(thing).where(thing.c.name.in_(["b", "c"])).values(name=thing.c.name + "!"))
        back = await conn.execute(update(thing).where(thing.c.id > 2).values(name=thing.c.name + "?").returning(thing))
        none = await conn.execute(select(thing).where(thing.c.id == 99))
        rows = await conn.execute(select(thing.c.name, thing.c.id).order_by(thing.c.id))
        return [
            first.inserted_primary_key, many.rowcount, changed.rowcount, sorted(map(tuple, back)), none.first(),
            list(none.keys()), rows.keys()._keys, rows.fetchmany(2), rows.first(),
        ]  # fmt: skip

    async with opened(tmp_path) as store:
        assert await store.run(unit) == [
            (1,), 3, 2, [(3, "c!?"), (4, "d?")], None, ["id", "name"], ["name", "id"], [("a", 1), ("b!", 2)],
            ("c!?", 3),
        ]  # fmt: skip


async def test_an_error_is_one_of_sqlalchemy_and_the_connection_goes_on(tmp_path: Path) -> None:
    async def twice(conn: AsyncConnection) -> None:
        await conn.execute(insert(thing).values(name="a"))
        await conn.execute(insert(thing).values(name="a"))

    async def nonsense(conn: AsyncConnection) -> None:
        await conn.execute(text("SELECT nothing FROM nowhere"))

    async def count(conn: AsyncConnection) -> int:
        return len((await conn.execute(select(thing))).all())

    async with opened(tmp_path) as store:
        with pytest.raises(IntegrityError):
            await store.run(twice)
        with pytest.raises(OperationalError):
            await store.run(nonsense)
        assert await store.run(count) == 0


async def test_a_statement_crosses_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crossings: list[Any] = []
    execute = aiosqlite.Connection._execute

    async def counted(self: aiosqlite.Connection, fn: Any, *args: Any, **options: Any) -> Any:
        crossings.append(fn)
        return await execute(self, fn, *args, **options)

    async def unit(conn: AsyncConnection) -> None:
        await conn.execute(insert(thing), [{"name": "a"}, {"name": "b"}])
        assert (await conn.execute(select(thing.c.name))).all() == [("a",), ("b",)]

    async with opened(tmp_path) as store:
        monkeypatch.setattr(aiosqlite.Connection, "_execute", counted)
        await store.run(unit)
        names = [fn.__name__ for fn in crossings]
    assert names == ["execute", "_execute_many", "_execute", "commit"]
