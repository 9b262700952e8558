"""The bridge: the one asyncio thread, and units of work that cross to it whole.

Here live the store's engines, the crossing between Trio and asyncio, transactions, and the errors of an unavailable
database. No table, no rule, and no SQL beyond what prepares a connection and begins a transaction lives here.

A *unit* is an `async def` that takes an `AsyncConnection`. It runs in one transaction on the asyncio thread that owns
the engines; Trio crosses over once and sleeps. What makes that safe:

* **A cancel never reaches aiosqlite.** Cancelling a statement there leaves a handle behind that holds the write lock
  until the garbage collector runs. A Trio cancel interrupts the running SQLite statement instead, which is an ordinary
  error: the unit rolls back, and only then does `Cancelled` rise. asyncpg stands a cancel, so on PostgreSQL the
  asyncio task gets it, except while it commits or rolls back.
* **`Cancelled` means nothing was written.** To commit and to stop are both decided on the asyncio thread, so one comes
  first. A cancel that arrives once COMMIT has begun changes nothing: the unit's value is returned and the cancel rises
  at the caller's next checkpoint.
* **Waiting for a turn happens in Trio**, where it can be cancelled. SQLite's writers take turns; readers have their own
  connections and wait for no writer.
* **Rows that arrive together are written together** (`Gatherer`): a durable commit costs one row what it costs 500.
"""

from __future__ import annotations

import asyncio
import copy
import enum
import sqlite3
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, NoReturn, TypeVar, cast

import trio
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncTransaction, create_async_engine

if TYPE_CHECKING:
    import aiosqlite

T = TypeVar("T")
R = TypeVar("R")
Dialect = Literal["sqlite", "postgresql"]

BUSY_AFTER: Final = 5.0  #: seconds a unit waits for a lock held by another program, then `StoreBusy`
CONNECT_AFTER: Final = 10.0  #: seconds until a PostgreSQL server that does not answer is `StoreGone`
ENDING_AFTER: Final = 30.0  #: seconds PostgreSQL may take to COMMIT or ROLLBACK before the connection counts as lost
READERS: Final = 2
PG_WRITERS: Final = 5
# SQLite waits for a lock inside C, where nothing can stop it: so it waits in slices, and we look up between them.
LOCK_SLICE: Final = 0.1
# An interrupt that falls between two statements is lost, so it is repeated until the unit ends.
INTERRUPT_EVERY: Final = 0.005
# Page caches stay small and mmap stays off, since mapped pages count as the daemon's resident memory.
WRITER_CACHE_KIB: Final = 8192
READER_CACHE_KIB: Final = 2048
WAL_KEPT_BYTES: Final = 64 * 1024 * 1024
SYNCHRONOUS: Final = ("OFF", "NORMAL", "FULL", "EXTRA")


class StoreUnavailable(Exception):
    """The database cannot work now. Nothing was written, unless `in_doubt`: the server was lost during COMMIT."""

    says = "The database cannot work now"

    def __init__(self, message: str, *, in_doubt: bool = False) -> None:
        super().__init__(message)
        self.in_doubt = in_doubt


class StoreBusy(StoreUnavailable):
    """The database stayed locked past the timeout, or a deadlock was broken. The same unit may run again."""

    says = "The database is locked by another program: stop it or let it finish, then the same work can run again"


class StoreFull(StoreUnavailable):
    """The database cannot write: the disk is full, fails, or is read-only."""

    says = "The database cannot write: make room on its disk, or make it writable"


class StoreGone(StoreUnavailable):
    """The database cannot be reached: the server is lost or refuses, or the file cannot be opened."""

    says = "The database cannot be reached: start it, or correct its address and permissions"


class StoreClosed(StoreUnavailable):
    """The store or the gatherer has closed: the unit did not run, or was stopped and rolled back."""


class BadStoreURL(ValueError):
    """The database's address is not one the store can open."""


