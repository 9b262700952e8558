"""The store's bridge: transactions, cancellation, closing, the errors of an unavailable database, and the gatherer."""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store import bridge
from fluentsd.store.bridge import (
    BadStoreURL,
    Gatherer,
    Store,
    StoreBusy,
    StoreClosed,
    StoreFull,
    StoreGone,
    StoreUnavailable,
    open_store,
)

metadata = MetaData()
pairs = Table("pairs", metadata, Column("id", Integer, primary_key=True), Column("half", Integer, primary_key=True))
tally = Table("tally", metadata, Column("id", Integer, primary_key=True), Column("n", BigInteger, nullable=False))

SLOW = {
    "sqlite": text(
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 60000000) SELECT count(*) FROM c"
    ),
    "postgresql": text("SELECT pg_sleep(5)"),
}


@pytest.fixture
async def small(database_url: str) -> AsyncIterator[Store]:
    """A store with this module's two tables."""
    async with open_store(database_url) as store:
        await store.run(create)
        yield store


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
    began = trio.current_time()
    yield
    assert trio.current_time() - began < seconds


# --- transactions ---------------------------------------------------------------------------------------------------


async def test_a_unit_commits_and_returns_its_value(small: Store) -> None:
    assert await small.run(write_pair, 7) == 7
    assert await small.read(fetch_pairs) == [7, 7]


async def test_a_unit_takes_keywords_and_may_be_any_callable_that_returns_an_awaitable(small: Store) -> None:
    assert await small.run(lambda conn, number: write_pair(conn, number), number=3) == 3


@pytest.mark.parametrize("error", [LookupError("the unit's own"), KeyError("another")])
async def test_an_error_of_the_unit_passes_unchanged_and_rolls_back(small: Store, error: Exception) -> None:
    async def fail(conn: AsyncConnection) -> None:
        await write_pair(conn, 1)
        raise error

    with pytest.raises(type(error)) as raised:
        await small.run(fail)
    assert raised.value is error
    assert await small.read(count_pairs) == 0


async def test_a_broken_constraint_passes_unchanged_and_the_next_unit_works(small: Store) -> None:
    async def twice(conn: AsyncConnection) -> None:
        await write_pair(conn, 1)
        await write_pair(conn, 1)

    with pytest.raises(IntegrityError):
        await small.run(twice)
    await small.run(write_pair, 1)
    assert await small.read(count_pairs) == 2


async def test_a_savepoint_rolls_back_alone(small: Store) -> None:
    async def inner(conn: AsyncConnection) -> None:
        async with conn.begin_nested():
            await write_pair(conn, 2)
            await write_pair(conn, 1)

    async def unit(conn: AsyncConnection) -> None:
        await write_pair(conn, 1)
        with pytest.raises(IntegrityError):
            await inner(conn)
        await write_pair(conn, 3)

    await small.run(unit)
    assert await small.read(fetch_pairs) == [1, 1, 3, 3]


async def test_a_unit_that_commits_by_itself_is_refused(small: Store) -> None:
    async def selfish(conn: AsyncConnection) -> None:
        await write_pair(conn, 1)
        await conn.commit()

    with pytest.raises(RuntimeError, match="ended its own transaction"):
        await small.run(selfish)


async def test_a_reading_unit_cannot_write(small: Store) -> None:
    with pytest.raises(DBAPIError):
        await small.read(write_pair, 1)
    assert await small.read(count_pairs) == 0


async def test_a_reading_unit_sees_one_snapshot(small: Store) -> None:
    async def count_twice(conn: AsyncConnection) -> tuple[int, int]:
        first = await count_pairs(conn)
        looked.set()
        await asyncio.to_thread(written.wait, 5)
        return first, await count_pairs(conn)

    looked, written = threading.Event(), threading.Event()

    async def write() -> None:
        await trio.to_thread.run_sync(looked.wait, 5)
        await small.run(write_pair, 1)
        written.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(write)
        assert await small.read(count_twice) == (0, 0)
    assert await small.read(count_pairs) == 2


