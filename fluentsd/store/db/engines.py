"""The engines: one writing and one reading way into the database, on SQLite and on PostgreSQL.

Here live the addresses the store can open, what prepares a connection, and how many of them there are. What must not
live here: transactions, tables, errors of a unit. SQLite has one writer, durable and in WAL mode, and readers of their
own; PostgreSQL has a pool for each. Page caches stay small, for they are the daemon's resident memory.
"""

from __future__ import annotations

import sqlite3
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

import trio
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from fluentsd.store.db.errors import BadStoreURL
from fluentsd.store.db.same_file import SameFile
from fluentsd.store.db.unit_of_work import Side, refuse_if_stopped
from fluentsd.unavailable import StoreFull

if TYPE_CHECKING:
    import aiosqlite

Dialect = Literal["sqlite", "postgresql"]

CONNECT_AFTER: Final = 10.0  #: seconds until a PostgreSQL server that does not answer is `StoreGone`
HUNG_AFTER: Final = 15.0  #: seconds until PostgreSQL ends the transaction of a process that hangs in the middle of it
READERS: Final = 2
PG_WRITERS: Final = 5
# SQLite waits for a lock inside C, where nothing can stop it: so it waits in slices, and we look up between them.
LOCK_SLICE: Final = 0.1
# Page caches stay small and mmap stays off, since mapped pages count as the daemon's resident memory.
WRITER_CACHE_KIB: Final = 8192
READER_CACHE_KIB: Final = 2048
WAL_KEPT_BYTES: Final = 64 * 1024 * 1024
SYNCHRONOUS: Final = ("OFF", "NORMAL", "FULL", "EXTRA")


def parse(url: str, synchronous: str) -> URL:
    """The address, if the store can open it; raises BadStoreURL, and ValueError for an unknown durability."""
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


def dialect_of(url: URL) -> Dialect:
    return "sqlite" if url.drivername.startswith("sqlite") else "postgresql"


def open_sides(url: URL, synchronous: str, busy_after: float, file: SameFile) -> tuple[Side, Side]:
    """The way to write and the way to read; no connection is opened yet. `file`: the one that SQLite may open."""
    if dialect_of(url) == "sqlite":
        return _open_sqlite(url, synchronous, busy_after, file)
    return _open_postgresql(url, busy_after)


def _open_sqlite(url: URL, synchronous: str, busy_after: float, file: SameFile) -> tuple[Side, Side]:
    writes = _sqlite_engine(
        url,
        file,
        busy_after,
        pool_size=1,
        script=f"PRAGMA journal_mode=WAL; PRAGMA synchronous={synchronous}; PRAGMA foreign_keys=ON;"
        "PRAGMA secure_delete=ON;"
        f"PRAGMA cache_size=-{WRITER_CACHE_KIB}; PRAGMA journal_size_limit={WAL_KEPT_BYTES};"
        f"PRAGMA busy_timeout={int(min(LOCK_SLICE, busy_after) * 1000)}",
    )
    reads = _sqlite_engine(
        url, file, busy_after, pool_size=READERS, script=f"PRAGMA query_only=ON; PRAGMA cache_size=-{READER_CACHE_KIB}"
    )
    return (
        Side(writes, trio.CapacityLimiter(1), "BEGIN IMMEDIATE", True, busy_after),
        Side(reads, trio.CapacityLimiter(READERS), "BEGIN DEFERRED", False, busy_after),
    )


def _sqlite_engine(url: URL, file: SameFile, busy_after: float, *, pool_size: int, script: str) -> AsyncEngine:
    from fluentsd.store.db.sqlite_driver import DRIVER  # here: PostgreSQL needs none of it

    engine = create_async_engine(
        url,
        module=DRIVER,
        pool_size=pool_size,
        max_overflow=0,
        pool_reset_on_return=None,  # every unit ends its own transaction; a reset is one more hop between threads
        hide_parameters=True,  # they are personal data, and errors are logged
        connect_args={  # isolation_level None: we begin, the driver does not
            "isolation_level": None,
            "timeout": busy_after,
            "before_open": partial(_mode_of_opening, file),
        },
    )
    event.listen(engine.sync_engine, "connect", lambda conn, _: conn.run_async(partial(_set_up, script, file)))
    event.listen(engine.sync_engine, "before_cursor_execute", refuse_if_stopped)
    return engine


def _mode_of_opening(file: SameFile) -> str:
    """SQLite's mode: it makes a file only where none is known. Raises the driver's error if another file is there."""
    _refuse_another(file)
    return "rw" if file.is_known else "rwc"


def _refuse_another(file: SameFile) -> None:
    """Called before each connection, because SQLite would open whatever lies at the path, and before its first
    statement, because only then SQLite opens the log beside it: the close of a connection to another file would delete
    the log of the one that is meant."""
    if not file.is_there:
        error = sqlite3.OperationalError(file.problem)
        error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
        raise error


async def _set_up(script: str, file: SameFile, driver: aiosqlite.Connection) -> None:
    """Run the script on a fresh connection. SQLAlchemy drops a connection whose set-up fails without closing it: its
    handle and its thread would be left to the garbage collector, which may come after the loop has closed."""
    try:
        _refuse_another(file)
        await driver.executescript(script)
        _refuse_another(file)  # it may have been replaced since the first look
        file.remember()
    except BaseException:
        await driver.close()
        raise


def _open_postgresql(url: URL, busy_after: float) -> tuple[Side, Side]:
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
        Side(writes, trio.CapacityLimiter(PG_WRITERS), None, True, busy_after),
        Side(reads, trio.CapacityLimiter(READERS), None, False, busy_after),
    )


def _postgresql_engine(url: URL, busy_after: float, **options: Any) -> AsyncEngine:
    settings = {
        "application_name": "fluentsd",
        "lock_timeout": str(int(busy_after * 1000)),
        "idle_in_transaction_session_timeout": str(int(HUNG_AFTER * 1000)),
    }
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


async def check_wal(conn: AsyncConnection) -> None:
    """Raises StoreFull where SQLite cannot keep a write-ahead log."""
    mode = (await conn.exec_driver_sql("PRAGMA journal_mode")).scalar()
    if mode != "wal":
        raise StoreFull(f"SQLite keeps journal_mode={mode}; the database must be on a local, writable file system.")


async def check_server(conn: AsyncConnection) -> None:
    """A server that answers can be used."""
    await conn.exec_driver_sql("SELECT 1")
