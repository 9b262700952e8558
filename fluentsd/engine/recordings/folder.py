"""The folder of recordings, and the signed links, which expire, by which they are heard.

A file has a random name and is readable by its owner alone. The key that signs the links lies in the folder. What must
not live here: HTTP, and which files are wanted (`fetching`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Collection
from pathlib import Path

from fluentsd.domain.time.durations import SECOND
from fluentsd.urls import RECORDING

#: Bytes of the key.
KEY_BYTES = 32
#: A link is good for so long, microseconds.
LINK_LASTS = 3600 * SECOND
#: Before the name of a file in the database; what has none is the provider's address.
OURS = "file:"
_NAME = re.compile(r"[0-9a-f]{32}\.(?:mp3|wav)")
_KEY, PART = ".key", ".part"
_OWN = (".mp3", ".wav", PART)


class Recordings:
    """The folder of recordings, and its links under `base`, the public address (None: there are no links)."""

    def __init__(self, folder: Path | None, base: str | None = None) -> None:
        self.folder, self.base = folder, base
        self.arriving: set[str] = set()  #: stems of files that no row names yet
        self._secret: bytes | None = None

    def path(self, name: str) -> Path | None:
        """The file of a recording; None when there is none."""
        if self.folder is None or not _NAME.fullmatch(name):
            return None
        file = self.folder / name
        return file if file.is_file() else None

    def link(self, name: str, now: int) -> str | None:
        """The address at which a recording can be heard until it expires."""
        if self.base is None or self.folder is None:
            return None
        return self.base + RECORDING.format(token=self.sign(name, now + LINK_LASTS))

    def sign(self, name: str, until_at: int) -> str:
        """A token for one file until an instant."""
        payload = f"{until_at // SECOND:x}.{name}"
        return f"{payload}.{self._mac(payload)}"

    def read(self, token: str, now: int) -> str | None:
        """The name in a token; None when it is forged or has expired."""
        payload, _, mac = token.rpartition(".")
        until, _, name = payload.partition(".")
        if self.folder is None or not re.fullmatch(r"[0-9a-f]{1,12}", until) or not _NAME.fullmatch(name):
            return None
        if not hmac.compare_digest(mac.encode("utf-8", "replace"), self._mac(payload).encode()):
            return None
        return name if int(until, 16) * SECOND > now else None

    def _mac(self, payload: str) -> str:
        if self._secret is None:
            self._secret = _key_of(self._there())
        made = hmac.new(self._secret, payload.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(made).decode().rstrip("=")

    def _there(self) -> Path:
        """The folder, made when it is missing."""
        if self.folder is None:
            raise LookupError("this installation keeps no recordings")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.folder

    def sweep(self, named: Collection[str]) -> int:
        """Delete the files that are neither named nor arriving; returns how many."""
        if self.folder is None or not self.folder.is_dir():
            return 0
        gone = 0
        for file in self.folder.iterdir():
            if file.stem not in self.arriving and file.suffix in _OWN and file.name not in named:
                file.unlink(missing_ok=True)
                gone += 1
        return gone


def _key_of(folder: Path) -> bytes:
    """The key of a folder, made at its first use."""
    file = folder / _KEY
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(secrets.token_bytes(KEY_BYTES))
    except FileExistsError:
        pass
    key = file.read_bytes()
    if len(key) != KEY_BYTES:
        raise OSError(f"{file} is damaged; delete it, and a new key is made: links that are open end")
    return key
