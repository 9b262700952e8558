"""The GoHighLevel source keeps every promise of a source, before a GoHighLevel on loopback."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from fluentsd_crm_gohighlevel.settings import read_settings
from fluentsd_crm_gohighlevel.source import GohighlevelSource

from fluentsd.api import Source, Tools
from fluentsd.testing import discover, exercise_source
from plugins.crm_gohighlevel.tests.fake_gohighlevel import FakeGohighlevel


class Location:
    """The fake as the source's own side."""

    def __init__(self, crm: FakeGohighlevel) -> None:
        self.crm = crm
        for n in range(7):
            crm.contact("spring fair", firstName=f"P{n}", phone=f"+1415555{n:04d}")
        crm.deal("st1", crm.contact("spring fair 2", firstName="Other"))

    def put(self, segment: str, record: str, fields: Mapping[str, str]) -> str:
        self.crm.pass_time(2)
        return self.crm.contact(segment.removeprefix("tag:"), firstName=record, **fields)

    def remove(self, segment: str, record: str) -> None:
        self.crm.pass_time(2)
        self.crm.untag(record, segment.removeprefix("tag:"))

    def written(self, key: str) -> int:
        return (
            sum("\nA conformance check" in one["body"] and "Note," in one["body"] for one in self.crm.notes.values())
            - 1
        )


@pytest.mark.slow
async def test_keeps_every_promise(crm, given, table):
    def make(tools: Tools) -> Source:
        return GohighlevelSource(read_settings(table | {"opt_out": {"sms": "Consent"}}), tools)

    await exercise_source(make, tools=given, control=Location(crm))


def test_the_name_is_discovered():
    found = discover()
    assert "gohighlevel" in found.sources, found.broken
