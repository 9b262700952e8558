"""Makes a fresh database, upgrades an older one, and refuses one that is newer or not fluentsd's.

A daemon starts every day and upgrades once a year: the usual case is two statements of plain SQL, and alembic is only
imported when there is something to migrate. A fresh database is made from `store.tables` at once; a test compares it
with the migrations. A SQLite file is copied before it is changed, and changed in one transaction on a connection of its
own. Foreign keys are checked there once, at the end, because SQLite rebuilds tables to alter them.
"""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio
from sqlalchemy import create_engine, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import NullPool

from fluentsd.store import tables as schema
from fluentsd.store.db.bridge import Store
from fluentsd.store.db.columns import Columns, columns_at, columns_in, columns_of, difference
from fluentsd.store.db.migrate import migrate

#: Pages copied between two looks at whether somebody wants to stop: 16 MiB.
COPIED_AT_ONCE = 4096
_VERSIONS = "alembic_version"
_TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()",
}
#: As alembic itself makes it.
_STAMPED = f"""
CREATE TABLE {_VERSIONS} (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT {_VERSIONS}_pkc PRIMARY KEY (version_num)
)
"""
_MADE_BY = "SELECT value FROM meta WHERE key = 'made_by'"


class DatabaseRefused(Exception):
    """The database cannot be used as it is; the message says why and what to do. Nothing was changed."""


class NewerDatabase(DatabaseRefused):
    """A later release of fluentsd made or upgraded it."""


class ForeignDatabase(DatabaseRefused):
    """Another program's, or not a database at all."""


class UnknownSchema(DatabaseRefused):
    """It says it has a schema of ours, but its tables are not those of that schema."""


class UpgradeFailed(DatabaseRefused):
    """A migration failed and was rolled back."""


class BackupFailed(DatabaseRefused):
    """The copy could not be made; what was there of it is gone."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What a database turned out to be: `version` None is an empty one."""

    version: int | None


def refuse_foreign_file(path: Path) -> None:
    """Look at a SQLite file before anything is changed in it (opening a store does); raises `ForeignDatabase`."""
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except FileNotFoundError:
        return
    if not start:
        return
    if start != b"SQLite format 3\0":
        raise ForeignDatabase(f"{path} is not a SQLite database; nothing was changed. {_ELSEWHERE}")
    # without a log there is nothing to replay, and "immutable" keeps SQLite from leaving files of its own beside it
    still = "" if path.with_name(f"{path.name}-wal").exists() else "&immutable=1"
    look = f"{path.as_uri()}?mode=ro{still}"
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(look, uri=True)) as conn:
        tables = {str(name) for (name,) in conn.execute(_TABLES["sqlite"])}
        version = _one(conn.execute(f"SELECT version_num FROM {_VERSIONS}")) if _VERSIONS in tables else None  # noqa: S608
        judge(str(path), tables, version, _one(conn.execute(_MADE_BY)) if "meta" in tables else None)


_ELSEWHERE = "Give fluentsd a database of its own: [database] path or url in fluentsd.toml."


def _one(rows: Any) -> str | None:
    row = rows.fetchone()
    return None if row is None else str(row[0])


async def prepare(store: Store, *, backups: Path | None, now: int, log: Any) -> None:
    """Bring the store's database to today's schema, whatever its age.

    `backups` is the folder for the copy of a SQLite file that is about to be upgraded; `now` epoch microseconds. Raises
    `DatabaseRefused` (one of its kinds) with the database as it was.
    """
    found = await store.read(_look, _name(store))
    if found.version is None:
        await store.run(_create)
        log.info("database.created", schema=schema.SCHEMA_VERSION)
    elif found.version == schema.SCHEMA_VERSION:
        await _refuse_unknown(store, found.version, columns_in(schema.metadata))
    elif found.version < schema.SCHEMA_VERSION:
        await _refuse_unknown(store, found.version, await trio.to_thread.run_sync(columns_at, found.version))
        await _upgrade(store, found.version, backups, now, log)


async def _refuse_unknown(store: Store, version: int, expected: Columns) -> None:
    found = await store.read(lambda conn: conn.run_sync(columns_of))
    if words := difference(found, expected):
        raise UnknownSchema(unknown_schema(_name(store), version, words))


def unknown_schema(name: str, version: int, words: str) -> str:
    """The sentence about a database whose tables are not those of its version."""
    return (
        f"{name} says it has schema {version}, but it {words}; a development version of fluentsd may have made it. "
        "Nothing was changed. Restore a copy made by a release, or give fluentsd a new database and import again."
    )


async def _look(conn: AsyncConnection, name: str) -> _Found:
    tables = set((await conn.exec_driver_sql(_TABLES[conn.dialect.name])).scalars())
    version = made_by = None
    if _VERSIONS in tables:
        version = (await conn.exec_driver_sql(f"SELECT version_num FROM {_VERSIONS}")).scalar()  # noqa: S608
    if "meta" in tables:
        made_by = (await conn.exec_driver_sql(_MADE_BY)).scalar()
    return judge(name, tables, version, made_by)


