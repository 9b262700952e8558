"""A GoHighLevel on loopback: contacts with tags and "do not disturb", opportunities, a search that lags, OAuth.

It refuses requests without the version header, pages that are too long, `page` beside `searchAfter`, tokens and scopes
that do not fit, and a refresh token that was used before. Its clock stands until the test moves it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs

from fluentsd.testing import Answer, Asked, LoopbackServer

SECOND = 1_000_000
TOKEN, LOCATION = "pit-0000", "loc123456"
SCOPES = {
    "contacts.readonly", "contacts.write", "locations/tags.readonly", "locations/customFields.readonly",
    "opportunities.readonly",
}  # fmt: skip


class FakeGohighlevel(LoopbackServer):
    def __init__(self, now: int = 1_767_625_200 * SECOND) -> None:
        super().__init__()
        self.now, self.lag = now, 0
        self.tokens, self.scopes, self.refresh = {TOKEN}, set(SCOPES), "refresh-0"
        self.minted = 0
        self.contacts: dict[str, dict[str, Any]] = {}
        self.seen_at: dict[str, int] = {}
        self.tags: list[str] = []
        self.notes: dict[str, dict[str, Any]] = {}
        self.custom = {"cf000001": "Case type", "cf000002": "Consent"}
        self.opportunities: dict[str, dict[str, Any]] = {}
        self.next_id, self.daily_left = 0, 199_000
        self.searched: Callable[[dict[str, Any]], dict[str, Any]] = dict  # what a search says of a contact

    # The location, from its own side.

    def pass_time(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)

    def iso(self) -> str:
        return datetime.fromtimestamp(self.now / SECOND, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def new_id(self, prefix: str) -> str:
        self.next_id += 1
        return f"{prefix}{self.next_id:08d}"

    def contact(self, *tags: str, **fields: Any) -> str:
        ref = self.new_id("ct")
        self.contacts[ref] = {
            "id": ref, "locationId": LOCATION, "tags": list(tags), "dnd": False, "dndSettings": {}, "customFields": [],
            "dateAdded": self.iso(),
        }  # fmt: skip
        self.tags += [tag for tag in tags if tag not in self.tags]
        self.edit(ref, **fields)
        return ref

    def edit(self, ref: str, **fields: Any) -> None:
        self.contacts[ref] |= fields | {"dateUpdated": self.iso()}
        self.seen_at[ref] = self.now

    def tag(self, ref: str, *tags: str) -> None:
        self.edit(ref, tags=[*self.contacts[ref]["tags"], *tags])

    def untag(self, ref: str, tag: str) -> None:
        self.edit(ref, tags=[one for one in self.contacts[ref]["tags"] if one != tag])

    def deal(self, stage: str, contact: str) -> str:
        ref = self.new_id("op")
        self.opportunities[ref] = {"id": ref, "pipelineId": "pl1", "pipelineStageId": stage, "contactId": contact,
                                   "locationId": LOCATION, "status": "open", "createdAt": self.iso()}  # fmt: skip
        return ref

    # GoHighLevel's side.

    def answer(self, request: Asked) -> Answer:
        found = self._answer(request)
        self.daily_left -= 1
        date = format_datetime(datetime.fromtimestamp(self.now // SECOND, UTC), usegmt=True)
        limits = {
            "X-RateLimit-Limit-Daily": "200000", "X-RateLimit-Daily-Remaining": str(self.daily_left),
            "X-RateLimit-Interval-Milliseconds": "10000", "X-RateLimit-Max": "100", "X-RateLimit-Remaining": "90",
        }  # fmt: skip
        return Answer(found.status, found.body, {"Date": date, **limits, **found.headers})

    def _answer(self, request: Asked) -> Answer:
        if request.path == "/oauth/token":
            return self._token(request)
        if request.headers.get("version") != "2021-07-28":
            return _error(401, "version header was not found.")
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return _error(401, "Invalid JWT")
        read, write, tags = "contacts.readonly", "contacts.write", "locations/tags.readonly"
        routes: list[tuple[str, str, str, Any]] = [
            ("POST", r"/contacts/search", read, lambda: self._search(request.json)),
            ("GET", r"/contacts/(\w+)", read, self._get),
            ("PUT", r"/contacts/(\w+)", write, lambda ref: self._put(ref, request.json)),
            ("POST", r"/contacts/(\w+)/tags", write, lambda ref: self._add_tags(ref, request.json)),
            ("GET", r"/contacts/(\w+)/notes", read, self._get_notes),
            ("POST", r"/contacts/(\w+)/notes", write, lambda ref: self._note(ref, request.json)),
            ("GET", rf"/locations/{LOCATION}/tags", tags, self._get_tags),
            ("GET", rf"/locations/{LOCATION}/customFields", "locations/customFields.readonly", self._get_custom),
            ("GET", r"/opportunities/pipelines", "opportunities.readonly", self._pipelines),
            ("GET", r"/opportunities/search", "opportunities.readonly", lambda: self._deals(request)),
        ]
        for method, pattern, scope, handle in routes:
            if method == request.method and (match := re.fullmatch(pattern, request.path)):
                if scope not in self.scopes:
                    return _error(401, "The token is not authorized for this scope.")
                found: Answer = handle(*match.groups())
                return found
        return _error(404, "Cannot find it")

    def _token(self, request: Asked) -> Answer:
        form = {key: values[0] for key, values in parse_qs(request.body.decode()).items()}
        if form.get("refresh_token") != self.refresh or form.get("grant_type") != "refresh_token":
            return _error(400, "Invalid refresh token")
        self.minted += 1
        self.refresh = f"refresh-{self.minted}"
        self.tokens.add(f"access-{self.minted}")
        return Answer(200, {"access_token": f"access-{self.minted}", "token_type": "Bearer", "expires_in": 86399,
                            "refresh_token": self.refresh, "userType": "Location", "locationId": LOCATION})  # fmt: skip

    def _search(self, body: dict[str, Any]) -> Answer:
        if not body.get("locationId") or not body.get("pageLimit"):
            return _error(422, ["locationId can't be undefined", "pageLimit can't be undefined"])
        if body["pageLimit"] > 500 or {"page", "searchAfter"} <= set(body):
            return _error(400, "pageLimit is at most 500, and page excludes searchAfter")
        rows = [one for ref, one in self.contacts.items() if self.seen_at[ref] <= self.now - self.lag]
        for rule in body.get("filters", []):
            rows = [one for one in rows if _holds(one, rule)]
        rows.sort(key=lambda one: (one["dateAdded"], one["id"]))
        after = body.get("searchAfter")
        rest = [one for one in rows if after is None or [one["dateAdded"], one["id"]] > after]
        part = [
            {**self.searched(one), "searchAfter": [one["dateAdded"], one["id"]]} for one in rest[: body["pageLimit"]]
        ]
        return Answer(200, {"contacts": part, "total": len(rows), "traceId": "t"})

    def _get(self, ref: str) -> Answer:
        if ref not in self.contacts:
            return _error(400, f"Contact with id {ref} not found")
        return Answer(200, {"contact": self.contacts[ref]})

    def _put(self, ref: str, body: dict[str, Any]) -> Answer:
        if ref not in self.contacts:
            return _error(400, f"Contact with id {ref} not found")
        custom = [{"id": one["id"], "value": one["field_value"]} for one in body.pop("customFields", [])]
        if unknown := set(body) - {"firstName", "lastName", "email", "phone", "dnd", "dndSettings", "source", "city"}:
            return _error(422, [f"property {one} should not exist" for one in unknown])
        self.edit(ref, **body, **({"customFields": custom} if custom else {}))
        return Answer(200, {"succeded": True, "contact": self.contacts[ref]})

    def _add_tags(self, ref: str, body: dict[str, Any]) -> Answer:
        self.tag(ref, *(one.lower() for one in body["tags"]))
        return Answer(201, {"tags": self.contacts[ref]["tags"]})

    def _get_notes(self, ref: str) -> Answer:
        return Answer(200, {"notes": [one for one in self.notes.values() if one["contactId"] == ref]})

    def _note(self, ref: str, body: dict[str, Any]) -> Answer:
        if ref not in self.contacts:
            return _error(400, f"Contact with id {ref} not found")
        if set(body) - {"userId", "body", "title", "color", "pinned"}:
            return _error(422, ["property should not exist"])
        note = self.new_id("nt")
        self.notes[note] = {"id": note, "contactId": ref, "body": body["body"], "dateAdded": self.iso()}
        return Answer(201, {"note": self.notes[note]})

    def _get_tags(self) -> Answer:
        rows = [{"id": f"tg{n}", "name": tag, "locationId": LOCATION} for n, tag in enumerate(self.tags)]
        return Answer(200, {"tags": rows})

    def _get_custom(self) -> Answer:
        rows = [
            {"id": ref, "name": name, "fieldKey": f"contact.{ref}", "dataType": "TEXT", "model": "contact"}
            for ref, name in self.custom.items()
        ]  # fmt: skip
        return Answer(200, {"customFields": rows})

    def _pipelines(self) -> Answer:
        stages = [{"id": "st1", "name": "New"}, {"id": "st2", "name": "Won"}]
        return Answer(200, {"pipelines": [{"id": "pl1", "name": "Sales", "stages": stages, "locationId": LOCATION}]})

    def _deals(self, request: Asked) -> Answer:
        if "location_id" not in request.query or int(request.one("limit", "20")) > 100:
            return _error(422, ["location_id can't be undefined", "limit is at most 100"])
        rows = [
            one for one in self.opportunities.values() if one["pipelineStageId"] == request.one("pipeline_stage_id")
        ]  # fmt: skip
        rest = [one for one in rows if one["id"] > request.one("startAfterId")]
        part = rest[: int(request.one("limit", "20"))]
        meta: dict[str, Any] = {"total": len(rows)}
        if part:
            meta |= {"startAfterId": part[-1]["id"], "startAfter": 1}
        return Answer(200, {"opportunities": part, "meta": meta})


def _holds(one: dict[str, Any], rule: dict[str, Any]) -> bool:
    have, value = one.get(rule["field"]), rule.get("value")
    if rule["operator"] == "contains":
        if re.search(r"[^A-Za-z0-9 _-]", value):  # "no special characters"
            return False
        return any(value in each for each in have) if isinstance(have, list) else value in str(have)
    if rule["operator"] == "range":
        return str(have) >= value["gte"]
    is_it = value in have if isinstance(have, list) else have == value
    return {"eq": is_it, "not_eq": not is_it}[rule["operator"]]


def _error(status: int, message: Any) -> Answer:
    return Answer(status, {"statusCode": status, "message": message, "error": "Error"})
