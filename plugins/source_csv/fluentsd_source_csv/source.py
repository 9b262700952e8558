"""The source `csv`: each file is a segment, each row a record.

Activities are not written into the files; they are lines of `activities.jsonl` in the plugin's folder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
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
    Unavailable,
    WriteLedger,
)
from fluentsd_source_csv.fetching import Fetching
from fluentsd_source_csv.rows import Rows, meaning_of, row_digest
from fluentsd_source_csv.settings import Settings

ACTIVITIES = "activities.jsonl"


class CsvSource:
    """Some CSV files."""

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self._settings, self._tools = settings, tools
        self._fetching, self._ledger = Fetching(settings, tools), WriteLedger(tools)
        self.limits = SourceLimits(page=settings.page, refresh=settings.page)

    async def check(self) -> Sequence[Finding]:
        """Whether each file can be fetched and read."""
        found: list[Finding] = []
        for name in self._fetching.names():
            try:
                rows = await self._fetching.latest(name)
            except (Unavailable, NeedsHuman, LookupError) as why:
                found.append(Finding(False, f"csv: {why}", "correct its address or path in files, or the file itself"))
                continue
            found.append(Finding(True, f"csv: {name!r} has {len(rows.by_id)} rows"))
            names = {one.casefold() for one in rows.headings}
            found += [
                Finding(False, f"csv: {name!r} has no column {rule.field!r}: nobody is contacted ({rule.channel})",
                        "add the column, or correct opt_out")
                for rule in self._settings.opt_outs if rule.field.casefold() not in names
            ]  # fmt: skip
        return found or [Finding(False, "csv: there is no file", "put a .csv file into the folder, or set files")]

    async def catalogue(self) -> Sequence[SourceField]:
        """The columns of all files."""
        headings: dict[str, None] = {}
        for name in self._fetching.names():
            headings |= dict.fromkeys((await self._fetching.latest(name)).headings)
        fields = [SourceField(one, one, meaning=meaning_of(one)) for one in headings]
        rules = dict.fromkeys(rule.meaning for rule in self._settings.opt_outs)
        return [*fields, *(SourceField(one, one, "flag", meaning=one) for one in rules)]

    async def segments(self) -> Sequence[Segment]:
        """The files."""
        return [
            Segment(f"file:{name}", name, len((await self._fetching.latest(name)).by_id), "file")
            for name in self._fetching.names()
        ]

    async def walk(self, segment: str, cursor: str | None) -> Page:
        """Some rows of a file, all from one content of it."""
        name, now = _name(segment), self._tools.clock.now()
        before = self._fetching.requests
        if cursor is None:
            rows, start = await self._fetching.latest(name), 0
        else:
            digest, start = _place(cursor)
            if name not in self._fetching.names():
                raise LookupError(f"there is no file {name!r}")
            rows = await self._fetching.kept(name, digest)
        refs = list(rows.by_id)[start : start + self._settings.page]
        records, end = [self._record(ref, rows) for ref in refs], start + self._settings.page
        requests = self._fetching.requests - before
        if end < len(rows.by_id):
            return Page(refs, records, f"{rows.digest}:{end}", as_of=now, requests=requests)
        return Page(refs, records, complete=True, as_of=now, since=f"{rows.digest}:0", requests=requests)

    async def changes(self, segment: str, since: str | None) -> Page:
        """The rows that are new or different since a content, and the ids that are gone."""
        name, now = _name(segment), self._tools.clock.now()
        before = self._fetching.requests
        if since is None:
            rows = await self._fetching.latest(name)
            return Page([], [], as_of=now, since=f"{rows.digest}:0", requests=self._fetching.requests - before)
        parts = since.split("|")
        (old_digest, _), start = _place(parts[0]), 0
        if len(parts) == 2:
            digest, start = _place(parts[1])
            rows = await self._fetching.kept(name, digest)
        else:
            rows = await self._fetching.latest(name)
        old = await self._fetching.kept(name, old_digest)
        known = {ref: row_digest(row) for ref, row in old.by_id.items()} if old is not rows else {}
        changed = [ref for ref, row in rows.by_id.items() if old is not rows and known.get(ref) != row_digest(row)]
        refs = changed[start : start + self._settings.page]
        records, end = [self._record(ref, rows) for ref in refs], start + self._settings.page
        gone = [ref for ref in old.by_id if ref not in rows.by_id] if start == 0 else []
        requests = self._fetching.requests - before
        if end < len(changed):
            following = f"{parts[0]}|{rows.digest}:{end}"
            return Page(refs, records, following, as_of=now, gone=gone, requests=requests)
        return Page(refs, records, as_of=now, gone=gone, since=f"{rows.digest}:0", requests=requests)

    async def refresh(self, ids: Sequence[str]) -> Sequence[Record]:
        """The rows with these ids, each from the first file that has it."""
        wanted, found = dict.fromkeys(ids), dict[str, Record]()
        for name in self._fetching.names():
            rows = await self._fetching.latest(name)
            for ref in wanted:
                if ref not in found and ref in rows.by_id:
                    found[ref] = self._record(ref, rows)
        return list(found.values())

    async def write(self, activity: Activity, key: str) -> str:
        """Append a line to the file of activities."""

        async def append(in_doubt: bool) -> str:
            ref: str = await self._tools.run_sync(self._append, activity, key, in_doubt)
            return ref

        return await self._ledger.once(key, append)

    async def aclose(self) -> None:
        """Close the ledger."""
        self._ledger.close()

    def _append(self, activity: Activity, key: str, in_doubt: bool) -> str:
        file = Path(self._tools.folder) / ACTIVITIES
        line = json.dumps({"key": key, **asdict(activity)}, default=str)
        if (
            in_doubt
            and file.exists()
            and any(f'"key": {json.dumps(key)}' in one for one in file.open(encoding="utf-8"))
        ):
            return f"activity:{key}"
        with file.open("a", encoding="utf-8") as out:
            out.write(line + "\n")
        return f"activity:{key}"

    def _record(self, ref: str, rows: Rows) -> Record:
        row: Mapping[str, str] = rows.by_id[ref]
        fields: dict[str, Any] = dict(row)
        lower = {name.casefold(): value for name, value in row.items()}
        rules = self._settings.opt_outs
        for meaning in dict.fromkeys(rule.meaning for rule in rules):
            mine = [rule for rule in rules if rule.meaning == meaning]
            fields[meaning] = any(rule.holds(lower.get(rule.field.casefold())) for rule in mine)
        missing = frozenset(rule.meaning for rule in rules if rule.field.casefold() not in lower)
        return Record(ref, fields, object="row", unreadable=missing)


def _name(segment: str) -> str:
    kind, _, name = segment.partition(":")
    if kind != "file":
        raise LookupError(f"there is no segment {segment!r}")
    return name


def _place(cursor: str) -> tuple[str, int]:
    match = re.fullmatch(r"([0-9a-f]{32}):(\d+)", cursor)
    if match is None:
        raise ValueError("this cursor was never given; begin again")
    return match[1], int(match[2])
