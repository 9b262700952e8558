"""The HubSpot source keeps every promise of a source, with the real SDK before a HubSpot on loopback."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from fluentsd_crm_hubspot.settings import read_settings
from fluentsd_crm_hubspot.source import HubspotSource

from fluentsd.api import Source, Tools
from fluentsd.testing import discover, exercise_source
from plugins.crm_hubspot.tests.fake_hubspot import TOKEN, FakeHubspot


class Account:
    """The fake as the source's own side."""

    def __init__(self, hubspot: FakeHubspot) -> None:
        self.hubspot = hubspot
        spring = hubspot.new_list("Spring fair")
        hubspot.join(spring, *(hubspot.contact(firstname=f"P{n}", phone=f"+1415555{n:04d}") for n in range(7)))
        hubspot.new_list("Empty")
        hubspot.new_list("Companies", "0-2")
        hubspot.deal("new", *(hubspot.contact(firstname=f"D{n}") for n in range(2)))

    def put(self, segment: str, record: str, fields: Mapping[str, str]) -> str:
        ref = self.hubspot.contact(firstname=record, **fields)
        self.hubspot.pass_time(2)
        self.hubspot.join(segment.removeprefix("list:"), ref)
        self.hubspot.pass_time(2)
        return ref

    def remove(self, segment: str, record: str) -> None:
        self.hubspot.pass_time(2)
        self.hubspot.leave(segment.removeprefix("list:"), record)

    def merge(self, loser: str, winner: str) -> None:
        self.hubspot.merge_contacts(loser, winner)

    def written(self, key: str) -> int:
        return sum(one["kind"] == "notes" for one in self.hubspot.objects.values()) - 1 - self.opt_outs

    @property
    def opt_outs(self) -> int:
        return sum("Do not contact" in one["properties"]["hs_note_body"] for one in self.hubspot.objects.values())


@pytest.mark.slow
@pytest.mark.parametrize("names_losers", [True, False])
async def test_keeps_every_promise(hubspot, given, names_losers):
    hubspot.names_losers = names_losers

    def make(tools: Tools) -> Source:
        table = {"token": TOKEN, "base_url": hubspot.url, "rate": "100000/second", "search_rate": "100000/second"}
        return HubspotSource(read_settings(table | {"opt_out": {"phone": "do_not_call"}}), tools)

    await exercise_source(make, tools=given, control=Account(hubspot))


def test_the_name_is_discovered():
    found = discover()
    assert "hubspot" in found.sources, found.broken
