"""HubSpot's lists as segments.

The join order of a list is a log: a walk reads it from the beginning, `changes` reads on from its end. One search for
the list tells whether anybody joined or left since; who left only a walk can tell. Contacts that changed are found by
the search of contacts, and whether they are in the list by one question for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fluentsd.api import Invalid, NotFound, Page, Segment, Tools, count_of, malformed, read_cursor, write_cursor
from fluentsd_crm_hubspot import paths
from fluentsd_crm_hubspot.client import HubspotClient
from fluentsd_crm_hubspot.contacts import Contacts
from fluentsd_crm_hubspot.properties import moment

_SIZE, _ADDED, _REMOVED = "hs_list_size", "hs_last_record_added_at", "hs_last_record_removed_at"
JOINS, IDS = "joins", "ids"
_NO_LIST = "HubSpot has no list of contacts with the id {}"


@dataclass(frozen=True, slots=True)
class Probe:
    """What a list says of itself: its size, when a record was last added and removed, and HubSpot's time."""

    size: int | None
    added: str
    removed: str
    at: int

    @property
    def mark(self) -> list[Any]:
        """The part that differs when somebody joined or left."""
        return [self.size, self.added, self.removed]


class Lists:
    """The lists of contacts of one account."""

    def __init__(self, client: HubspotClient, contacts: Contacts, tools: Tools, overlap: int) -> None:
        self._client, self._contacts, self._tools, self._overlap = client, contacts, tools, overlap

    async def segments(self) -> list[Segment]:
        """All lists of contacts."""
        found: dict[str, Segment] = {}
        offset: int | None = 0
        while offset is not None:
            part, offset, _ = await self._search(offset)
            for one in part:
                if str(one.get("objectTypeId", paths.CONTACTS)) == paths.CONTACTS:
                    ref = str(one["listId"])
                    found[ref] = Segment(f"list:{ref}", str(one.get("name") or ref), _probe(one, 0).size, "list")
        return list(found.values())

    async def walk(self, ref: str, cursor: str | None) -> Page:
        """One page of a list, in the order in which its members joined."""
        now = self._tools.clock.now()
        if cursor is None:
            probe = await self.probe(ref)
            state: Mapping[str, Any] = {
                "list": ref, "order": JOINS, "after": None, "mark": probe.mark, "named": 0, "from": probe.at or now,
            }  # fmt: skip
        else:
            state = read_cursor(cursor, "walk")
            if state["list"] != ref:
                raise ValueError("this cursor is one of another list; begin again")
        order = str(state["order"])
        try:
            members, following = await self._members(ref, order, state["after"])
        except NotFound as why:
            if order == IDS or state["after"] is not None:
                raise LookupError(_NO_LIST.format(ref)) from why
            order = IDS  # an account without the join order: only walks tell who joined
            members, following = await self._members(ref, order, None)
        refs = [one for one, _ in members]
        named = int(state["named"]) + len(refs)
        if following is not None:
            following_state = {**state, "order": order, "after": following, "named": named}
            following_state.pop("kind", None)
            return Page(refs, next=write_cursor("walk", **following_state), as_of=now, requests=1)
        complete = await self._is_whole(ref, state["mark"], named, was_full=len(refs) >= paths.MEMBERS_AT_ONCE)
        tail = {"order": order, "tail": state["after"]}
        since = write_cursor("since", list=ref, mark=state["mark"], **tail, **{"from": state["from"]})
        return Page(refs, complete=complete, as_of=now, since=since, requests=2)

    async def changes(self, ref: str, since: str | None) -> Page:
        """Who joined and whose properties changed; `walk_again` when somebody left."""
        now = self._tools.clock.now()
        if since is None:
            probe = await self.probe(ref)
            mark = {"list": ref, "mark": probe.mark, "order": JOINS, "tail": None, "from": probe.at or now}
            return Page([], [], as_of=now, since=write_cursor("since", **mark), requests=1)
        state = dict(read_cursor(since, "since", "joined", "changed"))
        if state["list"] != ref:
            raise ValueError("this cursor is one of another list; walk it")
        kind = state.pop("kind")
        if kind == "since":
            return await self._begin(ref, state, now)
        if kind == "joined":
            return await self._joined(ref, state, now)
        return await self._changed(ref, state, now)

    async def probe(self, ref: str) -> Probe:
        """What a list says of itself; raises LookupError if there is none of contacts with this id."""
        offset: int | None = 0
        while offset is not None:
            part, offset, at = await self._search(offset, [ref])
            for one in part:
                if str(one.get("listId")) == ref and str(one.get("objectTypeId", paths.CONTACTS)) == paths.CONTACTS:
                    return _probe(one, at)
        raise LookupError(_NO_LIST.format(ref))

    async def _begin(self, ref: str, state: dict[str, Any], now: int) -> Page:
        probe = await self.probe(ref)
        size, added, removed = state["mark"]
        left = removed != probe.removed or (size or 0) > (probe.size or 0)
        joined = not probe.added or added != probe.added or (size or 0) < (probe.size or 0)
        state |= {"mark": probe.mark, "to": probe.at or now, "last": "0", "old": state["from"]}
        if joined and state["order"] == JOINS:
            page = await self._joined(ref, state, now, requests=1)
        else:
            page = await self._changed(ref, state, now, requests=1)
        again = left or (joined and state["order"] == IDS)
        return page if not again else Page(
            page.refs, page.records, page.next, False, page.as_of, page.gone, page.since, True, page.requests
        )  # fmt: skip

    async def _joined(self, ref: str, state: dict[str, Any], now: int, requests: int = 0) -> Page:
        """One page of the log's end; then the changed contacts."""
        try:
            members, following = await self._members(ref, JOINS, state["tail"])
        except (NotFound, Invalid) as why:
            raise ValueError("HubSpot does not know the end of this list any more; walk it") from why
        oldest = int(state["old"]) - self._overlap
        refs = [one for one, at in members if at is None or at >= oldest]
        if following is not None:
            following_state = write_cursor("joined", **{**state, "tail": following})
            return Page(refs, next=following_state, as_of=now, requests=requests + 1)
        following_state = write_cursor("changed", **state)
        return Page(refs, next=following_state, as_of=now, requests=requests + 1)

    async def _changed(self, ref: str, state: dict[str, Any], now: int, requests: int = 0) -> Page:
        """One page of the contacts that changed in the window and are members."""
        begin, end = int(state["old"]) - self._overlap, int(state["to"])
        found = await self._contacts.changed(begin, end, str(state["last"]))
        members, all_told = await self._who_is_in(ref, [str(one["id"]) for one in found.rows])
        rows = [one for one in found.rows if str(one["id"]) in members and one.get("properties") is not None]
        records = [await self._contacts.record(one) for one in rows]
        requests += 1 + -(-len(found.rows) // paths.READ_AT_ONCE)
        refs = [record.id for record in records]
        state["again"] = bool(state.get("again")) or not all_told
        if found.last is not None:
            following = write_cursor("changed", **{**state, "last": found.last})
            return Page(refs, records, following, as_of=now, requests=requests)
        rest = {"list": ref, "mark": state["mark"], "order": state["order"], "tail": state["tail"]}
        again = state["again"] or not found.whole  # the next time begins where this one began
        since = write_cursor("since", **rest, **{"from": state["old"] if again else end})
        return Page(refs, records, as_of=now, since=since, requests=requests)

    async def _who_is_in(self, ref: str, ids: Sequence[str]) -> tuple[set[str], bool]:
        """The ones of these contacts that are in the list, and whether HubSpot told it of all of them."""
        found: set[str] = set()
        all_told = True
        for start in range(0, len(ids), paths.READ_AT_ONCE):
            inputs = [
                {"objectTypeId": paths.CONTACTS, "recordId": one} for one in ids[start : start + paths.READ_AT_ONCE]
            ]
            reply = await self._client.ask(paths.LISTS_OF_RECORDS, {"inputs": inputs}, shape=paths.MEMBERSHIPS)
            all_told = all_told and not reply.body.get("errors")
            for one in reply.body["results"]:
                if any(str(each["listId"]) == ref for each in one.get("recordListMemberships") or []):
                    found.add(str(one["recordId"]))
        return found, all_told

    async def _members(
        self, ref: str, order: str, after: str | None
    ) -> tuple[list[tuple[str, int | None]], str | None]:
        """A page of members with the time at which they joined, and the cursor of the next page."""
        path = paths.LIST_JOINS if order == JOINS else paths.LIST_MEMBERS
        try:
            query = {"limit": paths.MEMBERS_AT_ONCE, "after": after}
            reply = await self._client.get(path, query, list=ref, shape=paths.MEMBERS)
        except Invalid as why:
            if after is None:
                raise
            raise ValueError("HubSpot does not know this place of the list any more; begin again") from why
        found = dict.fromkeys(
            (str(one["recordId"]), moment(one.get("membershipTimestamp"))) for one in reply.body["results"]
        )
        following = ((reply.body.get("paging") or {}).get("next") or {}).get("after")
        if following is not None and str(following) == after:
            raise malformed("HubSpot", f"GET {path}", "a page goes on from where it began")
        return list(found), None if following is None else str(following)

    async def _is_whole(self, ref: str, mark: Sequence[Any], named: int, *, was_full: bool) -> bool:
        """Whether a walk has named everybody: at least as many as the list had, and if somebody left meanwhile, as many
        as it has. With fewer a page is missing, or has slipped past somebody; the walk then proves nothing about who
        left. Of a list without a size only a page that is not full is the last one."""
        probe, size = await self.probe(ref), mark[0]
        if size is None or probe.size is None:
            return not was_full
        return named >= (min(size, probe.size) if probe.removed == mark[2] else probe.size)

    async def _search(self, offset: int, ids: Sequence[str] = ()) -> tuple[list[Mapping[str, Any]], int | None, int]:
        body: dict[str, Any] = {
            "offset": offset, "count": paths.LISTS_AT_ONCE, "additionalProperties": [_SIZE, _ADDED, _REMOVED],
        }  # fmt: skip
        if ids:
            body["listIds"] = list(ids)
        reply = await self._client.ask(paths.LIST_SEARCH, body, shape=paths.LISTS_FOUND)
        part: list[Mapping[str, Any]] = reply.body["lists"]
        end, total, more = offset + len(part), count_of(reply.body.get("total")), reply.body.get("hasMore")
        if more is None:
            more = end < total if total is not None else len(part) >= paths.LISTS_AT_ONCE
        following = count_of(reply.body.get("offset")) if more else None
        if more and (following is None or following <= offset):
            following = end if part else None
        return part, following, reply.at


def _probe(one: Mapping[str, Any], at: int) -> Probe:
    more = one.get("additionalProperties") or {}
    size = str(more.get(_SIZE, one.get("size", "")))
    return Probe(
        int(size) if size.isdecimal() else None, str(more.get(_ADDED) or ""), str(more.get(_REMOVED) or ""), at
    )  # fmt: skip
