"""The store's bridge: transactions, turns and closing."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
import trio
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.db.bridge import Store, open_store
from fluentsd.unavailable import StoreClosed, StoreUnavailable
from tests.store.pairs import count_pairs, crawl, create, fetch_pairs, leaves_within, write_pair

# --- transactions -----------------------------------------------------------------------------------------------------


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


async def test_busy_is_entered_while_a_unit_is_in_flight(empty_database_url: str) -> None:
    depth = 0

    @contextmanager
    def busy() -> Iterator[None]:
        nonlocal depth
        depth += 1
        yield
        depth -= 1

    async def look(_: AsyncConnection) -> int:
        return depth

    async with open_store(empty_database_url, busy=busy) as store:
        assert depth == 0
        assert await store.run(look) == 1
        assert depth == 0
    assert depth == 0


# --- closing ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_closing_during_a_slow_query_is_quick_and_tells_its_caller(empty_database_url: str) -> None:
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
        async with open_store(empty_database_url) as store:
            for way in ("run", "run", "read"):
                nursery.start_soon(ask, store, way)
            for _ in range(2):  # SQLite's second writer still waits for its turn
                await trio.to_thread.run_sync(reached.acquire)
            began = trio.current_time()
        assert trio.current_time() - began < 4
    assert raised == [StoreClosed] * 3
    with pytest.raises(StoreClosed):
        await store.run(count_pairs)


async def test_closing_waits_for_a_whole_unit(empty_database_url: str) -> None:
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

    async with trio.open_nursery() as nursery, open_store(empty_database_url) as store:
        await store.run(create)
        nursery.start_soon(store.run_whole, hold)
        await trio.to_thread.run_sync(reached.wait, 5)
        nursery.start_soon(release_once_closed, store)
    async with open_store(empty_database_url) as store:
        assert await store.read(count_pairs) == 2


async def test_a_cancelled_body_leaves_quickly_and_leaves_no_thread_behind(empty_database_url: str) -> None:
    before = threading.active_count()
    with trio.move_on_after(0.1) as scope:
        async with open_store(empty_database_url) as store:
            await store.run(crawl)
    assert scope.cancelled_caught
    assert trio.current_effective_deadline() == float("inf")
    with trio.fail_after(10):
        while threading.active_count() > before:
            await trio.lowlevel.checkpoint()


async def test_nothing_leaks_when_errors_and_cancels_are_collected(
    empty_database_url: str, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    async with open_store(empty_database_url) as store:
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
