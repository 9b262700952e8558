"""Steps per second with millions of people waiting, compared with ten thousand waiting; and the cost of idle passes.

The waiting people are inserted once for all rounds. Each round adds its own due people, whose next step then waits
among the others. `scattered` is the worst case: the due people are spread over the whole file instead of being inserted
together.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from rows import BenchFailed, Row, compared, median
from turns import ROUNDS, in_turn, our_fresh_steps, our_steps

DUE = 20_000
BASE = 10_000
BAR = 0.6
WAKE_UP_MS = 5.0
IDLE_S = 30
#: Bytes of disk per person, with a reserve.
BYTES_EACH = 1_000


def steps_1m(folder: Path) -> list[Row]:
    """With a million people waiting."""
    return _at("steps-1m", 1_000_000, folder)


def steps_5m(folder: Path) -> list[Row]:
    """With five million people waiting."""
    return _at("steps-5m", 5_000_000, folder)


def _at(name: str, people: int, folder: Path) -> list[Row]:
    free = shutil.disk_usage(folder).free
    if free < people * BYTES_EACH:
        raise BenchFailed(f"needs {people * BYTES_EACH >> 30} GB of disk, and {free >> 30} GB are free")
    with tempfile.TemporaryDirectory(dir=folder) as own:
        database = Path(own, "people.db")
        began = time.perf_counter()
        our_steps(database, "--waiting", str(people), "--idle", "0.1")
        made = {"made_in_s": round(time.perf_counter() - began), "file_mb": database.stat().st_size >> 20}
        pairs = in_turn(
            lambda: our_steps(database, "--due", str(DUE)),
            lambda: our_fresh_steps(folder, "--due", str(DUE), "--waiting", str(BASE)),
        )
        scattered = [our_steps(database, "--due", str(DUE), "--scattered") for _ in range(ROUNDS)]
        idle = our_steps(database, "--idle", str(IDLE_S))
    worst = median(scattered, "rate")
    extra = {
        **made,
        "scattered": round(worst),
        "scattered_ratio": round(worst / median([b for _, b in pairs], "rate"), 2),
    }
    note = f"peer: our own rate with {BASE:,} people waiting"
    return [compared(name, pairs, BAR, note=note, extra=extra), *_idle(name, idle)]


def _idle(name: str, idle: dict[str, Any]) -> list[Row]:
    pass_ms = round(idle["pass_ms"], 2)
    costs = {"first_ms": round(idle["pass_first_ms"], 2), "p99_ms": round(idle["pass_p99_ms"], 2)}
    busy = {"busy_ms": round(idle["busy_ms"], 1)}
    seconds = f"in {idle['seconds']:.0f} s with nothing due"
    return [
        Row(f"{name} empty wake-up", pass_ms, None, "ms", None, WAKE_UP_MS, "at most", "median of 200", costs),
        Row(f"{name} idle wake-ups", idle["passes"], None, "passes", None, 0, "at most", seconds, busy),
    ]
