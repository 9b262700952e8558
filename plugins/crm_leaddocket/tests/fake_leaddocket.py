"""A Lead Docket on loopback: leads in statuses, their contacts, notes; times without a zone; a small alphabet.

It refuses a wrong key, long pages and characters outside its alphabet, and answers 429 without saying how long. It can
ignore its filters, as the real one is said to do. Its clock stands until the test moves it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from fluentsd.testing import Answer, Asked, LoopbackServer

SECOND = 1_000_000
KEY = "the-key"
ALPHABET = re.compile(r"""^[-\w\s"'=!@#%&,:;.${[(|)\]}*+?/\\]*$""", re.ASCII)


class FakeLeaddocket(LoopbackServer):
    def __init__(self, now: int = 1_767_625_200 * SECOND) -> None:
        super().__init__()
        self.now, self.ignores_filters, self.most = now, False, 500
        self.leads: dict[int, dict[str, Any]] = {}
        self.contacts: dict[int, dict[str, Any]] = {}
        self.notes: dict[int, list[dict[str, Any]]] = {}
        self.names = {1: "New", 2: "Chase", 3: "Closed"}
        self.subs = {11: (1, "Fresh"), 12: (1, "Do not contact")}
        self.tags, self.custom = {7: "DNC"}, {70: "Do not call"}
        self.calls: dict[tuple[str, str], dict[str, Any]] = {}
        self.next_id = 1000

    # The firm, from its own side.

    def pass_time(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)

    def iso(self) -> str:
        return datetime.fromtimestamp(self.now / SECOND, UTC).isoformat(timespec="milliseconds").replace("+00:00", "")

    def lead(self, status: int = 1, sub: int = 11, **contact: Any) -> str:
        self.next_id += 1
        self.contacts[self.next_id] = {
            "Id": self.next_id, "DoNotText": False, "Deceased": False, "Tags": [], "CustomFields": [], "Language": "en",
        } | contact  # fmt: skip
        lead = {"Id": self.next_id + 500_000, "ContactId": self.next_id, "FirstName": f"P{self.next_id}",
                "MobilePhone": "+14155550001", "Email": None}  # fmt: skip
        self.leads[lead["Id"]] = lead
        self.move(str(lead["Id"]), status, sub)
        return str(lead["Id"])

    def move(self, ref: str, status: int, sub: int | None = None) -> None:
        sub_name = self.subs[sub][1] if sub else None
        self.leads[int(ref)] |= {
            "StatusId": status, "StatusName": self.names[status], "SubStatusId": sub, "SubStatusName": sub_name,
            "LastStatusChangeDate": self.iso(), "LastUpdateDate": self.iso(),
        }  # fmt: skip

    def edit(self, ref: str, **fields: Any) -> None:
        self.leads[int(ref)] |= fields | {"LastUpdateDate": self.iso()}

    # Lead Docket's side.

    def answer(self, request: Asked) -> Answer:
        found = self._answer(request)
        date = format_datetime(datetime.fromtimestamp(self.now // SECOND, UTC), usegmt=True)
        return Answer(found.status, found.body, {"Date": date, **found.headers})

    def _answer(self, request: Asked) -> Answer:
        if request.headers.get("api_key") != KEY:
            return Answer(401, b"Unauthorized")
        path, found = request.path, None
        if (request.method, path) == ("GET", "/api/statuses"):
            return self._statuses()
        if (request.method, path) == ("GET", "/api/leads"):
            rows = list(self.leads.values())
            if not self.ignores_filters:
                subs = [int(one) for one in request.one("subStatusIds").split(",") if one]
                rows = [one for one in rows if str(one["StatusId"]) == request.one("status")]
                rows = [one for one in rows if not subs or one["SubStatusId"] in subs]
            return self._page(request, rows, "LastStatusChangeDate")
        if (request.method, path) == ("GET", "/api/leads/lastupdatedsince"):
            rows = [one for one in self.leads.values() if one["LastUpdateDate"] >= request.one("date")]
            return self._page(request, rows, "LastUpdateDate")
        if found := re.fullmatch(r"/api/leads/(basic|detailed)/(\d+)", path):
            lead = self.leads.get(int(found[2]))
            if set(request.query.get("flags", [])) - {"LeadNotes"}:
                return Answer(400, b"The value is not valid for flags")
            return Answer(200, self._whole(lead, request)) if lead else Answer(404, b"Not found")
        if found := re.fullmatch(r"/api/contacts/(\d+)", path):
            contact = self.contacts.get(int(found[1]))
            lead = next((one for one in self.leads.values() if str(one["ContactId"]) == found[1]), {})
            return Answer(200, self._person(lead) | contact) if contact else Answer(404, b"Not found")
        if (request.method, path) == ("GET", "/api/lookups") and request.one("type") == "Tags":
            return Answer(200, [{"Id": ref, "Name": name} for ref, name in self.tags.items()])
        if (request.method, path) == ("GET", "/api/contactcustomfields/list"):
            return Answer(200, [{"Id": ref, "FieldName": name} for ref, name in self.custom.items()])
        if request.method == "PUT" and (found := re.fullmatch(r"/api/contacts/(\d+)/tags/(\d+)", path)):
            if int(found[2]) not in self.tags:
                return Answer(400, b"Unknown tag")
            self.contacts[int(found[1])]["Tags"].append({"Id": 900, "TagText": self.tags[int(found[2])]})
            return Answer(200, b"")
        if (request.method, path) == ("PATCH", "/api/contacts/updatecustomfields"):
            return self._custom(request.json)
        if request.method == "POST" and (found := re.fullmatch(r"/api/externalcalls/(start|end)", path)):
            return self._call(found[1], request.json)
        if request.method == "POST" and (found := re.fullmatch(r"/api/leads/(\d+)/notes", path)):
            return self._note(int(found[1]), request.json)
        if request.method == "PATCH" and (found := re.fullmatch(r"/api/leads/(\d+)/status/change", path)):
            return self._change(found[1], request.json)
        return Answer(404, b"Not found")

    def _person(self, lead: dict[str, Any]) -> dict[str, Any]:
        return {name: lead.get(name) for name in ("FirstName", "LastName", "MobilePhone", "Email")}

    def _whole(self, lead: dict[str, Any], request: Asked) -> dict[str, Any]:
        """A lead that is read by itself: its status by name, its people within, nothing of the list's own."""
        notes = {"Notes": [{"Note": one["Text"], "Summary": one["Summary"]} for one in self.notes.get(lead["Id"], [])]}
        return {
            "Id": lead["Id"], "Status": lead["StatusName"], "SubStatus": lead["SubStatusName"],
            "Contact": {"Id": lead["ContactId"], **self._person(lead)},
            "PracticeArea": {"Id": 3, "Name": lead.get("CaseType")},
            "LastStatusChangeDate": lead["LastStatusChangeDate"],
            **(notes if request.query.get("flags") else {}),
        }  # fmt: skip

    def _statuses(self) -> Answer:
        rows = [
            {"Data": {"Id": ref, "StatusName": name, "IsClosed": name == "Closed", "Substatuses": [
                {"Id": sub, "SubStatusName": title} for sub, (of, title) in self.subs.items() if of == ref]}}
            for ref, name in self.names.items()
        ]  # fmt: skip
        return Answer(200, {"Data": rows, "Links": []})

    def _page(self, request: Asked, rows: list[dict[str, Any]], order: str) -> Answer:
        size, page = int(request.one("itemsPerPage", "500")), int(request.one("page", "1"))
        if size > 500:
            return Answer(400, b"itemsPerPage is at most 500")
        size = min(size, self.most)
        rows = sorted(rows, key=lambda one: (one[order], one["Id"]), reverse=request.one("sortOrder") == "Descending")
        return Answer(200, {
            "Page": page, "ItemsPerPage": size, "TotalRecordCount": len(rows), "TotalPages": -(-len(rows) // size),
            "Records": rows[(page - 1) * size : page * size],
        })  # fmt: skip

    def _note(self, ref: int, body: dict[str, Any]) -> Answer:
        if ref not in self.leads:
            return Answer(404, b"Not found")
        if not ALPHABET.match(body["Text"]) or not ALPHABET.match(body["Summary"]) or len(body["Summary"]) > 500:
            return Answer(400, b"The field Text must match the regular expression")
        self.notes.setdefault(ref, []).append({"Text": body["Text"], "Summary": body["Summary"]})
        return Answer(200, b"")

    def _custom(self, body: dict[str, Any]) -> Answer:
        for one in body["CustomFields"]:
            name = self.custom[one["CustomFieldId"]]
            kept = self.contacts[body["Id"]]["CustomFields"]
            kept[:] = [each for each in kept if each["Name"] != name]
            kept.append({"CustomFieldId": one["CustomFieldId"], "Name": name, "Value": one["CustomFieldValue"]})
        return Answer(200, b"")

    def _call(self, which: str, body: dict[str, Any]) -> Answer:
        ref = (body["ProviderName"], body["ProviderId"])
        if which == "end" and ref not in self.calls:
            return Answer(404, {"Success": False, "ErrorMessage": "Call not found"})
        if body["Direction"] not in ("Inbound", "Outbound"):
            return Answer(400, {"Success": False, "ErrorMessage": "Direction"})
        self.calls[ref] = self.calls.get(ref, {}) | body
        return Answer(200, {"Success": True, "Id": list(self.calls).index(ref) + 1})

    def _change(self, ref: str, body: dict[str, Any]) -> Answer:
        status, sub = body.get("Status"), body.get("Substatus")
        if not isinstance(status, int) or not isinstance(sub, int | None):
            return Answer(400, b"The JSON value could not be converted to System.Int32")
        if status not in self.names or (sub and self.subs.get(sub, (0,))[0] != status):
            return Answer(400, b"Unknown status")
        self.move(ref, status, sub)
        return Answer(200, b"")
