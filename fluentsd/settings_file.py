"""Finds fluentsd.toml, and reads the path of the control socket from it without a check of the whole file.

A command that a running daemon carries out needs no more than this path; to read and check all settings takes three
times as long as the command itself. Where anything is unusual the answer is None, and the settings are read in full.
What must not live here: a slow import, a mistake in the file (`fluentsd.config` tells them).
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: The file's name, and where the system's own is.
NAME = "fluentsd.toml"
SYSTEM = Path("/etc/fluentsd") / NAME
PREFIX = "FLUENTSD_"
#: The database's and the socket's name where the file gives none.
DATABASE, SOCKET = "fluentsd.db", "fluentsd.sock"


class NoSettings(LookupError):
    """No configuration file was found; the message says where it was expected, and how to create one."""


def find(explicit: str | Path | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """The configuration file: --config, else $FLUENTSD_CONFIG, else ./fluentsd.toml, else the one in /etc/fluentsd."""
    named = explicit or environ.get(f"{PREFIX}CONFIG")
    if named:
        if Path(named).is_file():
            return Path(named)
        origin = "--config" if explicit else f"${PREFIX}CONFIG"
        raise NoSettings(f"{named} (from {origin}) is not a file; correct it, or create one: fluentsd init")
    for path in (Path(NAME), SYSTEM):
        if path.is_file():
            return path
    raise NoSettings(f"there is no {NAME} here and no {SYSTEM}; create one: fluentsd init, or name it: --config FILE")


def socket_of(file: Path, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The control socket of a daemon with this file; None if only a full reading can tell."""
    try:
        table = tomllib.loads(file.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return None
    home = file.absolute().parent
    socket = _text(table, environ, "daemon", "socket")
    if socket is None:
        return None
    if socket:
        return home / socket
    url, path = _text(table, environ, "database", "url"), _text(table, environ, "database", "path")
    if url is None or path is None or (url and (path or not url.startswith("postgresql"))):
        return None
    return home / SOCKET if url else (home / (path or DATABASE)).parent / SOCKET


def _text(table: Mapping[str, Any], environ: Mapping[str, str], *place: str) -> str | None:
    """The text at a place of the file or of the environment; "" if there is none, None if it is a reference or no
    text."""
    named = environ.get(PREFIX + "__".join(place).upper())
    value: Any = named
    if named is None:
        value = table
        for part in place:
            value = value.get(part, {} if part != place[-1] else "") if isinstance(value, dict) else None
    if not isinstance(value, str) or value.startswith(("env:", "file:", "credential:")):
        return None
    return value
