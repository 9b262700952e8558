"""Random histories of joins, leaves, edits, outages and restarts: changes lead to the truth."""

from __future__ import annotations

import pytest

from fluentsd.testing import exercise_history


class Status:
    """The leads in a status."""

    def __init__(self, crm):
        self.crm, self.pass_time = crm, crm.pass_time
        crm.most = 3

    def join(self):
        return self.crm.lead()

    def leave(self, record):
        self.crm.move(record, 3)

    def edit(self, record):
        self.crm.edit(record, FirstName="x")

    def other(self, record):
        self.crm.lead(2, None)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_changes_lead_to_the_truth(crm, connect, given, seed):
    await exercise_history(seed, connect, crm, Status(crm), "status:1")
