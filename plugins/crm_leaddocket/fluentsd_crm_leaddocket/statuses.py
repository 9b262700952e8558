"""Statuses and sub-statuses as segments.

The feed of updated leads names leavers too: they come with their new status. What Lead Docket filters is filtered again
here. Lists are paged by number, so that a lead that leaves during a walk can hide another; such a walk is not complete.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from fluentsd.api import Page, RestReply, Segment, Tools, Unavailable, read_cursor, write_cursor
from fluentsd_crm_leaddocket.client import LeaddocketClient
from fluentsd_crm_leaddocket.leads import moment, record_of
from fluentsd_crm_leaddocket.settings import Settings

#: Leads in one page, Lead Docket's most.
LEADS_AT_ONCE = 500


class Statuses:
    """The statuses of one firm."""

    def __init__(self, client: LeaddocketClient, settings: Settings, tools: Tools) -> None:
        self._client, self._settings, self._tools = client, settings, tools

    async def segments(self) -> list[Segment]:
        """All statuses and their sub-statuses."""
        found: list[Segment] = []
        for status in unwrapped((await self._client.get("/api/statuses")).body):
            name = str(status.get("StatusName") or status.get("Name"))
            found.append(Segment(f"status:{status['Id']}", name, None, "status"))
            for sub in unwrapped(status.get("Substatuses") or status.get("SubStatuses") or []):
                title = sub.get("SubStatusName") or sub.get("SubstatusName") or sub.get("Name")
                found.append(Segment(f"status:{status['Id']}/{sub['Id']}", f"{name}: {title}", None, "status"))
        return found

    async def walk(self, segment: str, cursor: str | None) -> Page:
        """One page of the leads in a status."""
        now = self._tools.clock.now()
        if cursor is None:
            await self._must_exist(segment)
            state: dict[str, Any] = {"of": segment, "page": 1, "from": 0}
        else:
            state = _state(cursor, segment, "walk")
        status, _, sub = segment.removeprefix("status:").partition("/")
        query = {
            "status": status, "subStatusIds": sub or None, "page": state["page"], "itemsPerPage": LEADS_AT_ONCE,
            "sortOrder": "Ascending",
        }  # fmt: skip
        reply = await self._page("/api/leads", query)
        state["from"] = state["from"] or reply.at or now
        records = [record_of(one, None, self._settings) for one in reply.body["Records"] if _is_in(segment, one)]
        refs = [one.id for one in records]
        if int(state["page"]) < int(reply.body.get("TotalPages") or 1):
            following = write_cursor("walk", **{**state, "page": int(state["page"]) + 1})
            return Page(refs, records, following, as_of=now, requests=1)
        whole = int(state["page"]) == 1 or not await self._somebody_left(segment, int(state["from"]))
        since = write_cursor("since", of=segment, **{"from": state["from"]})
        return Page(refs, records, complete=whole, as_of=now, since=since, requests=2)

    async def changes(self, segment: str, since: str | None) -> Page:
        """The leads that were updated: those in the status, and as gone those in another."""
        now = self._tools.clock.now()
        if since is None:
            begin = await self._must_exist(segment) or now
            return Page([], [], as_of=now, since=write_cursor("since", of=segment, **{"from": begin}), requests=1)
        state = {"page": 1, "to": 0, **_state(since, segment, "since", "changed")}
        reply = await self._updated(int(state["from"]) - self._settings.overlap, int(state["page"]))
        state["to"] = state["to"] or reply.at or now
        found = {str(one["Id"]): one for one in reply.body["Records"]}
        records = [record_of(one, None, self._settings) for one in found.values() if _is_in(segment, one)]
        refs = [one.id for one in records]
        gone = sorted(set(found) - set(refs))
        if int(state["page"]) < int(reply.body.get("TotalPages") or 1):
            following = write_cursor("changed", **{**state, "page": int(state["page"]) + 1})
            return Page(refs, records, following, as_of=now, gone=gone, requests=1)
        cursor = write_cursor("since", of=segment, **{"from": state["to"]})
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
        many = int(reply.body.get("TotalPages") or 1) > 1
        return many or any(not _is_in(segment, one) and _moved(segment, one, begin) for one in reply.body["Records"])

    async def _page(self, path: str, query: Mapping[str, Any]) -> RestReply:
        reply = await self._client.get(path, query)
        if not isinstance(reply.body, dict) or not isinstance(reply.body.get("Records"), list):
            raise Unavailable("Lead Docket answered without a list of leads", after=60)
        return reply

    async def _must_exist(self, segment: str) -> int:
        """Lead Docket's time; raises LookupError if there is no such status."""
        if all(one.id != segment for one in await self.segments()):
            raise LookupError(f"Lead Docket has no status {segment!r}")
        return (await self._client.get("/api/statuses")).at


def unwrapped(body: Any) -> Iterator[Mapping[str, Any]]:
    """The elements of a list, each perhaps wrapped as {"Data": …}, and so perhaps the list itself."""
    rows = body
    while isinstance(rows, Mapping):
        rows = next((rows[key] for key in ("Data", "Items", "Records", "Value") if key in rows), [])
    for one in rows or []:
        inner = one.get("Data", one) if isinstance(one, Mapping) else {}
        if isinstance(inner, Mapping) and "Id" in inner:
            yield inner


def _is_in(segment: str, lead: Mapping[str, Any]) -> bool:
    status, _, sub = segment.removeprefix("status:").partition("/")
    return str(lead.get("StatusId")) == status and (not sub or str(lead.get("SubStatusId")) == sub)


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
