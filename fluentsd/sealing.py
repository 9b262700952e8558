"""Seals secrets on disk: the keys of connected sources, and the tokens that plugins keep.

A sealed file is a Fernet token (AES-128-CBC with HMAC-SHA256, by `cryptography`). Its key lies outside the database,
its backups and the plugins' folders. It is `[daemon] secret_key`, else the file `secrets.key` beside the settings, made
at the first use and readable by its owner alone. Of several keys, one a line, the first seals and each unseals. What
must not live here: what is sealed (`config.connections`, plugins).
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fluentsd.api import NeedsHuman

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

KEY_FILE, SUFFIX = "secrets.key", ".sealed"


class CannotUnseal(Exception):
    """A sealed file cannot be read: its key is missing, unreadable or another one. The message says which, and the
    fix."""


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals and unseals with one installation's key. `given`: the key of the settings, None for the one in `file`."""

    file: Path
    given: str | None = field(default=None, repr=False)

    def seal(self, place: str, text: str) -> bytes:
        """The sealed text, good only at that place ("sources/hubspot/connection"). Makes the key if there is none.
        Raises `CannotUnseal` if there can be none."""
        whole = json.dumps({"place": place, "text": text})
        return self._fernet(make=True).encrypt(whole.encode())

    def unseal(self, place: str, sealed: bytes) -> str:
        """The text that was sealed for this place. Raises `CannotUnseal`."""
        from cryptography.fernet import InvalidToken  # only here: most installations have no secrets on disk

        try:
            found = json.loads(self._fernet(make=False).decrypt(sealed))
        except InvalidToken:
            raise CannotUnseal(f"{self._name} is not the key that it was sealed with; put that key back") from None
        if found["place"] != place:
            raise CannotUnseal(f"it was sealed for {found['place']}, and lies at {place}; put it back")
        return str(found["text"])

    def prepare(self) -> None:
        """Make the key if there is none. Raises `CannotUnseal` if it cannot be made or read."""
        self._fernet(make=True)

    @property
    def _name(self) -> str:
        return str(self.file) if self.given is None else "[daemon] secret_key"

    def _fernet(self, *, make: bool) -> MultiFernet:
        from cryptography.fernet import Fernet, MultiFernet

        try:
            keys = [Fernet(key) for key in self._text(make=make).split()]
        except ValueError:
            keys = []
        if not keys:
            how = "openssl rand -base64 32 | tr '+/' '-_'"
            raise CannotUnseal(f"{self._name} has no key of 32 bytes in base64 (made by: {how}); put the key back")
        return MultiFernet(keys)

    def _text(self, *, make: bool) -> str:
        if self.given is not None:
            return self.given
        try:
            text = self._read()
            return self._make() if text is None and make else _there(text, self.file)
        except (OSError, UnicodeDecodeError) as why:
            reason = why.strerror if isinstance(why, OSError) else "it is not text"
            fix = "correct its permissions, or set [daemon] secret_key in fluentsd.toml"
            raise CannotUnseal(f"the key {self.file} cannot be used ({reason}); {fix}") from None

    def _read(self) -> str | None:
        try:
            mode = self.file.stat().st_mode
        except FileNotFoundError:
            return None
        if mode & stat.S_IRWXO:
            raise CannotUnseal(f"every user may read the key {self.file}; run chmod 600 {self.file}")
        return self.file.read_text("utf-8")

    def _make(self) -> str:
        from cryptography.fernet import Fernet

        key = Fernet.generate_key()
        try:
            descriptor = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:  # another process made it just now
            return self.file.read_text("utf-8")
        with os.fdopen(descriptor, "wb") as out:
            out.write(key + b"\n")
            out.flush()
            os.fsync(out.fileno())
        return key.decode()


def _there(text: str | None, file: Path) -> str:
    if text is None:
        raise CannotUnseal(f"its key {file} is missing; put the key back")
    return text


def write_private(file: Path, data: bytes) -> None:
    """Replace a file that only its owner may read; it is on the disk when this returns."""
    fresh = file.with_name(f"{file.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class SealedSecrets:
    """The secrets that one plugin keeps (`fluentsd.api.Secrets`), each in a sealed file of its folder."""

    def __init__(self, sealer: Sealer, folder: Path, place: str, run_sync: Callable[..., Awaitable[Any]]) -> None:
        self._sealer, self._folder, self._place, self._run_sync = sealer, folder, place, run_sync

    async def load(self, name: str) -> str | None:
        """The secret of that name; None if there is none. Raises `NeedsHuman`."""
        found: str | None = await self._run_sync(self._load, name)
        return found

    async def save(self, name: str, text: str) -> None:
        """Keep a secret; it is on the disk when this returns. Raises `NeedsHuman`."""
        await self._run_sync(self._save, name, text)

    def _load(self, name: str) -> str | None:
        try:
            sealed = self._file(name).read_bytes()
        except FileNotFoundError:
            sealed = None
        try:
            if sealed is None:
                self._sealer.prepare()  # a secret that is good once must not be fetched where it cannot be kept
                return None
            return self._sealer.unseal(f"{self._place}/{name}", sealed)
        except CannotUnseal as why:
            raise NeedsHuman(f"the tokens in {self._file(name)} cannot be read: {why}") from None

    def _save(self, name: str, text: str) -> None:
        try:
            write_private(self._file(name), self._sealer.seal(f"{self._place}/{name}", text))
        except CannotUnseal as why:
            raise NeedsHuman(f"tokens cannot be kept: {why}") from None

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}{SUFFIX}"
