"""A CRM in memory: segments, records that change, and the troubles of real ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fluentsd.api import Activity, Finding, Page, Record, Segment, SourceField, SourceLimits
from fluentsd.clock import SimClock

FIELDS = (
    SourceField("mobile", meaning="phone"),
    SourceField("mail", meaning="email"),
    SourceField("firstname", meaning="first_name"),
    SourceField("zone", meaning="timezone"),
    SourceField("do_not_call", kind="flag", meaning="opt_out"),
    SourceField("no_texts", kind="flag", meaning="opt_out_sms"),
)


class FakeCrm:
    """`fails` are errors for the next requests, one each; `asked` is the log of requests."""

    fields: Sequence[SourceField] | None = None  #: None: `FIELDS`

    def __init__(self, clock: SimClock, *, page: int = 10) -> None:
        self.clock, self.limits = clock, SourceLimits(page=page, refresh=page)
        self.records: dict[str, Record] = {}
        self.members: dict[str, list[str]] = {"list:1": []}
        self.names = {"list:1": "Spring fair"}
        self.log: list[tuple[str, str]] = []  #: (id, "in" | "out" | "changed") in the order of time
        self.fails: list[Exception] = []
        self.asked: list[str] = []
        self.written: dict[str, Activity] = {}
        self.is_complete = True
        self.walks_are_short = False  #: no cursor is good
        self.walks_gone: set[str] = set()  #: cursors that are not good any more

    def put(self, n: int, *, segment: str = "list:1", **fields: Any) -> str:
        """A person in the segment, new or changed."""
        key = f"r{n}"
        given = {"mobile": f"+1212555{n:04d}", "firstname": f"P{n}", "zone": "America/New_York"} | fields
        self.records[key] = Record(key, given, self.clock.now())
        if key not in self.members[segment]:
            self.members[segment].append(key)
        self.log.append((key, "changed"))
        return key

    def take_out(self, n: int, *, segment: str = "list:1", silently: bool = False) -> None:
        """A person leaves the segment; `silently`: only a walk can tell."""
        self.members[segment].remove(f"r{n}")
        if not silently:
            self.log.append((f"r{n}", "out"))

    def merge(self, winner: int, loser: int) -> None:
        """One record remains."""
        one = self.records[f"r{winner}"]
        self.records[one.id] = replace(one, aliases=(*one.aliases, f"r{loser}"), changed_at=self.clock.now())
        del self.records[f"r{loser}"]
        for members in self.members.values():
            if f"r{loser}" in members:
                members.remove(f"r{loser}")
        self.log += [(f"r{loser}", "out"), (one.id, "changed")]

    def _asked(self, what: str) -> None:
        self.asked.append(what)
        if self.fails:
            raise self.fails.pop(0)

    async def check(self) -> Sequence[Finding]:
        self._asked("check")
        return [Finding(True, "the account can be read")]

    async def catalogue(self) -> Sequence[SourceField]:
        self._asked("catalogue")
        return FIELDS if self.fields is None else self.fields

    async def segments(self) -> Sequence[Segment]:
        self._asked("segments")
        return [Segment(key, self.names[key], len(members)) for key, members in self.members.items()]

    async def walk(self, segment: str, cursor: str | None) -> Page:
        self._asked("walk")
        if segment not in self.members:
            raise LookupError(f"there is no segment {segment!r}")
        if cursor is not None and self.walks_are_short:
            raise ValueError("the cursor has expired")
        if cursor in self.walks_gone:
            self.walks_gone.discard(cursor)
            raise ValueError("the cursor has expired")
        start = int(cursor or 0)
        ids = self.members[segment][start : start + self.limits.page]
        end = start + len(ids)
        found = [self.records[key] for key in ids]
        if end < len(self.members[segment]):
            return Page(ids, found, next=str(end), as_of=self.clock.now())
        return Page(ids, found, complete=self.is_complete, as_of=self.clock.now(), since=json.dumps(len(self.log)))

    async def changes(self, segment: str, since: str | None) -> Page:
        self._asked("changes")
        if segment not in self.members:
            raise LookupError(f"there is no segment {segment!r}")
        start = len(self.log) if since is None else int(json.loads(since))
        told = self.log[start : start + self.limits.page]
        end = start + len(told)
        refs = list(dict.fromkeys(key for key, _ in told if key in self.members[segment]))
        gone = list(dict.fromkeys(key for key, what in told if what == "out" and key not in self.members[segment]))
        more = end < len(self.log)
        return Page(
            refs, [self.records[key] for key in refs], next=json.dumps(end) if more else None, as_of=self.clock.now(),
            gone=gone, since=None if more else json.dumps(end),
        )  # fmt: skip

    async def refresh(self, ids: Sequence[str]) -> Sequence[Record]:
        self._asked("refresh")
        aliases = {alias: one for one in self.records.values() for alias in one.aliases}
        found = {one.id: one for key in ids if (one := self.records.get(key) or aliases.get(key))}
        return list(found.values())

    async def write(self, activity: Activity, key: str) -> str:
        self._asked("write")
        self.written.setdefault(key, activity)
        return key
