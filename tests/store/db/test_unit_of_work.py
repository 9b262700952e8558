"""A unit that is stopped is rolled back; one that has committed stays."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
import weakref

import pytest
import trio
import trio.testing
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.db import engines
from fluentsd.store.db.bridge import Store
from tests.store.pairs import SLOW, count_pairs, crawl, fetch_pairs, leaves_within, pairs, write_pair


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
        for _ in range(engines.PG_WRITERS):
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


class _Rows(list[int]):
    """What a unit works with, large in an import."""


async def test_what_a_unit_worked_with_is_free_when_it_has_ended(small: Store) -> None:
    async def work(rows: _Rows) -> weakref.ref[_Rows]:
        async def unit(conn: AsyncConnection) -> int:
            await count_pairs(conn)
            return len(rows)

        await small.run(unit)
        return weakref.ref(rows)

    gc.collect()
    gc.disable()
    try:
        gone = await work(_Rows([1, 2, 3]))
        await small.read(count_pairs)  # the connection and the store's thread have turned to other work
        assert gone() is None
    finally:
        gc.enable()
