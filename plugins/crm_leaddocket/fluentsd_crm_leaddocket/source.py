"""The source `leaddocket`: puts statuses, leads, checks and writes behind the protocol of a source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fluentsd.api import (
    Activity,
    Finding,
    Invalid,
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
from fluentsd_crm_leaddocket.client import LeaddocketClient
from fluentsd_crm_leaddocket.leads import CONTACT, LEAD, custom_fields_of, fields_of, record_of
from fluentsd_crm_leaddocket.settings import Settings
from fluentsd_crm_leaddocket.statuses import LEADS_AT_ONCE, Statuses, unwrapped
from fluentsd_crm_leaddocket.writing import Writing

#: Leads in one `refresh`: two requests each, at one a second.
REFRESH_AT_ONCE = 10
#: How long the list of custom fields is good.
REMEMBERED = 300 * 1_000_000


class LeaddocketSource:
    """One firm's Lead Docket."""

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self._settings, self._clock = settings, tools.clock
        self._defined: frozenset[str] = frozenset()
        self._defined_at: int | None = None
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
        for name in sorted({*custom_fields_of(self._settings)} - await self._custom_fields()):
            fix = "create it, or correct its name in fields or opt_out"
            found.append(Finding(False, f"leaddocket: there is no custom field of contacts {name!r}", fix))
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
        faults: list[Malformed] = []
        for ref in dict.fromkeys(ids):
            try:
                found.append(await self._record(ref))
            except NotFound:
                continue
            except Malformed as why:
                faults.append(why)
                found.append(Record.not_read(ref))
        if faults and len(faults) == len(found):  # the fault is not of the leads
            raise faults[0]
        return found

    async def _record(self, ref: str) -> Record:
        """A lead with its contact; raises `NotFound` only when Lead Docket has no such lead."""
        try:
            lead = await self._lead(ref)
        except Invalid:
            return Record.not_read(ref)
        if not lead.get("ContactId"):
            return Record.not_read(ref)
        try:
            contact = (await self._client.get(f"/api/contacts/{lead['ContactId']}", urgent=True, shape=CONTACT)).body
        except (NotFound, Invalid):
            return Record.not_read(ref)
        return record_of(lead, contact, self._settings, await self._custom_fields())

    async def _custom_fields(self) -> frozenset[str]:
        """The firm's custom fields of contacts, when the settings name one; none when they cannot be listed, so that
        what a contact does not say counts as unread."""
        now = self._clock.now()
        if custom_fields_of(self._settings) and (self._defined_at is None or now - self._defined_at > REMEMBERED):
            path = "/api/contactcustomfields/list"
            try:
                rows = unwrapped((await self._client.get(path, urgent=True)).body, f"GET {path}")
                self._defined = frozenset(
                    str(one.get("FieldName") or one.get("Name")) for one in rows if one.get("Disabled") is not True
                )
            except (NotFound, Invalid, Malformed):
                self._defined = frozenset()
            except NeedsHuman as why:
                if not why.only_this:
                    raise
                self._defined = frozenset()
            self._defined_at = now
        return self._defined

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
        """One lead without its lists, perhaps without a contact; raises `NotFound`. /api/leads/{id} has a
        limit of its own and is not used."""
        if not ref.isdecimal():
            raise NotFound(ref)
        reply = await self._client.get(f"/api/leads/basic/{ref}", urgent=True, shape=LEAD)
        lead: dict[str, Any] = reply.body
        contact = lead.get("Contact") or {}
        status, sub = lead.get("Status"), lead.get("SubStatus")
        flat = {
            "ContactId": contact.get("Id"),
            "StatusName": status.get("StatusName") if isinstance(status, dict) else status,
            "SubStatusName": sub.get("SubStatusName") if isinstance(sub, dict) else sub,
            "CaseType": area.get("Name") if isinstance(area := lead.get("PracticeArea"), dict) else area,
        }  # fmt: skip
        return {**flat, **{name: value for name, value in lead.items() if value is not None}}
