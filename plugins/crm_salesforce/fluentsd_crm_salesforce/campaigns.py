"""Salesforce's campaigns as segments.

Each membership is a row of its own, so that `changes` names who left as well: the row is in the recycle bin. One that
was deleted for good is missed by counting the older rows that are still there: a walk then tells who left.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluentsd.api import (
    ANY,
    FLAG,
    ID,
    TEXT_OR_NULL,
    NeedsHuman,
    Page,
    Segment,
    Shape,
    Tools,
    read_cursor,
    write_cursor,
)
from fluentsd_crm_salesforce.client import Refused, SalesforceClient
from fluentsd_crm_salesforce.records import OBJECTS, Records, moment
from fluentsd_crm_salesforce.windows import ROWS, SETTLED, after, literal, window

_MEMBER = "SELECT Id, LeadId, ContactId, IsDeleted, SystemModstamp FROM CampaignMember"
_NAMED: Shape = {"Id": ID, "Name": ANY}
_ROW: Shape = {"Id": ID, "LeadId": TEXT_OR_NULL, "ContactId": TEXT_OR_NULL, "IsDeleted": FLAG}


class Campaigns:
    """The campaigns of one org."""

    def __init__(self, client: SalesforceClient, records: Records, tools: Tools, overlap: int) -> None:
        self._client, self._records, self._tools, self._overlap = client, records, tools, overlap

    async def segments(self) -> list[Segment]:
        """All campaigns."""
        found: list[Segment] = []
        last = ""
        while True:
            rows = (await self._client.query(f"SELECT Id, Name FROM Campaign {after(last)}", row=_NAMED)).body
            found += [Segment(f"campaign:{row['Id']}", str(row["Name"]), None, "campaign") for row in rows]
            if len(rows) < ROWS:
                return found
            last = str(rows[-1]["Id"])

    async def walk(self, ref: str, cursor: str | None) -> Page:
        """One page of members, in the order of their membership."""
        now = self._tools.clock.now()
        if cursor is None:
            begin = await self._must_exist(ref) or now
            kept, _ = await self._kept(ref, begin)
            state: dict[str, Any] = {"of": ref, "last": "", "from": begin, "born": begin, "kept": kept, "at": begin}
        else:
            state = _state(cursor, ref, "walk")
        reply = await self._client.query(f"{_MEMBER} {after(str(state['last']), _of(ref))}", row=_ROW)
        refs = list(dict.fromkeys(one for row in reply.body if (one := _person(row))))
        if len(reply.body) >= ROWS:
            following = write_cursor("walk", **{**state, "last": reply.body[-1]["Id"]})
            return Page(refs, next=following, as_of=now, requests=1)
        since = write_cursor("since", of=ref, **_place(state, state["from"]))
        return Page(refs, complete=True, as_of=now, since=since, requests=1)

    async def changes(self, ref: str, since: str | None) -> Page:
        """Who joined and left, then the members whose own fields changed."""
        now = self._tools.clock.now()
        if since is None:
            begin = await self._must_exist(ref) or now
            kept, _ = await self._kept(ref, begin)
            place = {"from": begin, "born": begin, "kept": kept, "at": begin}
            return Page([], [], as_of=now, since=write_cursor("since", of=ref, **place), requests=2)
        state = _state(since, ref, "since", "members", *OBJECTS)
        kind = str(state.pop("phase"))
        if kind == "since":
            state = await self._begun(ref, state, now)
            kind = "members"
        begin, end = int(state["from"]) - self._overlap, int(state["to"])
        if kind == "members":
            return await self._moved(ref, state, begin, end, now)
        for name in OBJECTS:
            if kind == name:
                members = f"Id IN (SELECT {name}Id FROM CampaignMember WHERE {_of(ref)})"
                members += " AND IsConverted = false" if name == "Lead" else ""  # its row is its contact's
                rest = after(str(state["last"]), f"{window(begin, None)} AND {members}")
                try:
                    reply, described = await self._records.select(name, rest)
                except NeedsHuman as why:
                    if not why.only_this:
                        raise
                    nothing = self._following(ref, state, name, [], end)  # an object that the user may not read
                    return Page([], [], as_of=now, requests=1, **nothing)
                records = [self._records.record(name, row, described) for row in reply.body]
                following = self._following(ref, state, name, reply.body, end)
                return Page([one.id for one in records], records, as_of=now, requests=1, **following)
        raise ValueError("this cursor was never given; walk it")

    async def _begun(self, ref: str, state: dict[str, Any], now: int) -> dict[str, Any]:
        """The place of the first page of changes, with the number of older memberships that are missing."""
        before = state.get("kept")
        kept, at = await self._kept(ref, int(state["born"])) if before is not None else (None, 0)
        if not kept:  # none: the campaign itself may be gone
            at = await self._must_exist(ref)
        missing = 0 if kept is None or before is None else int(before) - kept
        end = max((at or now) - SETTLED, int(state["from"]))
        counted = {} if kept is None else {"kept": kept}
        return state | counted | {"to": end, "last": "", "missing": missing, "was": state.get("at"), "at": at or now}

    async def _moved(self, ref: str, state: dict[str, Any], begin: int, end: int, now: int) -> Page:
        # without an end: what has changed meanwhile may be named twice, and the next window begins before it
        rest = after(str(state["last"]), f"{_of(ref)} AND {window(begin, None)}")
        reply = await self._client.query(f"{_MEMBER} {rest}", deleted=True, row=_ROW)
        there = dict.fromkeys(one for row in reply.body if not row["IsDeleted"] and (one := _person(row)))
        gone = dict.fromkeys(one for row in reply.body if row["IsDeleted"] and (one := _person(row)) not in there)
        converted = {str(row["LeadId"]) for row in reply.body if row.get("LeadId") and row.get("ContactId")}
        gone |= dict.fromkeys(converted - set(there))  # the membership goes on as the contact's
        deleted = [moment(row.get("SystemModstamp")) for row in reply.body if row["IsDeleted"]]
        state["missing"] = int(state.get("missing") or 0) - sum((at or 0) >= (state.get("was") or 0) for at in deleted)
        following = self._following(ref, state, "members", reply.body, end)
        again = len(reply.body) < ROWS and state["missing"] > 0
        gone_people = [one for one in gone if one]
        return Page(list(there), gone=gone_people, as_of=now, requests=2, walk_again=again, **following)

    def _following(self, ref: str, state: Mapping[str, Any], phase: str, rows: list[Any], end: int) -> dict[str, Any]:
        """The cursor after a page of a phase: of the same phase, of the next one, or of the next changes."""
        if len(rows) >= ROWS:
            return {"next": write_cursor(phase, **{**state, "last": rows[-1]["Id"]})}
        phases = ["members", *OBJECTS]
        place = phases.index(phase) + 1
        if place < len(phases):
            return {"next": write_cursor(phases[place], **{**state, "last": ""})}
        return {"since": write_cursor("since", of=ref, **_place(state, end))}

    async def _kept(self, ref: str, before: int) -> tuple[int | None, int]:
        """How many of the memberships from before an instant are still there, and Salesforce's time; None where it does
        not count them."""
        counting = f"SELECT COUNT() FROM CampaignMember WHERE {_of(ref)} AND CreatedDate < {literal(before)}"
        try:
            reply = await self._client.count(counting)
        except Refused:
            return None, 0
        return reply.body, reply.at

    async def _must_exist(self, ref: str) -> int:
        """Salesforce's time; raises LookupError if there is no such campaign."""
        try:
            reply = await self._client.query(f"SELECT Id FROM Campaign WHERE Id = '{ref}' LIMIT 1")
        except Refused as why:
            if why.code not in ("INVALID_QUERY_FILTER_OPERATOR", "MALFORMED_ID", "INVALID_ID_FIELD"):
                raise
            raise LookupError(f"{ref!r} is not the id of a campaign") from why
        if not reply.body:
            raise LookupError(f"Salesforce has no campaign {ref}")
        return reply.at


def _place(state: Mapping[str, Any], begin: int) -> dict[str, Any]:
    """Where the next changes begin: `kept` of the memberships from before `born` were there `at` an instant."""
    return {"from": begin} | {key: state.get(key) for key in ("born", "kept", "at")}


def _of(ref: str) -> str:
    return f"CampaignId = '{ref}'"


def _person(row: Mapping[str, Any]) -> str:
    """The contact of a membership, else its lead; "" for neither (an account)."""
    return str(row.get("ContactId") or row.get("LeadId") or "")


def _state(cursor: str, ref: str, *kinds: str) -> dict[str, Any]:
    state = dict(read_cursor(cursor, *kinds))
    if state.get("of") != ref:
        raise ValueError("this cursor is one of another campaign; begin again")
    state["phase"] = state.pop("kind")
    return state
