"""Reads contacts: by id with merges resolved, and those that changed in a window of time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fluentsd.api import NeedsHuman, NotFound, Record, Tools, count_of, malformed
from fluentsd_crm_hubspot import paths
from fluentsd_crm_hubspot.client import HubspotClient
from fluentsd_crm_hubspot.properties import STAMP, Catalogue
from fluentsd_crm_hubspot.settings import Settings

#: How long the catalogue and the account's address are remembered, and after how long a missing property is looked
#: up again, in microseconds.
REMEMBERED, DOUBTED = 3600 * 1_000_000, 60 * 1_000_000
#: The most contacts that are asked for one by one because an answer for many does not say what became of them.
ONE_BY_ONE = 20


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a search: its rows, the last id if there are more, and, on the last page, whether HubSpot's count says
    that nothing is missing."""

    rows: list[Mapping[str, Any]]
    last: str | None
    whole: bool


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
            reply = await self._client.get(paths.PROPERTIES, urgent=True, shape=paths.PROPERTIES_FOUND)
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
        """The contacts with these ids; a merged one as its winner, with the asked id among its aliases. Gone is only
        one of which HubSpot says that it has none; one that an answer passes over is asked for alone, and may be
        unread."""
        wanted = [one for one in dict.fromkeys(ids) if one.isdecimal()]
        found, gone = await self._read(wanted)
        explained = gone | {alias for record in found.values() for alias in record.aliases}
        unclear = [one for one in wanted if one not in found and one not in explained]
        for place, one in enumerate(unclear):
            single, gone = ({}, set()) if len(wanted) == 1 or place >= ONE_BY_ONE else await self._read([one])
            if not single and one not in gone:
                found[one] = Record.not_read(one)
            for ref, record in single.items():  # itself, or the winner of a merge that does not say with whom
                known = found.get(ref, record)
                merged = tuple(dict.fromkeys([*known.aliases, *([one] if one != ref else [])]))
                found[ref] = replace(known, aliases=merged)
        return list(found.values())

    async def _read(self, ids: Sequence[str]) -> tuple[dict[str, Record], set[str]]:
        """The contacts found, and the ids of which HubSpot says that they do not exist."""
        if not ids:
            return {}, set()
        catalogue = await self.catalogue()
        inputs = [{"id": one} for one in ids]
        body = {"inputs": inputs, "properties": catalogue.properties, "propertiesWithHistory": []}
        reply = await self._client.ask(paths.READ, body, urgent=True, object="contacts", shape=paths.OBJECTS)
        errors = reply.body.get("errors") or []
        gone = named_in(one for one in errors if is_missing(one))
        if errors and len(ids) == 1 and all(is_missing(one) for one in errors):
            gone = set(ids)
        found: dict[str, Record] = {}
        for one in reply.body["results"]:
            ref = str(one["id"])
            if one.get("archived"):
                gone.add(ref)
            elif one.get("properties") is None:
                found[ref] = Record.not_read(ref)
            else:
                found[ref] = await self.record(one, ids if len(ids) == 1 else ())
        return found, gone - set(found)

    async def changed(self, begin: int, end: int, last: str) -> Found:
        """The contacts that changed from `begin` until before `end` (epoch microseconds) with ids above `last`.
        Ordered by id, so that neither equal stamps nor HubSpot's limit of 10,000 results matter."""
        catalogue = await self.catalogue()
        window = [
            {"propertyName": STAMP, "operator": "GTE", "value": str(begin // 1000)},
            {"propertyName": STAMP, "operator": "LT", "value": str(end // 1000)},
        ]
        return await self.search("contacts", window, catalogue.properties, last)

    async def search(
        self,
        kind: str,
        filters: Sequence[Mapping[str, Any]],
        properties: Sequence[str],
        last: str,
        *,
        urgent: bool = False,
    ) -> Found:
        """A page of a search by id. There are more when HubSpot says so, or counts more than it named."""
        keyset = {"propertyName": "hs_object_id", "operator": "GT", "value": last}
        body = {
            "filterGroups": [{"filters": [*filters, keyset]}], "limit": paths.SEARCH_AT_ONCE, "after": "0",
            "properties": list(properties), "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        }  # fmt: skip
        reply = await self._client.ask(paths.SEARCH, body, object=kind, urgent=urgent, shape=paths.FOUND)
        rows, total = reply.body["results"], count_of(reply.body.get("total"))
        more = bool((reply.body.get("paging") or {}).get("next")) or (total is not None and total > len(rows))
        following = str(max(int(one["id"]) for one in rows)) if more and rows else None
        if following is not None and int(following) <= int(last):
            raise malformed("HubSpot", f"POST {paths.SEARCH}", "a page goes on from where it began")
        active = [one for one in rows if not one.get("archived")]
        return Found(active, following, not more and total is not None)

    async def _contact_address(self) -> str:
        """The address of a contact's page without its id; "" if HubSpot does not tell the account."""
        if self._address is None:
            try:
                account = (await self._client.get(paths.ACCOUNT, urgent=True, shape={})).body
                domain, portal = account.get("uiDomain") or "app.hubspot.com", account.get("portalId")
                self._address = f"https://{domain}/contacts/{portal}/record/{paths.CONTACTS}/" if portal else ""
            except (NotFound, NeedsHuman):
                self._address = ""
        return self._address


def is_missing(error: Mapping[str, Any]) -> bool:
    """Whether an error of a 207 says that something does not exist."""
    return "NOT_FOUND" in f"{error.get('category')} {error.get('subCategory')}".upper()


def named_in(errors: Iterable[Mapping[str, Any]]) -> set[str]:
    """The ids that errors of a 207 name."""
    found: set[str] = set()
    for error in errors:
        context = error.get("context")
        for values in context.values() if isinstance(context, Mapping) else ():
            found |= {str(one) for one in values} if isinstance(values, list) else set()
    return found
