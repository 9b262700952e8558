"""The doctor: look everything over, change nothing, and say of each problem how to mend it.

It may run beside the daemon: it takes no lock, opens a SQLite file for reading only, and asks the daemon through its
socket. What is missing is said to be missing and is not made. A question that cannot be answered is a finding, never
an exception: the next one is asked all the same, and a plugin that hangs or breaks harms only its own lines.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import sqlite3
import stat
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import structlog
import trio
from sqlalchemy import Connection, create_engine, func, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from fluentsd.api import Finding, Kind
from fluentsd.clock import SystemClock
from fluentsd.config import Settings
from fluentsd.domain.campaign import CampaignFile, read_campaign
from fluentsd.domain.durations import SECOND
from fluentsd.domain.states import Campaign
from fluentsd.engine.house import HouseClock
from fluentsd.fronts import control
from fluentsd.opening import Http, build_channels
from fluentsd.plugins import Plugins, discover
from fluentsd.problems import Problems, is_secret
from fluentsd.store import schema
from fluentsd.store.bridge import BadStoreURL, StoreUnavailable, open_store

#: Room on the disk below which a warning is due: the write-ahead log alone may grow to 64 MiB.
ROOM_AT_LEAST = 512 * 1024 * 1024
#: A file up to this size is read as a whole to see whether it is sound: some tenths of a second.
READ_AT_MOST = 128 * 1024 * 1024
#: Seconds anything that answers from elsewhere may take: a channel's own check, the daemon, a server.
PATIENCE = 10.0
_BELONGS = "give fluentsd a database of its own: [database] path or url"
_STEERED = (Campaign.scheduled, Campaign.active, Campaign.paused)


async def look(
    settings: Settings,
    *,
    clock: HouseClock | None = None,
    plugins: Plugins | None = None,
    patience: float = PATIENCE,
) -> list[dict[str, Any]]:
    """Every finding, `{ok, what, fix}`, in the order in which one would mend them; `patience` is seconds."""
    clock = clock or SystemClock()
    findings = [
        *_configuration(settings),
        *_time(clock.now()),
        *_disk(settings),
        *await _database(settings, clock.now(), patience),
        *await _daemon(settings, patience),
        *await _channels(settings, clock, plugins or discover(), patience),
    ]
    return [asdict(finding) for finding in findings]


# ── this machine ─────────────────────────────────────────────────────────────────────────────────────────────────


def _configuration(settings: Settings) -> Iterator[Finding]:
    yield Finding(True, f"configuration: {settings.path}")
    if _mode(settings.path) & 0o004 and _holds_secret(tomllib.loads(settings.path.read_text("utf-8-sig"))):
        yield Finding(
            False,
            f"configuration: everybody on this machine may read {settings.path}, and there is a secret in it",
            f'chmod o-r {settings.path}, or name the secret instead of writing it: "credential:NAME", "env:NAME"',
        )


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _holds_secret(value: Any, name: str = "") -> bool:
    """Whether a secret is written out in a table, rather than referred to."""
    if isinstance(value, Mapping):
        return any(_holds_secret(inner, key) for key, inner in value.items())
    if isinstance(value, list):
        return any(_holds_secret(inner, name) for inner in value)
    if not isinstance(value, str) or value.startswith(("env:", "file:", "credential:")):
        return False
    in_address = "://" in value and ":" in value.partition("://")[2].rpartition("@")[0]
    return in_address or (bool(value) and is_secret(name))


def _time(now: int) -> Iterator[Finding]:
    at = dt.datetime.fromtimestamp(now / SECOND, dt.UTC)
    rules = str(import_module("tzdata").IANA_VERSION)  # such as "2026f"
    year = int(rules[:4])
    sane = year <= at.year <= year + 20
    fix = f"the rules of time zones are from {year}: set the clock, e.g. timedatectl set-ntp true"
    yield Finding(sane, f"clock: {at:%Y-%m-%d %H:%M:%S} UTC", "" if sane else fix)
    if sane:
        fresh = at.year - year < 2
        fix = "" if fresh else "pip install --upgrade tzdata, then restart the daemon"
        yield Finding(fresh, f"time zones: rules of {rules}" + ("" if fresh else ", which are old"), fix)


def _disk(settings: Settings) -> Iterator[Finding]:
    home = settings.database_file.parent if settings.database_file else settings.path.parent
    if not home.is_dir():
        yield Finding(False, f"disk: the folder {home} does not exist", f"mkdir -p {home}, or correct database.path")
        return
    free = shutil.disk_usage(home).free
    fix = "" if free >= ROOM_AT_LEAST else "make room; a full disk stops every campaign"
    yield Finding(not fix, f"disk: {free // 2**20:,} MiB free in {home}", fix)
    if settings.database_file:
        yield _backups(settings.backups)


def _backups(folder: Path) -> Finding:
    there = next(place for place in (folder, *folder.parents) if place.exists())
    what = f"backups: copies go to {folder}" + ("" if there == folder else ", made when it is needed")
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return Finding(True, what)
    problem = "may not be written to" if there.is_dir() else "is not a folder"
    return Finding(False, f"backups: {there} {problem}", "correct that, or name another: [daemon] backups")


# ── the database ─────────────────────────────────────────────────────────────────────────────────────────────────


async def _database(settings: Settings, now: int, patience: float) -> list[Finding]:
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
    engine = create_engine("sqlite://", creator=lambda: _opened(file), poolclass=NullPool)
    with engine.connect() as conn:
        if file.stat().st_size <= READ_AT_MOST:
            said = list(conn.execute(text("PRAGMA quick_check(3)")).scalars())
            if said != ["ok"]:
                raise sqlite3.DatabaseError("; ".join(said))
        yield from ask(conn)


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
    if settings.database_file and _mode(settings.database_file) & 0o077:
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


# ── the daemon and its channels ──────────────────────────────────────────────────────────────────────────────────


async def _daemon(settings: Settings, patience: float) -> list[Finding]:
    try:
        with trio.fail_after(patience):
            async with control.connect(settings.socket) as client:
                figures = await client.ask("state")
        return [Finding(True, f"daemon: runs, {sum(figures['in_flight'].values())} attempts in flight")]
    except control.NoDaemon:
        return [_unseen(settings)]
    except control.ControlProblem as why:
        return [Finding(False, f"daemon: {why}", "see above")]
    except trio.TooSlowError:
        return [Finding(False, f"daemon: no answer within {patience:g} s", "its log says why; restart it")]


def _unseen(settings: Settings) -> Finding:
    """Nobody answers at the socket; the kernel's list of locks says whether somebody works all the same."""
    idle = Finding(True, "daemon: does not run now")
    file = settings.database_file
    try:
        inode = os.stat(f"{file}.lock").st_ino
        held = [line.split() for line in Path("/proc/locks").read_text().splitlines() if "FLOCK" in line]
    except OSError:  # no lock was ever taken, or this is not Linux
        return idle
    pid = next((words[4] for words in held if words[5].rpartition(":")[2] == str(inode)), None)
    if pid is None:
        return idle
    what = f"daemon: process {pid} works with {file}, and does not answer at {settings.socket}"
    return Finding(False, what, "let it finish if it is a command; else see [daemon] socket, or stop it")


