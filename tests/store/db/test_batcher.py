"""Rows that arrive together are written together, and each caller gets its own answer."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.db.batcher import Batcher
from fluentsd.store.db.bridge import Store, open_store
from fluentsd.unavailable import StoreClosed, StoreFull
from tests.store.pairs import count_pairs, create, fetch_pairs, pairs, tally


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
    batcher = Batcher(small, ledger)
    answers: dict[int, int] = {}

    async def five(first: int) -> None:
        for row in range(first, first + 5):
            answers[row] = await batcher.hand(row)

    async with trio.open_nursery() as nursery:
        await nursery.start(batcher.run)
        async with trio.open_nursery() as tasks:
            for first in range(0, 1000, 5):
                tasks.start_soon(five, first)
        batcher.close()
    assert answers == {row: row * 2 for row in range(1000)}
    assert await small.read(fetch_pairs) == list(range(1000))
    assert len(ledger.groups) <= 20


async def test_a_group_holds_at_most_so_many_rows_in_the_order_they_came(small: Store) -> None:
    ledger = Ledger()
    batcher = Batcher(small, ledger, most=30)
    async with trio.open_nursery() as nursery:
        for row in range(100):
            nursery.start_soon(batcher.hand, row)
        await trio.testing.wait_all_tasks_blocked()
        await nursery.start(batcher.run)
        while await small.read(count_pairs) < 100:
            pass
        batcher.close()
    assert max(len(group) for group in ledger.groups) <= 30
    assert sorted(row for group in ledger.groups for row in group) == list(range(100))


async def test_a_bad_row_harms_only_itself(small: Store) -> None:
    await small.run(lambda conn: conn.execute(insert(pairs).values(id=41, half=0)))
    batcher = Batcher(small, Ledger())
    failed: dict[int, BaseException] = {}

    async def hand(row: int) -> None:
        try:
            await batcher.hand(row)
        except IntegrityError as error:
            failed[row] = error

    async with trio.open_nursery() as nursery:
        await nursery.start(batcher.run)
        async with trio.open_nursery() as tasks:
            for row in range(60):
                tasks.start_soon(hand, row)
        batcher.close()
    assert list(failed) == [41]
    assert await small.read(fetch_pairs) == list(range(60))


async def test_a_row_handed_over_is_committed_though_its_caller_is_cancelled(small: Store) -> None:
    reached, release = threading.Event(), threading.Event()

    async def hold(conn: AsyncConnection, rows: list[int]) -> list[Any]:
        reached.set()
        await asyncio.to_thread(release.wait, 5)
        await conn.execute(insert(pairs), [{"id": row, "half": 0} for row in rows])
        return [row * 2 for row in rows]

    batcher = Batcher(small, hold)
    returned: list[int] = []

    async def hand(scope: trio.CancelScope) -> None:
        with scope:
            returned.append(await batcher.hand(8))
            await trio.lowlevel.checkpoint()
            returned.append(-1)

    async with trio.open_nursery() as nursery:
        await nursery.start(batcher.run)
        async with trio.open_nursery() as callers:
            scope = trio.CancelScope()
            callers.start_soon(hand, scope)
            await trio.to_thread.run_sync(reached.wait, 5)
            scope.cancel()
            await trio.testing.wait_all_tasks_blocked()
            release.set()
        assert scope.cancelled_caught
        batcher.close()
    assert returned == [16]
    assert await small.read(fetch_pairs) == [8]


async def test_a_cancelled_gatherer_first_commits_what_it_was_handed(small: Store) -> None:
    batcher = Batcher(small, Ledger(), most=10)
    answers: list[int] = []

    async def hand(row: int) -> None:
        answers.append(await batcher.hand(row))

    async with trio.open_nursery() as tasks, trio.open_nursery() as nursery:
        await nursery.start(batcher.run)
        for row in range(50):
            tasks.start_soon(hand, row)
        await trio.testing.wait_all_tasks_blocked(0)
        nursery.cancel_scope.cancel()
    assert sorted(answers) == [row * 2 for row in range(50)]
    assert await small.read(count_pairs) == 50
    with pytest.raises(StoreClosed):
        await batcher.hand(1)


async def test_waiting_for_a_gatherer_that_does_not_run_can_be_cancelled(small: Store) -> None:
    batcher = Batcher(small, Ledger())
    with trio.move_on_after(0.01) as scope:
        await batcher.hand(1)
    assert scope.cancelled_caught
    async with trio.open_nursery() as nursery:
        await nursery.start(batcher.run)
        batcher.close()
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
        batcher = Batcher(store, unit)
        raised: list[StoreFull] = []

        async def hand(row: int) -> None:
            try:
                await batcher.hand(row)
            except StoreFull as error:
                raised.append(error)

        async with trio.open_nursery() as nursery:
            async with trio.open_nursery() as callers:
                for row in range(4):
                    callers.start_soon(hand, row)
                await trio.testing.wait_all_tasks_blocked()
                await nursery.start(batcher.run)
            batcher.close()
        assert len({id(error) for error in raised}) == len(raised)
        assert len(raised) == 4
        assert tries == 1


async def test_a_unit_that_answers_for_too_few_rows_writes_nothing(small: Store) -> None:
    async def short(conn: AsyncConnection, rows: list[int]) -> list[Any]:
        await conn.execute(update(tally).values(n=tally.c.n + len(rows)))
        return []

    batcher = Batcher(small, short)
    async with trio.open_nursery() as nursery:
        await nursery.start(batcher.run)
        with pytest.raises(ValueError, match="answered 0 times for 1 rows"):
            await batcher.hand(1)
        batcher.close()
    assert await small.read(lambda conn: conn.scalar(select(tally.c.n))) == 0
