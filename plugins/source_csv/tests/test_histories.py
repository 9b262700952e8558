"""Random histories of joins, leaves, edits, outages and restarts: changes lead to the truth."""

from __future__ import annotations

import pytest

from fluentsd.testing import exercise_history


class File:
    """The rows of a file."""

    def __init__(self, web, clock):
        self.web, self.clock, self.count = web, clock, 0
        web.rows.clear()

    def join(self):
        self.count += 1
        self.web.rows[f"x{self.count}"] = {"id": f"x{self.count}"}
        return f"Leads/x{self.count}"

    def leave(self, record):
        del self.web.rows[record.removeprefix("Leads/")]

    def edit(self, record):
        self.count += 1
        self.web.rows[record.removeprefix("Leads/")]["Name"] = str(self.count)

    def other(self, record):
        self.web.content = None

    def pass_time(self, seconds):
        self.clock.at += 1


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
async def test_changes_lead_to_the_truth(web, connect, given, seed):
    await exercise_history(seed, connect, web, File(web, given.clock), "file:Leads")
