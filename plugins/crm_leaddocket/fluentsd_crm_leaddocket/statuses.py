"""Statuses and sub-statuses as segments.

The feed of updated leads names leavers too: they come with their new status. What Lead Docket filters is filtered again
here. Lists are paged by number, so that a lead that leaves during a walk can hide another; such a walk is not complete.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from fluentsd.api import (
    COUNT,
    NUMBER_ID,
    Maybe,
    Page,
    RestReply,
    Segment,
    Shape,
    Tools,
    count_of,
    malformed,
    read_cursor,
    write_cursor,
)
from fluentsd_crm_leaddocket.client import LeaddocketClient
from fluentsd_crm_leaddocket.leads import moment, record_of
from fluentsd_crm_leaddocket.settings import Settings

#: Leads in one page, Lead Docket's most.
LEADS_AT_ONCE = 500
_PAGE: Shape = {
    "Records": [{"Id": NUMBER_ID}], "Page": Maybe(COUNT), "TotalPages": Maybe(COUNT), "TotalRecordCount": Maybe(COUNT),
}  # fmt: skip


class Statuses:
    """The statuses of one firm."""

    def __init__(self, client: LeaddocketClient, settings: Settings, tools: Tools) -> None:
        self._client, self._settings, self._tools = client, settings, tools

    async def segments(self) -> list[Segment]:
        """All statuses and their sub-statuses."""
        found: list[Segment] = []
        for status in unwrapped((await self._client.get("/api/statuses")).body, "GET /api/statuses"):
            name = title_of(status)
            found.append(Segment(f"status:{status['Id']}", name, None, "status"))
            for sub in unwrapped(substatuses(status), "GET /api/statuses"):
                title = f"{name}: {title_of(sub)}"
                found.append(Segment(f"status:{status['Id']}/{sub['Id']}", title, None, "status"))
        return found

    async def walk(self, segment: str, cursor: str | None) -> Page:
        """One page of the leads in a status."""
        now = self._tools.clock.now()
        if cursor is None:
            await self._must_exist(segment)
            state: dict[str, Any] = {}
        else:
            state = _state(cursor, segment, "walk")
        state = {"of": segment, "page": 1, "from": 0, "named": 0, "unsure": False, **state}
        status, _, sub = segment.removeprefix("status:").partition("/")
        query = {
            "status": status, "subStatusIds": sub or None, "page": state["page"], "itemsPerPage": LEADS_AT_ONCE,
            "sortOrder": "Ascending",
        }  # fmt: skip
        reply = await self._page("/api/leads", query)
        state["from"] = state["from"] or reply.at or now
        found, total = reply.body["Records"], count_of(reply.body.get("TotalRecordCount"))
        state["named"] = int(state["named"]) + len({str(one["Id"]) for one in found})
        state["unsure"] = bool(state["unsure"]) or any(_is_in(segment, one) is None for one in found)
        records = [record_of(one, None, self._settings) for one in found if _is_in(segment, one)]
        refs = list(dict.fromkeys(one.id for one in records))
        records = list({one.id: one for one in records}.values())
        if _is_more(reply.body, state):
            following = write_cursor("walk", **{**state, "page": int(state["page"]) + 1})
            return Page(refs, records, following, as_of=now, requests=1)
        whole = total is not None and len(found) <= total <= int(state["named"]) and not state["unsure"]
        whole = whole and (int(state["page"]) == 1 or not await self._somebody_left(segment, int(state["from"])))
        since = write_cursor("since", of=segment, **{"from": state["from"]})
        return Page(refs, records, complete=whole, as_of=now, since=since, requests=2)

    async def changes(self, segment: str, since: str | None) -> Page:
        """The leads that were updated: those in the status, and as gone those in another."""
        now = self._tools.clock.now()
        if since is None:
            begin = await self._must_exist(segment) or now
            return Page([], [], as_of=now, since=write_cursor("since", of=segment, **{"from": begin}), requests=1)
        state = {"page": 1, "to": 0, "named": 0, **_state(since, segment, "since", "changed")}
        reply = await self._updated(int(state["from"]) - self._settings.overlap, int(state["page"]))
        state["to"] = state["to"] or reply.at or now
        found = {str(one["Id"]): one for one in reply.body["Records"]}
        state["named"] = int(state["named"]) + len(found)
        records = [record_of(one, None, self._settings) for one in found.values() if _is_in(segment, one)]
        refs = [one.id for one in records]
        gone = sorted(ref for ref, one in found.items() if _is_in(segment, one) is False)
        if _is_more(reply.body, state):
            following = write_cursor("changed", **{**state, "page": int(state["page"]) + 1})
            return Page(refs, records, following, as_of=now, gone=gone, requests=1)
        total = count_of(reply.body.get("TotalRecordCount"))
        all_told = total is None or int(state["named"]) >= total  # else the next time begins where this one began
        cursor = write_cursor("since", of=segment, **{"from": state["to"] if all_told else state["from"]})
        return Page(refs, records, as_of=now, gone=gone, since=cursor, requests=1)

    async def _updated(self, begin: int, page: int) -> RestReply:
        """The leads that were updated since an instant, newest first: one that is updated meanwhile is seen twice, and
        hides no other."""
        date = datetime.fromtimestamp(begin / 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        query = {"date": date, "page": page, "itemsPerPage": LEADS_AT_ONCE, "sortOrder": "Descending"}
        return await self._page("/api/leads/lastupdatedsince", query)

    async def _somebody_left(self, segment: str, begin: int) -> bool:
        """Whether a lead was updated during the walk and is in another status now, or too many to tell."""
        reply = await self._updated(begin, 1)
        found, total = reply.body["Records"], count_of(reply.body.get("TotalRecordCount"))
        many = total is None or total > len(found)
        return many or any(_is_in(segment, one) is not True and _moved(segment, one, begin) for one in found)

    async def _page(self, path: str, query: Mapping[str, Any]) -> RestReply:
        reply = await self._client.get(path, query, shape=_PAGE)
        page = count_of(reply.body.get("Page"))
        if page is not None and page != query["page"]:
            raise malformed("Lead Docket", f"GET {path}", f"it is page {page} instead of page {query['page']}")
        return reply

    async def _must_exist(self, segment: str) -> int:
        """Lead Docket's time; raises LookupError if there is no such status."""
        if all(one.id != segment for one in await self.segments()):
            raise LookupError(f"Lead Docket has no status {segment!r}")
        return (await self._client.get("/api/statuses")).at


