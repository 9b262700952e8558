"""What the doctor asks of the database: whether it is there, sound, ours, of this version, and fits this installation.

Here lives all that is read from it. What must not live here: any statement that writes, any lock, any upgrade. A SQLite
file is opened for reading only, so that not even a write-ahead log of ours is left beside it; a server is asked through
the store, in a unit that only reads.
"""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import trio
from sqlalchemy import Connection, Engine, create_engine, func, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from fluentsd.api import Finding
from fluentsd.config import Settings
from fluentsd.doctor.machine import mode
from fluentsd.domain.campaign import CampaignFile, read_campaign
from fluentsd.domain.states import CampaignState
from fluentsd.domain.time.durations import SECOND
from fluentsd.store import tables as schema
from fluentsd.store.db.bridge import BadStoreURL, StoreUnavailable, open_store

#: A file up to this size is read as a whole to see whether it is sound: some tenths of a second.
READ_AT_MOST = 128 * 1024 * 1024
_BELONGS = "give fluentsd a database of its own: [database] path or url"
_STEERED = (CampaignState.scheduled, CampaignState.active, CampaignState.paused)


async def database(settings: Settings, now: int, patience: float) -> list[Finding]:
    """What the database says, or why it says nothing within `patience` seconds."""
    file = settings.database_file
    ask = partial(_ask, settings=settings, now=now)
    try:
        with trio.fail_after(patience):
            if file is None:
                async with open_store(settings.database_url, busy_after=1.0) as store:
                    return list(await store.read(lambda conn: conn.run_sync(lambda sync: list(ask(sync)))))
            return await trio.to_thread.run_sync(lambda: list(_file(file, ask)), abandon_on_cancel=True)
    except (SQLAlchemyError, sqlite3.Error) as why:
        return [_damaged(file, str(getattr(why, "orig", None) or why), settings)]
    except (OSError, StoreUnavailable, BadStoreURL) as why:
        return [Finding(False, f"database: {why}", "correct [database], or start the server")]
    except trio.TooSlowError:
        return [Finding(False, f"database: no answer within {patience:g} s", "is the server, or the disk, all right?")]


def _damaged(file: Path | None, why: str, settings: Settings) -> Finding:
    if file is None:
        return Finding(False, f"database: {why}", "correct [database], or see the server's log")
    if "not a database" in why:
        return Finding(False, f"database: {file} is not a SQLite database", _BELONGS)
    return Finding(False, f"database: {file} is damaged: {why}", f"put a copy from {settings.backups} in its place")


def _file(file: Path, ask: Any) -> Iterator[Finding]:
    if not file.exists() or (file.is_file() and file.stat().st_size == 0):
        if file.parent.is_dir():  # else the disk's finding has said so
            yield Finding(True, f"database: {file} is not there yet; the first `fluentsd run` makes it")
        return
    if not file.is_file():
        yield Finding(False, f"database: {file} is not a file", _BELONGS)
        return
    if not os.access(file, os.R_OK | os.W_OK) or not os.access(file.parent, os.W_OK | os.X_OK):
        fix = f"run this as the daemon's user, or make {file} and its folder writable"
        yield Finding(False, f"database: {file} may not be written to by this user", fix)
    # closed here, since a pool does not own what turns out to be no database before it has been given it
    with closing(_opened(file)) as driver, _through(driver).connect() as conn:
        if file.stat().st_size <= READ_AT_MOST:
            said = list(conn.execute(text("PRAGMA quick_check(3)")).scalars())
            if said != ["ok"]:
                raise sqlite3.DatabaseError("; ".join(said))
        yield from ask(conn)


def _through(driver: sqlite3.Connection) -> Engine:
    return create_engine("sqlite://", creator=lambda: driver, poolclass=NullPool)


def _opened(file: Path) -> sqlite3.Connection:
    """The file for reading. A log beside it belongs to a writer, and is read along; without one the file is whole,
    and opening it as immutable keeps SQLite from leaving a log of ours."""
    log = file.with_name(f"{file.name}-wal")
    uri = f"{file.absolute().as_uri()}?mode=ro{'' if log.exists() else '&immutable=1'}"
    return sqlite3.connect(uri, uri=True, check_same_thread=False)


