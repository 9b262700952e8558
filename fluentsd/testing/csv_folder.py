"""A source of CSV files: the toy on which the promises of a source are shown.

Each file `name.csv` of a folder is a segment; its column `id` names the records. Activities are lines of
`activities.jsonl` beside them. It re-reads a file on every call and keeps no state, so cursors hold all there is to
know: the place in a file with the digest of its content, or the digests of all its records.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fluentsd.api import (
    Activity,
    Finding,
    NeedsHuman,
    Page,
    Record,
    Segment,
    SourceField,
    SourceLimits,
    Tools,
)

ACTIVITIES = "activities.jsonl"


class CsvFolder:
    """A folder of CSV files with a header each."""

    def __init__(self, folder: str | Path, tools: Tools, *, page: int = 100) -> None:
        self.folder, self._tools = Path(folder), tools
        self.limits = SourceLimits(page=page, refresh=page)

    async def check(self) -> Sequence[Finding]:
        """Whether the folder has files."""
        files = self._files()
        if not files:
            return [Finding(False, f"{self.folder} has no CSV file", "put one there, with a column id")]
        return [Finding(True, f"{self.folder}: {len(files)} files")]

    async def catalogue(self) -> Sequence[SourceField]:
        """The columns of all files."""
        names = dict.fromkeys(name for file in self._files() for row in self._rows(file.stem) for name in row.fields)
        return [SourceField(name) for name in names]

    async def segments(self) -> Sequence[Segment]:
        """The files."""
        return [Segment(f"file:{file.stem}", file.stem, len(self._rows(file.stem)), "file") for file in self._files()]

    async def walk(self, segment: str, cursor: str | None) -> Page:
        """A part of a file; ValueError when the file has changed since the cursor was given."""
        rows, now = self._rows(segment.removeprefix("file:")), self._tools.clock.now()
        digest = _digest([[row.id, row.fields] for row in rows])
        start = _place(cursor, digest) if cursor is not None else 0
        page = rows[start : start + self.limits.page]
        refs, end = [row.id for row in page], start + len(page)
        if end < len(rows):
            return Page(refs, page, next=f"{digest}:{end}", as_of=now)
        return Page(refs, page, complete=True, as_of=now, since=_state(rows))

    async def changes(self, segment: str, since: str | None) -> Page:
        """The records that are new or different, a page at a time."""
        rows, now = self._rows(segment.removeprefix("file:")), self._tools.clock.now()
        if since is None:
            return Page([], [], as_of=now, since=_state(rows))
        before: dict[str, str] = _known(since)
        changed = [row for row in rows if before.get(row.id) != _digest(row.fields)]
        page, ids = changed[: self.limits.page], {row.id for row in rows}
        gone = [ref for ref in before if ref not in ids]
        after = {ref: digest for ref, digest in before.items() if ref in ids}
        cursor = json.dumps(after | {row.id: _digest(row.fields) for row in page})
        refs, more = [row.id for row in page], len(changed) > len(page)
        return Page(refs, page, next=cursor if more else None, as_of=now, gone=gone, since=None if more else cursor)

    async def refresh(self, ids: Sequence[str]) -> Sequence[Record]:
        """The records with these ids, from the first file that has them."""
        found: dict[str, Record] = {}
        for file in self._files():
            found = {row.id: row for row in self._rows(file.stem)} | found
        return [found[ref] for ref in ids if ref in found]

    async def write(self, activity: Activity, key: str) -> str:
        """Append a line, unless its key is there."""
        file = self.folder / ACTIVITIES
        lines = file.read_text("utf-8").splitlines() if file.exists() else []
        for number, line in enumerate(lines, 1):
            if json.loads(line)["key"] == key:
                return f"activity-{number}"
        row = {"key": key, "record": activity.record, "kind": activity.kind, "at": activity.at, "text": activity.text}
        with file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(row | {"summary": activity.summary, "fields": dict(activity.fields)}) + "\n")
        return f"activity-{len(lines) + 1}"

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("*.csv"))

    def _rows(self, segment: str) -> list[Record]:
        file = self.folder / f"{segment}.csv"
        if file not in self._files():
            raise LookupError(f"there is no segment {segment!r}")
        try:
            rows: list[dict[str, Any]] = list(csv.DictReader(io.StringIO(file.read_text("utf-8"))))
            return [Record(row["id"], {name: value for name, value in row.items() if name != "id"}) for row in rows]
        except (UnicodeDecodeError, KeyError, csv.Error) as why:
            raise NeedsHuman(f"{file} is not a CSV file with a column id ({why!r})") from None


def _digest(value: object) -> str:
    return hashlib.blake2b(json.dumps(value).encode(), digest_size=8).hexdigest()


def _state(rows: Sequence[Record]) -> str:
    return json.dumps({row.id: _digest(row.fields) for row in rows})


def _known(cursor: str) -> dict[str, str]:
    known = json.loads(cursor)
    if not isinstance(known, dict):
        raise ValueError("this cursor was never given")
    return known


def _place(cursor: str, digest: str) -> int:
    given, _, place = cursor.partition(":")
    if given != digest or not place.isdecimal():
        raise ValueError("the file has changed since this cursor was given; begin again")
    return int(place)
