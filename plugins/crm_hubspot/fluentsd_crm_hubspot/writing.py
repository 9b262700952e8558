"""Writes activities as HubSpot's calls, communications, e-mails and notes, and opt-outs to the mapped properties.

HubSpot has no key for "once", so ids are remembered in a ledger; each text ends with our key, by which an activity is
found when the answer to its creation was lost.
"""

from __future__ import annotations

import html
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from fluentsd.api import (
    Activity,
    OptOutRule,
    Part,
    Rejected,
    WriteLedger,
    activity_facts,
    written_mark,
)
from fluentsd_crm_hubspot import paths
from fluentsd_crm_hubspot.client import HubspotClient
from fluentsd_crm_hubspot.contacts import Contacts

Kind = Literal["calls", "communications", "emails", "notes"]
#: The object of each kind of activity, the property of its text, and HubSpot's number for "belongs to the contact".
_OBJECTS: Mapping[str, tuple[Kind, str, int]] = {
    "call": ("calls", "hs_call_body", 194), "sms": ("communications", "hs_communication_body", 81),
    "email": ("emails", "hs_email_text", 198), "note": ("notes", "hs_note_body", 202),
    "opt_out": ("notes", "hs_note_body", 202),
}  # fmt: skip
#: HubSpot's own dispositions of calls, the same in every account.
_DISPOSITIONS = {
    "answered": "f240bbac-87c9-4f6e-bf70-924b57d47db7", "voicemail": "b2cf5968-551e-4856-9783-52b3da59a7d0",
    "no_answer": "73a0d17f-1163-4015-bdd5-ec830791da20", "busy": "9d9162e7-6cf3-4944-bf63-4dff82258764",
}  # fmt: skip
_STATUSES = {"no_answer": "NO_ANSWER", "busy": "BUSY", "failed": "FAILED"}
#: HubSpot's longest texts.
LONGEST = 65_000


