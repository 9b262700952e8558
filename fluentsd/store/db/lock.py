"""One writer per installation: a daemon, or a shell working without one, never both.

On SQLite the lock is a file beside the database, held by `flock`: the kernel lets go of it when the process ends,
however it ends, so there is no stale lock to clean up. The file stays and says who holds it. On PostgreSQL it is an
advisory lock of the database, on a connection kept for nothing else.
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.db.bridge import open_store

#: The advisory lock's number: eight letters.
KEY = int.from_bytes(b"fluentsd", "big")
_TAKE = text("SELECT pg_try_advisory_lock(:key)")
_SIGN = text("SELECT set_config('application_name', :name, false)")
_HOLDER = text(
    "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' AND"
    " l.granted AND l.classid = :high AND l.objid = :low AND a.datname = current_database() LIMIT 1"
)


class AlreadyRunning(Exception):
    """Another process works with this database; the message names it. Nothing was changed."""

    def __init__(self, holder: str, database: str) -> None:
        super().__init__(
            f"another fluentsd ({holder}) works with {database}; speak to it through its control socket, or stop it"
        )
        self.holder = holder


@asynccontextmanager
async def sole_writer(url: str, file: Path | None) -> AsyncIterator[None]:
    """Be the only one; raises `AlreadyRunning`. `file` is the database if it is one, else `url` leads to it."""
    if file is not None:
        with _locked(file.with_name(f"{file.name}.lock"), str(file)):
            yield
    else:
        async with open_store(url) as store:
            holder = await store.run(_lock_database)
            if holder is not None:
                raise AlreadyRunning(holder, "this PostgreSQL database")
            yield


@contextmanager
def _locked(path: Path, database: str) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.pread(handle, 20, 0).decode(errors="replace").strip()
            raise AlreadyRunning(f"process {pid or 'unknown'}", database) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        try:
            yield
        finally:
            os.ftruncate(handle, 0)
    finally:
        os.close(handle)


async def _lock_database(conn: AsyncConnection) -> str | None:
    """None if the lock is ours now, else who holds it."""
    if (await conn.execute(_TAKE, {"key": KEY})).scalar():
        await conn.execute(_SIGN, {"name": f"fluentsd {os.getpid()} on {socket.gethostname()}"[:63]})
        return None
    holder = (await conn.execute(_HOLDER, {"high": KEY >> 32, "low": KEY & 0xFFFFFFFF})).scalar()
    return f"process {str(holder).removeprefix('fluentsd ')}" if holder else "process unknown"
