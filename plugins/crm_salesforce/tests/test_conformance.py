"""The Salesforce source keeps every promise of a source, with the real library before a Salesforce on loopback."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from fluentsd_crm_salesforce.settings import read_settings
from fluentsd_crm_salesforce.source import SalesforceSource

from fluentsd.api import Source, Tools
from fluentsd.testing import discover, exercise_source
from plugins.crm_salesforce.tests.fake_salesforce import FakeSalesforce


class Org:
    """The fake as the source's own side; changes settle before they are asked for."""

    def __init__(self, salesforce: FakeSalesforce) -> None:
        self.salesforce = salesforce
        spring = salesforce.add("Campaign", Name="Spring fair")
        for n in range(7):
            salesforce.join(spring, salesforce.add("Lead" if n % 2 else "Contact", FirstName=f"P{n}"))
        salesforce.add("Campaign", Name="Empty")
        salesforce.views["00B5g000000001AAA"] = {
            "object": "Lead", "label": "All leads", "query": "SELECT Name, Id FROM Lead ORDER BY Name ASC",
        }  # fmt: skip

    def put(self, segment: str, record: str, fields: Mapping[str, str]) -> str:
        ref = self.salesforce.add("Lead", FirstName=record, **fields)
        self.salesforce.join(segment.removeprefix("campaign:"), ref)
        self.salesforce.pass_time(90)
        return ref

    def remove(self, segment: str, record: str) -> None:
        self.salesforce.pass_time(90)
        self.salesforce.leave(segment.removeprefix("campaign:"), record)
        self.salesforce.pass_time(90)

    def merge(self, loser: str, winner: str) -> None:
        self.salesforce.merge_people(loser, winner)
        self.salesforce.pass_time(90)

    def written(self, key: str) -> int:
        return sum("Note" in one["Subject"] for one in self.salesforce.tasks()) - 1


@pytest.mark.slow
@pytest.mark.parametrize("external_id", [{}, {"external_id": "Fluentsd_Key__c"}])
async def test_keeps_every_promise(salesforce, given, table, external_id):
    salesforce.page = 3

    def make(tools: Tools) -> Source:
        return SalesforceSource(read_settings(table | external_id | {"opt_out": {"sms": "No_Text__c"}}), tools)

    await exercise_source(make, tools=given, control=Org(salesforce))


def test_the_name_is_discovered():
    found = discover()
    assert "salesforce" in found.sources, found.broken