class _Stopped(BaseException):
    """A unit was asked to stop; it never leaves this module."""


class _Refused(sqlite3.OperationalError):
    """A stopped unit's next statement. An ordinary error, as SQLAlchemy throws a connection away for any other kind."""

    sqlite_errorcode = sqlite3.SQLITE_INTERRUPT


class _Phase(enum.IntEnum):
    WAITING = 0  #: posted to the loop; a stop means that no connection is opened
    OPENING = 1  #: connecting, and waiting for the write lock
    RUNNING = 2  #: the unit's own statements
    COMMITTING = 3  #: COMMIT is decided; nothing stops it any more
    ENDING = 4  #: after COMMIT, or rolling back


@dataclass(frozen=True, slots=True)
class _Side:
    """One way into the database. `begin` opens a transaction on SQLite; PostgreSQL's driver does that itself."""

    engine: AsyncEngine
    turns: trio.CapacityLimiter
    begin: str | None
    writes: bool
    busy_after: float


class _Flight(Generic[T]):
    """One unit's way through the asyncio thread. From `start` until it lands, its fields belong to that thread."""

    def __init__(
        self, aloft: set[_Flight[Any]], side: _Side, unit: Callable[..., Awaitable[T]], *, whole: bool
    ) -> None:
        self.whole, self.stopped = whole, False
        self.value: T | None = None
        self.error: BaseException | None = None
        self.task: asyncio.Task[None] | None = None
        self._aloft, self._side, self._unit = aloft, side, unit
        self._phase = self._failed_in = _Phase.WAITING
        self._driver: aiosqlite.Connection | None = None
        self._stopper: asyncio.Task[None] | None = None

    def start(self, land: Callable[[], object]) -> None:
        self._aloft.add(self)
        self.task = asyncio.get_running_loop().create_task(self._fly(land))

    def stop(self) -> None:
        """Ask the unit to end and roll back; too late once its end is decided."""
        if self.stopped or self._phase >= _Phase.COMMITTING or self.task is None:
            return
        self.stopped = True
        if self._side.begin is not None:
            self._stopper = asyncio.get_running_loop().create_task(self._interrupt())
        elif self._phase is not _Phase.WAITING:  # a task cancelled before its first step would never land
            self.task.cancel()

    def _end_if_stopped(self) -> None:
        if self.stopped:
            raise _Stopped

    async def _interrupt(self) -> None:
        while self._phase < _Phase.COMMITTING:
            if self._driver is not None:
                await self._driver.interrupt()  # acts at once, from this thread: it does not queue behind the statement
            await asyncio.sleep(INTERRUPT_EVERY)

    async def _fly(self, land: Callable[[], object]) -> None:
        try:
            self.value = await self._transact()
        except BaseException as error:  # noqa: BLE001  # whatever ended the unit rises in the Trio task that waits for it
            was_stopped = self.stopped and any(_is_stop(cause) for cause in _causes(error))
            self.error = _Stopped() if was_stopped else _as_ours(error, self._side, self._failed_in)
        finally:
            self._phase, self._driver = _Phase.ENDING, None
            self._aloft.discard(self)
            land()

    async def _transact(self) -> T:
        self._end_if_stopped()
        self._phase = self._failed_in = _Phase.OPENING
        conn = await self._side.engine.connect()
        try:
            transaction = await self._begin(conn)
            self._phase = _Phase.RUNNING
            value = await self._unit(conn)
            if not transaction.is_active:
                raise RuntimeError("A unit ended its own transaction. Leave COMMIT and ROLLBACK to the store.")
            self._end_if_stopped()
            self._phase = _Phase.COMMITTING
            async with self._bounded():
                await conn.commit()
        except BaseException:
            self._failed_in, self._phase = self._phase, _Phase.ENDING
            await self._roll_back(conn)
            raise
        else:
            return value
        finally:
            await conn.close()

    async def _begin(self, conn: AsyncConnection) -> AsyncTransaction:
        transaction = await conn.begin()
        if self._side.begin is not None:
            _flight.set(self)
            self._driver = cast("aiosqlite.Connection", (await conn.get_raw_connection()).driver_connection)
            await self._take_lock(self._driver, self._side.begin)
        return transaction

    async def _take_lock(self, driver: aiosqlite.Connection, begin: str) -> None:
        clock = asyncio.get_running_loop().time
        give_up_at = clock() + self._side.busy_after
        while True:
            self._end_if_stopped()
            try:
                await driver.execute(begin)
            except sqlite3.OperationalError as error:
                if _sqlite_code(error) != sqlite3.SQLITE_BUSY or clock() >= give_up_at:
                    raise
                await asyncio.sleep(INTERRUPT_EVERY)
            else:
                return

    def _bounded(self) -> asyncio.Timeout:
        """A time limit for PostgreSQL alone: running out of it is a cancel, which must not reach aiosqlite."""
        return asyncio.timeout(None if self._side.begin is not None else ENDING_AFTER)

    async def _roll_back(self, conn: AsyncConnection) -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)  # a cancel already on its way must not strike the rollback
        try:
            async with self._bounded():
                await conn.rollback()
        except Exception:  # noqa: BLE001  # a connection that cannot roll back is thrown away: closing it rolls back
            await conn.invalidate()


