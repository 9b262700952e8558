"""The doctor's checks of the database: present, undamaged, fluentsd's own, of this version, fit for this installation.

What must not live here: any statement that writes, any lock, any upgrade. A SQLite file is opened read-only, so that
not even a write-ahead log is left beside it; a server is queried through the store, in a read-only unit of work.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import trio

from fluentsd.api import Finding
from fluentsd.config import Settings
from fluentsd.doctor.machine import mode
from fluentsd.domain.agents import Agent
from fluentsd.domain.contacts.rereading import What
from fluentsd.domain.time.durations import SECOND
from fluentsd.store.db.errors import BadStoreURL
from fluentsd.store.inspection import (
    Damaged,
    Inspection,
    ReadOtherwise,
    UnderWay,
    inspect_file,
    inspect_server,
    known_schema,
)
from fluentsd.unavailable import StoreUnavailable

_BELONGS = "give fluentsd a database of its own: [database] path or url"


async def database(settings: Settings, now: int, patience: float) -> tuple[list[Finding], Sequence[Agent]]:
    """The findings about the database, or the reason why it did not answer within `patience` seconds; and the agents in
    it, for the checks of what they need."""
    agents: list[Agent] = []
    return await _database(settings, now, patience, agents), agents


async def _database(settings: Settings, now: int, patience: float, agents: list[Agent]) -> list[Finding]:
    file = settings.database_file
    try:
        with trio.fail_after(patience):
            if file is None:
                return list(_read(await inspect_server(settings.database_url), settings, now, agents))
            return await trio.to_thread.run_sync(
                lambda: list(_file(file, settings, now, agents)), abandon_on_cancel=True
            )
    except Damaged as why:
        return [_damaged(file, str(why), settings)]
    except (OSError, StoreUnavailable, BadStoreURL) as why:
        return [Finding(False, f"database: {why}", "correct [database], or start the server")]
    except trio.TooSlowError:
        return [Finding(False, f"database: no answer within {patience:g} s", "check the server or the disk")]


def _damaged(file: Path | None, why: str, settings: Settings) -> Finding:
    if file is None:
        return Finding(False, f"database: {why}", "correct [database], or see the server's log")
    if "not a database" in why:
        return Finding(False, f"database: {file} is not a SQLite database", _BELONGS)
    return Finding(False, f"database: {file} is damaged: {why}", f"replace it with a copy from {settings.backups}")


def _file(file: Path, settings: Settings, now: int, agents: list[Agent]) -> Iterator[Finding]:
    if not file.exists() or (file.is_file() and file.stat().st_size == 0):
        if file.parent.is_dir():  # else the finding about the disk reports it
            yield Finding(True, f"database: {file} does not exist yet; the first `fluentsd run` creates it")
        return
    if not file.is_file():
        yield Finding(False, f"database: {file} is not a file", _BELONGS)
        return
    if not os.access(file, os.R_OK | os.W_OK) or not os.access(file.parent, os.W_OK | os.X_OK):
        fix = f"run this as the daemon's user, or make {file} and its folder writable"
        yield Finding(False, f"database: {file} is not writable for this user", fix)
    yield from _read(inspect_file(file), settings, now, agents)


def _read(found: Inspection, settings: Settings, now: int, agents: list[Agent]) -> Iterator[Finding]:
    agents += found.agents
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
    elif found.unlike:
        what = f"database: {name} says it has schema {found.schema}, but it {found.unlike}"
        yield Finding(False, what, "restore a copy made by a release, or give fluentsd a new database and import again")
    else:
        yield Finding(True, f"database: {name}, schema {found.schema}")
        yield from _facts(found, settings, now)


def _facts(found: Inspection, settings: Settings, now: int) -> Iterator[Finding]:
    if settings.database_file and mode(settings.database_file) & 0o077:
        what = f"database: other users can access {settings.database_file}, which holds personal data"
        yield Finding(False, what, f"chmod 600 {settings.database_file}")
    if found.is_standby:
        yield Finding(False, "database: the server is a standby, which takes no writes", "set url to the primary")
    if found.latest_act_at > now + 300 * SECOND:
        seen = dt.datetime.fromtimestamp(found.latest_act_at / SECOND, dt.UTC)
        what = f"clock: the last entry in the database is from {seen:%Y-%m-%d %H:%M} UTC, which is in the future"
        yield Finding(False, what, "set the clock; people would be contacted at the wrong time")
    if any(found.otherwise.counts.values()):
        yield _read_otherwise(found.otherwise)
    for campaign in found.campaigns:
        yield from _needs(campaign, settings)


#: Words for what an earlier release read otherwise.
_OTHERWISE = {"point": "numbers or addresses", "place": "places", "suppression": "opt-outs", "doubt": "doubtful points"}


def _read_otherwise(found: ReadOtherwise) -> Finding:
    """What an earlier release read of people, and this one reads otherwise."""
    counted = ", ".join(
        f"{found.counts[what]:,} {words}" for what, words in _OTHERWISE.items() if found.counts.get(what)
    )
    whose = ", ".join(f"#{contact_id}" for contact_id in found.whose)
    of = "" if found.is_all else f" of the first {found.read:,} people"
    what = f"database: {counted}{of} would be read otherwise today than they are kept (people {whose}, …)"
    look = "look: fluentsd contacts reread --dry-run"
    if set(found.counts) <= {What.doubt}:  # nothing that a command could change
        return Finding(True, f"{what}; {look}")
    return Finding(False, what, f"{look}; change them: fluentsd contacts reread")


def _needs(campaign: UnderWay, settings: Settings) -> Iterator[Finding]:
    """The channels and caller IDs that a running campaign needs and this installation lacks."""
    who, spec = f"campaign {campaign.ref} ({campaign.state})", campaign.spec
    for kind in spec.channels:
        if kind not in settings.channels:
            yield Finding(
                False, f"{who} has {kind} steps, but no {kind} channel is configured", f"add [channel.{kind}]"
            )
    if not spec.needs_phone or not (spec.numbers.numbers or spec.numbers.tags):
        return
    if missing := sorted(set(spec.numbers.numbers) - campaign.caller_ids):
        fix = f"fluentsd numbers add {missing[0]}, or remove it from the campaign"
        yield Finding(False, f"{who} uses unknown caller IDs: {', '.join(missing)}", fix)
    elif not campaign.caller_ids:
        tags = ", ".join(spec.numbers.tags)
        yield Finding(False, f"{who} has no caller ID: none has the tag {tags}", "fluentsd numbers add NUMBER --tag …")
