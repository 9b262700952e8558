"""List views, and queries of the settings, as segments: the leads or contacts for which a condition holds.

A condition may look at other objects and at formulas, whose changes touch no stamp of the record; such leavers only a
walk finds. `changes` names those that were modified and do not match any more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fluentsd.api import (
    FLAG,
    ID,
    TEXT,
    Maybe,
    NeedsHuman,
    NotFound,
    Page,
    RestReply,
    Segment,
    SegmentList,
    Shape,
    Tools,
    malformed,
    read_cursor,
    write_cursor,
)
from fluentsd_crm_salesforce.client import Refused, SalesforceClient, path_of
from fluentsd_crm_salesforce.records import OBJECTS, Described, Object, Records
from fluentsd_crm_salesforce.settings import Query
from fluentsd_crm_salesforce.windows import ROWS, SETTLED, after, window

_VIEW = re.compile(
    r"\s*SELECT\s.+?\sFROM\s+(?P<object>\w+)(?:\s+USING\s+SCOPE\s+(?P<scope>\w+))?(?:\s+WHERE\s+(?P<where>.+?))?"
    r"(?:\s+ORDER\s+BY\s+.+)?(?:\s+LIMIT\s+\d+)?\s*",
    re.IGNORECASE | re.DOTALL,
)

_VIEWS: Shape = {"listviews": [{"id": ID, "label": TEXT}], "nextRecordsUrl": Maybe(TEXT), "done": Maybe(FLAG)}


@dataclass(frozen=True, slots=True)
class Filter:
    """The records of an object for which `where` holds, within a scope ("mine"; "" for all)."""

    object: Object
    where: str = ""
    scope: str = ""

    @property
    def using(self) -> str:
        """The scope as SOQL writes it, with a space behind."""
        return f"USING SCOPE {self.scope} " if self.scope and self.scope != "everything" else ""


class Filters:
    """The list views of one org, and the queries of the settings."""

    def __init__(
        self, client: SalesforceClient, records: Records, tools: Tools, overlap: int, queries: Mapping[str, Query]
    ) -> None:
        self._client, self._records, self._tools, self._overlap = client, records, tools, overlap
        self._queries = queries

    async def segments(self) -> SegmentList:
        """The queries of the settings, and all list views of contacts and leads, as far as the user may see them."""
        found = [Segment(f"query:{name}", name, None, "query") for name in self._queries]
        unlisted: list[str] = []
        for name in OBJECTS:
            try:
                found += await self._views(name)
            except (NeedsHuman, NotFound) as why:
                if isinstance(why, NeedsHuman) and not why.only_this:
                    raise
                unlisted.append(
                    f"Salesforce's list views of {name}s cannot be listed ({why}): give the user Read on {name}s"
                )
        return SegmentList(found, unlisted)

    async def _views(self, name: Object) -> list[Segment]:
        found: list[Segment] = []
        path: str | None = f"sobjects/{name}/listviews"
        while path:
            body = (await self._client.get(path, shape=_VIEWS)).body
            found += [Segment(f"view:{name}/{one['id']}", str(one["label"]), None, "view") for one in body["listviews"]]
            following = body.get("nextRecordsUrl")
            if (following and path_of(following) in (None, path)) or (body.get("done") is False and not following):
                raise malformed("Salesforce", f"GET sobjects/{name}/listviews", "it is not done and has no next page")
            path = path_of(following)
        return found

    async def walk(self, ref: str, cursor: str | None) -> Page:
        """One page of records with their fields, by id."""
        now = self._tools.clock.now()
        if cursor is None:
            chosen = await self._filter(ref)
            state: dict[str, Any] = {"of": ref, "where": chosen.where, "scope": chosen.scope, "object": chosen.object}
            state |= {"last": "", "from": 0}
        else:
            state = _state(cursor, ref, "walk")
            chosen = Filter(state["object"], state["where"], state["scope"])
        reply, described = await self._select(chosen, after(str(state["last"]), chosen.where))
        state["from"] = state["from"] or reply.at or now
        records = [self._records.record(chosen.object, row, described) for row in reply.body]
        refs = [one.id for one in records]
        if len(records) >= ROWS:
            following = write_cursor("walk", **{**state, "last": refs[-1]})
            return Page(refs, records, following, as_of=now, requests=1)
        since = write_cursor("since", of=ref, **{"from": state["from"]})
        return Page(refs, records, complete=True, as_of=now, since=since, requests=1)

    async def changes(self, ref: str, since: str | None) -> Page:
        """The records that were modified: those that match, and those that do not."""
        now = self._tools.clock.now()
        chosen = await self._filter(ref)
        if since is None:
            reply = await self._client.query(f"SELECT Id FROM {chosen.object} LIMIT 1")
            cursor = write_cursor("since", of=ref, **{"from": reply.at or now})
            return Page([], [], as_of=now, since=cursor, requests=1)
        state = _state(since, ref, "since", "changed")
        begin, last = int(state["from"]) - self._overlap, str(state.get("last", ""))
        end = int(state["to"]) if "to" in state else None
        rest = after(last, window(begin, end))
        touched = await self._client.query(f"SELECT Id FROM {chosen.object} {rest}", deleted=True, row={"Id": ID})
        if end is None:
            end = max((touched.at or now) - SETTLED, int(state["from"]))
        ids = [str(row["Id"]) for row in touched.body]
        records = []
        if ids:
            # without an end: a record that was modified meanwhile still matches, and must not count as gone
            parts = [f"({chosen.where})" if chosen.where else "", window(begin, None), f"Id <= '{ids[-1]}'"]
            matching = " AND ".join(one for one in [*parts, f"Id > '{last}'" if last else ""] if one)
            reply, described = await self._select(chosen, f"WHERE {matching} ORDER BY Id")
            records = [self._records.record(chosen.object, row, described) for row in reply.body]
        refs = [one.id for one in records]
        gone = sorted(set(ids) - set(refs))
        if len(ids) >= ROWS:
            cursor = write_cursor("changed", of=ref, last=ids[-1], to=end, **{"from": state["from"]})
            return Page(refs, records, cursor, as_of=now, gone=gone, requests=2)
        cursor = write_cursor("since", of=ref, **{"from": end})
        return Page(refs, records, as_of=now, gone=gone, since=cursor, requests=1 + bool(ids))

    async def _select(self, chosen: Filter, rest: str) -> tuple[RestReply, Described]:
        try:
            return await self._records.select(chosen.object, f"{chosen.using}{rest}")
        except Refused as why:
            raise Refused(why.code, f"{why.words} (correct the condition of this segment: {chosen.where})") from why

    async def _filter(self, ref: str) -> Filter:
        """The condition of a segment; raises LookupError if there is none of this name."""
        if ref in self._queries:
            query = self._queries[ref]
            return Filter(next(one for one in OBJECTS if one == query.object), query.where)
        name, _, view = ref.partition("/")
        owner = next((one for one in OBJECTS if one == name), None)
        if owner is None or not re.fullmatch(r"\w{15,18}", view):
            raise LookupError(f"Salesforce has no list view or query {ref!r}")
        try:
            shape: Shape = {"query": TEXT, "scope": Maybe(TEXT)}
            described = (await self._client.get(f"sobjects/{owner}/listviews/{view}/describe", shape=shape)).body
        except (NotFound, Refused) as why:
            if isinstance(why, Refused) and why.code == "INVALID_TYPE":
                raise
            raise LookupError(f"Salesforce has no list view {ref!r}") from why
        match = _VIEW.fullmatch(str(described["query"]))
        if match is None or match["object"] != owner:
            raise Refused("UNREADABLE_VIEW", "its query cannot be read; write the condition under `queries`")
        return Filter(owner, (match["where"] or "").strip(), match["scope"] or str(described.get("scope") or ""))


def _state(cursor: str, ref: str, *kinds: str) -> dict[str, Any]:
    state = dict(read_cursor(cursor, *kinds))
    state.pop("kind")
    if state.get("of") != ref:
        raise ValueError("this cursor is one of another segment; begin again")
    return state
