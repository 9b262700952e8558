"""What is written to a lead: calls as external calls, all else as notes; opt-outs as tags, custom fields, sub-statuses.

Lead Docket knows an external call by its provider's name and id, so a call that is sent again is there once. It matches
the call to a lead by the number that was called. DoNotText is never written: the update of a contact empties every
field that it does not send, and the contact that can be read does not have all of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from fluentsd.api import (
    ACTIVITY_TITLES,
    Activity,
    NeedsHuman,
    NotFound,
    OptOutRule,
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
from fluentsd_crm_leaddocket.statuses import unwrapped

SUMMARY = 500
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

        async def create(in_doubt: bool) -> str:
            await self._set_status(activity)
            if activity.kind == "opt_out":
                await self._mark_contact(activity)
            if activity.kind == "call" and self._settings.calls == "calls":
                return await self._call(activity, key)
            if in_doubt and await self._is_there(activity.record, key):
                return written_mark(key)
            await self._client.write("POST", f"/api/leads/{activity.record}/notes", _note(activity, key))
            return written_mark(key)

        if not activity.record.isdecimal():
            raise Rejected(f"{activity.record!r} is not the id of a lead")
        return await self._ledger.once(key, create)

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
        answer = (await self._client.write("POST", f"/api/externalcalls/{which}", body)).body
        if isinstance(answer, Mapping) and answer.get("Success") is False:
            raise Rejected(
                f"Lead Docket refuses the call: {folded(str(answer.get('ErrorMessage') or 'no reason'))[:200]}"
            )

    async def _set_status(self, activity: Activity) -> None:
        """Set the status that the fields, or the rules of an opt-out, name."""
        fields = dict(activity.fields)
        for rule in self._rules(activity):
            if rule.field == "SubStatusName" and rule.values:
                fields |= {"Substatus": rule.values[0]}
        if strange := set(fields) - set(OF_STATUS):
            raise Rejected(f"Lead Docket takes {', '.join(OF_STATUS)}, not {', '.join(sorted(strange))}")
        if fields:
            lead = await self._lead(activity.record) if "Status" not in fields else {}
            body = {"Status": lead.get("StatusName"), **{name: folded(str(value)) for name, value in fields.items()}}
            await self._client.write("PATCH", f"/api/leads/{activity.record}/status/change", body, urgent=True)

    async def _mark_contact(self, activity: Activity) -> None:
        """Set the tags and custom fields of the contact that the rules of an opt-out name."""
        own = {"SubStatusName", "StatusName", *USUAL, *OF_CONTACT} - {"Tags"}
        rules = [rule for rule in self._rules(activity) if rule.field not in own]
        if not rules:
            return
        contact = (await self._lead(activity.record))["ContactId"]
        for rule in rules:
            if rule.field == "Tags":
                tag = (await self._known("/api/lookups", {"type": "Tags"})).get(next(iter(rule.values), "").casefold())
                if tag is not None:
                    await self._client.write("PUT", f"/api/contacts/{contact}/tags/{tag}", None, urgent=True)
            elif (field := (await self._known("/api/contactcustomfields/list")).get(rule.field.casefold())) is not None:
                value = {"CustomFieldId": field, "CustomFieldValue": next(iter(rule.values), "Yes")}
                body = {"Id": contact, "CustomFields": [value]}
                await self._client.write("PATCH", "/api/contacts/updatecustomfields", body, urgent=True)

    def _rules(self, activity: Activity) -> Iterator[OptOutRule]:
        """The rules that this opt-out makes true."""
        wanted = set(activity.channels) or EVERYTHING
        for rule in self._settings.opt_outs if activity.kind == "opt_out" else ():
            if rule.channel in wanted or (rule.channel == "all" and wanted >= EVERYTHING):
                yield rule

    async def _known(self, path: str, query: Mapping[str, Any] | None = None) -> Mapping[str, int]:
        """The ids of tags or custom fields by their names in small letters, read once."""
        if path not in self._ids:
            rows = unwrapped((await self._client.get(path, query, urgent=True)).body)
            names = ("FieldName", "TagText", "Name", "Text", "Value")
            self._ids[path] = {
                str(next((row[name] for name in names if row.get(name)), "")).casefold(): int(row["Id"]) for row in rows
            }
        return self._ids[path]

    async def _is_there(self, record: str, key: str) -> bool:
        """Whether a lead has a note with our key; if its notes cannot be read, it counts as none."""
        try:
            lead = (await self._client.get(f"/api/leads/detailed/{record}", {"flags": "Notes"})).body
        except (NotFound, NeedsHuman):
            return False
        return any(
            written_mark(key) in str(one.get("Text") or one.get("NoteText") or one) for one in lead.get("Notes") or []
        )


def _note(activity: Activity, key: str) -> dict[str, Any]:
    lines = [
        activity_heading(activity),
        activity.summary,
        *activity_facts(activity),
        activity.text,
        written_mark(key),
    ]
    summary = folded(activity.summary or ACTIVITY_TITLES[activity.kind])[:SUMMARY]
    return {"Text": folded("\n".join(line for line in lines if line)), "Summary": summary, "IsUserNote": False}


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
