"""Stores that cost a test little: what `open_whole` opens.

In the daemon, a unit of work crosses to the store's thread, and on SQLite each statement to a thread of its connection,
so that a long one holds nobody up. To wake one thread and then another costs more than a statement of a test. These
stores have no thread: a unit runs from its beginning to its end while Trio's loop stands still, so it is never
cancelled half-way, and no two of one store run at the same time.

* On SQLite, `InlineStore` does not wait for the disk.
* On PostgreSQL, a connection costs the server a process that prepares every statement again. The `KeptStore`s of one
  database use the same loop and the same pools, one after another.

What tests the bridge, a connection's life, two units at the same time, or a statement that takes its time, opens a
store as the daemon's.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import aiosqlite
import trio
from sqlalchemy import event

from fluentsd.domain.subscriptions import NOBODY
from fluentsd.store.db import engines
from fluentsd.store.db.bridge import BUSY_AFTER, Store
from fluentsd.store.db.unit_of_work import Side


class _Inline(aiosqlite.Connection):
    """A connection without a thread: its calls are made at once."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(lambda: sqlite3.connect(*arguments, **options), 64)

    def __await__(self) -> Generator[Any, None, aiosqlite.Connection]:
        self._connection = self._connector()
        yield from asyncio.sleep(0).__await__()
        return self

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if self._connection is None:
            raise ValueError("Connection closed")
        return fn(*args, **kwargs)

    def stop(self) -> None:
        connection, self._connection, self._running = self._connection, None, False
        if connection is not None:
            connection.close()

    async def close(self) -> None:
        self.stop()


def _create_inline(create: Any, url: Any, **options: Any) -> Any:
    options["connect_args"] = options["connect_args"] | {"async_creator_fn": _Inline}
    return create(url, **options)


class _OneThread(Store):
    """A store whose units run on Trio's own thread."""

    async def wait_answer(self) -> None:
        await trio.lowlevel.checkpoint()

    async def _until_ended(self, begin: Callable[[Callable[[], object]], object], stop: object) -> None:
        await trio.lowlevel.cancel_shielded_checkpoint()
        self._loop.call_soon(begin, self._loop.stop)
        self._loop.run_forever()

    async def _open(self) -> None:
        await self.run(engines.check_wal if self.dialect == "sqlite" else engines.check_server)

    async def _close(self) -> None:
        self._closed = True
        self._loop.run_until_complete(self._dispose())
        self._loop.close()


class InlineStore(_OneThread):
    """A store of SQLite without threads."""

    def __init__(self, *arguments: Any) -> None:
        create: Any = engines.create_async_engine
        engines.create_async_engine = partial(_create_inline, create)
        try:
            super().__init__(*arguments)
        finally:
            engines.create_async_engine = create


@dataclass(slots=True)
class _Kept:
    """The loop and the pools of one database; `pids`: the server's processes of their connections."""

    loop: asyncio.AbstractEventLoop
    sides: tuple[Side, Side]
    pids: set[int] = field(default_factory=set)
    in_use: bool = False

    def note(self, conn: Any, _: object) -> None:
        self.pids.add(conn.driver_connection.get_server_pid())


_KEPT: dict[str, _Kept] = {}


def kept_pids(url: str) -> list[int]:
    """The server's processes of the connections that are kept for a database."""
    return sorted(_KEPT[url].pids) if url in _KEPT else []


def close_kept(url: str) -> None:
    """Close the connections that are kept for a database, before it is dropped."""
    if (kept := _KEPT.pop(url, None)) is not None:
        for side in kept.sides:
            kept.loop.run_until_complete(side.engine.dispose())
        kept.loop.close()


class KeptStore(_OneThread):
    """A store of PostgreSQL that leaves its connections to the next one."""

    def __init__(self, url: str, *arguments: Any) -> None:
        super().__init__(f"{url}&prepared_statement_cache_size=2000", *arguments)
        self.url = url
        if (kept := _KEPT.get(url)) is None:
            kept = _KEPT[url] = _Kept(self._loop, (self._writes, self._reads))
            for side in kept.sides:
                event.listen(side.engine.sync_engine, "connect", kept.note)
        else:
            self._loop.close()
            self._loop = kept.loop
            self._writes, self._reads = (
                replace(side, turns=trio.CapacityLimiter(side.turns.total_tokens)) for side in kept.sides
            )
            self.subscribe(self.subscriptions)
        kept.in_use, self._kept = True, kept

    async def _close(self) -> None:
        self._closed = True
        self._kept.in_use = False


@asynccontextmanager
async def open_cheap(
    url: str, *, busy: Any = None, subscriptions: Any = NOBODY, synchronous: str = "OFF"
) -> AsyncIterator[Store]:
    """An open store, as `open_store` opens one. `synchronous` is SQLite's."""
    if url.startswith("sqlite"):
        kind: type[Store] = InlineStore
    elif url in _KEPT and _KEPT[url].in_use:  # a second store of this database at the same time
        kind = Store
    else:
        kind = KeptStore
    store = kind(url, busy or nullcontext, synchronous, BUSY_AFTER, subscriptions)
    try:
        await store._open()
        yield store
    finally:
        await store._close()
