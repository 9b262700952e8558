"""The source `hubspot`: puts lists, stages, contacts and writes behind the protocol of a source."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fluentsd.api import (
    Activity,
    Finding,
    NeedsHuman,
    Page,
    Record,
    RequestBudget,
    Segment,
    SegmentList,
    SourceField,
    SourceLimits,
    Tools,
    Usage,
    WriteLedger,
)
from fluentsd_crm_hubspot import paths
from fluentsd_crm_hubspot.checks import findings
from fluentsd_crm_hubspot.client import HubspotClient
from fluentsd_crm_hubspot.contacts import Contacts
from fluentsd_crm_hubspot.lists import Lists
from fluentsd_crm_hubspot.settings import Settings
from fluentsd_crm_hubspot.stages import Stages
from fluentsd_crm_hubspot.writing import Writing

#: Requests at once, and the smallest daily quota of HubSpot's plans, until an answer names the account's own.
AT_ONCE, SMALLEST_QUOTA = 4, 250_000


class HubspotSource:
    """One HubSpot account."""

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self._settings = settings
        self._budget = RequestBudget(
            tools.clock, settings.interval, burst=AT_ONCE, concurrency=AT_ONCE, daily=SMALLEST_QUOTA,
            share=settings.daily_share, file=Path(tools.folder) / "requests.json",
        )  # fmt: skip
        self._searches = RequestBudget(tools.clock, settings.search_interval, concurrency=AT_ONCE)
        self._client = HubspotClient(settings, tools, self._budget, self._searches)
        self._contacts = Contacts(self._client, settings, tools)
        self._lists = Lists(self._client, self._contacts, tools, settings.overlap)
        self._stages = Stages(self._client, self._contacts, tools, settings.overlap)
        self._ledger = WriteLedger(tools)
        self._writing = Writing(self._client, self._contacts, self._ledger)
        self.limits = SourceLimits(
            paths.MEMBERS_AT_ONCE, AT_ONCE, settings.interval, paths.READ_AT_ONCE, SMALLEST_QUOTA
        )  # fmt: skip

    async def check(self) -> Sequence[Finding]:
        """Check the key and its scopes."""
        return await findings(self._client, self._contacts, self._settings)

    async def catalogue(self) -> Sequence[SourceField]:
        """All properties of contacts."""
        return (await self._contacts.catalogue()).fields

    async def segments(self) -> Sequence[Segment]:
        """Lists of contacts, and stages of deal pipelines, as far as the scopes reach."""
        found: list[Segment] = []
        unlisted: list[str] = []
        for what, of in (("lists", self._lists), ("pipeline stages", self._stages)):
            try:
                found += await of.segments()
            except NeedsHuman as why:
                if not why.only_this:
                    raise
                unlisted.append(f"HubSpot's {what} cannot be listed: {why}")
        return SegmentList(found, unlisted)

    async def walk(self, segment: str, cursor: str | None) -> Page:
        """One page of a list or a stage."""
        of, ref = self._of(segment)
        return await of.walk(ref, cursor)

    async def changes(self, segment: str, since: str | None) -> Page:
        """What changed in a list or a stage."""
        of, ref = self._of(segment)
        return await of.changes(ref, since)

    async def refresh(self, ids: Sequence[str]) -> Sequence[Record]:
        """The contacts with these ids."""
        return await self._contacts.refresh(ids)

    async def write(self, activity: Activity, key: str) -> str:
        """Write an activity to its contact."""
        return await self._writing.write(activity, key, self._settings.opt_outs)

    def used(self) -> Usage:
        """The requests of today, as this machine counts them."""
        return self._budget.used()

    async def aclose(self) -> None:
        """Close the ledger; the SDK's connections end with the process."""
        self._ledger.close()

    def _of(self, segment: str) -> tuple[Lists | Stages, str]:
        kind, _, ref = segment.partition(":")
        if kind == "list" and ref.isdecimal():
            return self._lists, ref
        if kind == "stage" and "/" in ref:
            return self._stages, ref
        raise LookupError(f"HubSpot has no segment {segment!r}")
