"""Random histories of joins, leaves, edits, outages and restarts: changes lead to the truth."""

from __future__ import annotations

import pytest

from fluentsd.testing import exercise_history
from plugins.crm_monday.tests.fake_monday import BOARD


class Group:
    """The items of a group of a board."""

    def __init__(self, crm):
        self.crm, self.pass_time = crm, crm.pass_time

    def join(self):
        return self.crm.item()

    def leave(self, record):
        self.crm.edit(record, group="done")

    def edit(self, record):
        self.crm.edit(record, text_1="x")

    def other(self, record):
        self.crm.item("done")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_changes_lead_to_the_truth(crm, connect, given, seed):
    crm.left, crm.page = 90_000, 3
    build = lambda: connect(calls_per_day=100_000)  # noqa: E731 - as after a restart
    await exercise_history(seed, build, crm, Group(crm), f"group:{BOARD}/topics")