def _ask(conn: Connection, *, settings: Settings, now: int) -> Iterator[Finding]:
    """What the database says, through a connection that only reads."""
    name = str(settings.database_file or "the server's")
    tables = set(inspect(conn).get_table_names())
    version = int(_one(conn, "SELECT version_num FROM alembic_version", tables, "alembic_version") or 0)
    if not tables:
        yield Finding(True, f"database: {name} is empty; the first `fluentsd run` fills it")
    elif _one(conn, "SELECT value FROM meta WHERE key = 'made_by'", tables, "meta") != "fluentsd":
        yield Finding(False, f"database: {name} belongs to another program ({', '.join(sorted(tables)[:4])})", _BELONGS)
    elif version > schema.SCHEMA_VERSION:
        what = f"database: {name} has schema {version}, newer than this fluentsd, which knows {schema.SCHEMA_VERSION}"
        yield Finding(False, what, "install the fluentsd that upgraded it, or restore the copy made before that")
    elif version < schema.SCHEMA_VERSION:
        later = f"the next start copies it to {settings.backups} and upgrades it to {schema.SCHEMA_VERSION}"
        yield Finding(True, f"database: {name} has schema {version}; {later}")
    else:
        yield Finding(True, f"database: {name}, schema {version}")
        yield from _facts(conn, settings, now)


def _one(conn: Connection, question: str, tables: set[str], table: str) -> str | None:
    found = conn.execute(text(question)).scalar() if table in tables else None
    return None if found is None else str(found)


def _facts(conn: Connection, settings: Settings, now: int) -> Iterator[Finding]:
    if settings.database_file and mode(settings.database_file) & 0o077:
        what = f"database: others on this machine may use {settings.database_file}, and people's numbers are in it"
        yield Finding(False, what, f"chmod 600 {settings.database_file}")
    if conn.dialect.name == "postgresql" and conn.execute(text("SELECT pg_is_in_recovery()")).scalar():
        yield Finding(False, "database: the server is a standby, which takes no writes", "name the primary in url")
    latest = conn.execute(select(func.max(schema.audit.c.at))).scalar() or 0
    if latest > now + 300 * SECOND:
        seen = dt.datetime.fromtimestamp(latest / SECOND, dt.UTC)
        what = f"clock: the last act in the database is of {seen:%Y-%m-%d %H:%M} UTC, which is still to come"
        yield Finding(False, what, "set the clock; people would be contacted at the wrong time")
    campaign = schema.campaign
    mine = select(campaign.c.ref, campaign.c.state, campaign.c.spec).where(campaign.c.state.in_(_STEERED))
    for ref, state, spec in conn.execute(mine.order_by(campaign.c.ref)):
        yield from _needs(conn, settings, f"campaign {ref} ({state})", read_campaign(spec))


def _needs(conn: Connection, settings: Settings, who: str, spec: CampaignFile) -> Iterator[Finding]:
    """What a campaign that is under way wants of this installation."""
    for kind in spec.channels:
        if kind not in settings.channels:
            yield Finding(False, f"{who} has steps by {kind}, and no channel serves it", f"add [channel.{kind}]")
    if not spec.needs_phone or not (spec.numbers.numbers or spec.numbers.tags):
        return
    number, tag = schema.number, schema.number_tag
    tagged = select(tag.c.number_id).where(tag.c.tag.in_(spec.numbers.tags))
    usable = select(number.c.e164).where(number.c.retired_at.is_(None))
    found = set(conn.execute(usable.where(number.c.e164.in_(spec.numbers.numbers) | number.c.id.in_(tagged))).scalars())
    if missing := sorted(set(spec.numbers.numbers) - found):
        fix = f"fluentsd numbers add {missing[0]}, or take it out of the campaign"
        yield Finding(False, f"{who} names caller IDs that are not known: {', '.join(missing)}", fix)
    elif not found:
        tags = ", ".join(spec.numbers.tags)
        yield Finding(False, f"{who} has no caller ID: none has the tag {tags}", "fluentsd numbers add NUMBER --tag …")
