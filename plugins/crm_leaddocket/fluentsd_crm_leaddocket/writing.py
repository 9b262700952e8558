"""What is written to a lead: calls as external calls, all else as notes; opt-outs as tags, custom fields, sub-statuses.

A status is changed by the ids of status and sub-status; people name them.

Lead Docket knows an external call by its provider's name and id, so a call that is sent again is there once. It matches
the call to a lead by the number that was called. DoNotText is never written: the update of a contact empties every
field that it does not send, and the contact that can be read does not have all of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from fluentsd.api import (
    ACTIVITY_TITLES,
    Activity,
    NeedsHuman,
    NotFound,
    OptOutRule,
    Part,
    Rejected,
    WriteLedger,
    activity_facts,
    activity_heading,
    written_id,
    written_mark,
)
from fluentsd_crm_leaddocket.client import LeaddocketClient
from fluentsd_crm_leaddocket.leads import OF_CONTACT, OF_STATUS, USUAL, folded
from fluentsd_crm_leaddocket.settings import Settings
from fluentsd_crm_leaddocket.statuses import named, substatuses, unwrapped

SUMMARY, REASON = 500, 200
#: Characters of a transcript; Lead Docket takes 5 MB.
TRANSCRIPT = 4_000_000
PROVIDER = "fluentsd"
EVERYTHING = frozenset({"phone", "sms", "email"})
_CALL_STATES = {"busy": "busy", "no_answer": "no-answer", "failed": "failed"}


class Writing:
    """The writes of one firm. `lead` reads a lead by its id."""

    def __init__(
        self,
        client: LeaddocketClient,
        settings: Settings,
        ledger: WriteLedger,
        lead: Callable[[str], Awaitable[Mapping[str, Any]]],
    ) -> None:
        self._client, self._settings, self._ledger, self._lead = client, settings, ledger, lead
        self._ids: dict[str, dict[str, int]] = {}

    async def write(self, activity: Activity, key: str) -> str:
        """Write an activity once; `fields` may set Status, Substatus and SubstatusReason."""

        async def parts() -> Sequence[Part]:
            return self._parts(activity)

        async def note(in_doubt: bool) -> str:
            refused = ""
            if activity.kind == "call" and self._settings.calls == "calls":
                try:
                    return await self._call(activity, key)
                except (Rejected, NeedsHuman) as why:
                    refused = f"Not recorded as a call: {why}"
            if in_doubt and await self._is_there(activity.record, key):
                return written_mark(key)
            body = _note(activity, key, refused)
            await self._client.change("POST", f"/api/leads/{activity.record}/notes", body)
            return written_mark(key)

        if not activity.record.isdecimal():
            raise Rejected(f"{activity.record!r} is not the id of a lead")
        try:
            return await self._ledger.all_parts(key, parts, note)
        except NotFound as why:
            raise Rejected(f"Lead Docket has no such lead ({why})") from why

    def _parts(self, activity: Activity) -> list[Part]:
        """Everything but the call or note: the status, and for an opt-out the tags and custom fields of its rules."""
        fields, found = dict(activity.fields), list[Part]()
        own = {"SubStatusName", "StatusName", *USUAL, *OF_CONTACT} - {"Tags"}
        for rule in self._rules(activity):
            value = next(iter(rule.values), "")
            if rule.field == "SubStatusName" and value:
                fields |= {"Substatus": value}
            elif rule.field == "Tags":
                found.append(Part(f"the tag {value}", self._tag(activity.record, value)))
            elif rule.field not in own:
                name = f"the custom field {rule.field}"
                found.append(Part(name, self._custom(activity.record, rule.field, value or "Yes")))
        if fields:
            found.insert(0, Part(f"the status ({', '.join(fields)})", self._status(activity.record, fields)))
        return found

    async def _call(self, activity: Activity, key: str) -> str:
        began = datetime.fromtimestamp(activity.at / 1_000_000, UTC)
        start = {
            "ProviderName": PROVIDER, "ProviderId": written_id(key), "Direction": "Outbound",
            "StartCallDTM": _iso(began),
            "CallerNumber": activity.sender or None, "CalleeNumber": activity.address or None,
        }  # fmt: skip
        if activity.direction == "in":
            numbers = {"CallerNumber": start["CalleeNumber"], "CalleeNumber": start["CallerNumber"]}
            start |= numbers | {"Direction": "Inbound"}
        state = _CALL_STATES.get(activity.outcome, "completed")
        end = start | {
            "CallStatus": state, "EndCallDTM": _iso(began + timedelta(seconds=activity.duration_s or 0)),
            "DurationSeconds": activity.duration_s or 0, "RecordingUrl": activity.recording or None,
            "TranscriptionText": folded(activity.text)[:TRANSCRIPT] or None,
            "CallSummary": folded(activity.summary) or None,
        }  # fmt: skip
        await self._event("start", start | {"CallStatus": "initiated"})
        await self._event("end", end)
        return f"{PROVIDER}:{written_id(key)}"

    async def _event(self, which: str, body: Mapping[str, Any]) -> None:
        await self._client.change("POST", f"/api/externalcalls/{which}", body)

    def _status(self, ref: str, fields: Mapping[str, Any]) -> Callable[[], Awaitable[None]]:
        async def write() -> None:
            if strange := set(fields) - set(OF_STATUS):
                raise Rejected(f"Lead Docket takes {', '.join(OF_STATUS)}, not {', '.join(sorted(strange))}")
            lead = await self._existing(ref) if "Status" not in fields else {}
            wanted = str(fields.get("Status") or lead.get("StatusName") or "")
            status, subs = _chosen(await self._statuses(), wanted, f"Lead Docket has no status {wanted!r}")
            body: dict[str, Any] = {"Status": status}
            if sub := str(fields.get("Substatus") or ""):
                missing = f"Lead Docket's status {wanted!r} has no sub-status {sub!r}"
                body["Substatus"], _ = _chosen({name: (one, {}) for name, one in subs.items()}, sub, missing)
            if reason := folded(str(fields.get("SubstatusReason") or "")):
                body["SubstatusReason"] = reason[:REASON]
            await self._client.change("PATCH", f"/api/leads/{ref}/status/change", body, urgent=True)

        return write

    def _tag(self, ref: str, name: str) -> Callable[[], Awaitable[None]]:
        async def write() -> None:
            tag = (await self._known("/api/lookups", {"type": "Tags"})).get(name.casefold())
            if tag is None:
                self._ids.clear()  # the next try reads them again
                raise Rejected(f"Lead Docket has no tag {name!r}; create it, or correct opt_out")
            await self._client.change("PUT", f"/api/contacts/{await self._contact(ref)}/tags/{tag}", None, urgent=True)

        return write

    def _custom(self, ref: str, name: str, value: str) -> Callable[[], Awaitable[None]]:
        async def write() -> None:
            field = (await self._known("/api/contactcustomfields/list")).get(name.casefold())
            if field is None:
                self._ids.clear()
                raise Rejected(f"Lead Docket has no custom field {name!r}; create it, or correct opt_out")
            given = {"CustomFieldId": field, "CustomFieldValue": value}
            body = {"Id": await self._contact(ref), "CustomFields": [given]}
            await self._client.change("PATCH", "/api/contacts/updatecustomfields", body, urgent=True)

        return write

    async def _existing(self, ref: str) -> Mapping[str, Any]:
        """A lead; `Rejected` when there is none."""
        try:
            return await self._lead(ref)
        except NotFound as why:
            raise Rejected(f"Lead Docket has no such lead ({why})") from why

    async def _contact(self, ref: str) -> Any:
        """The id of a lead's contact; `Rejected` when it has none."""
        lead = await self._existing(ref)
        if not lead.get("ContactId"):
            raise Rejected("the lead has no contact")
        return lead["ContactId"]

    def _rules(self, activity: Activity) -> Iterator[OptOutRule]:
        """The rules that this opt-out makes true."""
        wanted = set(activity.channels) or EVERYTHING
        for rule in self._settings.opt_outs if activity.kind == "opt_out" else ():
            if rule.channel in wanted or (rule.channel == "all" and wanted >= EVERYTHING):
                yield rule

    async def _statuses(self) -> Mapping[str, tuple[int, Mapping[str, int]]]:
        """The ids of statuses by their names in small letters, each with those of its sub-statuses."""
        call = "GET /api/statuses"
        rows = unwrapped((await self._client.get("/api/statuses", urgent=True)).body, call)
        return {
            named(one): (int(one["Id"]), {named(sub): int(sub["Id"]) for sub in unwrapped(substatuses(one), call)})
            for one in rows
        }

    async def _known(self, path: str, query: Mapping[str, Any] | None = None) -> Mapping[str, int]:
        """The ids of tags or custom fields by their names in small letters, read once."""
        if path not in self._ids:
            rows = unwrapped((await self._client.get(path, query, urgent=True)).body, f"GET {path}")
            names = ("FieldName", "TagText", "Name", "Text", "Value")
            self._ids[path] = {
                str(next((row[name] for name in names if row.get(name)), "")).casefold(): int(row["Id"]) for row in rows
            }
        return self._ids[path]

    async def _is_there(self, record: str, key: str) -> bool:
        """Whether a lead has a note with our key; if its notes cannot be read, it counts as none."""
        try:
            lead = (await self._client.get(f"/api/leads/detailed/{record}", {"flags": "LeadNotes"})).body
        except (NotFound, NeedsHuman):
            return False
        notes = lead.get("Notes") if isinstance(lead, Mapping) else None
        return any(written_mark(key) in str(one) for one in notes or [])


def _chosen(
    known: Mapping[str, tuple[int, Mapping[str, int]]], wanted: str, missing: str
) -> tuple[int, Mapping[str, int]]:
    """The entry with this name or id; raises `Rejected`."""
    by_id = {str(one[0]): one for one in known.values()}
    found = known.get(wanted.strip().casefold()) or by_id.get(wanted.strip())
    if found is None:
        raise Rejected(f"{missing}; create it, or correct the name")
    return found


def _note(activity: Activity, key: str, refused: str = "") -> dict[str, Any]:
    lines = [
        activity_heading(activity),
        activity.summary,
        *activity_facts(activity),
        activity.text,
        refused,
        written_mark(key),
    ]
    summary = folded(activity.summary or ACTIVITY_TITLES[activity.kind])[:SUMMARY]
    return {"Text": folded("\n".join(line for line in lines if line)), "Summary": summary, "IsUserNote": False}


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
