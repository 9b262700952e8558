"""The source `leaddocket`: puts statuses, leads, checks and writes behind the protocol of a source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fluentsd.api import (
    Activity,
    Finding,
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
from fluentsd_crm_leaddocket.client import LeaddocketClient
from fluentsd_crm_leaddocket.leads import fields_of, record_of
from fluentsd_crm_leaddocket.settings import Settings
from fluentsd_crm_leaddocket.statuses import LEADS_AT_ONCE, Statuses
from fluentsd_crm_leaddocket.writing import Writing

#: Leads in one `refresh`: two requests each, at one a second.
REFRESH_AT_ONCE = 10


class LeaddocketSource:
    """One firm's Lead Docket."""

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self._settings = settings
        file = Path(tools.folder) / "requests.json"
        self._budget = RequestBudget(tools.clock, settings.interval, concurrency=1, file=file)
        self._client = LeaddocketClient(settings, tools, self._budget)
        self._statuses = Statuses(self._client, settings, tools)
        self._ledger = WriteLedger(tools)
        self._writing = Writing(self._client, settings, self._ledger, self._lead)
        self.limits = SourceLimits(LEADS_AT_ONCE, 1, settings.interval, REFRESH_AT_ONCE)

    async def check(self) -> Sequence[Finding]:
        """Check the key, and which opt-outs can be read."""
        try:
            count = len(await self._statuses.segments())
        except (NeedsHuman, NotFound) as why:
            return [Finding(False, f"leaddocket: {why}", "correct tenant and api_key (README, step 1)")]
        except Unavailable as why:
            return [Finding(False, f"leaddocket: {why}", "check that this machine reaches it, or try again later")]
        found = [Finding(True, f"leaddocket: {count} statuses and sub-statuses can be read")]
        if not {rule.channel for rule in self._settings.opt_outs} & {"phone", "all"}:
            fix = 'set opt_out.phone to a custom field, tag or sub-status; Lead Docket has no field "do not call"'
            found.append(Finding(True, "leaddocket: nothing says whom not to call", fix))
        return found

    async def catalogue(self) -> Sequence[SourceField]:
        """The fields of leads and their contacts."""
        return fields_of(self._settings)

    async def segments(self) -> Sequence[Segment]:
        """Statuses and sub-statuses."""
        return await self._statuses.segments()

    async def walk(self, segment: str, cursor: str | None) -> Page:
        """One page of a status."""
        return await self._statuses.walk(segment, cursor)

    async def changes(self, segment: str, since: str | None) -> Page:
        """What changed in a status."""
        return await self._statuses.changes(segment, since)

    async def refresh(self, ids: Sequence[str]) -> Sequence[Record]:
        """The leads with these ids, each with its contact's consent."""
        found: list[Record] = []
        for ref in dict.fromkeys(ids):
            try:
                lead = await self._lead(ref)
                contact = (await self._client.get(f"/api/contacts/{lead['ContactId']}", urgent=True)).body
            except NotFound:
                continue
            found.append(record_of(lead, contact, self._settings))
        return found

    async def write(self, activity: Activity, key: str) -> str:
        """Write an activity to its lead."""
        return await self._writing.write(activity, key)

    def used(self) -> Usage:
        """The requests of today, as this machine counts them."""
        return self._budget.used()

    async def aclose(self) -> None:
        """Close the ledger."""
        self._ledger.close()

    async def _lead(self, ref: str) -> Mapping[str, Any]:
        """One lead without its lists; raises `NotFound`. /api/leads/{id} has a limit of its own and is not used."""
        if not ref.isdecimal():
            raise NotFound(ref)
        lead: dict[str, Any] = (await self._client.get(f"/api/leads/basic/{ref}", urgent=True)).body
        contact = lead.get("Contact") or {}
        status, sub = lead.get("Status"), lead.get("SubStatus")
        flat = {
            "ContactId": contact.get("Id"),
            "StatusName": status.get("StatusName") if isinstance(status, dict) else status,
            "SubStatusName": sub.get("SubStatusName") if isinstance(sub, dict) else sub,
        }  # fmt: skip
        found = {**flat, **{name: value for name, value in lead.items() if value is not None}}
        if not found.get("ContactId"):
            raise NotFound(f"the lead {ref} has no contact")
        return found