class Writing:
    """The writes of one account."""

    def __init__(self, client: HubspotClient, contacts: Contacts, ledger: WriteLedger) -> None:
        self._client, self._contacts, self._ledger = client, contacts, ledger

    async def write(self, activity: Activity, key: str, rules: tuple[OptOutRule, ...]) -> str:
        """Write an activity once; returns its id."""

        async def parts() -> Sequence[Part]:
            return self._parts(activity, rules)

        async def create(in_doubt: bool) -> str:
            found = await self._find(activity, key) if in_doubt else None
            return found or await self._create(activity, key)

        return await self._ledger.all_parts(key, parts, create)

    def _parts(self, activity: Activity, rules: tuple[OptOutRule, ...]) -> list[Part]:
        """The properties that are set, together and one by one, and for an opt-out the unsubscribing."""
        fields = {**dict(activity.fields), **_opt_out_values(activity, rules)}
        pieces = [Part(f"the property {name}", self._update(activity, {name: value})) for name, value in fields.items()]
        found = pieces
        if len(pieces) > 1:
            found = [Part(f"the properties {', '.join(fields)}", self._update(activity, fields), pieces)]
        if activity.kind == "opt_out" and (not activity.channels or "email" in activity.channels):
            found = [*found, Part("unsubscribing from e-mail", lambda: self._unsubscribe(activity.record))]
        return found

    def _update(self, activity: Activity, fields: Mapping[str, Any]) -> Callable[[], Awaitable[object]]:
        body = {"properties": {name: _text(value) for name, value in fields.items()}}
        urgent = activity.kind == "opt_out"
        return lambda: self._client.write(
            "PATCH", paths.UPDATE, body, object="contacts", id=activity.record, urgent=urgent
        )

    async def _create(self, activity: Activity, key: str) -> str:
        kind, body_name, association = _OBJECTS[activity.kind]
        types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": association}]
        body = {
            "properties": {**_properties(activity), body_name: _body(activity, key)},
            "associations": [{"to": {"id": activity.record}, "types": types}],
        }
        urgent = activity.kind == "opt_out"
        reply = await self._client.write("POST", paths.CREATE, body, object=kind, urgent=urgent, shape=paths.CREATED)
        return str(reply.body["id"])

    async def _find(self, activity: Activity, key: str) -> str | None:
        """The id of an activity with our key, if HubSpot has one."""
        kind, body_name, _ = _OBJECTS[activity.kind]
        filters = [
            {"propertyName": "associations.contact", "operator": "EQ", "value": activity.record},
            {"propertyName": "hs_timestamp", "operator": "EQ", "value": str(activity.at // 1000)},
        ]
        last: str | None = "0"
        while last is not None:
            found = await self._contacts.search(kind, filters, [body_name], last, urgent=activity.kind == "opt_out")
            last = found.last
            for one in found.rows:
                body = (one.get("properties") or {}).get(body_name)
                if body is None or written_mark(key) in str(body):  # an e-mail's text may be hidden from the key
                    return str(one["id"])
        return None

    async def _unsubscribe(self, record: str) -> None:
        """Unsubscribe the contact from all e-mails; one who has unsubscribed already stays so."""
        found = await self._contacts.refresh([record])
        if any(one.unread for one in found):
            raise Rejected("the contact's e-mail address cannot be read")
        email = found[0].fields.get("email") if found else None
        if not email or found[0].fields.get("hs_email_optout") is True:
            return
        try:
            await self._client.write(
                "POST", paths.UNSUBSCRIBE, None, {"channel": "EMAIL"}, urgent=True, email=str(email)
            )
        except Rejected as why:
            if "already" not in str(why):
                raise


def _properties(activity: Activity) -> dict[str, Any]:
    at = datetime.fromtimestamp(activity.at / 1_000_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    out = activity.direction == "out"
    found: dict[str, Any] = {"hs_timestamp": at}
    if activity.kind == "call":
        ours, theirs = activity.sender, activity.address
        found |= {
            "hs_call_title": activity.summary[:500] or "Call",
            "hs_call_direction": "OUTBOUND" if out else "INBOUND",
            "hs_call_status": _STATUSES.get(activity.outcome, "COMPLETED"),
            "hs_call_disposition": _DISPOSITIONS.get(activity.outcome),
            "hs_call_duration": None if activity.duration_s is None else str(activity.duration_s * 1000),
            "hs_call_from_number": ours if out else theirs,
            "hs_call_to_number": theirs if out else ours,
            "hs_call_recording_url": activity.recording if activity.recording.startswith("https://") else None,
        }
    elif activity.kind == "sms":
        found |= {"hs_communication_channel_type": "SMS", "hs_communication_logged_from": "CRM"}
    elif activity.kind == "email":
        found |= {
            "hs_email_direction": "EMAIL" if out else "INCOMING_EMAIL",
            "hs_email_status": "BOUNCED" if activity.outcome == "bounced" else "SENT",
            "hs_email_subject": activity.summary[:500],
        }
    return {name: value for name, value in found.items() if value not in (None, "")}


def _body(activity: Activity, key: str) -> str:
    """The text of an activity, with our key at its end. HubSpot shows all but an e-mail's as HTML: line feeds would be
    lost, and so would words that look like a tag."""
    lines = [activity.summary] if activity.kind in ("note", "opt_out", "sms") else []
    lines += activity_facts(activity, leave_out=("Seconds", "From"))
    text = "\n".join(line for line in [*lines, activity.text] if line)
    if activity.kind == "email":
        return f"{text[:LONGEST]}\n{written_mark(key)}"
    shown = _as_html(text)
    while len(shown) > LONGEST:
        text = text[: -max(1, (len(shown) - LONGEST) // 5)]  # a character is at most five in HTML
        shown = _as_html(text)
    return f"{shown}<br>{written_mark(key)}"


def _as_html(text: str) -> str:
    return html.escape(text, quote=False).replace("\n", "<br>")


def _opt_out_values(activity: Activity, rules: tuple[OptOutRule, ...]) -> dict[str, str]:
    """The properties that an opt-out sets: those of its channels, and of all channels together only if it is so."""
    if activity.kind != "opt_out":
        return {}
    wanted: set[str] = set(activity.channels) or {"all", "phone", "sms", "email"}
    if wanted >= {"phone", "sms", "email"}:
        wanted.add("all")
    return {rule.field: rule.values[0] if rule.values else "true" for rule in rules if rule.channel in wanted}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
