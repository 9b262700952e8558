"""`fluentsd demo`, the first thing that a newcomer runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.processes import run_program


@pytest.mark.slow
def test_a_small_demo_keeps_its_promises(tmp_path: Path) -> None:
    done = run_program("demo", "--people", "10", "--json", folder=tmp_path, within=110)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert (found["duplicates"], found["outside_window"], found["queued"], found["active"]) == (0, 0, 0, 0)
    assert found["attempts"] > found["total"]
