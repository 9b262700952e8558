"""The Lead Docket source keeps every promise of a source, before a Lead Docket on loopback."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from fluentsd_crm_leaddocket.settings import read_settings
from fluentsd_crm_leaddocket.source import LeaddocketSource

from fluentsd.api import Source, Tools
from fluentsd.testing import discover, exercise_source
from plugins.crm_leaddocket.tests.fake_leaddocket import KEY, FakeLeaddocket


class Firm:
    """The fake as the source's own side."""

    def __init__(self, crm: FakeLeaddocket) -> None:
        self.crm = crm
        for _ in range(7):
            crm.lead()
        crm.lead(2, None)
        crm.pass_time(60)

    def put(self, segment: str, record: str, fields: Mapping[str, str]) -> str:
        self.crm.pass_time(2)
        return self.crm.lead()

    def remove(self, segment: str, record: str) -> None:
        self.crm.pass_time(2)
        self.crm.move(record, 3)

    def written(self, key: str) -> int:
        notes = [one["Text"] for many in self.crm.notes.values() for one in many]
        return sum(text.startswith("Note") for text in notes) - 1


@pytest.mark.slow
@pytest.mark.parametrize("ignores_filters", [False, True])
async def test_keeps_every_promise(crm, given, ignores_filters):
    crm.most, crm.ignores_filters = 3, ignores_filters

    def make(tools: Tools) -> Source:
        table = {"base_url": crm.url, "api_key": KEY, "opt_out": {"phone": "Do not call"}}
        return LeaddocketSource(read_settings(table), tools)

    await exercise_source(make, tools=given, control=Firm(crm))


def test_the_name_is_discovered():
    found = discover()
    assert "leaddocket" in found.sources, found.broken
