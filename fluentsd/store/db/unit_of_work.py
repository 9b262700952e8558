"""A unit of work: its way through the asyncio thread, from its connection to COMMIT or ROLLBACK.

Here live the transaction of a unit and the ways to stop it. What must not live here: Trio's tasks (`bridge`), how an
engine is made (`engines`), any SQL but what begins a transaction. A unit may be asked to stop at any moment until its
end is decided. On SQLite the statement that runs is interrupted and the next one refused, because cancelling a task
inside aiosqlite leaves a handle behind that holds the write lock; on PostgreSQL the task is cancelled. Either way the
unit is rolled back before it ends.
"""

from __future__ import annotations

import asyncio
import enum
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

from fluentsd.store.db.errors import is_refused_write, postgresql_kind, sqlite_code, sqlite_kind, unavailable
from fluentsd.unavailable import StoreFull, StoreGone

if TYPE_CHECKING:
    import aiosqlite
    import trio
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncTransaction

T = TypeVar("T")

POSTED: Final = "posted"  #: in the connection's `info`: the targets to which its unit has posted events
ENDING_AFTER: Final = 30.0  #: seconds PostgreSQL may take to COMMIT or ROLLBACK before the connection counts as lost
# An interrupt that falls between two statements is lost, so it is repeated until the unit ends.
INTERRUPT_EVERY: Final = 0.005


class Stopped(BaseException):
    """A unit was asked to stop; it never leaves the store."""


class _Refused(sqlite3.OperationalError):
    """A stopped unit's next statement. An ordinary error, as SQLAlchemy throws a connection away for any other kind."""

    sqlite_errorcode = sqlite3.SQLITE_INTERRUPT


class Phase(enum.IntEnum):
    """How far a unit has come."""

    WAITING = 0  #: posted to the loop; a stop means that no connection is opened
    OPENING = 1  #: connecting, and waiting for the write lock
    RUNNING = 2  #: the unit's own statements
    COMMITTING = 3  #: COMMIT is decided; nothing stops it any more
    ENDING = 4  #: after COMMIT, or rolling back


@dataclass(frozen=True, slots=True)
class Side:
    """One way into the database. `begin` opens a transaction on SQLite; PostgreSQL's driver does that itself."""

    engine: AsyncEngine
    turns: trio.CapacityLimiter
    begin: str | None
    writes: bool
    busy_after: float


class UnitOfWork(Generic[T]):
    """One unit's way through the asyncio thread. From `start` until it lands, its fields belong to that thread."""

    def __init__(
        self, aloft: set[UnitOfWork[Any]], side: Side, unit: Callable[..., Awaitable[T]], *, whole: bool
    ) -> None:
        self.whole, self.stopped = whole, False
        self.value: T | None = None
        self.posted: frozenset[str] = frozenset()  #: the targets to which the committed unit posted events
        self.error: BaseException | None = None
        self.task: asyncio.Task[None] | None = None
        self._aloft, self._side, self._unit = aloft, side, unit
        self._phase = self._failed_in = Phase.WAITING
        self._driver: aiosqlite.Connection | None = None
        self._stopper: asyncio.Task[None] | None = None

    def start(self, land: Callable[[], object]) -> None:
        self._aloft.add(self)
        self.task = asyncio.get_running_loop().create_task(self._fly(land))

    def stop(self) -> None:
        """Ask the unit to end and roll back; too late once its end is decided."""
        if self.stopped or self._phase >= Phase.COMMITTING or self.task is None:
            return
        self.stopped = True
        if self._side.begin is not None:
            self._stopper = asyncio.get_running_loop().create_task(self._interrupt())
        elif self._phase is not Phase.WAITING:  # a task cancelled before its first step would never land
            self.task.cancel()

    def _end_if_stopped(self) -> None:
        if self.stopped:
            raise Stopped

    async def _interrupt(self) -> None:
        while self._phase < Phase.COMMITTING:
            if self._driver is not None:
                await self._driver.interrupt()  # acts at once, from this thread: it does not queue behind the statement
            await asyncio.sleep(INTERRUPT_EVERY)

    async def _fly(self, land: Callable[[], object]) -> None:
        try:
            self.value = await self._transact()
        except BaseException as error:  # noqa: BLE001  # whatever ended the unit rises in the Trio task that waits for it
            was_stopped = self.stopped and any(_is_stop(cause) for cause in _causes(error))
            self.error = Stopped() if was_stopped else self._as_ours(error)
        finally:
            self._phase, self._driver = Phase.ENDING, None
            self.task = (
                None  # its context has this unit: both would wait for the garbage collection, with all they read
            )
            self._aloft.discard(self)
            land()

    def _as_ours(self, error: BaseException) -> BaseException:
        """The error as the engine knows it: `StoreUnavailable` where the database cannot work, else unchanged."""
        side, failed_in = self._side, self._failed_in
        in_unit = failed_in is Phase.RUNNING
        kind = sqlite_kind(error) if side.begin is not None else postgresql_kind(error, in_unit=in_unit)
        if kind is StoreFull and not side.writes:  # a reading unit that writes is a mistake in it; else the disk fails
            kind = None if is_refused_write(error) else StoreGone
        if kind is None:
            return error
        in_doubt = kind is StoreGone and side.writes and failed_in is Phase.COMMITTING
        return unavailable(kind, error, in_doubt=in_doubt)

    async def _transact(self) -> T:
        self._end_if_stopped()
        self._phase = self._failed_in = Phase.OPENING
        conn = await self._side.engine.connect()
        try:
            transaction = await self._begin(conn)
            conn.info.pop(POSTED, None)  # of a unit that was rolled back
            self._phase = Phase.RUNNING
            value = await self._unit(conn)
            if not transaction.is_active:
                raise RuntimeError("A unit ended its own transaction. Leave COMMIT and ROLLBACK to the store.")
            self._end_if_stopped()
            self._phase = Phase.COMMITTING
            async with self._bounded():
                await conn.commit()
            self.posted = frozenset(conn.info.pop(POSTED, ()))
        except BaseException:
            self._failed_in, self._phase = self._phase, Phase.ENDING
            await self._roll_back(conn)
            raise
        else:
            return value
        finally:
            await conn.close()

    async def _begin(self, conn: AsyncConnection) -> AsyncTransaction:
        transaction = await conn.begin()
        if self._side.begin is not None:
            _current.set(self)
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
                if sqlite_code(error) != sqlite3.SQLITE_BUSY or clock() >= give_up_at:
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


_current: Final[ContextVar[UnitOfWork[Any]]] = ContextVar("unit_of_work")  #: of the asyncio task that runs it


def refuse_if_stopped(*_: object) -> None:
    """Between two statements there is nothing to interrupt: there a stopped unit is refused its next one."""
    work = _current.get(None)
    if work is not None and work.stopped:
        raise _Refused


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it was raised from, outermost first."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _is_stop(error: BaseException) -> bool:
    return isinstance(error, Stopped | asyncio.CancelledError) or sqlite_code(error) == sqlite3.SQLITE_INTERRUPT
