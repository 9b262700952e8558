"""The bridge: the one asyncio thread, and units of work that cross to it whole.

Here lives the crossing between Trio and asyncio: `Store`, `open_store`, and the thread they own. The unit's way through
that thread is `unit_of_work`, its connections come from `engines`, its errors are those of `unavailable`, and `batcher`
groups rows. No table, no rule and no SQL lives here.

A *unit* is an `async def` that takes an `AsyncConnection`. It runs in one transaction on the asyncio thread that owns
the engines; Trio crosses over once and sleeps. What makes that safe:

* **A cancel never reaches aiosqlite.** Cancelling a statement there leaves a handle behind that holds the write lock
  until the garbage collector runs. A Trio cancel interrupts the running SQLite statement instead. That is an ordinary
  error: the unit rolls back, and only then does `Cancelled` rise. asyncpg stands a cancel, so on PostgreSQL the asyncio
  task gets it, except while it commits or rolls back.
* **`Cancelled` means nothing was written.** To commit and to stop are both decided on the asyncio thread, so one comes
  first. A cancel that arrives once COMMIT has begun changes nothing: the unit's value is returned and the cancel rises
  at the caller's next checkpoint.
* **Waiting for a turn happens in Trio**, where it can be cancelled. SQLite's writers take turns; readers have their own
  connections and wait for no writer.
* **Rows that arrive together are written together** (`batcher`): a durable commit costs one row what it costs 500.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar, cast

import trio

from fluentsd.domain.subscriptions import NOBODY, Subscriptions
from fluentsd.store.db.engines import Dialect, check_server, check_wal, dialect_of, open_sides, parse
from fluentsd.store.db.same_file import FileId, SameFile
from fluentsd.store.db.unit_of_work import ENDING_AFTER, Side, Stopped, UnitOfWork
from fluentsd.unavailable import StoreClosed

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

__all__ = ["Store", "open_store"]

T = TypeVar("T")

BUSY_AFTER: Final = 5.0  #: seconds a unit waits for a lock held by another program, then `StoreBusy`


class Store:
    """The open database. Made by `open_store`; every method belongs to Trio."""

    dialect: Dialect
    url: str

    def __init__(
        self,
        url: str,
        busy: Callable[[], AbstractContextManager[None]],
        synchronous: str,
        busy_after: float,
        subscriptions: Subscriptions,
        file_id: FileId | None = None,
    ) -> None:
        parsed = parse(url, synchronous)
        self.url = url
        self.dialect = dialect_of(parsed)
        self._file = SameFile(Path(parsed.database or ""), file_id)  # of SQLite
        self._busy = busy
        self._writes, self._reads = open_sides(parsed, synchronous, busy_after, self._file)
        self.subscribe(subscriptions)
        self.on_posted: Callable[[frozenset[str]], object] = lambda targets: None  #: after a commit with events
        self._in_progress: set[UnitOfWork[Any]] = set()
        self._closed = False
        self._ended: Callable[[], object] = lambda: None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._keep_loop, name="fluentsd-store", daemon=True)

    def subscribe(self, subscriptions: Subscriptions) -> None:
        """From now on every unit posts its events to these targets (`store.outbox`)."""
        self.subscriptions = subscriptions
        for side in (self._writes, self._reads):
            side.engine.update_execution_options(subscriptions=subscriptions)

    async def run(self, unit: Callable[..., Awaitable[T]], /, *args: Any, **kwargs: Any) -> T:
        """Run `unit(conn, *args, **kwargs)` in one write transaction and return its value, committed.

        Raises `Cancelled` only if nothing was written, `StoreUnavailable` if the database cannot work, and whatever the
        unit raises, rolled back.
        """
        return await self._cross(self._writes, unit, args, kwargs, whole=False)

    async def run_whole(self, unit: Callable[..., Awaitable[T]], /, *args: Any, **kwargs: Any) -> T:
        """Like `run`, but once it has started it commits, even if the caller is cancelled. A checkpoint precedes it."""
        return await self._cross(self._writes, unit, args, kwargs, whole=True)

    async def read(self, unit: Callable[..., Awaitable[T]], /, *args: Any, **kwargs: Any) -> T:
        """Run a unit that only reads, on one committed snapshot; it waits for no writer. Writing in it is an error."""
        return await self._cross(self._reads, unit, args, kwargs, whole=False)

    @property
    def file_id(self) -> FileId | None:
        """SQLite's file, for a process that opens it too; None on a server."""
        return self._file.id

    async def truncate_log(self) -> None:
        """Empty SQLite's write-ahead log, which holds old pages. While readers are active it is left to SQLite's own
        checkpoints. Raises `StoreUnavailable`."""
        if self.dialect == "sqlite":  # not in a transaction, where SQLite refuses it: in the place of its beginning
            side = replace(self._writes, begin="PRAGMA wal_checkpoint(TRUNCATE)")
            await self._cross(side, _do_nothing, (), {}, whole=True)

    async def wait_answer(self) -> None:
        """Return when the asyncio thread has taken a turn of its loop; touches no connection."""
        answered, token = trio.Event(), trio.lowlevel.current_trio_token()
        self._loop.call_soon_threadsafe(token.run_sync_soon, answered.set)
        await answered.wait()

    async def _cross(
        self,
        side: Side,
        unit: Callable[..., Awaitable[T]],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        whole: bool,
    ) -> T:
        async with side.turns:
            await trio.lowlevel.checkpoint_if_cancelled()
            if self._closed:
                raise StoreClosed("The store is closed; the unit did not run.")
            work: UnitOfWork[T] = UnitOfWork(
                self._in_progress, side, lambda conn: unit(conn, *args, **kwargs), whole=whole
            )
            with self._busy():
                rise = await self._until_ended(work.start, None if whole else work.stop)
        if work.posted:
            self.on_posted(work.posted)
        return _result(work, rise)

    @trio.lowlevel.enable_ki_protection  # Ctrl-C between posting and sleeping would leave an end that no task waits for
    async def _until_ended(
        self, begin: Callable[[Callable[[], object]], object], stop: Callable[[], None] | None
    ) -> Callable[[], NoReturn] | None:
        """Call `begin(end)` on the asyncio thread and sleep until it calls `end`; return what raises a cancel."""
        asked: list[Callable[[], NoReturn]] = []

        def abort(raise_cancel: Callable[[], NoReturn]) -> trio.lowlevel.Abort:
            if stop is not None:
                asked.append(raise_cancel)
                self._loop.call_soon_threadsafe(stop)
            return trio.lowlevel.Abort.FAILED

        token, task = trio.lowlevel.current_trio_token(), trio.lowlevel.current_task()
        self._loop.call_soon_threadsafe(begin, partial(token.run_sync_soon, trio.lowlevel.reschedule, task))
        await trio.lowlevel.wait_task_rescheduled(abort)
        return asked[0] if asked else None

    def _keep_loop(self) -> None:
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()
            self._ended()

    async def _open(self) -> None:
        self._thread.start()
        if self.dialect == "sqlite":
            await self.run(check_wal)
        else:
            await self.run(check_server)

    async def _close(self) -> None:
        """Stop what runs, wait for whole units, dispose the engines on their own thread and end it."""
        self._closed = True
        with trio.CancelScope(shield=True), self._busy():
            await self._until_ended(self._wind_down, None)
        self._thread.join()

    def _wind_down(self, end: Callable[[], object]) -> None:
        self._ended = end
        self._loop.create_task(self._dispose()).add_done_callback(lambda _: self._loop.stop())

    async def _dispose(self) -> None:
        await self._stop_all({work for work in self._in_progress if not work.whole}, ENDING_AFTER)
        await self._stop_all(self._in_progress, None)
        for side in (self._writes, self._reads):
            await side.engine.dispose()
        await self._loop.shutdown_default_executor()

    async def _stop_all(self, in_flight: set[UnitOfWork[Any]], grace: float | None) -> None:
        """Stop these units and wait until the thread is idle, or a whole unit on a lost server has had its grace."""
        for work in in_flight:
            work.stop()
        if rest := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(rest, timeout=grace)


