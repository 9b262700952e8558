"""Tags, pipeline stages, and filters of the settings, as segments. GoHighLevel's API has no smart lists.

Changed contacts are found by `dateUpdated`; whether a change of tags or of "do not disturb" moves that stamp is not
documented, so that walks find what it hides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fluentsd.api import (
    ANY,
    COUNT,
    ID,
    TEXT,
    Maybe,
    NeedsHuman,
    Page,
    Record,
    RestReply,
    Segment,
    SegmentList,
    Shape,
    Tools,
    count_of,
    malformed,
    read_cursor,
    write_cursor,
)
from fluentsd_crm_gohighlevel.client import GohighlevelClient
from fluentsd_crm_gohighlevel.contacts import SEARCH_AT_ONCE, Contacts
from fluentsd_crm_gohighlevel.settings import Settings

OPPORTUNITIES_AT_ONCE = 100
#: The values in which "contains" finds what it should.
_PLAIN = re.compile(r"[A-Za-z0-9 _-]+")
_TAGS: Shape = {"tags": [{"name": TEXT}]}
_PIPELINES: Shape = {"pipelines": [{"id": ID, "name": TEXT, "stages": Maybe([{"id": ID, "name": TEXT}])}]}
_OPPORTUNITIES: Shape = {
    "opportunities": [{"contactId": Maybe(ID), "contact": Maybe({"id": Maybe(ID)}), "pipelineStageId": Maybe(ID)}],
    "meta": Maybe({"total": Maybe(COUNT), "startAfterId": Maybe(ID), "startAfter": Maybe(ANY)}),
}  # fmt: skip


class Segments:
    """The segments of one location."""

    def __init__(self, client: GohighlevelClient, contacts: Contacts, settings: Settings, tools: Tools) -> None:
        self._client, self._contacts, self._settings, self._tools = client, contacts, settings, tools

    async def all(self) -> SegmentList:
        """Tags, filters, and the stages of all pipelines, as far as the scopes reach."""
        found: list[Segment] = []
        unlisted: list[str] = []
        for what, ask in (("tags", self._tags), ("filters", self._named_filters), ("pipeline stages", self._stages)):
            try:
                found += await ask()
            except NeedsHuman as why:
                if not why.only_this:
                    raise
                unlisted.append(f"GoHighLevel's {what} cannot be listed: {why}")
        return SegmentList(found, unlisted)

    async def walk(self, segment: str, cursor: str | None) -> Page:
        """One page of a segment."""
        kind, _, ref = segment.partition(":")
        if cursor is None:
            await self._must_exist(segment)
        if kind == "stage":
            return await self._walk_stage(segment, ref, cursor)
        now = self._tools.clock.now()
        state: dict[str, Any] = {"of": segment, "after": None, "named": 0, "from": 0, "unsure": False}
        state |= {} if cursor is None else _state(cursor, segment, "walk")
        reply = await self._contacts.search(self._filters(kind, ref), state["after"])
        state["from"] = state["from"] or reply.at or now
        contacts, total = reply.body["contacts"], count_of(reply.body.get("total"))
        state["named"] = int(state["named"]) + len({one["id"] for one in contacts})
        state["unsure"] = state["unsure"] or any(self._is_in(kind, ref, one) is None for one in contacts)
        records = [await self._contacts.found(one) for one in contacts if self._is_in(kind, ref, one)]
        refs = list(dict.fromkeys(one.id for one in records))
        following = _following("POST /contacts/search", contacts, SEARCH_AT_ONCE, state, total, "searchAfter")
        if following is not None:
            cursor = write_cursor("walk", **{**state, "after": following})
            return Page(refs, _by_ref(records, refs), cursor, as_of=now, requests=1)
        whole = total is not None and int(state["named"]) >= total and not state["unsure"]
        since = write_cursor("since", of=segment, **{"from": state["from"]})
        return Page(refs, _by_ref(records, refs), complete=whole, as_of=now, since=since, requests=1)

    async def changes(self, segment: str, since: str | None) -> Page:
        """What changed in a segment."""
        kind, _, ref = segment.partition(":")
        if since is None:
            await self._must_exist(segment)
        if kind == "stage":
            return await self._changes_of_stage(segment, ref, since)
        now = self._tools.clock.now()
        if since is None:
            at = (await self._client.read("GET", f"/locations/{self._settings.location}/tags", shape=_TAGS)).at
            cursor = write_cursor("since", of=segment, **{"from": at or now})
            return Page([], [], as_of=now, since=cursor, requests=1)
        state = {"after": None, "named": 0, **_state(since, segment, "since", "changed")}
        begin = int(state["from"]) - self._settings.overlap
        stamp = datetime.fromtimestamp(begin / 1_000_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        window = {"field": "dateUpdated", "operator": "range", "value": {"gte": stamp}}
        wanted = [window] if kind == "tag" else [*self._filters(kind, ref), window]
        reply = await self._contacts.search(wanted, state["after"])
        state["to"] = state.get("to") or reply.at or now
        contacts, total = reply.body["contacts"], count_of(reply.body.get("total"))
        state["named"] = int(state["named"]) + len({one["id"] for one in contacts})
        records = [await self._contacts.found(one) for one in contacts if self._is_in(kind, ref, one)]
        refs = list(dict.fromkeys(one.id for one in records))
        gone = [str(one["id"]) for one in contacts if self._is_in(kind, ref, one) is False]
        following = _following("POST /contacts/search", contacts, SEARCH_AT_ONCE, state, total, "searchAfter")
        if following is not None:
            cursor = write_cursor("changed", **{**state, "after": following})
            return Page(refs, _by_ref(records, refs), cursor, as_of=now, gone=gone, requests=1)
        all_told = total is None or int(state["named"]) >= total  # else the next time begins where this one began
        cursor = write_cursor("since", of=segment, **{"from": state["to"] if all_told else state["from"]})
        return Page(refs, _by_ref(records, refs), as_of=now, gone=gone, since=cursor, requests=1)

    async def _walk_stage(self, segment: str, ref: str, cursor: str | None) -> Page:
        now = self._tools.clock.now()
        state: dict[str, Any] = {"of": segment, "at": None, "id": None, "named": 0, "unsure": False}
        state |= {} if cursor is None else _state(cursor, segment, "walk")
        reply = await self._opportunities(ref, OPPORTUNITIES_AT_ONCE, state["at"], state["id"])
        found, meta = reply.body["opportunities"], reply.body.get("meta") or {}
        total = count_of(meta.get("total"))
        state["named"] = int(state["named"]) + len(found)
        state["unsure"] = state["unsure"] or any(not _person(one) for one in found)
        refs = _people(found, ref)
        place = {**state, "after": state["id"]}
        following = _following(
            "GET /opportunities/search", [*found, meta] if found else [], OPPORTUNITIES_AT_ONCE + 1, place, total,
            "startAfterId",
        )  # fmt: skip
        if following is not None:
            cursor = write_cursor("walk", **{**state, "at": meta.get("startAfter"), "id": following})
            return Page(refs, next=cursor, as_of=now, requests=1)
        whole = total is not None and int(state["named"]) >= total and not state["unsure"]
        since = write_cursor("since", of=segment, total=total)
        return Page(refs, complete=whole, as_of=now, since=since, requests=1)

    async def _changes_of_stage(self, segment: str, ref: str, since: str | None) -> Page:
        """The newest opportunities of a stage; who left only a walk tells, which is due when their number differs."""
        now = self._tools.clock.now()
        known = None if since is None else _state(since, segment, "since")
        reply = await self._opportunities(ref, OPPORTUNITIES_AT_ONCE, None, None)
        total = count_of((reply.body.get("meta") or {}).get("total"))
        cursor = write_cursor("since", of=segment, total=total)
        if known is None:
            return Page([], [], as_of=now, since=cursor, requests=1)
        refs = _people(reply.body["opportunities"], ref)
        again = total != known.get("total")
        return Page(refs if again else [], None if again else [], as_of=now, since=cursor, walk_again=again, requests=1)

    async def _opportunities(self, ref: str, limit: int, start: Any, start_id: Any) -> RestReply:
        pipeline, _, stage = ref.partition("/")
        query = {
            "location_id": self._settings.location, "pipeline_id": pipeline, "pipeline_stage_id": stage, "limit": limit,
            "startAfter": start, "startAfterId": start_id,
        }  # fmt: skip
        return await self._client.read("GET", "/opportunities/search", query=query, shape=_OPPORTUNITIES)

    async def _tags(self) -> list[Segment]:
        reply = await self._client.read("GET", f"/locations/{self._settings.location}/tags", shape=_TAGS)
        return [Segment(f"tag:{one['name']}", str(one["name"]), None, "tag") for one in reply.body["tags"]]

    async def _named_filters(self) -> list[Segment]:
        return [Segment(f"filter:{name}", name, None, "filter") for name in self._settings.filters]

    async def _stages(self) -> list[Segment]:
        query = {"locationId": self._settings.location}
        reply = await self._client.read("GET", "/opportunities/pipelines", query=query, shape=_PIPELINES)
        return [
            Segment(f"stage:{one['id']}/{stage['id']}", f"{one['name']}: {stage['name']}", None, "stage")
            for one in reply.body["pipelines"]
            for stage in one.get("stages") or []
        ]

    async def _must_exist(self, segment: str) -> None:
        kind, _, ref = segment.partition(":")
        if kind == "filter" and ref in self._settings.filters:
            return
        ask = {"tag": self._tags, "stage": self._stages}.get(kind)
        if ask is not None and any(one.id == segment for one in await ask()):
            return
        raise LookupError(f"GoHighLevel has no segment {segment!r}")

    def _filters(self, kind: str, ref: str) -> Sequence[Mapping[str, Any]]:
        """The filters of a segment. "contains" takes no special characters: a tag with some needs "eq"."""
        if kind == "tag":
            return [{"field": "tags", "operator": "contains" if _PLAIN.fullmatch(ref) else "eq", "value": ref}]
        return self._settings.filters[ref]

    def _is_in(self, kind: str, ref: str, contact: Mapping[str, Any]) -> bool | None:
        """Whether a contact has the tag; "contains" finds parts of tags too. None: it does not say its tags. A filter
        is GoHighLevel's to judge."""
        tags = contact.get("tags")
        if contact.get("deleted") is True:
            return False
        if kind != "tag":
            return True
        return None if tags is None else ref.casefold() in {str(one).casefold() for one in tags}


