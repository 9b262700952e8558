"""The journal of begun attempts: which tokens were handed to a provider, in a file that survives SIGKILL.

The database knows which attempts were committed; only this file knows which of them began. A token is written into a
memory-mapped page immediately before the request leaves: no fsync, because the kernel keeps the page when the process
is killed. After a power cut the page may be lost, so the header names the boot; it also names the run, which the
database remembers too, so that a journal of another database or of an earlier run proves nothing.

At start an open attempt that the journal of the last run does not have never began and is recorded as not sent. If
there is no such journal, every open attempt counts as begun.
"""

from __future__ import annotations

import mmap
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

SUFFIX = ".begun"
_MAGIC = b"fluentsd-begun-1"
_HEADER = 64  #: magic, run, boot: 16 bytes each; the rest is free
_TOKEN = 16
#: Tokens in a journal before it is written again with those still open.
ROOM = 65_536
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Journal:
    """Tokens of begun attempts. Without a folder it keeps nothing, as in tests and simulations. `database`: its name
    among those of the folder."""

    def __init__(self, folder: Path | None = None, database: str = "fluentsd") -> None:
        self._path = folder / f"{database}{SUFFIX}" if folder is not None else None
        self._map: mmap.mmap | None = None
        self._next = 0
        self._begun: set[str] = set()

    def of_run(self, run: str) -> frozenset[str] | None:
        """The tokens that the journal of that run has; None when this machine has no such journal."""
        if self._path is None:
            return None
        try:
            data = self._path.read_bytes()
        except OSError:
            return None
        if data[:_HEADER] != _header(run) or len(data) < _HEADER:
            return None
        tokens = (data[at : at + _TOKEN] for at in range(_HEADER, len(data) - _TOKEN + 1, _TOKEN))
        return frozenset(token.hex() for token in tokens if token != bytes(_TOKEN))

    def start(self, run: str, tokens: Iterable[str]) -> None:
        """Begin the journal of a new run; `tokens` are open attempts that earlier runs began."""
        self._begun = set(tokens)
        if self._path is not None:
            self._write(_header(run))

    def _write(self, header: bytes) -> None:
        assert self._path is not None  # noqa: S101 - asked by the callers
        self._close_map()
        size = _HEADER + _TOKEN * max(ROOM, 2 * len(self._begun))
        beside = self._path.with_name(f"{self._path.name}.new")
        handle = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.ftruncate(handle, size)
            os.pwrite(handle, header + bytes.fromhex("".join(self._begun)), 0)
            os.fsync(handle)
            self._map = mmap.mmap(handle, size)
        finally:
            os.close(handle)
        beside.replace(self._path)
        self._next = _HEADER + _TOKEN * len(self._begun)

    def begin(self, token: str) -> None:
        """Note that the request for this attempt leaves now."""
        self._begun.add(token)
        if self._map is None or self._path is None:
            return
        if self._next + _TOKEN > len(self._map):
            self._write(bytes(self._map[:_HEADER]))
            return
        self._map[self._next : self._next + _TOKEN] = bytes.fromhex(token)
        self._next += _TOKEN

    def end(self, token: str) -> None:
        """The attempt is closed; its token need not be kept when the journal is written again."""
        self._begun.discard(token)

    def has(self, token: str) -> bool:
        """Whether this run noted the attempt as begun, and it is still open."""
        return token in self._begun

    def close(self) -> None:
        """Let go of the file; its content stays."""
        self._close_map()

    def _close_map(self) -> None:
        if self._map is not None:
            self._map.close()
            self._map = None


def new_run() -> str:
    """A fresh name of a run: 32 hex digits."""
    return secrets.token_hex(_TOKEN)


def _header(run: str) -> bytes:
    return (_MAGIC + bytes.fromhex(run) + _boot()).ljust(_HEADER, b"\0")


def knows_boot() -> bool:
    """Whether the kernel's id of this boot can be read."""
    return _boot_id() is not None


def _boot() -> bytes:
    """The kernel's id of this boot; without one, a random text: then a reboot cannot be told from a restart, so no
    later process believes the journal."""
    return _boot_id() or secrets.token_bytes(_TOKEN)


def _boot_id() -> bytes | None:
    try:
        return bytes.fromhex(_BOOT_ID.read_text("ascii").strip().replace("-", ""))
    except (OSError, ValueError):
        return None
