"""How a database is opened, and which addresses are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.db.bridge import open_store
from fluentsd.store.db.errors import BadStoreURL


async def test_sqlite_is_opened_durable_and_strict(tmp_path: Path) -> None:
    async def pragma(conn: AsyncConnection, name: str) -> Any:
        return (await conn.exec_driver_sql(f"PRAGMA {name}")).scalar()

    async with open_store(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}") as store:
        found = {
            name: await store.run(pragma, name) for name in ("journal_mode", "synchronous", "foreign_keys", "mmap_size")
        }
        assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "mmap_size": 0}
        assert await store.read(pragma, "query_only") == 1
    async with open_store(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}", synchronous="NORMAL") as store:
        assert await store.run(pragma, "synchronous") == 1


@pytest.mark.parametrize(
    "url", ["nonsense", "sqlite:///x.db", "mysql+aiomysql://x/y", "sqlite+aiosqlite:///:memory:", "sqlite+aiosqlite://"]
)
async def test_an_address_the_store_cannot_open_is_refused(url: str) -> None:
    with pytest.raises(BadStoreURL):
        async with open_store(url):
            pytest.fail("it opened")


async def test_an_unknown_durability_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="SQLite knows OFF, NORMAL, FULL, EXTRA"):
        async with open_store(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}", synchronous="FULL; DROP TABLE x"):
            pytest.fail("it opened")