def _following(
    call: str, rows: Sequence[Mapping[str, Any]], page: int, state: Mapping[str, Any], total: int | None, name: str
) -> Any:
    """The place after a page, from its last row, when there may be more: the page is full, or fewer were named than
    GoHighLevel counts. A full page without a place, or with the place where it began, is no page."""
    is_full, is_short = len(rows) >= page, total is None or int(state["named"]) < total
    place = rows[-1].get(name) if rows else None
    if not rows or not (is_full or (total is not None and is_short)):
        return None
    if place is None and not (is_full and is_short):
        return None
    if place is None or place == state["after"]:
        what = "has no" if place is None else "goes on from the same"
        raise malformed("GoHighLevel", call, f'a page {what} "{name}", and there are more')
    return place


def _people(opportunities: Sequence[Mapping[str, Any]], ref: str) -> list[str]:
    """The contacts of opportunities that are in the stage."""
    stage = ref.partition("/")[2]
    found = (_person(one) for one in opportunities if str(one.get("pipelineStageId") or stage) == stage)
    return list(dict.fromkeys(str(one) for one in found if one))


def _person(opportunity: Mapping[str, Any]) -> Any:
    return opportunity.get("contactId") or (opportunity.get("contact") or {}).get("id")


def _by_ref(records: Sequence[Record], refs: Sequence[str]) -> list[Record]:
    found = {one.id: one for one in records}
    return [found[ref] for ref in refs]


def _state(cursor: str, segment: str, *kinds: str) -> dict[str, Any]:
    state = dict(read_cursor(cursor, *kinds))
    state.pop("kind")
    if state.get("of") != segment:
        raise ValueError("this cursor is one of another segment; begin again")
    return state
