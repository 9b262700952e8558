"""GoHighLevel's contacts as records: fields, custom fields, and "do not disturb" as flags."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import trio

from fluentsd.api import Meaning, NotFound, Record, RestReply, SourceField, Tools
from fluentsd_crm_gohighlevel.client import GohighlevelClient
from fluentsd_crm_gohighlevel.settings import Settings

#: Contacts in one page of a search, GoHighLevel's most.
SEARCH_AT_ONCE = 500
REMEMBERED = 3600 * 1_000_000
#: The usual fields and their meanings.
USUAL: Mapping[str, Meaning] = {
    "phone": "phone", "email": "email", "firstName": "first_name", "lastName": "last_name", "name": "name",
    "timezone": "timezone", "city": "city", "state": "state", "postalCode": "zip", "country": "country",
    "companyName": "", "source": "", "type": "", "tags": "",
}  # fmt: skip
#: The flags that are made of `dnd` and `dndSettings`, with their meaning and GoHighLevel's name of the channel.
DND: Mapping[str, tuple[Meaning, str]] = {
    "dnd": ("opt_out", ""), "dnd_call": ("opt_out_phone", "Call"), "dnd_sms": ("opt_out_sms", "SMS"),
    "dnd_email": ("opt_out_email", "Email"),
}  # fmt: skip
_READ_ONLY = ("tags", "type")
_ID = re.compile(r"[A-Za-z0-9]{6,40}")


class Contacts:
    """The contacts of one location."""

    def __init__(self, client: GohighlevelClient, settings: Settings, tools: Tools) -> None:
        self._client, self._settings, self._tools = client, settings, tools
        self._custom: dict[str, dict[str, Any]] = {}
        self._read_at = -REMEMBERED

    async def custom(self, max_age: int = REMEMBERED) -> Mapping[str, Mapping[str, Any]]:
        """The custom fields of contacts by name."""
        now = self._tools.clock.now()
        if now - self._read_at > max_age or not self._read_at:
            path = f"/locations/{self._settings.location}/customFields"
            reply = await self._client.read("GET", path, query={"model": "contact"}, urgent=True)
            self._custom = {str(one["name"]): one for one in reply.body.get("customFields") or []}
            self._read_at = now
        return self._custom

    async def catalogue(self) -> list[SourceField]:
        """Standard fields, the flags of "do not disturb", custom fields, and the flags of the rules."""
        custom, rules = await self.custom(), self._settings.opt_outs
        read = {*self._settings.fields, *(rule.field for rule in rules)}
        found = [SourceField(one, one, meaning=what, writable=one not in _READ_ONLY) for one, what in USUAL.items()]
        found += [SourceField(one, one, "flag", meaning=what, writable=True) for one, (what, _) in DND.items()]
        for name, one in custom.items():
            options = tuple(str(each) for each in one.get("picklistOptions") or [])
            kind: Literal["choice", "text"] = "choice" if options else "text"
            if name not in {*USUAL, *DND}:
                found.append(SourceField(name, name, kind, options, fetched=name in read, writable=True))
        meanings = dict.fromkeys(rule.meaning for rule in rules)
        return [*found, *(SourceField(one, one, "flag", meaning=one, writable=True) for one in meanings)]

    async def record(self, contact: Mapping[str, Any]) -> Record:
        """A contact as a record."""
        custom, rules = await self.custom(), self._settings.opt_outs
        wanted = {*self._settings.fields, *(rule.field for rule in rules)}
        values = {str(one.get("id")): one.get("value") for one in contact.get("customFields") or []}
        fields: dict[str, Any] = {name: contact.get(name) for name in USUAL}
        tags = [str(one) for one in contact.get("tags") or []]
        fields["tags"] = ", ".join(tags)
        own = {name: values.get(str(one.get("id"))) for name, one in custom.items() if name in wanted}
        fields |= {name: value for name, value in own.items() if name not in {*USUAL, *DND}}
        fields |= dnd_flags(contact)
        known: dict[str, Any] = {**{name: contact.get(name) for name in USUAL}, **own, "tags": tags}
        for meaning in dict.fromkeys(rule.meaning for rule in rules):
            fields[meaning] = any(rule.holds(known.get(rule.field)) for rule in rules if rule.meaning == meaning)
        unreadable: set[Meaning] = {rule.meaning for rule in rules if rule.field not in known}
        if "dnd" not in contact and "dndSettings" not in contact:
            unreadable.add("opt_out")
        ref = str(contact["id"])
        url = f"https://app.gohighlevel.com/v2/location/{self._settings.location}/contacts/detail/{ref}"
        changed = moment(contact.get("dateUpdated"))
        return Record(ref, fields, changed, object="contact", url=url, unreadable=frozenset(unreadable))

    async def fetch(self, ref: str) -> Mapping[str, Any]:
        """One contact; raises `NotFound`. A contact of another location counts as none."""
        if not _ID.fullmatch(ref):
            raise NotFound(ref)
        contact: Mapping[str, Any] = (await self._client.read("GET", f"/contacts/{ref}", urgent=True)).body["contact"]
        if contact.get("locationId", self._settings.location) != self._settings.location or contact.get("deleted"):
            raise NotFound(ref)
        return contact

    async def refresh(self, ids: Sequence[str]) -> list[Record]:
        """The contacts with these ids: GoHighLevel has no request for several."""
        found: dict[str, Record] = {}

        async def one(ref: str) -> None:
            try:
                found[ref] = await self.record(await self.fetch(ref))
            except NotFound:
                return

        await self.custom()
        failed: list[Exception] = []

        async def guarded(ref: str) -> None:
            try:
                await one(ref)
            except Exception as why:  # noqa: BLE001 - the first error is the caller's, and not a group of them
                failed.append(why)
                nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            for ref in dict.fromkeys(ids):
                nursery.start_soon(guarded, ref)
        if failed:
            raise failed[0]
        return [found[ref] for ref in dict.fromkeys(ids) if ref in found]

    async def search(self, filters: Iterable[Mapping[str, Any]], after: Sequence[Any] | None) -> RestReply:
        """A page of the contacts that match, oldest first, after the place of an earlier page."""
        body: dict[str, Any] = {
            "locationId": self._settings.location, "pageLimit": SEARCH_AT_ONCE, "filters": list(filters),
            "sort": [{"field": "dateAdded", "direction": "asc"}],
        }  # fmt: skip
        if after is not None:
            body["searchAfter"] = list(after)
        reply = await self._client.read("POST", "/contacts/search", body=body)
        if not isinstance(reply.body, dict) or not isinstance(reply.body.get("contacts"), list):
            raise UnreadableSearch
        return reply


class UnreadableSearch(ValueError):
    """A search was answered without a list of contacts: nothing is known, and nobody has left."""


def dnd_flags(contact: Mapping[str, Any]) -> dict[str, bool]:
    """The flags: all channels by `dnd` or the inbound setting; each channel by its own, "active" or "permanent"."""
    settings, inbound = contact.get("dndSettings") or {}, contact.get("inboundDndSettings") or {}
    flags = {name: _is_on(settings.get(channel)) for name, (_, channel) in DND.items() if channel}
    return {"dnd": bool(contact.get("dnd")) or _is_on(inbound.get("all")), **flags}


def _is_on(setting: Any) -> bool:
    return str((setting or {}).get("status", "inactive")).casefold() not in ("inactive", "")


def moment(given: Any) -> int | None:
    """An instant of GoHighLevel (ISO 8601) in epoch microseconds."""
    try:
        at = datetime.fromisoformat(str(given))
    except ValueError:
        return None
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000) * 1000