_flight: Final[ContextVar[_Flight[Any]]] = ContextVar("flight")  #: of the asyncio task that runs it


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it was raised from, outermost first."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _is_stop(error: BaseException) -> bool:
    return isinstance(error, _Stopped | asyncio.CancelledError) or _sqlite_code(error) == sqlite3.SQLITE_INTERRUPT


def _sqlite_code(error: BaseException) -> int | None:
    """SQLite's primary result code, from an error as the driver or SQLAlchemy raises it."""
    origin = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(origin, "sqlite_errorcode", None) if isinstance(origin, sqlite3.Error) else None
    return None if code is None else code & 0xFF


# https://www.sqlite.org/rescode.html
_SQLITE_ERRORS: Final[dict[int, type[StoreUnavailable]]] = {
    sqlite3.SQLITE_BUSY: StoreBusy,
    sqlite3.SQLITE_LOCKED: StoreBusy,
    sqlite3.SQLITE_FULL: StoreFull,
    sqlite3.SQLITE_IOERR: StoreFull,
    sqlite3.SQLITE_READONLY: StoreFull,
    sqlite3.SQLITE_CANTOPEN: StoreGone,
}
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_PG_ERRORS: Final[dict[str, type[StoreUnavailable]]] = {
    "55P03": StoreBusy,  # lock_not_available
    "40P01": StoreBusy,  # deadlock_detected
    "53100": StoreFull,  # disk_full
    "53200": StoreFull,  # out_of_memory
    "58030": StoreFull,  # io_error
    "25006": StoreFull,  # read_only_sql_transaction: the server became a standby
    "53300": StoreGone,  # too_many_connections
    "57P01": StoreGone,  # admin_shutdown
    "57P02": StoreGone,  # crash_shutdown
    "57P03": StoreGone,  # cannot_connect_now
}


def _as_ours(error: BaseException, side: _Side, failed_in: _Phase) -> BaseException:
    """The error as the engine knows it: one of `StoreUnavailable`'s where the database cannot work, else unchanged."""
    kind = _sqlite_kind(error) if side.begin is not None else _pg_kind(error, failed_in)
    if kind is None or (kind is StoreFull and not side.writes):  # a reading unit that writes is a mistake in the unit
        return error
    in_doubt = kind is StoreGone and side.writes and failed_in is _Phase.COMMITTING
    outcome = "It is not known whether the last transaction was committed." if in_doubt else "Nothing was written."
    cause = error.orig if isinstance(error, DBAPIError) else error
    ours = kind(f"{kind.says} ({cause or type(cause).__name__}). {outcome}", in_doubt=in_doubt)
    ours.__cause__ = error
    return ours


