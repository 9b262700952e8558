"""What the doctor asks of the database: whether it is there, sound, ours, of this version, and fits this installation.

Here lives all that is read from it. What must not live here: any statement that writes, any lock, any upgrade. A SQLite
file is opened for reading only, so that not even a write-ahead log of ours is left beside it; a server is asked through
the store, in a unit that only reads.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path

import trio

from fluentsd.api import Finding
from fluentsd.config import Settings
from fluentsd.doctor.machine import mode
from fluentsd.domain.time.durations import SECOND
from fluentsd.store.db.errors import BadStoreURL
from fluentsd.store.inspection import Damaged, Inspection, UnderWay, inspect_file, inspect_server, known_schema
from fluentsd.unavailable import StoreUnavailable

_BELONGS = "give fluentsd a database of its own: [database] path or url"


async def database(settings: Settings, now: int, patience: float) -> list[Finding]:
    """What the database says, or why it says nothing within `patience` seconds."""
    file = settings.database_file
    try:
        with trio.fail_after(patience):
            if file is None:
                return list(_read(await inspect_server(settings.database_url), settings, now))
            return await trio.to_thread.run_sync(lambda: list(_file(file, settings, now)), abandon_on_cancel=True)
    except Damaged as why:
        return [_damaged(file, str(why), settings)]
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


def _file(file: Path, settings: Settings, now: int) -> Iterator[Finding]:
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
    yield from _read(inspect_file(file), settings, now)


def _read(found: Inspection, settings: Settings, now: int) -> Iterator[Finding]:
    name, ours = str(settings.database_file or "the server's"), known_schema()
    if not found.tables:
        yield Finding(True, f"database: {name} is empty; the first `fluentsd run` fills it")
    elif found.made_by != "fluentsd":
        some = ", ".join(found.tables[:4])
        yield Finding(False, f"database: {name} belongs to another program ({some})", _BELONGS)
    elif found.schema > ours:
        what = f"database: {name} has schema {found.schema}, newer than this fluentsd, which knows {ours}"
        yield Finding(False, what, "install the fluentsd that upgraded it, or restore the copy made before that")
    elif found.schema < ours:
        later = f"the next start copies it to {settings.backups} and upgrades it to {ours}"
        yield Finding(True, f"database: {name} has schema {found.schema}; {later}")
    else:
        yield Finding(True, f"database: {name}, schema {found.schema}")
        yield from _facts(found, settings, now)


def _facts(found: Inspection, settings: Settings, now: int) -> Iterator[Finding]:
    if settings.database_file and mode(settings.database_file) & 0o077:
        what = f"database: others on this machine may use {settings.database_file}, and people's numbers are in it"
        yield Finding(False, what, f"chmod 600 {settings.database_file}")
    if found.is_standby:
        yield Finding(False, "database: the server is a standby, which takes no writes", "name the primary in url")
    if found.latest_act_at > now + 300 * SECOND:
        seen = dt.datetime.fromtimestamp(found.latest_act_at / SECOND, dt.UTC)
        what = f"clock: the last act in the database is of {seen:%Y-%m-%d %H:%M} UTC, which is still to come"
        yield Finding(False, what, "set the clock; people would be contacted at the wrong time")
    for campaign in found.campaigns:
        yield from _needs(campaign, settings)


def _needs(campaign: UnderWay, settings: Settings) -> Iterator[Finding]:
    """What a campaign that is under way wants of this installation."""
    who, spec = f"campaign {campaign.ref} ({campaign.state})", campaign.spec
    for kind in spec.channels:
        if kind not in settings.channels:
            yield Finding(False, f"{who} has steps by {kind}, and no channel serves it", f"add [channel.{kind}]")
    if not spec.needs_phone or not (spec.numbers.numbers or spec.numbers.tags):
        return
    if missing := sorted(set(spec.numbers.numbers) - campaign.caller_ids):
        fix = f"fluentsd numbers add {missing[0]}, or take it out of the campaign"
        yield Finding(False, f"{who} names caller IDs that are not known: {', '.join(missing)}", fix)
    elif not campaign.caller_ids:
        tags = ", ".join(spec.numbers.tags)
        yield Finding(False, f"{who} has no caller ID: none has the tag {tags}", "fluentsd numbers add NUMBER --tag …")
