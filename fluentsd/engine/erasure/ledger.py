"""What is kept beside the database of people who were erased, in none of its copies and with no word about anybody.

Two files: the key of the hashes, made when it is first needed, and a list of the hashes, to which lines are only added.
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
#: Of a house that lives in memory: the same hashes in every run.
KEY_IN_MEMORY = b"fluentsd keeps nothing on disk.."


class KeyLost(DatabaseRefused):
    """The key of the hashes is not beside the database, or is damaged: people who were erased would not be known."""


class ErasureLedger:
    """What is kept beside the database of people who were erased. Without a folder it is kept in memory."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder, self._lines = folder, list[Gone]()
        self._key = b"" if folder else KEY_IN_MEMORY

    @property
    def key(self) -> bytes:
        """The key, made now if there is none."""
        if not self._key:
            assert self._folder is not None  # noqa: S101 - without one there is a key from the start
            file = self._folder / KEY_FILE
            if not file.exists():
                _make_key(file)
            found = file.read_bytes()
            if len(found) != KEY_BYTES:
                raise KeyLost(f"{file} should hold {KEY_BYTES} bytes and has {len(found)}. {_put_back(file)}")
            self._key = found
        return self._key

    def hashed(self, value: str) -> str:
        """The keyed hash of a number or address."""
        return blake2b(value.encode(), digest_size=20, key=self.key).hexdigest()

    def refuse_without_key(self, hashes: int) -> None:
        """Raises `KeyLost` when there are hashes and no key to them."""
        if hashes and self._folder and not (self._folder / KEY_FILE).exists():
            what = f"the database knows {hashes} hashes of people who were erased, and their key is not there"
            raise KeyLost(f"{self._folder / KEY_FILE}: {what}. {_put_back(self._folder / KEY_FILE)}")

    def note(self, rows: Iterable[Gone]) -> None:
        """Add hashes to the list; on disk when this returns."""
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
        """The list, each hash as it was noted last; half a line, which a crash may leave, is passed over."""
        if self._folder is None:
            return {row.hash: row for row in self._lines}
        found: dict[str, Gone] = {}
        with suppress(FileNotFoundError):
            for line in (self._folder / LIST_FILE).read_text("utf-8").splitlines():
                with suppress(ValueError, TypeError):
                    told = json.loads(line)
                    row = Gone(**told)._replace(stopped=tuple(told["stopped"]), campaigns=tuple(told["campaigns"]))
                    found[row.hash] = row
        return found


def _make_key(file: Path) -> None:
    """Whole or not at all, and never over another's."""
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


def _put_back(file: Path) -> str:
    return (
        "Without it the stop list does not know these people when an import brings them back: put the file back from "
        f"where it is kept. If it is lost for good: head -c {KEY_BYTES} /dev/urandom > {file}; chmod 600 {file}; "
        "people erased until then are strangers from there on."
    )