def _sqlite_kind(error: BaseException) -> type[StoreUnavailable] | None:
    code = _sqlite_code(error)
    return None if code is None else _SQLITE_ERRORS.get(code)


def _pg_kind(error: BaseException, failed_in: _Phase) -> type[StoreUnavailable] | None:
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or ""
        lost = StoreGone if error.connection_invalidated or state.startswith("08") else None
        return _PG_ERRORS.get(state, lost)
    # The driver raises plain socket errors while it connects; in a unit only a lost connection is the database's.
    lost_by = ConnectionError if failed_in is _Phase.RUNNING else OSError
    return StoreGone if isinstance(error, lost_by) else None


def _open_sqlite(url: URL, synchronous: str, busy_after: float) -> tuple[_Side, _Side]:
    writes = _sqlite_engine(
        url,
        busy_after,
        pool_size=1,
        script=f"PRAGMA journal_mode=WAL; PRAGMA synchronous={synchronous}; PRAGMA foreign_keys=ON;"
        f"PRAGMA cache_size=-{WRITER_CACHE_KIB}; PRAGMA journal_size_limit={WAL_KEPT_BYTES};"
        f"PRAGMA busy_timeout={int(min(LOCK_SLICE, busy_after) * 1000)}",
    )
    reads = _sqlite_engine(
        url, busy_after, pool_size=READERS, script=f"PRAGMA query_only=ON; PRAGMA cache_size=-{READER_CACHE_KIB}"
    )
    return (
        _Side(writes, trio.CapacityLimiter(1), "BEGIN IMMEDIATE", True, busy_after),
        _Side(reads, trio.CapacityLimiter(READERS), "BEGIN DEFERRED", False, busy_after),
    )


def _sqlite_engine(url: URL, busy_after: float, *, pool_size: int, script: str) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_reset_on_return=None,  # every flight ends its own transaction; a reset is one more hop between threads
        hide_parameters=True,  # they are personal data, and errors are logged
        connect_args={"isolation_level": None, "timeout": busy_after},  # None: we begin, the driver does not
    )
    event.listen(
        engine.sync_engine, "connect", lambda conn, _: conn.run_async(lambda driver: driver.executescript(script))
    )
    event.listen(engine.sync_engine, "before_cursor_execute", _refuse_if_stopped)
    return engine


def _refuse_if_stopped(*_: object) -> None:
    """Between two statements there is nothing to interrupt: there a stopped unit is refused its next one."""
    flight = _flight.get(None)
    if flight is not None and flight.stopped:
        raise _Refused


def _open_postgresql(url: URL, busy_after: float) -> tuple[_Side, _Side]:
    writes = _postgresql_engine(url, busy_after, pool_size=PG_WRITERS, isolation_level="READ COMMITTED")
    # One snapshot for a whole reading unit, as on SQLite; reading at this level never fails to serialise.
    reads = _postgresql_engine(
        url,
        busy_after,
        pool_size=READERS,
        isolation_level="REPEATABLE READ",
        execution_options={"postgresql_readonly": True},
    )
    return (
        _Side(writes, trio.CapacityLimiter(PG_WRITERS), None, True, busy_after),
        _Side(reads, trio.CapacityLimiter(READERS), None, False, busy_after),
    )


def _postgresql_engine(url: URL, busy_after: float, **options: Any) -> AsyncEngine:
    settings = {"application_name": "fluentsd", "lock_timeout": str(int(busy_after * 1000))}
    engine = create_async_engine(
        url,
        max_overflow=0,
        hide_parameters=True,
        connect_args={"timeout": CONNECT_AFTER, "server_settings": settings},
        **options,
    )
    event.listen(engine.sync_engine, "checkout", _refuse_if_lost)
    return engine