def title_of(one: Mapping[str, Any]) -> str:
    """The name of a status or sub-status."""
    return str(
        next((one[key] for key in ("StatusName", "SubStatusName", "SubstatusName", "Name") if one.get(key)), None)
    )


def named(one: Mapping[str, Any]) -> str:
    """The name of a status or sub-status, for comparing."""
    return title_of(one).strip().casefold()


def substatuses(status: Mapping[str, Any]) -> Any:
    """The list of a status's sub-statuses."""
    return status.get("Substatuses") or status.get("SubStatuses") or []


def unwrapped(body: Any, call: str) -> Iterator[Mapping[str, Any]]:
    """The elements of a list, each perhaps wrapped as {"Data": …}, and so perhaps the list itself. Raises `Malformed`
    for all else."""
    rows = body
    while isinstance(rows, Mapping):
        rows = next((rows[key] for key in ("Data", "Items", "Records", "Value") if key in rows), None)
    if not isinstance(rows, list):
        raise malformed("Lead Docket", call, "it has no list")
    for one in rows:
        inner = one.get("Data", one) if isinstance(one, Mapping) else None
        if not isinstance(inner, Mapping) or count_of(inner.get("Id")) is None:
            raise malformed("Lead Docket", call, "an entry of its list has no Id")
        yield inner


def _is_more(body: Mapping[str, Any], state: Mapping[str, Any]) -> bool:
    """Whether there are leads after this page: by the pages that Lead Docket counts, or by its count of leads."""
    found, total = body["Records"], count_of(body.get("TotalRecordCount"))
    pages = count_of(body.get("TotalPages"))
    if not found:
        return False
    if total is None and not pages:
        return len(found) >= LEADS_AT_ONCE
    return int(state["page"]) < (pages or 0) or (total is not None and int(state["named"]) < total)


def _is_in(segment: str, lead: Mapping[str, Any]) -> bool | None:
    """Whether a lead is in a status; None when it does not say in which it is."""
    status, _, sub = segment.removeprefix("status:").partition("/")
    if count_of(lead.get("StatusId")) is None:
        return None
    if not sub or str(lead["StatusId"]) != status:
        return str(lead["StatusId"]) == status
    if "SubStatusId" not in lead or (lead["SubStatusId"] is not None and count_of(lead["SubStatusId"]) is None):
        return None
    return str(lead["SubStatusId"]) == sub


def _moved(segment: str, lead: Mapping[str, Any], begin: int) -> bool:
    """Whether a lead's status changed since; of sub-statuses Lead Docket is not known to keep a time."""
    at = moment(lead.get("LastStatusChangeDate"))
    return "/" in segment or at is None or at >= begin


def _state(cursor: str, segment: str, *kinds: str) -> dict[str, Any]:
    state = dict(read_cursor(cursor, *kinds))
    state.pop("kind")
    if state.get("of") != segment:
        raise ValueError("this cursor is one of another status; begin again")
    return state
