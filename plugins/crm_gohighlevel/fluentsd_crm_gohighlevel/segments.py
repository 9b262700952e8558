"""Tags, pipeline stages, and filters of the settings, as segments. GoHighLevel's API has no smart lists.

Changed contacts are found by `dateUpdated`; whether a change of tags or of "do not disturb" moves that stamp is not
documented, so that walks find what it hides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fluentsd.api import Page, Record, RestReply, Segment, Tools, Unavailable, read_cursor, write_cursor
from fluentsd_crm_gohighlevel.client import GohighlevelClient
from fluentsd_crm_gohighlevel.contacts import SEARCH_AT_ONCE, Contacts, UnreadableSearch
from fluentsd_crm_gohighlevel.settings import Settings

OPPORTUNITIES_AT_ONCE = 100


class Segments:
    """The segments of one location."""

    def __init__(self, client: GohighlevelClient, contacts: Contacts, settings: Settings, tools: Tools) -> None:
        self._client, self._contacts, self._settings, self._tools = client, contacts, settings, tools

    async def all(self) -> list[Segment]:
        """Tags, filters, and the stages of all pipelines."""
        tags = (await self._client.read("GET", f"/locations/{self._settings.location}/tags")).body["tags"]
        found = [Segment(f"tag:{one['name']}", str(one["name"]), None, "tag") for one in tags]
        found += [Segment(f"filter:{name}", name, None, "filter") for name in self._settings.filters]
        for pipeline in await self._pipelines():
            for stage in pipeline.get("stages") or []:
                name = f"{pipeline['name']}: {stage['name']}"
                found.append(Segment(f"stage:{pipeline['id']}/{stage['id']}", name, None, "stage"))
        return found

    async def walk(self, segment: str, cursor: str | None) -> Page:
        """One page of a segment."""
        kind, _, ref = segment.partition(":")
        if cursor is None:
            await self._must_exist(segment)
        if kind == "stage":
            return await self._walk_stage(segment, ref, cursor)
        now = self._tools.clock.now()
        state: dict[str, Any] = {"of": segment, "after": None, "named": 0, "from": 0}
        state = state if cursor is None else _state(cursor, segment, "walk")
        reply, following = await self._search(self._filters(kind, ref), state["after"])
        state["from"] = state["from"] or reply.at or now
        contacts = reply.body["contacts"]
        named = int(state["named"]) + len(contacts)
        records = [await self._contacts.record(one) for one in contacts if self._is_in(kind, ref, one)]
        refs = list(dict.fromkeys(one.id for one in records))
        if following is not None:
            cursor = write_cursor("walk", **{**state, "after": following, "named": named})
            return Page(refs, _by_ref(records, refs), cursor, as_of=now, requests=1)
        whole = named >= int(reply.body.get("total") or 0)
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
            at = (await self._client.read("GET", f"/locations/{self._settings.location}/tags")).at
            cursor = write_cursor("since", of=segment, **{"from": at or now})
            return Page([], [], as_of=now, since=cursor, requests=1)
        state = {"after": None, **_state(since, segment, "since", "changed")}
        begin = int(state["from"]) - self._settings.overlap
        stamp = datetime.fromtimestamp(begin / 1_000_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        window = {"field": "dateUpdated", "operator": "range", "value": {"gte": stamp}}
        wanted = [window] if kind == "tag" else [*self._filters(kind, ref), window]
        reply, following = await self._search(wanted, state["after"])
        state["to"] = state.get("to") or reply.at or now
        contacts = reply.body["contacts"]
        records = [await self._contacts.record(one) for one in contacts if self._is_in(kind, ref, one)]
        refs = list(dict.fromkeys(one.id for one in records))
        gone = [str(one["id"]) for one in contacts if not self._is_in(kind, ref, one)]
        if following is not None:
            cursor = write_cursor("changed", **{**state, "after": following})
            return Page(refs, _by_ref(records, refs), cursor, as_of=now, gone=gone, requests=1)
        cursor = write_cursor("since", of=segment, **{"from": state["to"]})
        return Page(refs, _by_ref(records, refs), as_of=now, gone=gone, since=cursor, requests=1)

    async def _walk_stage(self, segment: str, ref: str, cursor: str | None) -> Page:
        now = self._tools.clock.now()
        state: dict[str, Any] = {"of": segment, "at": None, "id": None}
        state = state if cursor is None else _state(cursor, segment, "walk")
        reply = await self._opportunities(ref, OPPORTUNITIES_AT_ONCE, state["at"], state["id"])
        found, meta = reply.body["opportunities"], reply.body.get("meta") or {}
        refs = list(dict.fromkeys(str(one["contactId"]) for one in found if one.get("contactId")))
        if len(found) >= OPPORTUNITIES_AT_ONCE and meta.get("startAfterId"):
            following = write_cursor("walk", of=segment, at=meta.get("startAfter"), id=meta["startAfterId"])
            return Page(refs, next=following, as_of=now, requests=1)
        since = write_cursor("since", of=segment, total=meta.get("total"))
        return Page(refs, complete=True, as_of=now, since=since, requests=1)

    async def _changes_of_stage(self, segment: str, ref: str, since: str | None) -> Page:
        """The newest opportunities of a stage; who left only a walk tells, which is due when their number differs."""
        now = self._tools.clock.now()
        known = None if since is None else _state(since, segment, "since")
        reply = await self._opportunities(ref, OPPORTUNITIES_AT_ONCE, None, None)
        total = (reply.body.get("meta") or {}).get("total")
        cursor = write_cursor("since", of=segment, total=total)
        if known is None:
            return Page([], [], as_of=now, since=cursor, requests=1)
        refs = list(dict.fromkeys(str(one["contactId"]) for one in reply.body["opportunities"] if one.get("contactId")))
        again = total != known["total"]
        return Page(refs if again else [], None if again else [], as_of=now, since=cursor, walk_again=again, requests=1)

    async def _opportunities(self, ref: str, limit: int, start: Any, start_id: Any) -> RestReply:
        pipeline, _, stage = ref.partition("/")
        query = {
            "location_id": self._settings.location, "pipeline_id": pipeline, "pipeline_stage_id": stage, "limit": limit,
            "startAfter": start, "startAfterId": start_id,
        }  # fmt: skip
        reply = await self._client.read("GET", "/opportunities/search", query=query)
        if not isinstance(reply.body, dict) or not isinstance(reply.body.get("opportunities"), list):
            raise Unavailable("GoHighLevel answered a search without a list", after=60)
        return reply

    async def _search(self, filters: Sequence[Mapping[str, Any]], after: Any) -> tuple[RestReply, Any]:
        """A page, and the place after it if there may be more."""
        try:
            reply = await self._contacts.search(filters, after)
        except UnreadableSearch as why:
            raise Unavailable("GoHighLevel answered a search without a list", after=60) from why
        found = reply.body["contacts"]
        return reply, found[-1].get("searchAfter") if len(found) >= SEARCH_AT_ONCE else None

    async def _pipelines(self) -> list[Mapping[str, Any]]:
        query = {"locationId": self._settings.location}
        found: list[Mapping[str, Any]] = (await self._client.read("GET", "/opportunities/pipelines", query=query)).body[
            "pipelines"
        ]
        return found

    async def _must_exist(self, segment: str) -> None:
        kind, _, ref = segment.partition(":")
        if kind == "filter" and ref in self._settings.filters:
            return
        if kind in ("tag", "stage") and any(one.id == segment for one in await self.all()):
            return
        raise LookupError(f"GoHighLevel has no segment {segment!r}")

    def _filters(self, kind: str, ref: str) -> Sequence[Mapping[str, Any]]:
        if kind == "tag":
            return [{"field": "tags", "operator": "contains", "value": ref}]
        return self._settings.filters[ref]

    def _is_in(self, kind: str, ref: str, contact: Mapping[str, Any]) -> bool:
        """Whether a contact has the tag; "contains" finds parts of tags too. A filter is GoHighLevel's to judge."""
        return kind != "tag" or ref.casefold() in {str(one).casefold() for one in contact.get("tags") or []}


def _by_ref(records: Sequence[Record], refs: Sequence[str]) -> list[Record]:
    found = {one.id: one for one in records}
    return [found[ref] for ref in refs]


def _state(cursor: str, segment: str, *kinds: str) -> dict[str, Any]:
    state = dict(read_cursor(cursor, *kinds))
    state.pop("kind")
    if state.get("of") != segment:
        raise ValueError("this cursor is one of another segment; begin again")
    return state
