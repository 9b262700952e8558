"""Reads contacts: by id with merges resolved, and those that changed in a window of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fluentsd.api import NeedsHuman, NotFound, Record, Tools, without_personal_data
from fluentsd_crm_hubspot import paths
from fluentsd_crm_hubspot.client import HubspotClient
from fluentsd_crm_hubspot.properties import STAMP, Catalogue
from fluentsd_crm_hubspot.settings import Settings

#: How long the catalogue and the account's address are remembered, and after how long a missing property is looked
#: up again, in microseconds.
REMEMBERED, DOUBTED = 3600 * 1_000_000, 60 * 1_000_000


class Contacts:
    """The contacts of one account."""

    def __init__(self, client: HubspotClient, settings: Settings, tools: Tools) -> None:
        self._client, self._settings, self._tools = client, settings, tools
        self._catalogue: Catalogue | None = None
        self._read_at = 0
        self._address: str | None = None

    async def catalogue(self, max_age: int = REMEMBERED) -> Catalogue:
        """The properties, at most `max_age` microseconds old."""
        now = self._tools.clock.now()
        if self._catalogue is None or now - self._read_at > max_age:
            reply = await self._client.get(paths.PROPERTIES, urgent=True)
            self._catalogue = Catalogue(reply.body["results"], self._settings.fields, self._settings.opt_outs)
            self._read_at = now
        return self._catalogue

    async def record(self, contact: Mapping[str, Any], asked: Sequence[str] = ()) -> Record:
        """A contact of HubSpot as a record. A property that is missing in the answer may be hidden since; the
        catalogue then tells."""
        catalogue = await self.catalogue()
        if not set(catalogue.read) <= set(contact.get("properties") or {}):
            catalogue = await self.catalogue(DOUBTED)
        return catalogue.record(contact, await self._contact_address(), asked)

    async def refresh(self, ids: Sequence[str]) -> list[Record]:
        """The contacts with these ids; a merged one as its winner, with the asked id among its aliases."""
        wanted = [one for one in dict.fromkeys(ids) if one.isdecimal()]
        found, aliases = await self._read(wanted)
        explained = {alias for record in found.values() for alias in record.aliases}
        lost = [one for one in wanted if one not in found and one not in explained]
        if aliases and lost:
            for one in lost:  # somebody was merged, and the winner does not say with whom
                single, _ = await self._read([one])
                for ref, record in single.items():
                    known = found.get(ref, record)
                    merged = tuple(dict.fromkeys([*known.aliases, one]))
                    found[ref] = Record(
                        ref, record.fields, record.changed_at, merged, record.object, record.url, record.unreadable
                    )
        return list(found.values())

    async def _read(self, ids: Sequence[str]) -> tuple[dict[str, Record], bool]:
        """The contacts found, and whether more were returned than asked ids explain, which merges do."""
        if not ids:
            return {}, False
        catalogue = await self.catalogue()
        inputs = [{"id": one} for one in ids]
        body = {"inputs": inputs, "properties": catalogue.properties, "propertiesWithHistory": []}
        reply = await self._client.ask(paths.READ, body, urgent=True, object="contacts")
        _only_missing(reply.body)
        results = [one for one in reply.body.get("results") or [] if not one.get("archived")]
        found: dict[str, Record] = {}
        for one in results:
            asked = ids if len(ids) == 1 else ()
            record = await self.record(one, asked)
            found[record.id] = record
        return found, len(results) > len(set(found) & set(ids))

    async def changed(self, begin: int, end: int, last: str) -> tuple[list[Mapping[str, Any]], str | None]:
        """The contacts that changed from `begin` until before `end` (epoch microseconds) with ids above `last`, and the
        last id if there are more. Ordered by id, so that neither equal stamps nor HubSpot's limit of 10,000 results
        matter."""
        catalogue = await self.catalogue()
        window = [
            {"propertyName": STAMP, "operator": "GTE", "value": str(begin // 1000)},
            {"propertyName": STAMP, "operator": "LT", "value": str(end // 1000)},
        ]
        return await self.search("contacts", window, catalogue.properties, last)

    async def search(
        self, kind: str, filters: Sequence[Mapping[str, Any]], properties: Sequence[str], last: str
    ) -> tuple[list[Mapping[str, Any]], str | None]:
        """A page of a search by id, and the last id if there may be more."""
        keyset = {"propertyName": "hs_object_id", "operator": "GT", "value": last}
        body = {
            "filterGroups": [{"filters": [*filters, keyset]}], "limit": paths.SEARCH_AT_ONCE, "after": "0",
            "properties": list(properties), "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        }  # fmt: skip
        reply = await self._client.ask(paths.SEARCH, body, object=kind)
        found = [one for one in reply.body["results"] if not one.get("archived")]
        more = bool((reply.body.get("paging") or {}).get("next"))
        return found, str(max(int(one["id"]) for one in reply.body["results"])) if more and reply.body[
            "results"
        ] else None

    async def _contact_address(self) -> str:
        """The address of a contact's page without its id; "" if HubSpot does not tell the account."""
        if self._address is None:
            try:
                account = (await self._client.get(paths.ACCOUNT)).body
                domain, portal = account.get("uiDomain") or "app.hubspot.com", account.get("portalId")
                self._address = f"https://{domain}/contacts/{portal}/record/{paths.CONTACTS}/" if portal else ""
            except (NotFound, NeedsHuman):
                self._address = ""
        return self._address


def _only_missing(body: Mapping[str, Any]) -> None:
    """A 207 names what it could not read: contacts that are gone are no problem, all else is."""
    for error in body.get("errors") or []:
        if "NOT_FOUND" not in str(error.get("category", "")).upper():
            words = without_personal_data(f"{error.get('category')} {error.get('message')}")
            raise NeedsHuman(f"HubSpot could not read some contacts: {words}")