async def test_readers_work_while_a_writer_runs(small: Store) -> None:
    reached, release = threading.Event(), threading.Event()

    async def hold(conn: AsyncConnection) -> None:
        await write_pair(conn, 1)
        reached.set()
        await asyncio.to_thread(release.wait, 5)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(small.run, hold)
        await trio.to_thread.run_sync(reached.wait, 5)
        seen: list[int] = []

        async def look() -> None:
            seen.append(await small.read(count_pairs))

        with leaves_within(2):
            async with trio.open_nursery() as readers:
                for _ in range(20):
                    readers.start_soon(look)
        assert seen == [0] * 20
        release.set()
    assert await small.read(count_pairs) == 2


async def test_units_run_on_one_thread_that_is_not_trios_and_ends_with_the_process(small: Store) -> None:
    async def where(_: AsyncConnection) -> threading.Thread:
        return threading.current_thread()

    first, second = await small.run(where), await small.read(where)
    assert first is second
    assert first is not threading.current_thread()
    assert first.daemon


async def test_busy_is_entered_while_a_unit_is_in_flight(database_url: str) -> None:
    depth = 0

    @contextmanager
    def busy() -> Iterator[None]:
        nonlocal depth
        depth += 1
        yield
        depth -= 1

    async def look(_: AsyncConnection) -> int:
        return depth

    async with open_store(database_url, busy=busy) as store:
        assert depth == 0
        assert await store.run(look) == 1
        assert depth == 0
    assert depth == 0


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


# --- cancellation ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_random_deadlines_never_tear_lose_or_commit_what_was_cancelled(small: Store) -> None:
    chance = random.Random(20_26)
    told: dict[int, str] = {}

    async def attempt(number: int) -> None:
        with trio.move_on_after(chance.choice([0.001, 0.004, 0.01, 0.05, 0.2]) * chance.random() * 4):
            await small.run(write_pair, number)
            told[number] = "committed"
            return
        told[number] = "cancelled"

    async with trio.open_nursery() as nursery:
        for number in range(400):
            nursery.start_soon(attempt, number)
            if number % 8 == 0:
                await small.read(count_pairs)
    rows = await small.read(fetch_pairs)
    torn = {number for number in rows if rows.count(number) != 2}
    committed = {number for number, how in told.items() if how == "committed"}
    assert torn == set()
    assert set(rows) == committed
    assert 0 < len(committed) < 400


@pytest.mark.slow
async def test_a_cancel_at_any_moment_of_a_lone_unit_leaves_all_or_nothing(small: Store) -> None:
    told: set[int] = set()
    for number in range(150):
        with trio.move_on_after(number * 0.0001):
            await small.run(write_pair, number)
            told.add(number)
    assert set(await small.read(fetch_pairs)) == told
    assert await small.read(count_pairs) == 2 * len(told)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["run", "read"])
async def test_a_cancelled_slow_query_leaves_at_once_and_the_next_unit_works(small: Store, way: str) -> None:
    cross = small.run if way == "run" else small.read
    for _ in range(3):
        with leaves_within(0.5), trio.move_on_after(0.1) as scope:
            await cross(crawl)
        assert scope.cancelled_caught
        with leaves_within(0.5):
            assert await cross(count_pairs) == 0


async def test_a_cancelled_unit_is_rolled_back_before_cancelled_rises(small: Store) -> None:
    with trio.move_on_after(0.1) as scope:
        await small.run(crawl, 5)
    assert scope.cancelled_caught
    assert await small.read(count_pairs) == 0
    await small.run(write_pair, 5)


async def test_a_unit_that_swallows_the_cancel_still_does_not_commit(small: Store) -> None:
    async def stubborn(conn: AsyncConnection) -> None:
        await write_pair(conn, 1)
        try:
            await conn.execute(SLOW[conn.dialect.name])
        except BaseException:  # noqa: BLE001
            return

    with trio.move_on_after(0.05) as scope:
        await small.run(stubborn)
    assert scope.cancelled_caught
    assert await small.read(count_pairs) == 0


