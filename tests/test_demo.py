"""`fluentsd demo`, the first thing that a newcomer runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_small_demo_keeps_its_promises(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "fluentsd", "demo", "--people", "10", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert (found["duplicates"], found["outside_window"], found["queued"], found["active"]) == (0, 0, 0, 0)
    assert found["attempts"] > found["total"]
