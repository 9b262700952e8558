"""Random histories of joins, leaves, edits, outages and restarts: changes lead to the truth."""

from __future__ import annotations

import pytest

from fluentsd.testing import exercise_history


class Tag:
    """The contacts with a tag."""

    def __init__(self, crm):
        self.crm, self.pass_time = crm, crm.pass_time
        crm.tags.append("spring")

    def join(self):
        return self.crm.contact("spring")

    def leave(self, record):
        self.crm.untag(record, "spring")

    def edit(self, record):
        self.crm.edit(record, firstName="x")

    def other(self, record):
        self.crm.contact("spring fair")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_changes_lead_to_the_truth(crm, connect, given, seed):
    await exercise_history(seed, connect, crm, Tag(crm), "tag:spring")
