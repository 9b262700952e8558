"""Random histories of joins, leaves, edits, outages and restarts: changes lead to the truth."""

from __future__ import annotations

import pytest

from fluentsd.testing import exercise_history


class Campaign:
    """The members of a campaign: leads and contacts in turn."""

    def __init__(self, crm):
        self.crm, self.pass_time = crm, crm.pass_time
        self.id, self.count = crm.add("Campaign", Name="C"), 0

    def join(self):
        self.count += 1
        one = self.crm.add("Lead" if self.count % 2 else "Contact")
        self.crm.join(self.id, one)
        return one

    def leave(self, record):
        self.count += 1
        if self.count % 3:
            self.crm.leave(self.id, record)
        else:
            self.crm.delete(record)

    def edit(self, record):
        self.crm.edit(record, Title="x")

    def other(self, record):
        return self.crm.convert(record) if record.startswith("00Q") else None


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_changes_lead_to_the_truth(salesforce, connect, given, seed):
    mine = Campaign(salesforce)
    await exercise_history(seed, connect, salesforce, mine, f"campaign:{mine.id}")