async def _do_nothing(_: AsyncConnection) -> None:
    """A unit without statements."""


def _result(work: UnitOfWork[T], rise: Callable[[], NoReturn] | None) -> T:
    error, work.error = work.error, None
    try:
        if isinstance(error, Stopped):
            if rise is not None:
                rise()
            raise StoreClosed("The store closed while the unit ran; it was rolled back.")
        if error is not None:
            raise error
        return cast(T, work.value)
    finally:
        del error  # its traceback holds this frame: without this, every error would wait for the garbage collector


@asynccontextmanager
async def open_store(
    url: str,
    *,
    busy: Callable[[], AbstractContextManager[None]] | None = None,
    synchronous: str = "FULL",
    busy_after: float = BUSY_AFTER,
    subscriptions: Subscriptions = NOBODY,
    file_id: FileId | None = None,
) -> AsyncIterator[Store]:
    """Open the database at `url` (`sqlite+aiosqlite:///…` or `postgresql+asyncpg://…`); leaving closes it.

    `busy()` is entered while a unit is in work: a simulated clock must not run ahead while a thread works.
    `synchronous` is SQLite's durability. `busy_after` is how many seconds to wait for another program's lock.
    `subscriptions`: the targets to which units post their events. `file_id`: the only file that may be opened.

    Raises `BadStoreURL`, or `StoreUnavailable` when the first connection fails. Leaving stops the units that still run
    (`StoreClosed` rises in their callers) and waits for whole ones.
    """
    store = Store(url, busy or nullcontext, synchronous, busy_after, subscriptions, file_id)
    try:
        await store._open()
        yield store
    finally:
        await store._close()
