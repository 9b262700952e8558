"""A HubSpot on loopback: contacts, lists with their join order, deals, a search index that lags, merges and deletes.

It refuses what HubSpot refuses: missing keys of a search, pages that are too large, results beyond the 10,000th, scopes
that the key lacks. Its clock stands until the test moves it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs

from fluentsd.testing import Answer, Asked, LoopbackServer

SECOND = 1_000_000
TOKEN = "pat-na1-0000"
SCOPES = frozenset(
    {
        "crm.lists.read", "crm.objects.contacts.read", "crm.objects.contacts.write", "crm.schemas.contacts.read",
        "crm.objects.deals.read", "communication_preferences.read_write",
    }
)  # fmt: skip
PROPERTIES = {
    "email": "string", "firstname": "string", "lastname": "string", "phone": "phone_number", "mobilephone": "string",
    "city": "string", "state": "string", "zip": "string", "country": "string", "hs_timezone": "enumeration",
    "hs_email_optout": "bool", "lastmodifieddate": "datetime", "hs_object_id": "number", "jobtitle": "string",
    "hs_merged_object_ids": "enumeration", "do_not_call": "bool", "company": "string", "lifecyclestage": "string",
    "hs_lead_status": "string",
}  # fmt: skip


@dataclass
class Contact:
    id: str
    properties: dict[str, str]
    modified_at: int


@dataclass
class ListOf:
    id: str
    name: str
    kind: str = "0-1"
    members: dict[str, int] = field(default_factory=dict)
    added_at: int = 0
    removed_at: int = 0


def iso(at: int) -> str:
    return datetime.fromtimestamp(at / SECOND, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def error(status: int, category: str, message: str, **more: Any) -> Answer:
    return Answer(status, {"status": "error", "category": category, "message": message, "correlationId": "c", **more})


class FakeHubspot(LoopbackServer):
    def __init__(self, now: int = 1_767_625_200 * SECOND) -> None:
        super().__init__()
        self.now, self.lag, self.most_results = now, 0, 10_000
        self.tokens, self.scopes, self.refresh_token, self.minted = {TOKEN}, set(SCOPES), "refresh-0", 0
        self.properties = dict(PROPERTIES)
        self.contacts: dict[str, Contact] = {}
        self.merged: dict[str, str] = {}
        self.lists: dict[str, ListOf] = {}
        self.deals: dict[str, dict[str, Any]] = {}
        self.objects: dict[str, dict[str, Any]] = {}
        self.unsubscribed: list[str] = []
        self.names_losers = True
        self.join_order = True
        self.next_id = 100
        self.daily_left = 249_000
        self.pipelines = [
            {"id": "default", "label": "Sales", "archived": False, "stages": [
                {"id": "new", "label": "New", "archived": False}, {"id": "won", "label": "Won", "archived": False},
            ]},
        ]  # fmt: skip

    # The account, from its own side.

    def pass_time(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)

    def contact(self, **properties: str) -> str:
        self.next_id += 1
        ref = str(self.next_id)
        self.contacts[ref] = Contact(ref, {}, self.now)
        self.edit(ref, **properties)
        return ref

    def edit(self, ref: str, **properties: str) -> None:
        one = self.contacts[ref]
        one.properties |= properties
        one.modified_at = self.now

    def new_list(self, name: str, kind: str = "0-1") -> str:
        self.next_id += 1
        self.lists[str(self.next_id)] = ListOf(str(self.next_id), name, kind)
        return str(self.next_id)

    def join(self, list_id: str, *refs: str) -> None:
        for ref in refs:
            self.lists[list_id].members[ref] = self.now
            self.lists[list_id].added_at = self.now

    def leave(self, list_id: str, *refs: str) -> None:
        for ref in refs:
            del self.lists[list_id].members[ref]
            self.lists[list_id].removed_at = self.now

    def delete(self, ref: str) -> None:
        for one in self.lists.values():
            if ref in one.members:
                self.leave(one.id, ref)
        del self.contacts[ref]

    def merge_contacts(self, loser: str, winner: str) -> None:
        for one in self.lists.values():
            if loser in one.members and winner not in one.members:
                self.join(one.id, winner)
        self.delete(loser)
        self.merged[loser] = winner
        known = self.contacts[winner].properties.get("hs_merged_object_ids", "")
        losers = ";".join(filter(None, [known, loser]))
        self.edit(winner, **({"hs_merged_object_ids": losers} if self.names_losers else {}))

    def deal(self, stage: str, *contacts: str, pipeline: str = "default") -> str:
        self.next_id += 1
        ref = str(self.next_id)
        self.deals[ref] = {"pipeline": pipeline, "dealstage": stage, "contacts": list(contacts), "at": self.now}
        return ref

    def move(self, deal: str, stage: str) -> None:
        self.deals[deal] |= {"dealstage": stage, "at": self.now}

    # HubSpot's side.

    def answer(self, request: Asked) -> Answer:
        found = self._answer(request)
        self.daily_left -= 1
        limits = {
            "X-HubSpot-RateLimit-Daily": "250000", "X-HubSpot-RateLimit-Daily-Remaining": str(self.daily_left),
            "X-HubSpot-RateLimit-Max": "100", "X-HubSpot-RateLimit-Remaining": "90",
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
        }  # fmt: skip
        if request.path.endswith("/search"):
            limits = {}
        date = format_datetime(datetime.fromtimestamp(self.now // SECOND, UTC), usegmt=True)
        return Answer(found.status, found.body, {"Date": date, **limits, **found.headers})

    def _token(self, request: Asked) -> Answer:
        form = {key: value[0] for key, value in parse_qs(request.body.decode()).items()}
        wanted = {"grant_type": "refresh_token", "client_id": "c", "client_secret": "s"}
        if form != wanted | {"refresh_token": self.refresh_token}:
            words = "missing or unknown refresh token"
            return Answer(400, {"status": "BAD_REFRESH_TOKEN", "message": words, "correlationId": "c"})
        self.minted += 1
        self.tokens = {f"access-{self.minted}"}
        body = {"token_type": "bearer", "refresh_token": self.refresh_token, "expires_in": 1800}
        return Answer(200, body | {"access_token": f"access-{self.minted}"})

    def _answer(self, request: Asked) -> Answer:
        if (request.method, request.path) == ("POST", "/oauth/v1/token"):
            return self._token(request)
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return error(401, "INVALID_AUTHENTICATION", "Authentication credentials not found or not valid.")
        for method, pattern, scope, handle in self._routes():
            if method == request.method and (match := re.fullmatch(pattern, request.path)):
                if scope and scope not in self.scopes:
                    context = {"requiredGranularScopes": [scope]}
                    errors = [{"message": "One or more of the following scopes are required.", "context": context}]
                    words = "This app hasn't been granted all required scopes to make this call."
                    return error(403, "MISSING_SCOPES", words, errors=errors)
                return handle(request, *match.groups())
        return error(404, "OBJECT_NOT_FOUND", f"no route {request.method} {request.path}")

    def _routes(self) -> list[tuple[str, str, str, Any]]:
        read, write = "crm.objects.contacts.read", "crm.objects.contacts.write"
        return [
            ("POST", r"/crm/v3/lists/search", "crm.lists.read", self._list_search),
            ("GET", r"/crm/v3/lists/(\d+)/memberships(/join-order)?", "crm.lists.read", self._members),
            ("POST", r"/crm/v3/lists/records/memberships/batch/read", "crm.lists.read", self._lists_of),
            ("POST", r"/crm/v3/objects/contacts/batch/read", read, self._read),
            ("POST", r"/crm/v3/objects/contacts/search", read, self._search_contacts),
            ("PATCH", r"/crm/v3/objects/contacts/(\d+)", write, self._update),
            ("GET", r"/crm/v3/properties/contacts", "crm.schemas.contacts.read", self._properties),
            ("GET", r"/crm/v3/pipelines/deals", "crm.objects.deals.read", self._pipelines),
            ("POST", r"/crm/v3/objects/deals/search", "crm.objects.deals.read", self._search_deals),
            ("POST", r"/crm/v4/associations/deals/contacts/batch/read", "crm.objects.deals.read", self._associations),
            ("GET", r"/account-info/v3/details", "", self._account),
            ("POST", r"/crm/v3/objects/(calls|notes|communications|emails)", write, self._create),
            ("POST", r"/crm/v3/objects/(calls|notes|communications|emails)/search", read, self._search_objects),
            ("POST", r"/communication-preferences/v4/statuses/([^/]+)/unsubscribe-all",
             "communication_preferences.read_write", self._unsubscribe),
        ]  # fmt: skip

    def _account(self, request: Asked) -> Answer:
        return Answer(200, {"portalId": 4711, "timeZone": "US/Eastern", "uiDomain": "app.hubspot.com"})

    def _list_search(self, request: Asked) -> Answer:
        body = request.json
        if not {"offset", "additionalProperties"} <= set(body) or body.get("count", 20) > 500:
            return error(400, "VALIDATION_ERROR", "offset and additionalProperties are required; count is at most 500")
        wanted = [one for one in self.lists.values() if not body.get("listIds") or one.id in body["listIds"]]
        start, end = body["offset"], body["offset"] + body.get("count", 20)
        hits = [
            {"listId": one.id, "name": one.name, "objectTypeId": one.kind, "processingType": "MANUAL",
             "additionalProperties": {
                 "hs_list_size": str(len(one.members)), "hs_last_record_added_at": str(one.added_at // 1000),
                 "hs_last_record_removed_at": str(one.removed_at // 1000)}}
            for one in wanted[start:end]
        ]  # fmt: skip
        return Answer(200, {"total": len(wanted), "offset": end, "hasMore": end < len(wanted), "lists": hits})

    def _members(self, request: Asked, ref: str, joins: str | None) -> Answer:
        limit, after = int(request.one("limit", "100")), request.one("after")
        if ref not in self.lists or (joins and not self.join_order):
            return error(404, "OBJECT_NOT_FOUND", f"List does not exist with ID {ref}.")
        if limit > 250 or (after and not re.fullmatch(r"\d+-\d+", after)):
            return error(400, "VALIDATION_ERROR", "Invalid limit or offset")
        rows = [(at if joins else 0, int(one), at) for one, at in self.lists[ref].members.items()]
        place = tuple(int(part) for part in after.split("-")) if after else (-1, -1)
        rows = sorted(row for row in rows if row[:2] > place)
        part = rows[:limit]
        results = [{"recordId": str(one), "membershipTimestamp": iso(at)} for _, one, at in part]
        paging = {"next": {"after": f"{part[-1][0]}-{part[-1][1]}", "link": "?"}} if len(rows) > limit else None
        return Answer(200, {"results": results, **({"paging": paging} if paging else {})})

    def _lists_of(self, request: Asked) -> Answer:
        results = [
            {"objectTypeId": "0-1", "recordId": one["recordId"], "recordListMemberships": [
                {"listId": int(each.id), "listVersion": 1, "firstAddedTimestamp": iso(each.members[one["recordId"]]),
                 "lastAddedTimestamp": iso(each.members[one["recordId"]])}
                for each in self.lists.values() if one["recordId"] in each.members]}
            for one in request.json["inputs"]
        ]  # fmt: skip
        return Answer(200, {"status": "COMPLETE", "results": results})

    def _resource(self, one: Contact, properties: list[str]) -> dict[str, Any]:
        own = {"lastmodifieddate": iso(one.modified_at), "hs_object_id": one.id}
        values = {name: (one.properties | own).get(name) for name in properties if name in self.properties}
        stamps = {"createdAt": iso(one.modified_at), "updatedAt": iso(one.modified_at)}
        return {"id": one.id, "properties": values, **stamps, "archived": False}

    def _read(self, request: Asked) -> Answer:
        body = request.json
        if len(body["inputs"]) > 100:
            return error(400, "VALIDATION_ERROR", "The size of inputs is at most 100")
        results, lost = [], []
        for ref in [one["id"] for one in body["inputs"]]:
            found = self.contacts.get(self.merged.get(ref, ref))
            if found:
                results.append(self._resource(found, body["properties"]))
            else:
                lost.append(ref)
        if not lost:
            return Answer(200, {"status": "COMPLETE", "results": results})
        errors = [{"status": "error", "category": "OBJECT_NOT_FOUND", "message": "Could not get some CONTACT objects",
                   "context": {"ids": lost}}]  # fmt: skip
        return Answer(207, {"status": "COMPLETE", "results": results, "numErrors": len(lost), "errors": errors})

    def _search(self, request: Asked, rows: list[dict[str, Any]]) -> Answer:
        """`rows` have `id`, and their properties under `properties`; numbers and dates are compared as numbers."""
        body = request.json
        if not {"after", "filterGroups", "limit", "properties", "sorts"} <= set(body):
            return error(400, "VALIDATION_ERROR", "Some required fields were not set")
        if body["limit"] > 200 or int(body["after"]) + body["limit"] > self.most_results:
            return error(400, "VALIDATION_ERROR", "limit is at most 200, and results at most 10,000")
        for group in body["filterGroups"]:
            rows = [row for row in rows if all(_holds(row, one) for one in group["filters"])]
        rows = sorted(rows, key=lambda row: int(row["id"]))
        start = int(body["after"])
        end = start + body["limit"]
        paging = {"paging": {"next": {"after": str(end)}}} if end < len(rows) else {}
        return Answer(200, {"total": len(rows), "results": rows[start:end], **paging})

    def _search_contacts(self, request: Asked) -> Answer:
        names = request.json.get("properties", [])
        seen = [one for one in self.contacts.values() if one.modified_at <= self.now - self.lag]
        return self._search(
            request, [self._resource(one, [*names, "lastmodifieddate", "hs_object_id"]) for one in seen]
        )

    def _search_deals(self, request: Asked) -> Answer:
        rows = [
            {"id": ref, "archived": False, "properties": {
                "pipeline": one["pipeline"], "dealstage": one["dealstage"], "hs_object_id": ref,
                "hs_lastmodifieddate": iso(one["at"])}}
            for ref, one in self.deals.items()
        ]  # fmt: skip
        return self._search(request, rows)

    def _search_objects(self, request: Asked, kind: str) -> Answer:
        rows = [
            {"id": ref, "archived": False, "properties": {
                **one["properties"], "hs_object_id": ref, "associations.contact": one["contact"]}}
            for ref, one in self.objects.items() if one["kind"] == kind
        ]  # fmt: skip
        return self._search(request, rows)

    def _associations(self, request: Asked) -> Answer:
        results = [
            {"from": {"id": one["id"]}, "to": [{"toObjectId": int(ref), "associationTypes": []} for ref in refs]}
            for one in request.json["inputs"]
            if (refs := self.deals.get(one["id"], {}).get("contacts"))
        ]  # fmt: skip
        return Answer(200, {"status": "COMPLETE", "results": results})

    def _pipelines(self, request: Asked) -> Answer:
        return Answer(200, {"results": self.pipelines})

    def _properties(self, request: Asked) -> Answer:
        results = [
            {"name": name, "label": name.title(), "type": kind, "options": [], "archived": False,
             "fieldType": "booleancheckbox" if kind == "bool" else "text", "calculated": False,
             "modificationMetadata": {"readOnlyValue": name.startswith("hs_") or name == "lastmodifieddate"}}
            for name, kind in self.properties.items()
        ]  # fmt: skip
        return Answer(200, {"results": results})

    def _update(self, request: Asked, ref: str) -> Answer:
        if ref not in self.contacts:
            return error(404, "OBJECT_NOT_FOUND", "resource not found")
        given = request.json["properties"]
        if unknown := [name for name in given if name not in self.properties]:
            return error(400, "VALIDATION_ERROR", f'Property "{unknown[0]}" does not exist')
        self.edit(ref, **given)
        return Answer(200, self._resource(self.contacts[ref], list(given)))

    def _create(self, request: Asked, kind: str) -> Answer:
        body = request.json
        [association] = body["associations"]
        numbers = {"calls": 194, "communications": 81, "emails": 198, "notes": 202}
        ref = association["to"]["id"]
        if association["types"][0]["associationTypeId"] != numbers[kind] or "hs_timestamp" not in body["properties"]:
            return error(400, "VALIDATION_ERROR", "wrong association or no timestamp")
        if ref not in self.contacts and ref not in self.merged:
            return error(404, "OBJECT_NOT_FOUND", "CONTACT is not valid")
        self.next_id += 1
        contact = self.merged.get(ref, ref)
        self.objects[str(self.next_id)] = {"kind": kind, "properties": body["properties"], "contact": contact}
        return Answer(201, {"id": str(self.next_id), "properties": body["properties"]})

    def _unsubscribe(self, request: Asked, email: str) -> Answer:
        if request.one("channel") != "EMAIL":
            return error(400, "VALIDATION_ERROR", "channel is required")
        self.unsubscribed.append(email.replace("%40", "@"))
        return Answer(200, {"status": "COMPLETE", "results": []})


def _number(value: Any) -> float | str | None:
    if value is None:
        return None
    text = str(value)
    if re.fullmatch(r"-?\d+(\.\d+)?", text):
        return float(text)
    if re.match(r"\d{4}-\d\d-\d\dT", text):
        return datetime.fromisoformat(text).timestamp() * 1000
    return text


def _holds(row: dict[str, Any], rule: dict[str, Any]) -> bool:
    have, want = _number(row["properties"].get(rule["propertyName"])), _number(rule["value"])
    if have is None:
        return False
    if rule["operator"] == "EQ":
        return have == want
    assert isinstance(have, float), rule
    assert isinstance(want, float), rule
    return {"GT": have > want, "GTE": have >= want, "LT": have < want}[rule["operator"]]
