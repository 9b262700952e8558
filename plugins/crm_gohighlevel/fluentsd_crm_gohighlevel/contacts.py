"""GoHighLevel's contacts as records: fields, custom fields, and "do not disturb" as flags."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal

import trio

from fluentsd.api import (
    ANY,
    ID,
    TEXT,
    Invalid,
    Malformed,
    Maybe,
    Meaning,
    NeedsHuman,
    NotFound,
    Record,
    RestReply,
    Shape,
    SourceField,
    Tools,
    says_yes,
)
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
#: The documented form of a contact; what is read of "do not disturb" is judged by `dnd_of`.
CONTACT: Mapping[str, Shape] = {
    "id": ID,
    "tags": Maybe([TEXT]),
    "customFields": Maybe([{"id": ID, "value": Maybe(ANY)}]),
}
_FOUND: Shape = {"contacts": [{**CONTACT, "searchAfter": Maybe([ANY])}]}
_CUSTOM: Shape = {"customFields": [{"id": ID, "name": TEXT, "picklistOptions": Maybe([ANY])}]}
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
            reply = await self._client.read("GET", path, query={"model": "contact"}, urgent=True, shape=_CUSTOM)
            self._custom = {str(one["name"]): one for one in reply.body["customFields"]}
            self._read_at = now
        return self._custom

    async def _readable_custom(self) -> Mapping[str, Mapping[str, Any]]:
        """The custom fields, or none without their scope: then the opt-outs that they say count as unreadable."""
        try:
            return await self.custom()
        except NeedsHuman as why:
            if not why.only_this:
                raise
            self._custom, self._read_at = {}, self._tools.clock.now()
            return self._custom

    async def catalogue(self) -> list[SourceField]:
        """Standard fields, the flags of "do not disturb", custom fields, and the flags of the rules."""
        custom, rules = await self._readable_custom(), self._settings.opt_outs
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

    async def found(self, contact: Mapping[str, Any]) -> Record:
        """A contact that a search has found. Channels of which the search says nothing count as unread."""
        record = await self.record(contact)
        if contact.get("dndSettings") is not None:
            return record
        silent = {meaning for name, (meaning, channel) in DND.items() if channel and not record.fields[name]}
        return replace(record, unreadable=record.unreadable | silent)

    async def record(self, contact: Mapping[str, Any]) -> Record:
        """A contact as a record."""
        custom, rules = await self._readable_custom(), self._settings.opt_outs
        wanted = {*self._settings.fields, *(rule.field for rule in rules)}
        values = {str(one.get("id")): one.get("value") for one in contact.get("customFields") or []}
        fields: dict[str, Any] = {name: contact.get(name) for name in USUAL}
        tags = [str(one) for one in contact.get("tags") or []]
        fields["tags"] = ", ".join(tags)
        own = {name: values.get(str(one.get("id"))) for name, one in custom.items() if name in wanted}
        fields |= {name: value for name, value in own.items() if name not in {*USUAL, *DND}}
        flags, unknown = dnd_of(contact)
        fields |= flags
        known: dict[str, Any] = {**{name: contact.get(name) for name in USUAL}, **own, "tags": tags}
        for meaning in dict.fromkeys(rule.meaning for rule in rules):
            fields[meaning] = any(rule.holds(known.get(rule.field)) for rule in rules if rule.meaning == meaning)
        unreadable: set[Meaning] = unknown | {rule.meaning for rule in rules if rule.field not in known}
        ref = str(contact["id"])
        url = f"https://app.gohighlevel.com/v2/location/{self._settings.location}/contacts/detail/{ref}"
        changed = moment(contact.get("dateUpdated"))
        return Record(ref, fields, changed, object="contact", url=url, unreadable=frozenset(unreadable))

    async def fetch(self, ref: str) -> Mapping[str, Any]:
        """One contact; raises `NotFound`. A contact of another location counts as none."""
        if not _ID.fullmatch(ref):
            raise NotFound(ref)
        shape: Shape = {"contact": CONTACT}
        reply = await self._client.read("GET", f"/contacts/{ref}", urgent=True, shape=shape)
        contact: Mapping[str, Any] = reply.body["contact"]
        of = contact.get("locationId")
        if (isinstance(of, str) and of != self._settings.location) or contact.get("deleted") is True:
            raise NotFound(ref)
        return contact

    async def refresh(self, ids: Sequence[str]) -> list[Record]:
        """The contacts with these ids: GoHighLevel has no request for several. One that it does not tell is unread;
        when it tells none at all, the fault is not of the contacts."""
        found: dict[str, Record] = {}
        faults: list[Malformed] = []
        failed: list[Exception] = []

        async def one(ref: str) -> None:
            try:
                found[ref] = await self.record(await self.fetch(ref))
            except NotFound:
                return
            except Invalid:
                found[ref] = Record.not_read(ref)
            except Malformed as why:
                faults.append(why)
                found[ref] = Record.not_read(ref)
            except Exception as why:  # noqa: BLE001 - the first error is the caller's, and not a group of them
                failed.append(why)
                nursery.cancel_scope.cancel()

        await self._readable_custom()
        async with trio.open_nursery() as nursery:
            for ref in dict.fromkeys(ids):
                nursery.start_soon(one, ref)
        if failed or (faults and len(faults) == len(found)):
            raise [*failed, *faults][0]
        return [found[ref] for ref in dict.fromkeys(ids) if ref in found]

    async def search(self, filters: Iterable[Mapping[str, Any]], after: Sequence[Any] | None) -> RestReply:
        """A page of the contacts that match, oldest first, after the place of an earlier page."""
        body: dict[str, Any] = {
            "locationId": self._settings.location, "pageLimit": SEARCH_AT_ONCE, "filters": list(filters),
            "sort": [{"field": "dateAdded", "direction": "asc"}],
        }  # fmt: skip
        if after is not None:
            body["searchAfter"] = list(after)
        return await self._client.read("POST", "/contacts/search", body=body, shape=_FOUND)


def dnd_of(contact: Mapping[str, Any]) -> tuple[dict[str, bool | None], set[Meaning]]:
    """The flags of "do not disturb", and the opt-outs of which the contact says nothing: all channels by `dnd` or the
    inbound setting, each channel by its own, e-mail also by `unsubscribeEmail`. Null is nothing said, as if it were
    missing."""
    settings, dnd = contact.get("dndSettings"), contact.get("dnd")
    known = isinstance(settings, Mapping)
    flags: dict[str, bool | None] = {}
    unknown: set[Meaning] = set()
    for name, (meaning, channel) in DND.items():
        if channel:
            one = settings.get(channel) if isinstance(settings, Mapping) else None
            flags[name] = False if one is None and (known or settings is None) else _is_on(one)
            unknown |= {meaning} if flags[name] is None else set()
    if says_yes(contact.get("unsubscribeEmail")):  # the person followed the unsubscribe link of an e-mail
        flags["dnd_email"] = True
        unknown.discard("opt_out_email")
    inbound = contact.get("inboundDndSettings")
    everything = _is_on(inbound["all"]) if isinstance(inbound, Mapping) and inbound.get("all") is not None else False
    flags["dnd"] = says_yes(dnd) or everything
    if not flags["dnd"] and (everything is None or (dnd is None and not known)):
        unknown.add("opt_out")
    return flags, unknown


def _is_on(setting: Any) -> bool | None:
    """Whether a channel's setting stops it: "active" and "permanent" do, "inactive" does not. Another word stops it
    too, so that a doubt never leads to a contact; None for a setting without a status."""
    status = setting.get("status") if isinstance(setting, Mapping) else setting
    if status is None or status == "":
        return None
    return status if isinstance(status, bool) else str(status).strip().casefold() != "inactive"


def moment(given: Any) -> int | None:
    """An instant of GoHighLevel (ISO 8601) in epoch microseconds."""
    try:
        at = datetime.fromisoformat(str(given))
    except ValueError:
        return None
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000) * 1000
