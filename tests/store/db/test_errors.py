"""An unavailable database is told apart from a unit's own mistake, and works again once it can."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest
import trio
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.db.bridge import Store, open_store
from fluentsd.unavailable import StoreBusy, StoreFull, StoreGone
from tests.store.pairs import count_pairs, crawl, create, leaves_within, pairs, write_pair


@pytest.mark.slow
async def test_a_locked_database_is_busy_and_works_once_it_is_free(empty_database_url: str) -> None:
    async with open_store(empty_database_url) as store:
        await store.run(create)
    async with open_store(empty_database_url, busy_after=0.2) as store, open_store(empty_database_url) as other:
        release, reached = threading.Event(), threading.Event()

        async def lock(conn: AsyncConnection) -> None:
            if conn.dialect.name == "postgresql":
                await conn.execute(text("LOCK TABLE pairs"))
            reached.set()
            await asyncio.to_thread(release.wait, 5)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(other.run, lock)
            await trio.to_thread.run_sync(reached.wait, 5)
            with pytest.raises(StoreBusy, match="Nothing was written") as raised:
                await store.run(write_pair, 1)
            assert not raised.value.in_doubt
            release.set()
        await store.run(write_pair, 1)
        assert await store.read(count_pairs) == 2


async def test_waiting_for_another_programs_lock_can_be_cancelled(empty_database_url: str) -> None:
    async with open_store(empty_database_url) as store, open_store(empty_database_url) as other:
        await store.run(create)
        release, reached = threading.Event(), threading.Event()

        async def lock(conn: AsyncConnection) -> None:
            if conn.dialect.name == "postgresql":
                await conn.execute(text("LOCK TABLE pairs"))
            reached.set()
            await asyncio.to_thread(release.wait, 5)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(other.run, lock)
            await trio.to_thread.run_sync(reached.wait, 5)
            with leaves_within(0.4), trio.move_on_after(0.05) as scope:
                await store.run(write_pair, 1)
            assert scope.cancelled_caught
            release.set()
        await store.run(write_pair, 1)


async def test_a_full_disk_is_full_and_works_once_there_is_room(tmp_path: Path) -> None:
    async with open_store(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}") as store:
        await store.run(create)

        async def allow(conn: AsyncConnection, pages: int) -> None:
            await conn.exec_driver_sql(f"PRAGMA max_page_count={pages}")

        async def fill(conn: AsyncConnection) -> None:
            await conn.execute(insert(pairs), [{"id": number, "half": 0} for number in range(20_000)])

        await store.run(allow, 10)
        with pytest.raises(StoreFull, match="free space on its disk"):
            await store.run(fill)
        assert await store.read(count_pairs) == 0
        await store.run(allow, 1_000_000)
        await store.run(fill)
        assert await store.read(count_pairs) == 20_000


async def test_a_file_that_cannot_be_opened_is_gone(tmp_path: Path) -> None:
    with pytest.raises(StoreGone, match="permissions"):
        async with open_store(f"sqlite+aiosqlite:///{tmp_path / 'missing' / 'x.db'}"):
            pytest.fail("it opened")


async def test_a_file_that_is_no_database_passes_unchanged(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"name;phone\n" * 500)
    with pytest.raises(DBAPIError, match="not a database") as raised:
        async with open_store(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}"):
            pytest.fail("it opened")
    assert isinstance(raised.value.orig, sqlite3.DatabaseError)


async def test_a_server_that_does_not_answer_is_gone(tmp_path: Path) -> None:
    for place in (f"/x?host={tmp_path}", "127.0.0.1:1/x"):
        with pytest.raises(StoreGone, match="cannot be reached"):
            async with open_store(f"postgresql+asyncpg://postgres@{place}"):
                pytest.fail("it opened")


@pytest.mark.parametrize("empty_database_url", ["postgresql"], indirect=True)
async def test_a_lost_connection_is_gone_once_and_the_next_unit_connects_anew(small: Store) -> None:
    async def end_the_others(conn: AsyncConnection) -> None:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        await conn.execute(text(f"{others} AND pid <> pg_backend_pid()"))

    raised: list[StoreGone] = []

    reached = threading.Event()

    async def note_and_crawl(conn: AsyncConnection) -> None:
        await write_pair(conn, 1)
        reached.set()
        await crawl(conn)

    async def slow() -> None:
        try:
            await small.run(note_and_crawl)
        except StoreGone as error:
            raised.append(error)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(slow)
        await trio.to_thread.run_sync(reached.wait, 5)
        await small.run(end_the_others)
    assert len(raised) == 1
    assert not raised[0].in_doubt
    await small.run(write_pair, 1)
    assert await small.read(count_pairs) == 2


@pytest.mark.parametrize("empty_database_url", ["postgresql"], indirect=True)
async def test_a_connection_lost_while_idle_is_replaced_unnoticed(small: Store) -> None:
    async with open_store(small.url) as other:
        await other.run(
            lambda conn: conn.execute(
                text(
                    "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        )
    await small.run(write_pair, 1)
    assert await small.read(count_pairs) == 2


@pytest.mark.parametrize("empty_database_url", ["postgresql"], indirect=True)
async def test_a_connection_lost_during_commit_is_in_doubt(small: Store) -> None:
    async def die_at_commit(conn: AsyncConnection) -> None:
        await conn.execute(
            text(
                "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(5); RETURN NULL; END $$"
            )
        )
        await conn.execute(
            text(
                "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON pairs DEFERRABLE INITIALLY DEFERRED"
                " FOR EACH ROW EXECUTE FUNCTION die()"
            )
        )

    await small.run(die_at_commit)
    with pytest.raises(StoreGone, match="not known whether") as raised:
        await small.run(write_pair, 1)
    assert raised.value.in_doubt
    assert await small.read(count_pairs) == 0


async def test_a_reader_on_a_failing_disk_finds_the_database_gone(empty_database_url: str) -> None:
    if not empty_database_url.startswith("sqlite"):
        pytest.skip("a server tells it by itself")

    async def fails(code: int, conn: AsyncConnection) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = code
        raise DBAPIError("SELECT 1", None, error)

    async with open_store(empty_database_url) as store:
        for code in (sqlite3.SQLITE_IOERR | 8 << 8, sqlite3.SQLITE_FULL):
            with pytest.raises(StoreGone, match="Nothing was written"):
                await store.read(lambda conn, code=code: fails(code, conn))
        with pytest.raises(DBAPIError):  # it writes where it may only read: a mistake in the unit
            await store.read(lambda conn: fails(sqlite3.SQLITE_READONLY, conn))


async def test_no_connection_opens_another_file(tmp_path: Path) -> None:
    file, aside = tmp_path / "one.db", tmp_path / "aside.db"
    async with open_store(f"sqlite+aiosqlite:///{file}") as store:
        await store.run(create)
        file.rename(aside)
        with pytest.raises(StoreGone, match="replaced or removed"):
            await store.read(count_pairs)
        assert not file.exists(), "nobody made an empty database"
        await store.run(write_pair, 1)  # on the connection that is open
        aside.rename(file)
        assert await store.read(count_pairs) == 2
