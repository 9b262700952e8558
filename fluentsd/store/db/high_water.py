"""The high-water mark: the number of the newest claim, kept in a small file outside the database.

A copy of the database that is put back knows fewer claims than its mark, so the next start holds everything instead of
contacting people again. The mark is written after a claim commits and before its provider is called; it is one `pwrite`
in place, which survives the end of the process however it ends, without an fsync.

One file per database, named after the id that the database keeps in `meta`: several databases may share a folder, and a
file may be renamed. A database file that is replaced or removed under its daemon lets a second daemon work at the same
path, so the mark does not advance then either. What must not live here: what a start does about a difference
(`engine.held_start`).
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from fluentsd.store.db.same_file import FileId, SameFile, id_of

_TEXT = "fluentsd high-water mark\ndatabase {id}\nclaims   {claims:020d}\nat       {at:020d}\nplace    {place}\n"
_PATTERN = re.compile(
    r"fluentsd high-water mark\ndatabase ([0-9a-f]{16})\nclaims   (\d{20})\nat       (\d{20})\nplace    (.*)\n"
)
_CHANGING = _TEXT.index("{claims") - len("{id}") + 16


class Mark(NamedTuple):
    """What the file says. `claims` and `at`: number and time of the newest claim; `place`: where the database lay."""

    database: str
    claims: int
    at: int
    place: str


class UnreadableMark(Exception):
    """The file is there and is not a mark."""


class HighWaterMark:
    """The marks in one folder; one of them is open, and advanced by this process. Without a folder in memory.
    `file`: the database, if it is a file."""

    def __init__(self, folder: Path | None = None, file: Path | None = None) -> None:
        self._folder, self._handle = folder, -1
        self._file = SameFile(file) if file is not None else None
        self._mark: Mark | None = None
        self.claims = 0

    def path(self, database: str) -> Path:
        """The mark's file of one database."""
        assert self._folder is not None  # noqa: S101 - only installations with a folder ask
        return self._folder / f"fluentsd-{database}.mark"

    def find(self, database: str) -> Mark | None:
        """The mark of one database; None if there is none. Raises `UnreadableMark`."""
        try:
            found = _PATTERN.fullmatch(self.path(database).read_text("utf-8", "replace"))
        except FileNotFoundError:
            return None
        if found is None:
            raise UnreadableMark(str(self.path(database)))
        return Mark(found[1], int(found[2]), int(found[3]), found[4])

    def at_place(self, place: str) -> list[Mark]:
        """The marks of all databases that lay at this place."""
        assert self._folder is not None  # noqa: S101 - as above
        texts = (file.read_text("utf-8", "replace") for file in self._folder.glob("fluentsd-*.mark"))
        marks = [Mark(m[1], int(m[2]), int(m[3]), m[4]) for text in texts if (m := _PATTERN.fullmatch(text))]
        return [mark for mark in marks if mark.place == place]

    def open(self, mark: Mark) -> None:
        """Keep the file open, rewritten unless it says this already; it is on disk when this returns."""
        self._mark, self.claims = mark, mark.claims
        if self._file is not None:
            self._file.remember()
        with suppress(FileNotFoundError, UnreadableMark):
            if self.find(mark.database) == mark:
                self._handle = os.open(self.path(mark.database), os.O_RDWR)
                return
        self._write(mark)

    def _write(self, mark: Mark) -> None:
        path = self.path(mark.database)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.new")
        self._handle = os.open(partial, os.O_CREAT | os.O_TRUNC | os.O_RDWR, 0o600)
        text = _TEXT.format(id=mark.database, claims=mark.claims, at=mark.at, place=mark.place)
        os.write(self._handle, text.encode())
        os.fsync(self._handle)
        partial.rename(path)

    def advance(self, claims: int, at: int) -> None:
        """Note a committed claim, before its provider is called; raises `OSError`, also when the database's file is not
        the one that this process opened. A mark that was removed is written again."""
        if claims <= self.claims:
            return
        if self._file is not None and not self._file.is_there:
            raise OSError(self._file.problem)
        if self._mark is not None and self._handle >= 0:
            stat = os.fstat(self._handle)
            if id_of(self.path(self._mark.database)) == FileId(stat.st_dev, stat.st_ino):
                os.pwrite(self._handle, f"{claims:020d}\nat       {at:020d}".encode(), _CHANGING)
            else:
                old = self._handle
                try:
                    self._write(self._mark._replace(claims=claims, at=at))
                finally:
                    if self._handle != old:
                        os.close(old)
        self.claims = claims

    def close(self) -> None:
        """Put the mark on disk and close its file."""
        if self._handle >= 0:
            try:
                os.fsync(self._handle)
            finally:
                os.close(self._handle)
                self._handle = -1
