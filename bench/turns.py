"""Measured processes: each one fresh, one after another, never two at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from rows import BenchFailed

A = TypeVar("A")
B = TypeVar("B")
HERE = Path(__file__).parent
#: Pairs in one comparison.
ROUNDS = 3
#: Seconds after which a run counts as hanging.
AT_MOST = 1200


def in_turn(ours: Callable[[], A], other: Callable[[], B]) -> list[tuple[A, B]]:
    """Run A B A B A B, so that a change on the machine affects both."""
    return [(ours(), other()) for _ in range(ROUNDS)]


def run(command: list[str | Path], environment: Mapping[str, str]) -> dict[str, Any]:
    """Run one process; returns the JSON object on its last line."""
    env = {**os.environ, "PYTHONPATH": str(HERE), **environment}
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=AT_MOST)
        if done.returncode == 0:
            figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
            return figures
        why = f"ended with {done.returncode}: {(done.stderr or done.stdout)[-2000:]}"
    except subprocess.TimeoutExpired:
        why = f"did not end within {AT_MOST} s"
    except (IndexError, ValueError):
        why = f"printed no figures: {done.stdout[-500:]}"
    raise BenchFailed(f"{' '.join(map(str, command))}\n{why}")


def our_steps(database: Path, *options: str, environment: Mapping[str, str] = {}) -> dict[str, Any]:
    """`steps.py` on a database that is kept."""
    return run([sys.executable, HERE / "steps.py", database, *options], environment)


def our_fresh_steps(folder: Path, *options: str, environment: Mapping[str, str] = {}) -> dict[str, Any]:
    """`steps.py` on a database of its own, deleted afterwards."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        return our_steps(Path(own, "steps.db"), *options, environment=environment)


def peer_steps(python: Path, peer: str, folder: Path, due: int, environment: Mapping[str, str]) -> dict[str, Any]:
    """A peer's script in the peers' environment, in a folder of its own."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        return run([python, HERE / "peers" / f"{peer}_steps.py", own, str(due)], environment)
