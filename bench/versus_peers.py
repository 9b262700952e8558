"""Durable steps per second beside a peer, on this machine and on a disk that writes before it answers.

The second row of each pair answers another question. A write that a virtual machine's host or a drive's cache confirms
in tens of microseconds takes about six hundred on an SSD that really writes, and a peer that commits each step alone
waits for each write. Where the cache answers, that wait is gone and the work per step remains, which is more for
fluentsd.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import disk
import peer_venv
from rows import Row, compared, median
from turns import ROUNDS, in_turn, our_fresh_steps, peer_steps

DUE = 20_000
BAR, BAR_SLOWED = 2.0, 8.0
SLOW_US = 600
#: Microseconds of processor time a step.
CPU_US = 134.0
_AS_IT_IS = "this machine as it is"
_SLOWED = (
    f"another disk, not this one: every fsync and fdatasync of both held to at least {SLOW_US} us (bench/slow_sync.c), "
    "as an SSD takes that really writes before it answers"
)


def steps_huey(folder: Path) -> list[Row]:
    """huey: SQLite, fsync, one worker thread."""
    also = {name: _ours_with(folder, *options) for name, options in _VARIANTS.items()}
    rows = _versus("steps-huey", "huey", folder, {"also": also})
    return [*rows, _processor_time(rows[0])]


def steps_apscheduler(folder: Path) -> list[Row]:
    """APScheduler 3: SQLAlchemy store, SQLite WAL, synchronous=FULL."""
    return _versus("steps-apscheduler", "apscheduler", folder, {})


#: fluentsd again, with the settings of other installations.
_VARIANTS: Mapping[str, tuple[str, ...]] = {
    "concurrency 50, the default": ("--concurrency", "50"),
    "a text with two of the person's fields": ("--text", "Hello {{ contact['First name'] }} of {{ contact.Company }}"),
}


def _processor_time(row: Row) -> Row:
    """Microseconds of processor time a step, of all threads."""
    note = "three quarters in the store's thread: SQLite's statements, rows from and to the driver; the rest in Trio's"
    return Row("steps processor time", row.extra["ours_cpu_us"], None, "us", None, CPU_US, "at most", note)


def _versus(name: str, peer: str, folder: Path, extra: Mapping[str, Any]) -> list[Row]:
    python = peer_venv.python()
    rows = [_row(name, python, peer, folder, {}, BAR, note=_AS_IT_IS, extra={**_sync(folder, {}), **extra})]
    slowed = disk.slow_disk(folder, SLOW_US)
    if slowed is not None:
        row = _row(
            f"{name}@{SLOW_US}us", python, peer, folder, slowed, BAR_SLOWED, note=_SLOWED, extra=_sync(folder, slowed)
        )
        if row.extra["peer_durable_writes"] < DUE:
            raise AssertionError(f"{peer} waited for the disk {row.extra['peer_durable_writes']} times only")
        rows.append(row)
    return rows


def _row(
    name: str, python: Path, peer: str, folder: Path, environment: Mapping[str, str], bar: float, **details: Any
) -> Row:
    pairs = in_turn(
        lambda: our_fresh_steps(folder, "--due", str(DUE), environment=environment),
        lambda: peer_steps(python, peer, folder, DUE, environment),
    )
    return compared(name, pairs, bar, **details)


def _sync(folder: Path, environment: dict[str, str]) -> dict[str, float]:
    sync = disk.measure_under(folder, environment)
    return {"fdatasync_us": sync.median_us, "fdatasync_p99_us": sync.p99_us}


def _ours_with(folder: Path, *options: str) -> float:
    runs = [our_fresh_steps(folder, "--due", str(DUE), *options) for _ in range(ROUNDS)]
    return round(median(runs, "rate"))