async def _channels(settings: Settings, clock: HouseClock, plugins: Plugins, patience: float) -> list[Finding]:
    findings = [Finding(False, f"plugins: {words}", "reinstall it, or remove it") for words in plugins.broken.values()]
    offered = ", ".join(f"{name} (from {plugins.origin[name]})" for name in sorted(plugins.channels))
    findings.append(Finding(bool(offered), f"plugins: {offered or 'none found'}", "" if offered else _INSTALL))
    if not settings.channels:
        findings.append(Finding(False, "channels: none is configured, so nobody can be contacted", _CONFIGURE))
    answers: dict[Kind, list[Finding]] = {}

    async def ask(kind: Kind) -> None:
        answers[kind] = await _channel(settings, kind, clock, plugins, patience, http)

    with _without_trace(settings):
        async with Http() as http, trio.open_nursery() as nursery:
            for kind in settings.channels:
                nursery.start_soon(ask, kind)
    return findings + [finding for kind in settings.channels for finding in answers[kind]]


_INSTALL = "install one, e.g. fluentsd-channel-sandbox, into the environment of fluentsd"
_CONFIGURE = 'write one, such as [channel.email] with plugin = "email"; `fluentsd init` writes an example'


async def _channel(
    settings: Settings, kind: Kind, clock: HouseClock, plugins: Plugins, patience: float, http: Http
) -> list[Finding]:
    only = replace(settings, channels={kind: settings.channels[kind]})
    log = structlog.wrap_logger(structlog.ReturnLogger())
    try:
        served = build_channels(only, clock, plugins, log=log, http=http)[kind]
        with trio.fail_after(patience):
            found = await served.channel.check()
        return [replace(finding, what=_named(kind, finding.what)) for finding in found]
    except Problems as why:
        return [Finding(False, line, f"correct {settings.path}") for line in why.lines]
    except trio.TooSlowError:
        return [Finding(False, f"{kind}: no answer within {patience:g} s", "is its provider reachable from here?")]
    except Exception as why:  # noqa: BLE001 - the guard at the edge of each plugin's own check
        plugin = settings.channels[kind].plugin
        return [Finding(False, f"{kind}: the plugin {plugin!r} broke: {type(why).__name__}: {why}", "see its guide")]


def _named(kind: Kind, what: str) -> str:
    """What a channel says of itself, with its name unless it has said it."""
    return what if kind in what else f"{kind}: {what}"


@contextmanager
def _without_trace(settings: Settings) -> Iterator[None]:
    """Channels are given a folder of their own when they are built; those that were not there go again, if empty."""
    wanted = [settings.folder / table.plugin for table in settings.channels.values()]
    new = {place for folder in wanted for place in (folder, *folder.parents) if not place.exists()}
    yield
    for place in sorted(new, key=lambda place: -len(place.parts)):
        try:
            place.rmdir()
        except OSError:  # a plugin keeps something there
            continue
