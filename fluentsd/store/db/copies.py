"""Copies of a SQLite database: making one while the daemon writes, and putting one back.

A copy is made by SQLite's backup API, because copying the file leaves behind what is still in its log. It is checked
before it gets its name. Putting one back replaces the database's file in one rename and keeps the replaced one beside
it. What must not live here: what the next start does about an older copy (`engine.held_start`).
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import trio

from fluentsd.store import tables
from fluentsd.store.db.upgrade import BackupFailed, DatabaseRefused, ForeignDatabase, NewerDatabase, backup, judge
from fluentsd.store.inspection import Damaged, inspect_file


class NotACopy(DatabaseRefused):
    """The file is not a sound database of fluentsd."""


class RestoreFailed(DatabaseRefused):
    """The copy could not be put back."""


@dataclass(frozen=True, slots=True)
class Copy:
    """What a copy holds. `database`, `claims` and `claimed_at` as in `store.origin`; None and 0 before schema 4."""

    schema: int
    people: int
    database: str | None = None
    claims: int = 0
    claimed_at: int = 0


def examine(file: Path) -> Copy:
    """Check every page of a SQLite file, and that it is a database of ours. Raises `NotACopy`."""
    if not file.is_file():
        raise NotACopy(f"there is no file {file}; nothing was changed. Name a copy that a backup made.")
    still = "" if file.with_name(f"{file.name}-wal").exists() else "&immutable=1"
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro{still}", uri=True)) as conn:
            problems = [str(row[0]) for row in conn.execute("PRAGMA quick_check(3)")]
            if problems != ["ok"]:
                raise NotACopy(_damaged(file, "; ".join(problems)))
            names = {str(name) for (name,) in conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            version = _one(conn, names, "alembic_version", "SELECT version_num FROM alembic_version")
            found = judge(str(file), names, version, _one(conn, names, "meta", f"{_META} = 'made_by'"))
            if found.version is None:
                raise NotACopy(f"{file} is an empty database; nothing was changed. Name a copy that has people in it.")
            return _read(conn, names, found.version)
    except (ForeignDatabase, NewerDatabase) as why:
        raise NotACopy(str(why)) from None
    except sqlite3.Error as why:
        raise NotACopy(_damaged(file, str(why))) from why


_META = "SELECT value FROM meta WHERE key"


def _damaged(file: Path, why: str) -> str:
    return f"{file} is not a sound SQLite database ({why}); nothing was changed. Use another copy."


def _one(conn: sqlite3.Connection, names: set[str], table: str, question: str) -> str | None:
    found = conn.execute(question).fetchone() if table in names else None
    return None if found is None or found[0] is None else str(found[0])


def _read(conn: sqlite3.Connection, names: set[str], schema: int) -> Copy:
    people = int(_one(conn, names, "contact", "SELECT count(*) FROM contact") or 0)
    if "node" not in names:
        return Copy(schema, people)
    newest = _one(conn, names, "attempt", "SELECT claimed_at FROM attempt ORDER BY id DESC LIMIT 1")
    claims = _one(conn, names, "node", "SELECT max(claims) FROM node")
    database = _one(conn, names, "meta", f"{_META} = 'database_id'")
    return Copy(schema, people, database, int(claims or 0), int(newest or 0))


async def make_copy(database: Path, target: Path) -> Copy:
    """Copy the database to `target`, also while the daemon writes. Raises `BackupFailed`; then there is no copy."""
    if not await trio.Path(database).is_file():
        raise BackupFailed(f"there is no database {database} yet; nothing was written. Start the daemon first.")
    unchecked = target.with_name(f"{target.name}.unchecked")
    if await trio.Path(target).exists():
        raise BackupFailed(f"{target} exists already; nothing was changed. Name another file for the copy.")
    await trio.Path(unchecked).unlink(missing_ok=True)
    try:
        await backup(database, unchecked, target)
        copy = await trio.to_thread.run_sync(_checked, unchecked)
        os.link(unchecked, target)  # unlike a rename it never replaces a file
    except NotACopy as why:
        raise BackupFailed(
            f"the copy of {database} is not sound, so it was deleted: {str(why).partition(';')[0]}. The database "
            "itself may be damaged; check the installation"
        ) from None
    except OSError as why:
        raise BackupFailed(f"{target} could not be written ({why.strerror}); nothing was changed.") from why
    finally:
        with suppress(OSError):
            unchecked.unlink()
    return copy


def _checked(file: Path) -> Copy:
    copy = examine(file)
    try:
        found = inspect_file(file)
    except Damaged as why:
        raise NotACopy(_damaged(file, str(why))) from None
    if copy.schema == tables.SCHEMA_VERSION and found.unlike:
        raise NotACopy(f"{file} says it has schema {copy.schema}, but it {found.unlike}; nothing was changed.")
    return copy


async def put_back(file: Path, database: Path, stamp: str) -> tuple[Copy, Path | None]:
    """Replace the database by the copy `file`; nothing else may have it open. Returns what the copy holds and the name
    under which the replaced database is kept. Raises `NotACopy`, `BackupFailed` or `RestoreFailed`; then the database
    is as it was."""
    if await trio.to_thread.run_sync(_are_one, file, database):
        raise NotACopy(f"{file} is the database itself; nothing was changed. Name a copy that a backup made.")
    await trio.to_thread.run_sync(_checked, file)
    fresh = database.with_name(f"{database.name}.restoring")
    await trio.Path(fresh).unlink(missing_ok=True)
    try:
        await backup(file, fresh, database)
        copy = await trio.to_thread.run_sync(_checked, fresh)
        return copy, await trio.to_thread.run_sync(_swap, fresh, database, stamp)
    except OSError as why:
        raise RestoreFailed(
            f"{database} could not be replaced ({why.strerror}); it is as it was. Check the disk and its permissions."
        ) from why
    finally:
        with suppress(OSError):
            fresh.unlink()


def _are_one(file: Path, database: Path) -> bool:
    return database.exists() and file.exists() and file.samefile(database)


def _swap(fresh: Path, database: Path, stamp: str) -> Path | None:
    """One rename decides: before it the old database is there, after it the new one."""
    owner = (database if database.exists() else database.parent).stat()
    with suppress(PermissionError):
        os.chown(fresh, owner.st_uid, owner.st_gid)
    kept = None
    if database.exists():
        kept = database.with_name(f"{database.name}.replaced-{stamp}")
        _empty_log(database)
        os.link(database, kept)
        for log in ("-wal", "-shm"):  # left only where the replaced database is damaged
            with suppress(FileNotFoundError):
                database.with_name(database.name + log).rename(kept.with_name(kept.name + log))
    fresh.rename(database)
    _sync(database.parent)
    return kept


def _empty_log(database: Path) -> None:
    """Bring what is in the log into the file, if the file is sound enough."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(database, isolation_level=None)) as conn:
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
