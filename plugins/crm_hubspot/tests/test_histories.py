"""Random histories of joins, leaves, edits, outages and restarts: changes lead to the truth."""

from __future__ import annotations

import pytest

from fluentsd.testing import exercise_history


class List:
    """The members of a list."""

    def __init__(self, crm):
        self.crm, self.pass_time = crm, crm.pass_time
        self.id = crm.new_list("L")

    def join(self):
        one = self.crm.contact()
        self.crm.join(self.id, one)
        return one

    def leave(self, record):
        self.crm.leave(self.id, record)

    def edit(self, record):
        self.crm.edit(record, jobtitle="x")

    def other(self, record):
        winner = self.crm.contact()
        self.crm.merge_contacts(record, winner)
        return winner


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_changes_lead_to_the_truth(hubspot, connect, given, seed):
    mine = List(hubspot)
    await exercise_history(seed, connect, hubspot, mine, f"list:{mine.id}")
