"""A file that is swapped in the moment in which a connection is opened."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import trio
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.db.bridge import open_store
from fluentsd.store.db.same_file import SameFile
from fluentsd.unavailable import StoreUnavailable


async def _count(conn: AsyncConnection) -> int:
    return int((await conn.exec_driver_sql("SELECT count(*) FROM t")).scalar_one())


async def _fill(conn: AsyncConnection) -> None:
    await conn.exec_driver_sql("CREATE TABLE t (n)")
    await conn.exec_driver_sql("INSERT INTO t VALUES (1)")


async def _add(conn: AsyncConnection) -> None:
    await conn.exec_driver_sql("INSERT INTO t VALUES (2)")


@pytest.mark.parametrize("how", ["replaced", "removed"])
async def test_a_file_swapped_while_a_connection_is_opened_costs_the_daemon_nothing(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, aside = tmp_path / "x.db", tmp_path / "aside.db"
    true, looks = SameFile.is_there.fget, iter([True])  # the first look comes just before the swap
    assert true is not None
    async with open_store(f"sqlite+aiosqlite:///{file}") as store:
        await store.run(_fill)
        file.rename(aside)
        if how == "replaced":
            await trio.run_process(["cp", str(aside), str(file)])  # not here: closing a descriptor drops SQLite's locks
        monkeypatch.setattr(SameFile, "is_there", property(lambda self: next(looks, None) or true(self)))
        with pytest.raises(StoreUnavailable, match="replaced or removed"):
            await store.read(_count)
        assert file.exists() == (how == "replaced")
        assert (tmp_path / "x.db-wal").stat().st_size > 0
        aside.replace(file)
        assert await store.read(_count) == 1
    copy = shutil.copy(file, tmp_path / "copy.db")
    async with open_store(f"sqlite+aiosqlite:///{copy}") as store:
        assert await store.read(_count) == 1


async def test_the_log_is_emptied_on_the_connection_that_has_the_file(tmp_path: Path) -> None:
    file, aside = tmp_path / "x.db", tmp_path / "aside.db"
    log = tmp_path / "x.db-wal"
    async with open_store(f"sqlite+aiosqlite:///{file}") as store:
        await store.run(_fill)
        assert log.stat().st_size > 0
        await store.truncate_log()
        assert log.stat().st_size == 0
        await store.run(_add)
        file.rename(aside)
        await trio.run_process(["cp", str(aside), str(file)])
        await store.truncate_log()
        assert log.exists()
        aside.replace(file)
        assert await store.read(_count) == 2
    assert not log.exists()


async def test_a_process_opens_only_the_file_that_its_parent_has(tmp_path: Path) -> None:
    file, aside, url = tmp_path / "x.db", tmp_path / "aside.db", f"sqlite+aiosqlite:///{tmp_path / 'x.db'}"
    async with open_store(url) as store:
        await store.run(_fill)
        async with open_store(url, file_id=store.file_id) as child:
            assert await child.read(_count) == 1
        for swap in (lambda: None, lambda: shutil.copy(tmp_path / "empty.db", file)):
            (tmp_path / "empty.db").touch()
            file.rename(aside)
            swap()
            with pytest.raises(StoreUnavailable, match="replaced or removed"):
                async with open_store(url, file_id=store.file_id):
                    pass
            assert (tmp_path / "x.db-wal").stat().st_size > 0
            aside.replace(file)
        assert await store.read(_count) == 1
