"""Tabular reports as segments, up to the 2,000 rows that Salesforce gives.

A report has no changes of its own: it is run again, and when its people differ a walk is due.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from fluentsd.api import (
    ANY,
    FLAG,
    ID,
    Maybe,
    NeedsHuman,
    NotFound,
    Page,
    Segment,
    Shape,
    Tools,
    count_of,
    malformed,
    mismatch,
    read_cursor,
    write_cursor,
)
from fluentsd_crm_salesforce.client import Refused, SalesforceClient
from fluentsd_crm_salesforce.records import is_person, long_id
from fluentsd_crm_salesforce.windows import ROWS, after

_NAMED: Shape = {"Id": ID, "Name": ANY}
_REPORT: Shape = {
    "allData": FLAG, "reportMetadata": {}, "factMap": {"T!T": {"rows": [{"dataCells": [Maybe({})]}]}},
}  # fmt: skip
#: A report with groups has other keys in its fact map.
_GROUPED: Shape = {"reportMetadata": {}}


class Reports:
    """The tabular reports of one org."""

    def __init__(self, client: SalesforceClient, tools: Tools) -> None:
        self._client, self._tools = client, tools

    async def segments(self) -> list[Segment]:
        """All tabular reports."""
        found: list[Segment] = []
        last = ""
        while True:
            reply = await self._client.query(f"SELECT Id, Name FROM Report {after(last, _TABULAR)}", row=_NAMED)
            found += [Segment(f"report:{row['Id']}", str(row["Name"]), None, "report") for row in reply.body]
            if len(reply.body) < ROWS:
                return found
            last = str(reply.body[-1]["Id"])

    async def walk(self, ref: str, cursor: str | None) -> Page:
        """All people of a report, on one page."""
        if cursor is not None:
            raise ValueError("a report has one page; begin again")
        now = self._tools.clock.now()
        people = await self._run(ref)
        return Page(people, complete=True, as_of=now, since=_since(ref, people), requests=1)

    async def changes(self, ref: str, since: str | None) -> Page:
        """Nothing, and `walk_again` when the people of the report differ from those of the cursor."""
        now = self._tools.clock.now()
        known = None if since is None else read_cursor(since, "report")
        if known is not None and known.get("of") != ref:
            raise ValueError("this cursor is one of another report; walk it")
        cursor = _since(ref, await self._run(ref))
        return Page([], [], as_of=now, since=cursor, walk_again=known is not None and cursor != since, requests=1)

    async def _run(self, ref: str) -> list[str]:
        """The ids of a report's people; raises `NeedsHuman` for a report that cannot be a segment."""
        if not ref.isalnum():
            raise LookupError(f"Salesforce has no report {ref!r}")
        try:
            path, params = f"analytics/reports/{ref}", {"includeDetails": "true"}
            body = (await self._client.get(path, params, shape=_GROUPED)).body
        except (NotFound, Refused) as why:
            raise LookupError(f"Salesforce has no report {ref}") from why
        metadata = body["reportMetadata"]
        name = metadata.get("name", ref)
        if metadata.get("reportFormat", "TABULAR") != "TABULAR":
            what = f"the report {name!r} has groups; save it as a tabular report, without groups"
            raise NeedsHuman(what, only_this=True)
        if wrong := mismatch(body, _REPORT):
            raise malformed("Salesforce", "GET analytics/reports/…", wrong)
        if not body["allData"]:
            raise NeedsHuman(
                f"the report {name!r} has more than {ROWS} rows, of which Salesforce gives only the first {ROWS}; "
                "narrow it, or use a list view, a campaign or a query of the settings",
                only_this=True,
            )
        rows, count = body["factMap"]["T!T"]["rows"], _row_count(body)
        if count is not None and len(rows) < count:
            raise malformed("Salesforce", "GET analytics/reports/…", f"it has {len(rows)} of {count} rows")
        return _people(rows, str(name))


_TABULAR = "Format = 'Tabular'"


def _row_count(body: Mapping[str, Any]) -> int | None:
    """The number of rows, when the report counts them."""
    names, totals = body["reportMetadata"].get("aggregates"), body["factMap"]["T!T"].get("aggregates")
    if not isinstance(names, list) or not isinstance(totals, list) or "RowCount" not in names[: len(totals)]:
        return None
    found = totals[names.index("RowCount")]
    return count_of(found.get("value")) if isinstance(found, Mapping) else None


def _people(rows: Sequence[dict[str, Any]], name: str) -> list[str]:
    """The ids of the first column that has a lead or contact in every row; a name's cell has the id as its value."""
    cells = [[one or {} for one in row["dataCells"]] for row in rows]
    if len({len(row) for row in cells}) > 1:
        raise malformed("Salesforce", "GET analytics/reports/…", "its rows do not have the same number of cells")
    for column in zip(*cells, strict=True):
        ids = [long_id(str(one.get("value") or "")) for one in column]
        if all(is_person(one) for one in ids):
            return list(dict.fromkeys(ids))
    if not rows:
        return []
    what = f"the report {name!r} has no column with the id of a lead or contact in every row; add Lead ID or Contact ID"
    raise NeedsHuman(what, only_this=True)


def _since(ref: str, people: Sequence[str]) -> str:
    digest = hashlib.blake2b("\n".join(sorted(people)).encode(), digest_size=16).hexdigest()
    return write_cursor("report", of=ref, digest=digest)
