"""The source `salesforce`: puts campaigns, views, queries, reports, records and writes behind a source's protocol."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from fluentsd.api import (
    Activity,
    Finding,
    NeedsHuman,
    NotFound,
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
from fluentsd_crm_salesforce.campaigns import Campaigns
from fluentsd_crm_salesforce.checks import findings
from fluentsd_crm_salesforce.client import SalesforceClient
from fluentsd_crm_salesforce.filters import Filters
from fluentsd_crm_salesforce.records import READ_AT_ONCE, Records
from fluentsd_crm_salesforce.reports import Reports
from fluentsd_crm_salesforce.settings import Settings
from fluentsd_crm_salesforce.windows import ROWS
from fluentsd_crm_salesforce.writing import Writing

#: The smallest daily quota, until an answer names the org's own; requests at once: the library is no friend of threads.
SMALLEST_QUOTA, AT_ONCE = 15_000, 1


class SalesforceSource:
    """One Salesforce org."""

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self._settings = settings
        self._budget = RequestBudget(
            tools.clock, settings.interval, concurrency=AT_ONCE, daily=SMALLEST_QUOTA, share=settings.daily_share,
            file=Path(tools.folder) / "requests.json",
        )  # fmt: skip
        self._client = SalesforceClient(settings, tools, self._budget)
        self._records = Records(self._client, settings, tools)
        self._campaigns = Campaigns(self._client, self._records, tools, settings.overlap)
        self._filters = Filters(self._client, self._records, tools, settings.overlap, settings.queries)
        self._reports = Reports(self._client, tools)
        self._ledger = WriteLedger(tools)
        self._writing = Writing(self._client, self._records, settings, self._ledger)
        self.limits = SourceLimits(ROWS, AT_ONCE, settings.interval, READ_AT_ONCE, SMALLEST_QUOTA)

    async def check(self) -> Sequence[Finding]:
        """Check the sign-in, the permissions and the fields."""
        return await findings(self._client, self._records, self._settings)

    async def catalogue(self) -> Sequence[SourceField]:
        """The fields of contacts and leads."""
        return await self._records.catalogue()

    async def segments(self) -> Sequence[Segment]:
        """Campaigns, queries of the settings, list views, tabular reports, as far as the user may see them."""
        found: list[Segment] = []
        unlisted: list[str] = []
        kinds = (("campaigns", self._campaigns), ("list views", self._filters), ("reports", self._reports))
        for what, of in kinds:
            try:
                part = await of.segments()
            except (NeedsHuman, NotFound) as why:
                if isinstance(why, NeedsHuman) and not why.only_this:
                    raise
                unlisted.append(f"Salesforce's {what} cannot be listed: {why}")
                continue
            found += part
            unlisted += getattr(part, "unlisted", ())
        return SegmentList(found, unlisted)

    async def walk(self, segment: str, cursor: str | None) -> Page:
        """One page of a segment."""
        of, ref = self._of(segment)
        return await of.walk(ref, cursor)

    async def changes(self, segment: str, since: str | None) -> Page:
        """What changed in a segment."""
        of, ref = self._of(segment)
        return await of.changes(ref, since)

    async def refresh(self, ids: Sequence[str]) -> Sequence[Record]:
        """The leads and contacts with these ids."""
        return await self._records.refresh(ids)

    async def write(self, activity: Activity, key: str) -> str:
        """Write an activity to its lead or contact."""
        return await self._writing.write(activity, key)

    def used(self) -> Usage:
        """The requests of today, as this machine counts them."""
        return self._budget.used()

    async def aclose(self) -> None:
        """Close the ledger; the library's connections end with the process."""
        self._ledger.close()

    def _of(self, segment: str) -> tuple[Campaigns | Filters | Reports, str]:
        kind, _, ref = segment.partition(":")
        if kind == "campaign" and re.fullmatch(r"\w{15,18}", ref):
            return self._campaigns, ref
        if kind in ("view", "query") and (kind == "view") == (ref not in self._settings.queries):
            return self._filters, ref
        if kind == "report" and re.fullmatch(r"\w{15,18}", ref):
            return self._reports, ref
        raise LookupError(f"Salesforce has no segment {segment!r}")
