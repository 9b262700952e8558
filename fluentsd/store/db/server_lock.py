"""The lock of a PostgreSQL database: an advisory lock with a beat, taken again when its connection is lost.

The lock keeps a second start out; it does not stop a process that has lost it. That is the epoch's work
(`store.nodes`): every claim checks it in its own transaction. A holder that has not beaten for `STALE_AFTER` is taken
for dead, by the database's clock: its session is ended and another process takes over.
"""

from __future__ import annotations

import os
import socket
import time
from typing import Final, cast

import trio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store import nodes
from fluentsd.store.db.bridge import Store
from fluentsd.store.db.upgrade import DatabaseRefused
from fluentsd.store.nodes import Writer

#: The advisory lock's number: eight letters.
KEY: Final = int.from_bytes(b"fluentsd", "big")
BEAT_EVERY: Final = 5.0  #: seconds between two beats
CLAIMS_STOP_AFTER: Final = 10.0  #: seconds without a beat after which nothing is claimed and no send begins
STALE_AFTER: Final = 15.0  #: seconds without a beat after which another process may take over
_MINE = {"key": KEY, "high": KEY >> 32, "low": KEY & 0xFFFFFFFF}
_LOCKS = "pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.classid = :high AND l.objid = :low"
_TAKE = text("SELECT pg_try_advisory_lock(:key)")
_SIGN = text("SELECT set_config('application_name', :name, false)")
_HAVE = text(f"SELECT count(*) FROM {_LOCKS} AND l.pid = pg_backend_pid()")  # noqa: S608 - no user's words
_HOLDER = text(
    "SELECT a.application_name, a.pid, CAST(EXTRACT(EPOCH FROM a.backend_start) * 1000000 AS BIGINT) FROM pg_locks l"
    " JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' AND l.granted AND l.classid = :high"
    " AND l.objid = :low AND a.datname = current_database() LIMIT 1"
)
_HAS_NODES = text("SELECT to_regclass('node') IS NOT NULL")
_END = text("SELECT pg_terminate_backend(:pid)")


class PooledConnection(DatabaseRefused):
    """The address leads to a connection pooler, whose sessions change under a lock."""


class Taken(Exception):
    """Another process has the lock."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


class ServerLock:
    """The lock, on a store of its own with one connection in use."""

    def __init__(self, store: Store, node: str) -> None:
        self._store, self._node = store, node
        self._beat_at = _now()

    async def take(self) -> None:
        """Take the lock; waits while another node may still be alive. Raises `Taken` or `PooledConnection`."""
        await self._store.run(_refuse_pooler)
        give_up_at = trio.current_time() + STALE_AFTER + BEAT_EVERY
        first: dict[str, int] | None = None
        while True:
            holder = await self._store.run(_lock, self._node)
            beating = await self._store.run(_beating, self._node)
            if holder is None and not beating:
                return
            if holder is not None:
                raise Taken(holder)
            first = first or beating
            if trio.current_time() > give_up_at or any(first.get(name) != at for name, at in beating.items()):
                raise Taken(f"process on {next(iter(beating)).partition(':')[0]}")
            await trio.sleep(0.5)

    @property
    def is_fresh(self) -> bool:
        """Whether the last beat is so young that nobody can have taken over; false after a suspend."""
        return _now() - self._beat_at < CLAIMS_STOP_AFTER

    async def beat(self, writer: Writer) -> bool:
        """Show that this process lives, and take the lock again if its connection was lost; False when another process
        has taken over."""
        began = _now()  # what the database sees is not older
        if not await self._store.run(_beat, writer):
            return False
        self._beat_at = began
        return True


def _now() -> float:
    """Seconds that go on during a suspend."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


async def _lock(conn: AsyncConnection, node: str) -> str | None:
    """None if the lock is ours now, else who has it. The session of a holder that no longer beats is ended first."""
    for _ in range(2):
        if (await conn.execute(_TAKE, _MINE)).scalar():
            await conn.execute(_SIGN, {"name": f"fluentsd {os.getpid()} on {socket.gethostname()}"[:63]})
            return None
        found = (await conn.execute(_HOLDER, _MINE)).first()
        if found is None:
            continue
        name, pid, since_at = found
        if not await _is_stale(conn, since_at):
            break
        await conn.execute(_END, {"pid": pid})
        await conn.execute(text("SELECT pg_sleep(0.2)"))
    return f"process {str(name).removeprefix('fluentsd ')}" if found and name else "process unknown"


async def _is_stale(conn: AsyncConnection, since_at: int) -> bool:
    """Whether the session that has the lock is a daemon's that no longer beats. A younger session than the last beat
    belongs to a command that runs now."""
    if not (await conn.execute(_HAS_NODES)).scalar():
        return False
    last_at, age = await nodes.last_beat(conn)
    return since_at < last_at and age > STALE_AFTER * 1_000_000


async def _beating(conn: AsyncConnection, node: str) -> dict[str, int]:
    """The other nodes that may still claim, with their last beats."""
    if not (await conn.execute(_HAS_NODES)).scalar():
        return {}
    return await nodes.others_alive(conn, node, round(STALE_AFTER * 1_000_000))


async def _beat(conn: AsyncConnection, writer: Writer) -> bool:
    if not (await conn.execute(_HAVE, _MINE)).scalar():
        await _lock(conn, writer.node)  # if a command has it for now, the next beat tries again: the epoch decides
    return await nodes.beat(conn, writer)


async def _refuse_pooler(conn: AsyncConnection) -> None:
    """A pooler gives out process ids of its own, because one client's session is not one of the server's."""
    driver = cast("object", (await conn.get_raw_connection()).driver_connection)
    reported = driver.get_server_pid()  # type: ignore[attr-defined]  # asyncpg has it
    if reported != (await conn.execute(text("SELECT pg_backend_pid()"))).scalar():
        raise PooledConnection(
            "[database] url leads to a connection pooler, where a lock does not stay with its session; nothing was "
            "changed. Give the address of the PostgreSQL server itself"
        )