async def test_a_unit_of_many_short_statements_is_stopped_between_two(small: Store) -> None:
    done = 0

    async def toil(conn: AsyncConnection) -> None:
        nonlocal done
        for number in range(100_000):
            await conn.execute(insert(pairs).values(id=number, half=0))
            done += 1

    with leaves_within(0.5), trio.move_on_after(0.1) as scope:
        await small.run(toil)
    assert scope.cancelled_caught
    assert 0 < done < 100_000
    assert await small.read(count_pairs) == 0


async def test_a_cancel_before_the_unit_starts_means_it_never_runs(small: Store) -> None:
    ran: list[int] = []

    async def note(_: AsyncConnection) -> None:
        ran.append(1)

    for way in (small.run, small.run_whole, small.read):
        with trio.CancelScope() as scope:
            scope.cancel()
            await way(note)
        assert scope.cancelled_caught
    assert ran == []


async def test_waiting_for_a_turn_can_be_cancelled(small: Store) -> None:
    release = threading.Event()

    async def hold(_: AsyncConnection) -> None:
        await asyncio.to_thread(release.wait, 5)

    async with trio.open_nursery() as nursery:
        for _ in range(bridge.PG_WRITERS):
            nursery.start_soon(small.run, hold)
        await trio.testing.wait_all_tasks_blocked()
        with leaves_within(0.2), trio.move_on_after(0.01) as scope:
            await small.run(write_pair, 1)
        assert scope.cancelled_caught
        release.set()
    assert await small.read(count_pairs) == 0


async def test_a_whole_unit_commits_though_its_caller_is_cancelled(small: Store) -> None:
    reached, release = threading.Event(), threading.Event()

    async def hold(conn: AsyncConnection) -> str:
        await write_pair(conn, 1)
        reached.set()
        await asyncio.to_thread(release.wait, 5)
        return "kept"

    got: list[str] = []
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def whole() -> None:
                got.append(await small.run_whole(hold))
                await trio.lowlevel.checkpoint()
                got.append("the cancel rose too late")

            await trio.to_thread.run_sync(reached.wait, 5)
            scope.cancel()
            release.set()
    assert got == ["kept"]
    assert await small.read(count_pairs) == 2


# --- closing --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_closing_during_a_slow_query_is_quick_and_tells_its_caller(database_url: str) -> None:
    raised: list[type[BaseException]] = []
    reached = threading.Semaphore(0)

    async def slow(conn: AsyncConnection) -> None:
        reached.release()
        await crawl(conn)

    async def ask(store: Store, way: str) -> None:
        try:
            await getattr(store, way)(slow)
        except StoreUnavailable as error:
            raised.append(type(error))

    async with trio.open_nursery() as nursery:
        async with open_store(database_url) as store:
            for way in ("run", "run", "read"):
                nursery.start_soon(ask, store, way)
            for _ in range(2):  # SQLite's second writer still waits for its turn
                await trio.to_thread.run_sync(reached.acquire)
            began = trio.current_time()
        assert trio.current_time() - began < 0.5
    assert raised == [StoreClosed] * 3
    with pytest.raises(StoreClosed):
        await store.run(count_pairs)


async def test_closing_waits_for_a_whole_unit(database_url: str) -> None:
    reached, release = threading.Event(), threading.Event()

    async def hold(conn: AsyncConnection) -> None:
        await write_pair(conn, 1)
        reached.set()
        await asyncio.to_thread(release.wait, 5)

    async def release_once_closed(store: Store) -> None:
        with suppress(StoreClosed):
            while True:
                await store.read(count_pairs)
        release.set()

    async with trio.open_nursery() as nursery, open_store(database_url) as store:
        await store.run(create)
        nursery.start_soon(store.run_whole, hold)
        await trio.to_thread.run_sync(reached.wait, 5)
        nursery.start_soon(release_once_closed, store)
    async with open_store(database_url) as store:
        assert await store.read(count_pairs) == 2


