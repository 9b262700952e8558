"""The source `gohighlevel`: puts segments, contacts, checks and writes behind the protocol of a source."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fluentsd.api import (
    Activity,
    Finding,
    Malformed,
    NeedsHuman,
    NotFound,
    Page,
    Record,
    RequestBudget,
    Segment,
    SourceField,
    SourceLimits,
    Tools,
    Unavailable,
    Usage,
    WriteLedger,
)
from fluentsd_crm_gohighlevel.client import GohighlevelClient
from fluentsd_crm_gohighlevel.contacts import SEARCH_AT_ONCE, USUAL, Contacts
from fluentsd_crm_gohighlevel.segments import Segments
from fluentsd_crm_gohighlevel.settings import Settings
from fluentsd_crm_gohighlevel.writing import Writing

#: Requests at once, a location's requests a day, and contacts in one `refresh` (a request each).
AT_ONCE, QUOTA, REFRESH_AT_ONCE = 4, 200_000, 20


class GohighlevelSource:
    """One sub-account of GoHighLevel."""

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self._settings = settings
        self._budget = RequestBudget(
            tools.clock, settings.interval, burst=AT_ONCE, concurrency=AT_ONCE, daily=QUOTA, share=settings.daily_share,
            file=Path(tools.folder) / "requests.json",
        )  # fmt: skip
        self._client = GohighlevelClient(settings, tools, self._budget)
        self._contacts = Contacts(self._client, settings, tools)
        self._segments = Segments(self._client, self._contacts, settings, tools)
        self._ledger = WriteLedger(tools)
        self._writing = Writing(self._client, self._contacts, settings, self._ledger)
        self.limits = SourceLimits(SEARCH_AT_ONCE, AT_ONCE, settings.interval, REFRESH_AT_ONCE, QUOTA)

    async def check(self) -> Sequence[Finding]:
        """Check the token and each scope that reading needs."""
        location = self._settings.location
        asks: list[tuple[str, str, Any]] = [
            ("contacts", "contacts.readonly", lambda: self._contacts.search([], None)),
            ("tags", "locations/tags.readonly", lambda: self._client.read("GET", f"/locations/{location}/tags")),
            ("custom fields", "locations/customFields.readonly", lambda: self._contacts.custom(-1)),
            ("pipelines", "opportunities.readonly", lambda: self._client.read(
                "GET", "/opportunities/pipelines", query={"locationId": location})),
        ]  # fmt: skip
        found: list[Finding] = []
        for what, scope, ask in asks:
            try:
                await ask()
            except Malformed as why:
                found.append(Finding(False, f"gohighlevel: {what}: {why}", "leave base_url out, or correct it"))
                continue
            except Unavailable as why:
                return [*found, Finding(False, f"gohighlevel: {why}", "run the check again later")]
            except (NeedsHuman, NotFound) as why:
                if "refuses the token" in str(why):
                    return [
                        Finding(False, f"gohighlevel: {why}", "create a private integration and set token (README)")
                    ]
                found.append(Finding(False, f"gohighlevel: {what} cannot be read: {why}", f"give it the scope {scope}"))
                continue
            found.append(Finding(True, f"gohighlevel: {what} can be read"))
        if all(one.ok for one in found):
            names = {*USUAL, *await self._contacts.custom()}
            for name in dict.fromkeys([*self._settings.fields, *(rule.field for rule in self._settings.opt_outs)]):
                if name not in names:
                    found.append(Finding(False, f"gohighlevel: there is no custom field {name!r}", "correct its name"))
        return found

    async def catalogue(self) -> Sequence[SourceField]:
        """Standard and custom fields of contacts."""
        return await self._contacts.catalogue()

    async def segments(self) -> Sequence[Segment]:
        """Tags, filters of the settings, pipeline stages."""
        return await self._segments.all()

    async def walk(self, segment: str, cursor: str | None) -> Page:
        """One page of a segment."""
        return await self._segments.walk(segment, cursor)

    async def changes(self, segment: str, since: str | None) -> Page:
        """What changed in a segment."""
        return await self._segments.changes(segment, since)

    async def refresh(self, ids: Sequence[str]) -> Sequence[Record]:
        """The contacts with these ids."""
        return await self._contacts.refresh(ids)

    async def write(self, activity: Activity, key: str) -> str:
        """Write an activity as a note, values to fields, and an opt-out to "do not disturb"."""
        return await self._writing.write(activity, key)

    def used(self) -> Usage:
        """The requests of today, as this machine counts them."""
        return self._budget.used()

    async def aclose(self) -> None:
        """Close the ledger."""
        self._ledger.close()
