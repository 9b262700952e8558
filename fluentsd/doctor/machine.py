"""The doctor's checks of this machine: file permissions of the secrets, the clock, the disk.

What must not live here: the contents of the database (`database`), and anything behind a socket (`serving`).
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import stat
import tomllib
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from fluentsd.api import Finding
from fluentsd.config import Settings
from fluentsd.domain.time.durations import SECOND
from fluentsd.fronts.access import Access
from fluentsd.validation import is_secret

#: Least free bytes on the disk; the write-ahead log alone may grow to 64 MiB.
FREE_AT_LEAST = 512 * 1024 * 1024


def configuration(settings: Settings) -> Iterator[Finding]:
    """The file of the settings, and whether other users can read a secret in it."""
    yield Finding(True, f"configuration: {settings.path}")
    if mode(settings.path) & 0o004 and _holds_secret(tomllib.loads(settings.path.read_text("utf-8-sig"))):
        yield Finding(
            False,
            f"configuration: every user of this machine can read {settings.path}, which holds a secret",
            f'chmod o-r {settings.path}, or refer to the secret instead of writing it: "credential:NAME", "env:NAME"',
        )


def roles(settings: Settings) -> Iterator[Finding]:
    """Users and groups in `[roles]` that this machine does not know."""
    for problem in Access(settings.socket_group, settings.roles).unknown():
        yield Finding(False, problem, "correct the name in fluentsd.toml, or create the account")
    if any(settings.roles.values()) and settings.socket_group is None:
        yield Finding(
            False,
            "[roles] has no effect: only the daemon's own user and root can reach the control socket",
            'open it to a group: [daemon] socket_group = "GROUP"',
        )


def mode(path: Path) -> int:
    """The permission bits of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def _holds_secret(value: Any, name: str = "") -> bool:
    """True if a table holds a secret itself and not a reference to it."""
    if isinstance(value, Mapping):
        return any(_holds_secret(inner, key) for key, inner in value.items())
    if isinstance(value, list):
        return any(_holds_secret(inner, name) for inner in value)
    if not isinstance(value, str) or value.startswith(("env:", "file:", "credential:")):
        return False
    in_address = "://" in value and ":" in value.partition("://")[2].rpartition("@")[0]
    return in_address or (bool(value) and is_secret(name))


def time(now: int) -> Iterator[Finding]:
    """Whether the clock is plausible, and the time zone data recent."""
    at = dt.datetime.fromtimestamp(now / SECOND, dt.UTC)
    rules = str(import_module("tzdata").IANA_VERSION)  # such as "2026f"
    year = int(rules[:4])
    sane = year <= at.year <= year + 20
    fix = f"the time zone data is from {year}; set the clock, e.g. timedatectl set-ntp true"
    yield Finding(sane, f"clock: {at:%Y-%m-%d %H:%M:%S} UTC", "" if sane else fix)
    if sane:
        fresh = at.year - year < 2
        fix = "" if fresh else "pip install --upgrade tzdata, then restart the daemon"
        yield Finding(fresh, f"time zones: data of {rules}" + ("" if fresh else ", which is old"), fix)


def disk(settings: Settings) -> Iterator[Finding]:
    """Free space on the disk of the database, and a writable folder for backups."""
    home = settings.database_file.parent if settings.database_file else settings.path.parent
    if not home.is_dir():
        yield Finding(False, f"disk: the folder {home} does not exist", f"mkdir -p {home}, or correct database.path")
        return
    free = shutil.disk_usage(home).free
    fix = "" if free >= FREE_AT_LEAST else "free some space; a full disk stops every campaign"
    yield Finding(not fix, f"disk: {free // 2**20:,} MiB free in {home}", fix)
    if settings.database_file:
        yield _backups(settings.backups)


def _backups(folder: Path) -> Finding:
    there = next(place for place in (folder, *folder.parents) if place.exists())
    what = f"backups: copies go to {folder}" + ("" if there == folder else ", created when needed")
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return Finding(True, what)
    problem = "is not writable" if there.is_dir() else "is not a folder"
    return Finding(False, f"backups: {there} {problem}", "fix that, or set another folder: [daemon] backups")
