"""The monday.com source keeps every promise of a source, before a monday.com on loopback."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from fluentsd_crm_monday.settings import read_settings
from fluentsd_crm_monday.source import MondaySource

from fluentsd.api import Source, Tools
from fluentsd.testing import discover, exercise_source
from plugins.crm_monday.tests.fake_monday import BOARD, TOKEN, FakeMonday


class Account:
    """The fake as the source's own side; the first segment is a whole board."""

    def __init__(self, crm: FakeMonday) -> None:
        self.crm = crm
        for n in range(7):
            crm.item(phone_1=f"1415555{n:04d}")
        crm.item(board="9002")
        crm.pass_time(600)

    def put(self, segment: str, record: str, fields: Mapping[str, str]) -> str:
        self.crm.pass_time(5)
        return self.crm.item("topics", BOARD)

    def remove(self, segment: str, record: str) -> None:
        self.crm.pass_time(5)
        self.crm.edit(record, group="done")

    def written(self, key: str) -> int:
        return sum(one["body"].startswith("Note") for one in self.crm.updates.values()) - 1


class GroupFirst(MondaySource):
    """Its first segment is a group, which items can leave."""

    async def segments(self):
        return sorted(await super().segments(), key=lambda one: one.kind != "group")


@pytest.mark.slow
async def test_keeps_every_promise(crm, given):
    crm.random.shuffle = lambda refs: None  # the suite compares two walks; order is a test of its own
    crm.page = 3

    def make(tools: Tools) -> Source:
        table = {"token": TOKEN, "base_url": crm.url, "rate": "100000/second", "every": 0}
        return GroupFirst(read_settings(table | {"opt_out": {"phone": "Do not call"}}), tools)

    await exercise_source(make, tools=given, control=Account(crm))


def test_the_name_is_discovered():
    found = discover()
    assert "monday" in found.sources, found.broken
