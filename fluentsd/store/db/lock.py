"""One writer per installation: a daemon, or a shell working without one, never both.

On SQLite there are two locks, and the kernel lets go of both when the process ends, however it ends. A file beside the
database, held by `flock`, says who works with it; it can be deleted, and a link to the database has another one. So one
byte of the database file itself is locked too (`file_to_itself`), outside the range that SQLite uses. On PostgreSQL it
is an advisory lock of the database, on a connection kept for nothing else (`server_lock`).
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from fluentsd.store.db.bridge import open_store
from fluentsd.store.db.server_lock import ServerLock, Taken
from fluentsd.store.db.upgrade import DatabaseRefused

#: SQLite locks bytes from 1 GiB on, some hundred of them; this one lies past the end of any file of ours.
LOCKED_BYTE = 1 << 61


class AlreadyRunning(Exception):
    """Another process works with this database; the message names it. Nothing was changed."""

    def __init__(self, holder: str, database: str) -> None:
        super().__init__(
            f"another fluentsd ({holder}) works with {database}; speak to it through its control socket, or stop it"
        )
        self.holder = holder


class LinkedFile(DatabaseRefused):
    """The database file has several names: SQLite's log belongs to a name, so two programs would damage the file."""


@contextmanager
def file_to_itself(file: Path | None) -> Iterator[None]:
    """Create the SQLite file if it does not exist, readable only by its owner, and lock it until the block ends. Open
    the store inside the block: closing any other descriptor of the file drops SQLite's own locks.

    Raises `AlreadyRunning`, and `LinkedFile` for a file with a second name. None: the database is not a file.
    """
    if file is None:
        yield
        return
    handle = os.open(file, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        if (names := os.fstat(handle).st_nlink) > 1:
            raise LinkedFile(
                f"{file} has {names} names (hard links), and a database must have one; nothing was changed. Find them: "
                f"find {file.parent} -xdev -samefile {file}, then remove the others"
            )
        if not _lock_byte(handle):
            raise AlreadyRunning("process unknown", str(file))
        yield
    finally:
        os.close(handle)


def _lock_byte(handle: int) -> bool:
    """Whether the byte is ours now. Where the system or the file system has no such locks, the other lock has to do."""
    command = getattr(fcntl, "F_OFD_SETLK", None)
    if command is None or sys.platform != "linux":
        return True
    try:
        fcntl.fcntl(handle, command, struct.pack("hhqqi0q", fcntl.F_WRLCK, os.SEEK_SET, LOCKED_BYTE, 1, 0))
    except OSError as why:
        return why.errno not in (errno.EAGAIN, errno.EACCES)
    return True


@asynccontextmanager
async def sole_writer(url: str, file: Path | None, node: str) -> AsyncIterator[ServerLock | None]:
    """Be the only one; raises `AlreadyRunning`. `file` is the database if it is one, else `url` leads to it, and the
    lock has to beat. `node` names this installation."""
    if file is not None:
        with _locked(file.with_name(f"{file.name}.lock"), str(file)):
            yield None
    else:
        async with open_store(url) as store:
            lock = ServerLock(store, node)
            try:
                await lock.take()
            except Taken as why:
                raise AlreadyRunning(why.holder, "this PostgreSQL database") from None
            yield lock


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
