"""The erasure ledger: keyed hashes of erased people, stored outside the database and its backups.

Two files: the key of the hashes, created on first use, and an append-only list of the hashes. Neither contains personal
data.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from fluentsd.store.db.upgrade import DatabaseRefused
from fluentsd.store.erasure.erase import Gone

KEY_FILE, LIST_FILE = "fluentsd.key", "fluentsd.erased"
KEY_BYTES = 32
#: The key of an in-memory installation: the same hashes in every run.
KEY_IN_MEMORY = b"fluentsd keeps nothing on disk.."


class KeyLost(DatabaseRefused):
    """The key of the hashes is missing or damaged, so erased people could not be recognised."""


class ErasureLedger:
    """Key and hashes of erased people, in a folder; without a folder in memory."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder, self._lines = folder, list[Gone]()
        self._key = b"" if folder else KEY_IN_MEMORY

    @property
    def key(self) -> bytes:
        """The key, created if it does not exist."""
        if not self._key:
            assert self._folder is not None  # noqa: S101 - without one there is a key from the start
            file = self._folder / KEY_FILE
            if not file.exists():
                _make_key(file)
            found = file.read_bytes()
            if len(found) != KEY_BYTES:
                raise KeyLost(f"{file} should hold {KEY_BYTES} bytes and has {len(found)}. {_how_to_restore(file)}")
            self._key = found
        return self._key

    def hashed(self, value: str) -> str:
        """The keyed hash of a number or address."""
        return blake2b(value.encode(), digest_size=20, key=self.key).hexdigest()

    def refuse_without_key(self, hashes: int) -> None:
        """Raises `KeyLost` when there are hashes and no key to them."""
        if hashes and self._folder and not (self._folder / KEY_FILE).exists():
            what = f"the database has {hashes} hashes of erased people, and the file with their key is missing"
            raise KeyLost(f"{self._folder / KEY_FILE}: {what}. {_how_to_restore(self._folder / KEY_FILE)}")

    def note(self, rows: Iterable[Gone]) -> None:
        """Append hashes to the list; they are on disk when this returns."""
        rows = list(rows)
        if self._folder is None or not rows:
            self._lines += rows
            return
        lines = "".join(json.dumps(row._asdict(), separators=(",", ":")) + "\n" for row in rows)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self._folder / LIST_FILE, os.O_CREAT | os.O_APPEND | os.O_RDWR, 0o600)
        try:
            end = os.fstat(handle).st_size
            torn = end and os.pread(handle, 1, end - 1) != b"\n"  # a crash left half a line
            os.write(handle, ("\n" * bool(torn) + lines).encode())
            os.fsync(handle)
        finally:
            os.close(handle)

    def noted(self) -> dict[str, Gone]:
        """The latest entry of each hash; an incomplete line, left by a crash, is ignored."""
        if self._folder is None:
            return {row.hash: row for row in self._lines}
        found: dict[str, Gone] = {}
        with suppress(FileNotFoundError):
            for line in (self._folder / LIST_FILE).read_text("utf-8").splitlines():
                with suppress(ValueError, TypeError):
                    entry = json.loads(line)
                    row = Gone(**entry)._replace(stopped=tuple(entry["stopped"]), campaigns=tuple(entry["campaigns"]))
                    found[row.hash] = row
        return found


def _make_key(file: Path) -> None:
    """Create the key file atomically; an existing one is never replaced."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    handle = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        os.write(handle, secrets.token_bytes(KEY_BYTES))
        os.fsync(handle)
        with suppress(FileExistsError):
            os.link(partial, file)
    finally:
        os.close(handle)
        partial.unlink()


def _how_to_restore(file: Path) -> str:
    return (
        "Without the key, the suppression list does not recognise these people when an import brings them back. "
        "Restore the file from your backup. "
        f"If it is lost: head -c {KEY_BYTES} /dev/urandom > {file}; chmod 600 {file}; "
        "people erased before are then unknown, and an import may enroll them again."
    )
