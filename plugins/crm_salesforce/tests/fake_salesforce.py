"""A Salesforce on loopback: campaigns, leads, contacts, tasks, list views, reports, a recycle bin, sessions that end.

It refuses what Salesforce refuses: hidden columns, long pages, unknown versions and locators, an ended session, a
used-up quota. Its clock stands until the test moves it.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs

from fluentsd.testing import Answer, Asked, LoopbackServer
from plugins.crm_salesforce.tests.soql import BadQuery, Query

SECOND = 1_000_000
CLIENT, SECRET = "consumer", "consumer-secret"
SYSTEM = {"Id": "id", "SystemModstamp": "datetime", "IsDeleted": "boolean"}
PERSON = SYSTEM | {
    "MasterRecordId": "reference", "FirstName": "string", "LastName": "string", "Phone": "phone",
    "MobilePhone": "phone", "Email": "email", "DoNotCall": "boolean", "HasOptedOutOfEmail": "boolean",
    "Title": "string", "No_Text__c": "boolean",
}  # fmt: skip
COLUMNS = {
    "Lead": PERSON | {"Company": "string", "City": "string", "State": "string", "PostalCode": "string",
                      "Country": "string", "IsConverted": "boolean", "ConvertedContactId": "reference",
                      "Rating": "picklist"},
    "Contact": PERSON | {"MailingCity": "string", "MailingState": "string", "MailingPostalCode": "string",
                         "MailingCountry": "string"},
    "Campaign": SYSTEM | {"Name": "string"},
    "CampaignMember": SYSTEM | {"CampaignId": "reference", "LeadId": "reference", "ContactId": "reference",
                                "CreatedDate": "datetime"},
    "Report": SYSTEM | {"Name": "string", "Format": "picklist"},
    "Task": SYSTEM | {"WhoId": "reference", "Subject": "string", "Status": "picklist", "ActivityDate": "date",
                      "Description": "textarea", "TaskSubtype": "picklist", "CallType": "picklist",
                      "CallDisposition": "string", "CallDurationInSeconds": "int", "Fluentsd_Key__c": "string"},
}  # fmt: skip
PREFIX = {"Lead": "00Q", "Contact": "003", "Campaign": "701", "CampaignMember": "00v", "Report": "00O", "Task": "00T"}
READ_ONLY = {"Id", "SystemModstamp", "IsDeleted", "MasterRecordId", "IsConverted", "ConvertedContactId"}


class FakeSalesforce(LoopbackServer):
    def __init__(self, now: int = 1_767_625_200 * SECOND) -> None:
        super().__init__()
        self.now, self.version = now, "68.0"
        self.rows: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in COLUMNS}
        self.columns = {name: dict(columns) for name, columns in COLUMNS.items()}
        self.views: dict[str, dict[str, str]] = {}
        self.reports: dict[str, dict[str, Any]] = {}
        self.sessions: set[str] = set()
        self.made = 0
        self.used, self.daily, self.page = 18, 100_000, 2000
        self.locators: dict[str, list[dict[str, Any]]] = {}
        self.next_id = 0

    # The org, from its own side.

    def pass_time(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)

    @property
    def stamp(self) -> str:
        at = datetime.fromtimestamp(self.now / SECOND, UTC)
        return f"{at:%Y-%m-%dT%H:%M:%S}.{self.now // 1000 % 1000:03d}+0000"

    def add(self, name: str, **fields: Any) -> str:
        self.next_id += 1
        ref = f"{PREFIX[name]}5g{self.next_id:010d}{'EAA' if PREFIX[name][2].isupper() else 'AAA'}"
        empty = {column: False if kind == "boolean" else None for column, kind in self.columns[name].items()}
        born = {"CreatedDate": self.stamp} if "CreatedDate" in self.columns[name] else {}
        self.rows[name][ref] = empty | {"Id": ref, "SystemModstamp": self.stamp} | born | fields
        return ref

    def edit(self, ref: str, **fields: Any) -> None:
        name = next(name for name, prefix in PREFIX.items() if ref.startswith(prefix))
        self.rows[name][ref] |= fields | {"SystemModstamp": self.stamp}

    def join(self, campaign: str, person: str) -> str:
        return self.add("CampaignMember", CampaignId=campaign, **{f"{_object(person)}Id": person})

    def delete(self, ref: str, **more: Any) -> None:
        self.edit(ref, IsDeleted=True, **more)
        for one in self.rows["CampaignMember"].values():
            if ref in (one["LeadId"], one["ContactId"]) and not one["IsDeleted"]:
                self.edit(one["Id"], IsDeleted=True)

    def leave(self, campaign: str, person: str) -> None:
        for one in list(self.rows["CampaignMember"].values()):
            if one["CampaignId"] == campaign and person in (one["LeadId"], one["ContactId"]) and not one["IsDeleted"]:
                self.edit(one["Id"], IsDeleted=True)

    def leave_for_good(self, campaign: str, person: str) -> None:
        """A membership is deleted and is not in the recycle bin."""
        self.leave(campaign, person)
        rows = self.rows["CampaignMember"]
        mine = [one for one in rows.values() if one["CampaignId"] == campaign]
        for one in mine:
            if one["IsDeleted"] and person in (one["LeadId"], one["ContactId"]):
                del rows[one["Id"]]

    def merge_people(self, loser: str, winner: str) -> None:
        campaigns = {
            one["CampaignId"] for one in self.rows["CampaignMember"].values()
            if loser in (one["LeadId"], one["ContactId"]) and not one["IsDeleted"]
        }  # fmt: skip
        self.delete(loser, MasterRecordId=winner)
        for campaign in campaigns:
            self.leave(campaign, winner)
            self.join(campaign, winner)
        self.edit(winner)

    def convert(self, lead: str) -> str:
        contact = self.add("Contact", **{key: self.rows["Lead"][lead][key] for key in ("FirstName", "Phone", "Email")})
        self.edit(lead, IsConverted=True, ConvertedContactId=contact)
        for one in list(self.rows["CampaignMember"].values()):
            if one["LeadId"] == lead:
                self.edit(one["Id"], ContactId=contact)
        return contact

    def hide(self, column: str) -> None:
        for columns in self.columns.values():
            columns.pop(column, None)

    def tasks(self) -> list[dict[str, Any]]:
        return list(self.rows["Task"].values())

    # Salesforce's side.

    def answer(self, request: Asked) -> Answer:
        found = self._answer(request)
        date = format_datetime(datetime.fromtimestamp(self.now // SECOND, UTC), usegmt=True)
        usage = {"Sforce-Limit-Info": f"api-usage={self.used}/{self.daily}"}
        return Answer(found.status, found.body, {"Date": date, **usage, **found.headers})

    def _answer(self, request: Asked) -> Answer:
        if request.path == "/services/oauth2/token":
            return self._token(request)
        self.used += 1
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.sessions:
            return _error(401, "INVALID_SESSION_ID", "Session expired or invalid")
        if self.used > self.daily:
            return _error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        base, _, path = request.path.partition(f"/services/data/v{self.version}/")
        if base or not path:
            return _error(404, "NOT_FOUND", "The requested resource does not exist")
        routes = [
            ("GET", r"limits", lambda: Answer(200, {"DailyApiRequests": {"Max": self.daily, "Remaining": 1}})),
            ("GET", r"(query|queryAll)", lambda name: self._query(request, name)),
            ("GET", r"query/([\w-]+)", self._more),
            ("GET", r"sobjects/(\w+)/describe", self._describe),
            ("GET", r"sobjects/(Lead|Contact)/listviews", self._views),
            ("GET", r"sobjects/(?:Lead|Contact)/listviews/(\w+)/describe", self._view),
            ("GET", r"analytics/reports/(\w+)", self._report),
            ("POST", r"sobjects/(Task)", lambda name: self._create(name, request.json)),
            ("PATCH", r"sobjects/Task/Fluentsd_Key__c/([\w-]+)", lambda key: self._upsert(key, request.json)),
            ("GET", r"sobjects/Task/Fluentsd_Key__c/([\w-]+)", self._by_key),
            ("PATCH", r"sobjects/(Lead|Contact)/(\w+)", lambda name, ref: self._update(name, ref, request.json)),
        ]  # fmt: skip
        for method, pattern, handle in routes:
            if method == request.method and (match := re.fullmatch(pattern, path)):
                return handle(*match.groups())
        return _error(404, "NOT_FOUND", "The requested resource does not exist")

    def _token(self, request: Asked) -> Answer:
        form = {key: values[0] for key, values in parse_qs(request.body.decode()).items()}
        if form.get("grant_type") == "client_credentials":
            if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
                return Answer(400, {"error": "invalid_client", "error_description": "invalid client credentials"})
        elif form.get("assertion", "").count(".") != 2:
            return Answer(400, {"error": "unsupported_grant_type", "error_description": "grant type not supported"})
        self.made += 1
        self.sessions.add(f"session-{self.made}")
        return Answer(200, {"access_token": f"session-{self.made}", "instance_url": self.url, "token_type": "Bearer"})

    def _query(self, request: Asked, path: str) -> Answer:
        def columns_of(name: str) -> set[str]:
            if name not in self.columns:
                raise BadQuery("INVALID_TYPE", f"sObject type '{name}' is not supported.")
            return set(self.columns[name])

        def rows_of(name: str) -> list[dict[str, Any]]:
            return [row for row in self.rows[name].values() if path == "queryAll" or not row["IsDeleted"]]

        try:
            query = Query(request.one("q"))
            found, _ = query.run(rows_of, columns_of)
        except BadQuery as why:
            return _error(400, why.code, why.words)
        if query.counts:
            return Answer(200, {"totalSize": len(found), "done": True, "records": []})
        return self._part(found, len(found))

    def _part(self, rows: list[dict[str, Any]], total: int) -> Answer:
        part, rest = rows[: self.page], rows[self.page :]
        body: dict[str, Any] = {"totalSize": total, "done": not rest, "records": part}
        if rest:
            locator = f"01g{len(self.locators)}-{self.page}"
            self.locators[locator] = rest
            body["nextRecordsUrl"] = f"/services/data/v{self.version}/query/{locator}"
        return Answer(200, body)

    def _more(self, locator: str) -> Answer:
        if locator not in self.locators:
            return _error(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._part(self.locators[locator], 0)

    def _describe(self, name: str) -> Answer:
        if name not in self.columns:
            return _error(404, "NOT_FOUND", "The requested resource does not exist")
        fields = [
            {"name": column, "label": column, "type": kind, "updateable": column not in READ_ONLY, "picklistValues": []}
            for column, kind in self.columns[name].items()
        ]  # fmt: skip
        return Answer(200, {"name": name, "createable": True, "fields": fields})

    def _views(self, name: str) -> Answer:
        mine = [{"id": ref, "label": one["label"]} for ref, one in self.views.items() if one["object"] == name]
        return Answer(200, {"done": True, "size": len(mine), "listviews": mine, "nextRecordsUrl": None})

    def _view(self, ref: str) -> Answer:
        if ref not in self.views:
            return _error(404, "NOT_FOUND", "The requested resource does not exist")
        return Answer(200, {"id": ref, "query": self.views[ref]["query"], "scope": "everything"})

    def _report(self, ref: str) -> Answer:
        if ref not in self.reports:
            return _error(404, "NOT_FOUND", "The requested resource does not exist")
        report = self.reports[ref]
        rows = [
            {"dataCells": [{"label": "1", "value": 1}, {"label": "Ann", "value": one[:15]}]} for one in report["people"]
        ]  # fmt: skip
        metadata = {"name": report["name"], "reportFormat": report.get("format", "TABULAR")}
        return Answer(200, {
            "allData": len(rows) <= 2000, "reportMetadata": metadata, "factMap": {"T!T": {"rows": rows[:2000]}},
        })  # fmt: skip

    def _create(self, name: str, body: dict[str, Any]) -> Answer:
        if unknown := set(body) - set(self.columns[name]):
            return _error(400, "INVALID_FIELD", f"No such column '{unknown.pop()}' on sobject of type {name}")
        person = self.rows[_object(body["WhoId"])].get(body["WhoId"])
        if person is None or person["IsDeleted"]:
            return _error(400, "ENTITY_IS_DELETED", "entity is deleted")
        if person.get("IsConverted"):
            return _error(400, "CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
        return Answer(201, {"id": self.add(name, **body), "success": True, "errors": []})

    def _upsert(self, key: str, body: dict[str, Any]) -> Answer:
        for one in self.tasks():
            if one["Fluentsd_Key__c"] == key:
                self.edit(one["Id"], **body)
                return Answer(204)
        return self._create("Task", body | {"Fluentsd_Key__c": key})

    def _by_key(self, key: str) -> Answer:
        return next(
            (Answer(200, one) for one in self.tasks() if one["Fluentsd_Key__c"] == key),
            _error(404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible"),
        )

    def _update(self, name: str, ref: str, body: dict[str, Any]) -> Answer:
        if ref not in self.rows[name] or self.rows[name][ref]["IsDeleted"]:
            return _error(404, "NOT_FOUND", "The requested resource does not exist")
        if unknown := set(body) - set(self.columns[name]):
            return _error(400, "INVALID_FIELD", f"No such column '{unknown.pop()}' on sobject of type {name}")
        if self.rows[name][ref].get("IsConverted"):
            return _error(400, "CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
        self.edit(ref, **body)
        return Answer(204)


def _object(ref: str) -> str:
    return next(name for name, prefix in PREFIX.items() if ref.startswith(prefix))


def _error(status: int, code: str, words: str) -> Answer:
    return Answer(status, json.loads(json.dumps([{"errorCode": code, "message": words}])))
