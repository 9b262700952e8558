"""What the doctor asks of this machine: who may read the secrets, the clock, the disk.

Here live questions that only this machine answers. What must not live here: the database's contents (`database`), and
whatever answers through a socket (`serving`).
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
from fluentsd.validation import is_secret

#: Room on the disk below which a warning is due: the write-ahead log alone may grow to 64 MiB.
ROOM_AT_LEAST = 512 * 1024 * 1024


def configuration(settings: Settings) -> Iterator[Finding]:
    """The settings have been read; what is left is who else may read them."""
    yield Finding(True, f"configuration: {settings.path}")
    if mode(settings.path) & 0o004 and _holds_secret(tomllib.loads(settings.path.read_text("utf-8-sig"))):
        yield Finding(
            False,
            f"configuration: everybody on this machine may read {settings.path}, and there is a secret in it",
            f'chmod o-r {settings.path}, or name the secret instead of writing it: "credential:NAME", "env:NAME"',
        )


def mode(path: Path) -> int:
    """Who may do what with a file, as chmod writes it."""
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


def time(now: int) -> Iterator[Finding]:
    """Whether the clock can be right, and the rules of time zones are of its time."""
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


def disk(settings: Settings) -> Iterator[Finding]:
    """Whether there is room where the database lies, and a place for its copies."""
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