def _refuse_if_lost(conn: Any, *_: object) -> None:
    """After a server's restart the pool opens fresh connections; the driver knows the lost ones without asking."""
    if conn.driver_connection.is_closed():
        raise DisconnectionError


class Store:
    """The open database. Made by `open_store`; every method belongs to Trio."""

    dialect: Dialect
    url: str

    def __init__(
        self, url: str, busy: Callable[[], AbstractContextManager[None]], synchronous: str, busy_after: float
    ) -> None:
        parsed = _parse(url, synchronous)
        self.url = url
        self.dialect = "sqlite" if parsed.drivername.startswith("sqlite") else "postgresql"
        self._busy = busy
        if self.dialect == "sqlite":
            self._writes, self._reads = _open_sqlite(parsed, synchronous, busy_after)
        else:
            self._writes, self._reads = _open_postgresql(parsed, busy_after)
        self._aloft: set[_Flight[Any]] = set()
        self._closed = False
        self._ended: Callable[[], object] = lambda: None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._keep_loop, name="fluentsd-store", daemon=True)

    async def run(self, unit: Callable[..., Awaitable[T]], /, *args: Any, **kwargs: Any) -> T:
        """Run `unit(conn, *args, **kwargs)` in one write transaction and return its value, committed.

        Raises `Cancelled` only if nothing was written, `StoreUnavailable` if the database cannot work, and whatever
        the unit raises, rolled back.
        """
        return await self._cross(self._writes, unit, args, kwargs, whole=False)

    async def run_whole(self, unit: Callable[..., Awaitable[T]], /, *args: Any, **kwargs: Any) -> T:
        """Like `run`, but once it has started it commits, even if the caller is cancelled. A checkpoint precedes it."""
        return await self._cross(self._writes, unit, args, kwargs, whole=True)

    async def read(self, unit: Callable[..., Awaitable[T]], /, *args: Any, **kwargs: Any) -> T:
        """Run a unit that only reads, on one committed snapshot; it waits for no writer. Writing in it is an error."""
        return await self._cross(self._reads, unit, args, kwargs, whole=False)

    async def _cross(
        self,
        side: _Side,
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
            flight: _Flight[T] = _Flight(self._aloft, side, lambda conn: unit(conn, *args, **kwargs), whole=whole)
            with self._busy():
                rise = await self._landing(flight.start, None if whole else flight.stop)
        return _arrive(flight, rise)

    @trio.lowlevel.enable_ki_protection  # Ctrl-C between posting and sleeping would leave a landing nobody waits for
    async def _landing(
        self, depart: Callable[[Callable[[], object]], object], stop: Callable[[], None] | None
    ) -> Callable[[], NoReturn] | None:
        """Call `depart(land)` on the asyncio thread and sleep until it calls `land`; return what raises a cancel."""
        asked: list[Callable[[], NoReturn]] = []

        def abort(raise_cancel: Callable[[], NoReturn]) -> trio.lowlevel.Abort:
            if stop is not None:
                asked.append(raise_cancel)
                self._loop.call_soon_threadsafe(stop)
            return trio.lowlevel.Abort.FAILED

        token, task = trio.lowlevel.current_trio_token(), trio.lowlevel.current_task()
        self._loop.call_soon_threadsafe(depart, partial(token.run_sync_soon, trio.lowlevel.reschedule, task))
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
            await self.run(_check_wal)
        else:
            await self.run(_check_server)

    async def _close(self) -> None:
        """Stop what runs, wait for whole units, dispose the engines on their own thread and end it."""
        self._closed = True
        with trio.CancelScope(shield=True), self._busy():
            await self._landing(self._wind_down, None)
        self._thread.join()

    def _wind_down(self, land: Callable[[], object]) -> None:
        self._ended = land
        self._loop.create_task(self._dispose()).add_done_callback(lambda _: self._loop.stop())

    async def _dispose(self) -> None:
        await self._ground({flight for flight in self._aloft if not flight.whole}, ENDING_AFTER)
        await self._ground(self._aloft, None)
        for side in (self._writes, self._reads):
            await side.engine.dispose()
        await self._loop.shutdown_default_executor()

    async def _ground(self, flights: set[_Flight[Any]], grace: float | None) -> None:
        """Stop these flights and wait until the thread is idle, or a whole unit on a lost server has had its grace."""
        for flight in flights:
            flight.stop()
        if rest := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(rest, timeout=grace)


def _arrive(flight: _Flight[T], rise: Callable[[], NoReturn] | None) -> T:
    error, flight.error = flight.error, None
    try:
        if isinstance(error, _Stopped):
            if rise is not None:
                rise()
            raise StoreClosed("The store closed while the unit ran; it was rolled back.")
        if error is not None:
            raise error
        return cast(T, flight.value)
    finally:
        del error  # its traceback holds this frame: without this, every error would wait for the garbage collector


def _parse(url: str, synchronous: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise BadStoreURL(
            "The database's address is not a URL; write sqlite+aiosqlite:////absolute/path.db."
        ) from error
    if parsed.drivername not in ("sqlite+aiosqlite", "postgresql+asyncpg"):
        raise BadStoreURL(
            f"The database's address begins with {parsed.drivername!r}; write sqlite+aiosqlite:// or postgresql+asyncpg://."
        )
    if parsed.drivername.startswith("sqlite") and parsed.database in (None, "", ":memory:"):
        raise BadStoreURL("A database in memory cannot be shared by the store's connections; give a file's path.")
    if synchronous not in SYNCHRONOUS:
        raise ValueError(f"synchronous is {synchronous!r}; SQLite knows {', '.join(SYNCHRONOUS)}.")
    return parsed


async def _check_wal(conn: AsyncConnection) -> None:
    mode = (await conn.exec_driver_sql("PRAGMA journal_mode")).scalar()
    if mode != "wal":
        raise StoreFull(f"SQLite keeps journal_mode={mode}; the database must be on a local, writable file system.")


async def _check_server(conn: AsyncConnection) -> None:
    await conn.exec_driver_sql("SELECT 1")


@asynccontextmanager
async def open_store(
    url: str,
    *,
    busy: Callable[[], AbstractContextManager[None]] | None = None,
    synchronous: str = "FULL",
    busy_after: float = BUSY_AFTER,
) -> AsyncIterator[Store]:
    """Open the database at `url` (`sqlite+aiosqlite:///…` or `postgresql+asyncpg://…`); leaving closes it.

    `busy()` is entered while a unit is in flight: a simulated clock must not run ahead while a thread works.
    `synchronous` is SQLite's durability. `busy_after` is how many seconds to wait for another program's lock.
    Raises `BadStoreURL`, or `StoreUnavailable` when the first connection fails. Leaving stops the units that still run
    (`StoreClosed` rises in their callers) and waits for whole ones.
    """
    store = Store(url, busy or nullcontext, synchronous, busy_after)
    try:
        await store._open()
        yield store
    finally:
        await store._close()


class _Ticket(Generic[R]):
    """One row handed over, and the way back to its caller."""

    __slots__ = ("answer", "error", "row", "settled", "then")

    def __init__(self, row: R, then: Callable[[Any, Exception | None], object]) -> None:
        self.row, self.then = row, then
        self.settled = False
        self.answer: Any = None
        self.error: Exception | None = None


class Gatherer(Generic[R]):
    """Writes rows that arrive together in one transaction.

    There is no timer: while one group is written the next one gathers. `unit(conn, rows)` gets at most `most` rows, in
    the order they were handed, and may return a list with one answer per row. If it fails for a group, the group is
    halved until each bad row stands alone, in order, so a bad row harms only itself; an unavailable database is
    not the rows' fault, and rises at once to every caller of the group.
    """

    def __init__(
        self, store: Store, unit: Callable[[AsyncConnection, list[R]], Awaitable[list[Any] | None]], most: int = 500
    ) -> None:
        self._store, self._unit, self._most = store, unit, most
        self._waiting: deque[_Ticket[R]] = deque()
        self._started, self._wake = trio.Event(), trio.Event()
        self._closed = False

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write groups until `close()`. Closed or cancelled, it first commits every row already handed over."""
        self._started.set()
        task_status.started()
        try:
            while not self._closed:
                await self._wake.wait()
                self._wake = trio.Event() if not self._closed else self._wake
                await self._drain()
        finally:
            self.close()
            await self._drain()

    def close(self) -> None:
        """Take no more rows; `run` ends once everything handed over is committed."""
        self._closed = True
        self._started.set()
        self._wake.set()

    async def hand(self, row: R) -> Any:
        """Hand over one row; return its answer once its transaction has committed.

        Cancellable until the row is handed over, not after: then the row's fate is returned or raised, and a cancel
        rises at the next checkpoint. Raises what the unit raised for this row, `StoreUnavailable`, or `StoreClosed`.
        """
        if not self._started.is_set():
            await self._started.wait()
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._closed:
            raise StoreClosed("The gatherer is closed; the row was not taken.")
        done = trio.Event()
        ticket = _Ticket(row, lambda _answer, _error: done.set())
        self._waiting.append(ticket)
        self._wake.set()
        with trio.CancelScope(shield=True):
            await done.wait()
        if ticket.error is not None:
            raise ticket.error
        return ticket.answer

    def post(self, row: R, then: Callable[[Any, Exception | None], object]) -> None:
        """Hand over one row without waiting: `then(answer, error)` is called, on Trio's thread, once its fate is known.

        What `hand` raises comes as `error`. For rows whose task has nothing left to do: no task is kept waiting.
        """
        ticket = _Ticket(row, then)
        if self._closed:
            _settle(ticket, error=StoreClosed("The gatherer is closed; the row was not taken."))
            return
        self._waiting.append(ticket)
        self._wake.set()

    async def _drain(self) -> None:
        with trio.CancelScope(shield=True):
            while self._waiting:
                group = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
                try:
                    await self._write(group)
                finally:  # nothing interrupts the callers' waits, so none may be left behind, even by Ctrl-C
                    for ticket in group:
                        if not ticket.settled:
                            _settle(ticket, error=StoreClosed("The gatherer broke off.", in_doubt=True))

    async def _write(self, group: list[_Ticket[R]]) -> None:
        try:
            answers = await self._store.run_whole(self._answered, [ticket.row for ticket in group])
        except StoreUnavailable as error:
            for ticket in group:
                _settle(ticket, error=_again(error))
        except Exception as error:  # noqa: BLE001  # the unit's own error belongs to the callers of its rows
            if len(group) == 1:
                _settle(group[0], error=error)
                return
            half = len(group) // 2
            await self._write(group[:half])
            await self._write(group[half:])
        else:
            for ticket, answer in zip(group, answers, strict=True):
                _settle(ticket, answer=answer)

    async def _answered(self, conn: AsyncConnection, rows: list[R]) -> list[Any]:
        answers = await self._unit(conn, rows)
        if answers is not None and len(answers) != len(rows):
            raise ValueError(
                f"A gatherer's unit answered {len(answers)} times for {len(rows)} rows; answer each or none."
            )
        return [None] * len(rows) if answers is None else answers


def _settle(ticket: _Ticket[Any], *, answer: Any = None, error: Exception | None = None) -> None:
    ticket.answer, ticket.error, ticket.settled = answer, error, True
    ticket.then(answer, error)


def _again(error: StoreUnavailable) -> StoreUnavailable:
    """Its own error for each caller, since each raise writes into the error's traceback."""
    own = copy.copy(error)
    own.__cause__ = error
    return own