async def test_a_cancelled_body_leaves_quickly_and_leaves_no_thread_behind(database_url: str) -> None:
    before = threading.active_count()
    with trio.move_on_after(0.1) as scope:
        async with open_store(database_url) as store:
            await store.run(crawl)
    assert scope.cancelled_caught
    assert trio.current_effective_deadline() == float("inf")
    with trio.fail_after(1):
        while threading.active_count() > before:
            await trio.lowlevel.checkpoint()


async def test_nothing_leaks_when_errors_and_cancels_are_collected(
    database_url: str, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    async with open_store(database_url) as store:
        await store.run(create)
        for number in range(5):
            with trio.move_on_after(0.02):
                await store.run(crawl, number)
            with pytest.raises(IntegrityError):
                await store.run(insert_twice)
    del store
    gc.collect()
    assert [str(warning.message) for warning in recwarn] == []
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


async def insert_twice(conn: AsyncConnection) -> None:
    await write_pair(conn, 99)
    await write_pair(conn, 99)


# --- an unavailable database ----------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_a_locked_database_is_busy_and_works_once_it_is_free(database_url: str) -> None:
    async with open_store(database_url) as store:
        await store.run(create)
    async with open_store(database_url, busy_after=0.2) as store, open_store(database_url) as other:
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


async def test_waiting_for_another_programs_lock_can_be_cancelled(database_url: str) -> None:
    async with open_store(database_url) as store, open_store(database_url) as other:
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
        with pytest.raises(StoreFull, match="make room"):
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


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
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


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
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


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
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


# --- the gatherer ---------------------------------------------------------------------------------------------------


class Ledger:
    """A gatherer's unit that notes the groups it was given."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []

    async def __call__(self, conn: AsyncConnection, rows: list[int]) -> list[Any] | None:
        self.groups.append(rows)
        await conn.execute(insert(pairs), [{"id": row, "half": 0} for row in rows])
        return [row * 2 for row in rows]


async def test_a_thousand_rows_of_two_hundred_tasks_take_few_transactions(small: Store) -> None:
    ledger = Ledger()
    gatherer = Gatherer(small, ledger)
    answers: dict[int, int] = {}

    async def five(first: int) -> None:
        for row in range(first, first + 5):
            answers[row] = await gatherer.hand(row)

    async with trio.open_nursery() as nursery:
        await nursery.start(gatherer.run)
        async with trio.open_nursery() as tasks:
            for first in range(0, 1000, 5):
                tasks.start_soon(five, first)
        gatherer.close()
    assert answers == {row: row * 2 for row in range(1000)}
    assert await small.read(fetch_pairs) == list(range(1000))
    assert len(ledger.groups) <= 20


async def test_a_group_holds_at_most_so_many_rows_in_the_order_they_came(small: Store) -> None:
    ledger = Ledger()
    gatherer = Gatherer(small, ledger, most=30)
    async with trio.open_nursery() as nursery:
        for row in range(100):
            nursery.start_soon(gatherer.hand, row)
        await trio.testing.wait_all_tasks_blocked()
        await nursery.start(gatherer.run)
        while await small.read(count_pairs) < 100:
            pass
        gatherer.close()
    assert max(len(group) for group in ledger.groups) <= 30
    assert sorted(row for group in ledger.groups for row in group) == list(range(100))


async def test_a_bad_row_harms_only_itself(small: Store) -> None:
    await small.run(lambda conn: conn.execute(insert(pairs).values(id=41, half=0)))
    gatherer = Gatherer(small, Ledger())
    failed: dict[int, BaseException] = {}

    async def hand(row: int) -> None:
        try:
            await gatherer.hand(row)
        except IntegrityError as error:
            failed[row] = error

    async with trio.open_nursery() as nursery:
        await nursery.start(gatherer.run)
        async with trio.open_nursery() as tasks:
            for row in range(60):
                tasks.start_soon(hand, row)
        gatherer.close()
    assert list(failed) == [41]
    assert await small.read(fetch_pairs) == list(range(60))


async def test_a_row_handed_over_is_committed_though_its_caller_is_cancelled(small: Store) -> None:
    reached, release = threading.Event(), threading.Event()

    async def hold(conn: AsyncConnection, rows: list[int]) -> list[Any]:
        reached.set()
        await asyncio.to_thread(release.wait, 5)
        await conn.execute(insert(pairs), [{"id": row, "half": 0} for row in rows])
        return [row * 2 for row in rows]

    gatherer = Gatherer(small, hold)
    returned: list[int] = []

    async def hand(scope: trio.CancelScope) -> None:
        with scope:
            returned.append(await gatherer.hand(8))
            await trio.lowlevel.checkpoint()
            returned.append(-1)

    async with trio.open_nursery() as nursery:
        await nursery.start(gatherer.run)
        async with trio.open_nursery() as callers:
            scope = trio.CancelScope()
            callers.start_soon(hand, scope)
            await trio.to_thread.run_sync(reached.wait, 5)
            scope.cancel()
            await trio.testing.wait_all_tasks_blocked()
            release.set()
        assert scope.cancelled_caught
        gatherer.close()
    assert returned == [16]
    assert await small.read(fetch_pairs) == [8]


async def test_a_cancelled_gatherer_first_commits_what_it_was_handed(small: Store) -> None:
    gatherer = Gatherer(small, Ledger(), most=10)
    answers: list[int] = []

    async def hand(row: int) -> None:
        answers.append(await gatherer.hand(row))

    async with trio.open_nursery() as tasks, trio.open_nursery() as nursery:
        await nursery.start(gatherer.run)
        for row in range(50):
            tasks.start_soon(hand, row)
        await trio.testing.wait_all_tasks_blocked(0)
        nursery.cancel_scope.cancel()
    assert sorted(answers) == [row * 2 for row in range(50)]
    assert await small.read(count_pairs) == 50
    with pytest.raises(StoreClosed):
        await gatherer.hand(1)


async def test_waiting_for_a_gatherer_that_does_not_run_can_be_cancelled(small: Store) -> None:
    gatherer = Gatherer(small, Ledger())
    with trio.move_on_after(0.01) as scope:
        await gatherer.hand(1)
    assert scope.cancelled_caught
    async with trio.open_nursery() as nursery:
        await nursery.start(gatherer.run)
        gatherer.close()
    assert await small.read(count_pairs) == 0


async def test_an_unavailable_database_is_told_to_every_caller_of_the_group_and_no_row_is_retried(
    tmp_path: Path,
) -> None:
    tries = 0

    async def unit(conn: AsyncConnection, rows: list[int]) -> None:
        nonlocal tries
        tries += 1
        await conn.exec_driver_sql("PRAGMA max_page_count=1")
        await conn.execute(insert(pairs), [{"id": row * 5000 + n, "half": 0} for row in rows for n in range(5000)])

    async with open_store(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}") as store:
        await store.run(create)
        gatherer = Gatherer(store, unit)
        raised: list[StoreFull] = []

        async def hand(row: int) -> None:
            try:
                await gatherer.hand(row)
            except StoreFull as error:
                raised.append(error)

        async with trio.open_nursery() as nursery:
            async with trio.open_nursery() as callers:
                for row in range(4):
                    callers.start_soon(hand, row)
                await trio.testing.wait_all_tasks_blocked()
                await nursery.start(gatherer.run)
            gatherer.close()
        assert len({id(error) for error in raised}) == len(raised)
        assert len(raised) == 4
        assert tries == 1


async def test_a_unit_that_answers_for_too_few_rows_writes_nothing(small: Store) -> None:
    async def short(conn: AsyncConnection, rows: list[int]) -> list[Any]:
        await conn.execute(update(tally).values(n=tally.c.n + len(rows)))
        return []

    gatherer = Gatherer(small, short)
    async with trio.open_nursery() as nursery:
        await nursery.start(gatherer.run)
        with pytest.raises(ValueError, match="answered 0 times for 1 rows"):
            await gatherer.hand(1)
        gatherer.close()
    assert await small.read(lambda conn: conn.scalar(select(tally.c.n))) == 0
