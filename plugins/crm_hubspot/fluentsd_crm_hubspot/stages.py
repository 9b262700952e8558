"""Stages of HubSpot's deal pipelines as segments: the contacts of the deals in a stage.

Deals are searched by stage; their contacts come by associations. Who left a stage only a walk can tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fluentsd.api import Page, Segment, Tools, count_of, read_cursor, write_cursor
from fluentsd_crm_hubspot import paths
from fluentsd_crm_hubspot.client import HubspotClient
from fluentsd_crm_hubspot.contacts import Contacts, is_missing

#: The stamp of every object that is no contact.
STAMP = "hs_lastmodifieddate"


class Stages:
    """The stages of the deal pipelines of one account."""

    def __init__(self, client: HubspotClient, contacts: Contacts, tools: Tools, overlap: int) -> None:
        self._client, self._contacts, self._tools, self._overlap = client, contacts, tools, overlap

    async def segments(self) -> list[Segment]:
        """All stages."""
        pipelines = (await self._client.get(paths.PIPELINES, shape=paths.PIPELINES_FOUND)).body["results"]
        return [
            Segment(f"stage:{one['id']}/{stage['id']}", f"{one['label']}: {stage['label']}", None, "stage")
            for one in pipelines
            if not one.get("archived")
            for stage in one.get("stages") or []
            if not stage.get("archived")
        ]

    async def walk(self, ref: str, cursor: str | None) -> Page:
        """The contacts of one page of deals."""
        now = self._tools.clock.now()
        if cursor is None:
            at = await self._must_exist(ref)
            total = await self._total(ref)
            state: dict[str, Any] = {
                "stage": ref, "last": "0", "from": at or now, "total": total, "named": 0, "unsure": False,
            }  # fmt: skip
        else:
            state = dict(read_cursor(cursor, "stage"))
            state.pop("kind")
            if state["stage"] != ref:
                raise ValueError("this cursor is one of another stage; begin again")
        deals = await self._contacts.search("deals", _in(ref), [STAMP], str(state["last"]))
        refs, all_told = await self._contacts_of([str(one["id"]) for one in deals.rows])
        state["unsure"] = bool(state.get("unsure")) or not all_told
        state["named"] = int(state.get("named", 0)) + len(deals.rows)
        if deals.last is not None:
            return Page(refs, next=write_cursor("stage", **{**state, "last": deals.last}), as_of=now, requests=2)
        since = write_cursor("since", stage=ref, total=state["total"], **{"from": state["from"]})
        whole = deals.whole and not state["unsure"] and state["named"] >= (state["total"] or 0)
        return Page(refs, complete=whole, as_of=now, since=since, requests=2)

    async def changes(self, ref: str, since: str | None) -> Page:
        """The contacts of deals that changed and are in the stage; `walk_again` when the number of deals differs."""
        now = self._tools.clock.now()
        if since is None:
            at, total = await self._must_exist(ref), await self._total(ref)
            return Page([], [], as_of=now, since=write_cursor("since", stage=ref, total=total, **{"from": at or now}))
        state = dict(read_cursor(since, "since", "changed"))
        if state.get("stage") != ref:
            raise ValueError("this cursor is one of another stage; walk it")
        again = False
        if state.pop("kind") == "since":
            at, total = await self._must_exist(ref), await self._total(ref)
            again = total != state["total"]
            state |= {"to": at or now, "total": total, "last": "0"}
        begin, end = int(state["from"]) - self._overlap, int(state["to"])
        window = [
            *_in(ref),
            {"propertyName": STAMP, "operator": "GTE", "value": str(begin // 1000)},
            {"propertyName": STAMP, "operator": "LT", "value": str(end // 1000)},
        ]
        deals = await self._contacts.search("deals", window, [STAMP], str(state["last"]))
        refs, all_told = await self._contacts_of([str(one["id"]) for one in deals.rows])
        state["unsure"] = bool(state.get("unsure")) or not all_told
        if deals.last is not None:
            following = write_cursor("changed", **{**state, "last": deals.last})
            return Page(refs, next=following, as_of=now, walk_again=again)
        begin_again = state["unsure"] or not deals.whole  # the next time begins where this one began
        mark = state["from"] if begin_again else end
        following = write_cursor("since", stage=ref, total=state["total"], **{"from": mark})
        return Page(refs, as_of=now, since=following, walk_again=again)

    async def _must_exist(self, ref: str) -> int:
        """HubSpot's time; raises LookupError if there is no such stage."""
        pipeline, _, stage = ref.partition("/")
        reply = await self._client.get(paths.PIPELINES, shape=paths.PIPELINES_FOUND)
        for one in reply.body["results"]:
            if str(one["id"]) == pipeline and any(str(each["id"]) == stage for each in one.get("stages") or []):
                return reply.at
        raise LookupError(f"HubSpot has no pipeline stage {ref}")

    async def _total(self, ref: str) -> int | None:
        body = {
            "filterGroups": [{"filters": _in(ref)}], "limit": 1, "after": "0", "properties": [STAMP],
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        }  # fmt: skip
        return count_of(
            (await self._client.ask(paths.SEARCH, body, object="deals", shape=paths.FOUND)).body.get("total")
        )

    async def _contacts_of(self, deals: Sequence[str]) -> tuple[list[str], bool]:
        """The contacts of these deals, each once, and whether HubSpot told those of all deals. A deal without contacts
        is an error "not found" of a 207; any other error hides somebody."""
        found: dict[str, None] = {}
        all_told = True
        inputs: list[dict[str, str]] = [{"id": one} for one in deals]
        while inputs:
            reply = await self._client.ask(paths.CONTACTS_OF_DEALS, {"inputs": inputs}, shape=paths.ASSOCIATED)
            all_told = all_told and all(is_missing(one) for one in reply.body.get("errors") or [])
            asked, inputs = {one.get("after") for one in inputs}, []
            for one in reply.body["results"]:
                found |= dict.fromkeys(str(each["toObjectId"]) for each in one["to"])
                following = ((one.get("paging") or {}).get("next") or {}).get("after")
                if following is not None and str(following) in asked:
                    all_told = False
                elif following is not None:
                    inputs.append({"id": str(one["from"]["id"]), "after": str(following)})
        return list(found), all_told


def _in(ref: str) -> list[Mapping[str, str]]:
    pipeline, _, stage = ref.partition("/")
    return [
        {"propertyName": "pipeline", "operator": "EQ", "value": pipeline},
        {"propertyName": "dealstage", "operator": "EQ", "value": stage},
    ]
