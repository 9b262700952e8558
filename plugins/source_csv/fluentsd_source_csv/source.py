"""The source `csv`: each file is a segment, each row a record, whose id is its file's name and its own id: two lists
may both count from 1. A file that cannot be read stops no other.

Activities are not written into the files; they are lines of `activities.jsonl` in the plugin's folder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fluentsd.api import (
    Activity,
    Finding,
    Malformed,
    Meaning,
    NeedsHuman,
    OptOutRule,
    Page,
    Record,
    Segment,
    SegmentList,
    SourceField,
    SourceLimits,
    Tools,
    Unavailable,
    WriteLedger,
)
from fluentsd_source_csv.fetching import Fetching
from fluentsd_source_csv.rows import Rows, compare, meaning_of, stops_texts
from fluentsd_source_csv.settings import Settings

ACTIVITIES = "activities.jsonl"


class CsvSource:
    """Some CSV files."""

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self._settings, self._tools = settings, tools
        self._fetching, self._ledger = Fetching(settings, tools), WriteLedger(tools)
        self.limits = SourceLimits(page=settings.page, refresh=settings.page)
        #: Rows, by file, that `refresh` could not read: `changes` tells them when the file can be read again.
        self._owed: dict[str, set[str]] = {}
        self._compared: tuple[Rows, Rows, list[str], list[str]] | None = None

    async def check(self) -> Sequence[Finding]:
        """Whether each file can be fetched and read."""
        found: list[Finding] = []
        for name in self._fetching.names():
            try:
                rows = await self._fetching.latest(name)
            except (Unavailable, NeedsHuman, LookupError) as why:
                found.append(Finding(False, f"csv: {why}", "correct its address or path in files, or the file itself"))
                continue
            size = len(rows.by_id)
            found.append(Finding(True, f"csv: {name!r} has {size} row{'' if size == 1 else 's'}"))
            found += [
                Finding(False, f"csv: {name!r} has lost its column for {one}: nobody is contacted ({one})",
                        "put the column back, or name another one under opt_out")
                for one in sorted(self._lost(name, rows))
            ]  # fmt: skip
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
        for rows in (await self._readable())[0].values():
            headings |= dict.fromkeys(rows.headings)
        fields = [SourceField(one, one, meaning=meaning_of(one)) for one in headings]
        rules = dict.fromkeys(rule.meaning for rule in self._rules(headings))
        return [*fields, *(SourceField(one, one, "flag", meaning=one) for one in rules)]

    async def segments(self) -> Sequence[Segment]:
        """The files."""
        found, problems = await self._readable()
        listed = [Segment(f"file:{name}", name, len(rows.by_id), "file") for name, rows in found.items()]
        return SegmentList(listed, problems)

    async def walk(self, segment: str, cursor: str | None) -> Page:
        """Some rows of a file, all from one content of it."""
        name, now = _name(segment), self._tools.clock.now()
        before = self._fetching.requests
        if cursor is None:
            rows, start = await self._latest(name), 0
        else:
            digest, start = _place(cursor)
            if name not in self._fetching.names():
                raise LookupError(f"there is no file {name!r}")
            rows = await self._fetching.kept(name, digest)
        ids = list(rows.by_id)[start : start + self._settings.page]
        records, end = [self._record(name, one, rows) for one in ids], start + self._settings.page
        refs, requests = [one.id for one in records], self._fetching.requests - before
        if end < len(rows.by_id):
            return Page(refs, records, f"{rows.digest}@{end}", as_of=now, requests=requests)
        return Page(refs, records, complete=True, as_of=now, since=f"{rows.digest}@0", requests=requests)

    async def changes(self, segment: str, since: str | None) -> Page:
        """The rows that are new or different since a content, and the ids that are gone."""
        name, now = _name(segment), self._tools.clock.now()
        before = self._fetching.requests
        if since is None:
            rows = await self._latest(name)
            return Page([], [], as_of=now, since=f"{rows.digest}@0", requests=self._fetching.requests - before)
        parts = since.split("|")
        (old_digest, _), start = _place(parts[0]), 0
        if len(parts) == 2:
            digest, start = _place(parts[1])
            rows = await self._fetching.kept(name, digest)
        else:
            rows = await self._latest(name)
        changed, left = await self._compare(await self._fetching.kept(name, old_digest), rows)
        if len(parts) == 1 and (owed := self._owed.pop(name, None)):
            changed = list(dict.fromkeys([*changed, *(one for one in rows.by_id if one in owed)]))
            if len(changed) > self._settings.page:  # too many for one page: a walk tells them all
                raise ValueError(f"{name!r} can be read again; begin again")
        ids = changed[start : start + self._settings.page]
        records, end = [self._record(name, one, rows) for one in ids], start + self._settings.page
        gone = [_ref(name, one) for one in left] if start == 0 else []
        refs, requests = [one.id for one in records], self._fetching.requests - before
        if end < len(changed):
            following = f"{parts[0]}|{rows.digest}@{end}"
            return Page(refs, records, following, as_of=now, gone=gone, requests=requests)
        return Page(refs, records, as_of=now, gone=gone, since=f"{rows.digest}@0", requests=requests)

    async def refresh(self, ids: Sequence[str]) -> Sequence[Record]:
        """The rows with these ids. A row of a file that cannot be read is there and not read; when none can be read,
        the source cannot be reached."""
        found, failures, asked = list[Record](), list[Exception](), self._by_file(ids)
        for name, mine in asked.items():
            try:
                rows = await self._fetching.latest(name)
            except LookupError:
                continue  # the file has just gone
            except (Unavailable, NeedsHuman) as why:
                failures.append(why)
                self._owed.setdefault(name, set()).update(mine)
                found += [Record.not_read(_ref(name, one)) for one in mine]
                continue
            found += [self._record(name, one, rows) for one in mine if one in rows.by_id]
        if failures and len(failures) == len(asked):
            raise failures[0]
        return found

    async def write(self, activity: Activity, key: str) -> str:
        """Append a line to the file of activities."""

        async def append(in_doubt: bool) -> str:
            ref: str = await self._tools.run_sync(self._append, activity, key, in_doubt)
            return ref

        return await self._ledger.once(key, append)

    async def aclose(self) -> None:
        """Close the ledger."""
        self._ledger.close()

    def _by_file(self, ids: Sequence[str]) -> dict[str, list[str]]:
        """The rows' own ids, by file."""
        names, found = sorted(self._fetching.names(), key=len, reverse=True), dict[str, list[str]]()
        for ref in dict.fromkeys(ids):
            name = next((one for one in names if ref.startswith(_ref(one, ""))), None)
            if name is not None:
                found.setdefault(name, []).append(ref.removeprefix(_ref(name, "")))
        return found

    async def _latest(self, name: str) -> Rows:
        """The rows of a file now. What is wrong with one file is no problem of the others."""
        try:
            return await self._fetching.latest(name)
        except NeedsHuman as why:
            raise NeedsHuman(str(why), only_this=True) from why
        except Unavailable as why:
            raise Malformed(str(why), why.after) from why

    async def _readable(self) -> tuple[dict[str, Rows], list[str]]:
        """The files that can be read, and what is wrong with the others; raises what is wrong when there is none."""
        found, failures = dict[str, Rows](), list[Exception]()
        for name in self._fetching.names():
            try:
                found[name] = await self._fetching.latest(name)
            except (Unavailable, NeedsHuman, LookupError) as why:
                failures.append(why)
        if failures and not found:
            raise failures[0]
        return found, [str(why) for why in failures]

    async def _compare(self, old: Rows, new: Rows) -> tuple[list[str], list[str]]:
        """What is new or different, and what is gone; remembered for the pages of one comparison."""
        if old is new:
            return [], []
        known = self._compared
        if known is None or known[0] is not old or known[1] is not new:
            changed, left = await self._tools.run_sync(compare, old, new)
            known = self._compared = (old, new, changed, left)
        return known[2], known[3]

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

    def _rules(self, headings: Iterable[str]) -> list[OptOutRule]:
        """The rules of the settings, and those of headings that stop texts beside calls."""
        return [*self._settings.opt_outs, *(OptOutRule("sms", one) for one in headings if stops_texts(one))]

    def _lost(self, name: str, rows: Rows) -> frozenset[Meaning]:
        """The opt-outs that the file once told by a heading, and does not tell any more."""
        return self._fetching.opt_outs(name) - rows.opt_outs - {rule.meaning for rule in self._settings.opt_outs}

    def _record(self, name: str, one: str, rows: Rows) -> Record:
        row: Mapping[str, str] = rows.by_id[one]
        fields: dict[str, Any] = dict(row)
        lower = {name.casefold(): value for name, value in row.items()}
        rules = self._rules(row)
        for meaning in dict.fromkeys(rule.meaning for rule in rules):
            mine = [rule for rule in rules if rule.meaning == meaning]
            fields[meaning] = any(rule.holds(lower.get(rule.field.casefold())) for rule in mine)
        missing = {rule.meaning for rule in self._settings.opt_outs if rule.field.casefold() not in lower} | self._lost(
            name, rows
        )
        return Record(_ref(name, one), fields, object="row", unreadable=frozenset(missing))


def _ref(name: str, one: str) -> str:
    """The id of a row."""
    return f"{name}/{one}"


def _name(segment: str) -> str:
    kind, _, name = segment.partition(":")
    if kind != "file":
        raise LookupError(f"there is no segment {segment!r}")
    return name


def _place(cursor: str) -> tuple[str, int]:
    match = re.fullmatch(r"([0-9a-f]{32})@(\d+)", cursor)
    if match is None:
        raise ValueError("this cursor was never given; begin again")
    return match[1], int(match[2])