def judge(name: str, tables: set[str], version: str | None, made_by: str | None) -> _Found:
    """The version of a database; raises `ForeignDatabase` or `NewerDatabase`."""
    if not tables:
        return _Found(None)
    if made_by != "fluentsd" or version is None or not version.isdigit():
        some = ", ".join(sorted(tables)[:5])
        raise ForeignDatabase(f"{name} belongs to another program (it has {some}); nothing was changed. {_ELSEWHERE}")
    if int(version) > schema.SCHEMA_VERSION:
        raise NewerDatabase(
            f"{name} has schema {int(version)}; this fluentsd knows schema {schema.SCHEMA_VERSION} and older. Nothing "
            "was changed. Install the fluentsd that upgraded it, or restore the copy made before that."
        )
    return _Found(int(version))


def _name(store: Store) -> str:
    url = make_url(store.url)
    return url.database or "" if store.dialect == "sqlite" else url.render_as_string(hide_password=True)


async def _create(conn: AsyncConnection) -> None:
    """Everything at once, and the stamp that alembic would leave."""
    await conn.run_sync(schema.metadata.create_all, checkfirst=False)
    await conn.exec_driver_sql(_STAMPED)
    await conn.exec_driver_sql(f"INSERT INTO {_VERSIONS} VALUES ('{schema.SCHEMA_VERSION:04d}')")  # noqa: S608 - an int
    await conn.exec_driver_sql("INSERT INTO meta (key, value) VALUES ('made_by', 'fluentsd')")


async def _upgrade(store: Store, before: int, backups: Path | None, now: int, log: Any) -> None:
    copy = None
    if store.dialect == "sqlite" and backups is not None:
        copy = backups / f"fluentsd-{_stamp(now)}-schema-{before:04d}.db"
        await backup(Path(_name(store)), copy)
        log.info("database.backed_up", file=str(copy))
    try:
        if store.dialect == "sqlite":
            await trio.to_thread.run_sync(_migrate_file, _name(store))
        else:
            await store.run(lambda conn: conn.run_sync(migrate))
    except (SQLAlchemyError, _Broken) as why:
        cause = getattr(why, "orig", None) or why
        raise UpgradeFailed(
            f"{_name(store)} could not be upgraded from schema {before} to {schema.SCHEMA_VERSION} ({cause}); it is as "
            f"it was{f', and there is a copy: {copy}' if copy else ''}. Go on with the fluentsd that you had."
        ) from why
    log.info("database.upgraded", before=before, after=schema.SCHEMA_VERSION)


def _stamp(now: int) -> str:
    return dt.datetime.fromtimestamp(now / 1_000_000, dt.UTC).strftime("%Y%m%dT%H%M%SZ")


class _Broken(Exception):
    """Rows point at rows that are not there."""


def _migrate_file(path: str) -> None:
    url = URL.create("sqlite", database=path)
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True, connect_args={"isolation_level": None})
    with engine.connect() as conn, conn.begin():
        conn.exec_driver_sql("BEGIN IMMEDIATE")
        migrate(conn)
        broken = conn.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise _Broken(f"{len(broken)} rows of {broken[0][0]} would point nowhere")


async def backup(path: Path, target: Path, asked_for: Path | None = None) -> None:
    """Copy a SQLite database, also while others write to it: one moment of it, on disk when this returns, readable by
    its owner alone. `BackupFailed` when it cannot be made or `target` exists; a cancel leaves nothing behind. The
    message names the file that a person asked for, else the folder of the settings."""
    await trio.to_thread.run_sync(_back_up, path, target, asked_for)


def _back_up(path: Path, target: Path, asked_for: Path | None) -> None:
    if target.exists():
        raise BackupFailed(f"{target} exists already; nothing was changed. Name another file for the copy.")
    partial = target.with_name(f"{target.name}.partial")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        _copy(path, partial)
        _sync(partial)
        partial.rename(target)
        _sync(target.parent)
    except (OSError, sqlite3.Error) as why:
        fix = "Make room there, or name another folder: [daemon] backups in fluentsd.toml."
        if asked_for is not None:
            fix = "Make room there, or name a file in another place."
        where = asked_for or target
        raise BackupFailed(f"{path} could not be copied to {where} ({why}); nothing was changed. {fix}") from why
    finally:
        with suppress(OSError):
            partial.unlink()


def _copy(path: Path, partial: Path) -> None:
    with (
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)) as source,
        closing(sqlite3.connect(partial, isolation_level=None)) as copy,
    ):
        copy.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF")  # it is synced as a whole, or thrown away
        source.execute("BEGIN")  # one snapshot; without it every write would restart the copy
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        source.backup(copy, pages=COPIED_AT_ONCE, progress=lambda *_: trio.from_thread.check_cancelled())


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
