"""What is written to a contact: "do not disturb", fields, tags of opt-outs, and a note of each activity.

Each part is written although another is refused (`WriteLedger.all_parts`). GoHighLevel has no key for "once": a note
ends with our key, by which it is found when the answer to its creation was lost.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from fluentsd.api import (
    ID,
    TEXT,
    Activity,
    Invalid,
    Maybe,
    NotFound,
    Part,
    Rejected,
    Shape,
    WriteLedger,
    activity_facts,
    activity_heading,
    written_mark,
)
from fluentsd_crm_gohighlevel.client import GohighlevelClient
from fluentsd_crm_gohighlevel.contacts import DND, USUAL, Contacts
from fluentsd_crm_gohighlevel.settings import Settings

_DND_OF = {"phone": "Call", "sms": "SMS", "email": "Email"}
_NOTES: Shape = {"notes": [{"id": ID, "body": Maybe(TEXT)}]}
_CREATED: Shape = {"note": {"id": ID}}


class Writing:
    """The writes of one location."""

    def __init__(self, client: GohighlevelClient, contacts: Contacts, settings: Settings, ledger: WriteLedger) -> None:
        self._client, self._contacts, self._settings, self._ledger = client, contacts, settings, ledger

    async def write(self, activity: Activity, key: str) -> str:
        """Write an activity once; returns the id of its note."""
        notes, urgent = f"/contacts/{activity.record}/notes", activity.kind == "opt_out"

        async def parts() -> Sequence[Part]:
            return self._parts(activity)

        async def note(in_doubt: bool) -> str:
            if in_doubt:
                for one in (await self._client.read("GET", notes, urgent=urgent, shape=_NOTES)).body["notes"]:
                    if written_mark(key) in str(one.get("body") or ""):
                        return str(one["id"])
            body = {"body": _body(activity, key)}
            reply = await self._client.write("POST", notes, body, urgent=urgent, shape=_CREATED)
            return str(reply.body["note"]["id"])

        try:
            return await self._ledger.all_parts(key, parts, note)
        except NotFound as why:
            raise Rejected(f"GoHighLevel has no such contact ({why})") from why

    def _parts(self, activity: Activity) -> list[Part]:
        """Everything but the note."""
        values, tags, found = dict(activity.fields), list[str](), list[Part]()
        if activity.kind == "opt_out":
            wanted: set[str] = set(activity.channels) or {*_DND_OF}
            everything = wanted >= {*_DND_OF}
            found.append(Part('"do not disturb"', self._disturb(activity.record, sorted(wanted), everything)))
            for rule in self._settings.opt_outs:
                if rule.channel in wanted or (rule.channel == "all" and everything):
                    value = (rule.values or ("Yes",))[0]
                    if rule.field == "tags":
                        tags.append(value)
                    else:
                        values[rule.field] = value
        if values:
            urgent = activity.kind == "opt_out"
            pieces = [Part(f"the field {name}", self._fields(activity.record, {name: values[name]}, urgent))
                      for name in values]  # fmt: skip
            whole = Part(f"the fields {', '.join(values)}", self._fields(activity.record, values, urgent), pieces)
            found.append(whole if len(pieces) > 1 else pieces[0])
        if tags:
            found.append(Part(f"the tags {', '.join(tags)}", self._tags(activity.record, tags)))
        return found

    def _disturb(self, ref: str, channels: Sequence[str], everything: bool) -> Callable[[], Awaitable[None]]:
        async def write() -> None:
            try:
                settings = (await self._contacts.fetch(ref)).get("dndSettings")
            except (NotFound, Invalid):  # the write itself tells
                settings = None
            known: dict[str, Any] = dict(settings) if isinstance(settings, Mapping) else {}
            for one in channels:
                mine = known.get(_DND_OF[one])
                if not isinstance(mine, Mapping) or mine.get("status") != "permanent":
                    known[_DND_OF[one]] = {"status": "active"}
            await self._put(ref, {"dndSettings": known} | ({"dnd": True} if everything else {}), urgent=True)

        return write

    def _fields(self, ref: str, values: Mapping[str, Any], urgent: bool) -> Callable[[], Awaitable[None]]:
        async def write() -> None:
            custom = await self._contacts.custom() if set(values) - set(USUAL) else {}
            body = {name: value for name, value in values.items() if name not in custom and name not in DND}
            own = [{"id": custom[name]["id"], "field_value": value} for name, value in values.items() if name in custom]
            if given := body | ({"customFields": own} if own else {}):
                await self._put(ref, given, urgent=urgent)

        return write

    def _tags(self, ref: str, tags: Sequence[str]) -> Callable[[], Awaitable[object]]:
        return lambda: self._client.write("POST", f"/contacts/{ref}/tags", {"tags": list(tags)}, urgent=True)

    async def _put(self, ref: str, body: Mapping[str, Any], *, urgent: bool) -> None:
        answer = (await self._client.write("PUT", f"/contacts/{ref}", body, urgent=urgent)).body
        if isinstance(answer, Mapping) and answer.get("succeded") is False:
            raise Rejected("GoHighLevel says that it changed nothing")


def _body(activity: Activity, key: str) -> str:
    lines = [activity_heading(activity), activity.summary, *activity_facts(activity)]
    return "\n".join(line for line in [*lines, activity.text[:30_000], written_mark(key)] if line)
