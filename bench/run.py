"""`make bench`: fluentsd's figures beside its peers', in one table and in `bench/results.json`.

Without names it runs every benchmark, with names only those, and replaces their rows in the results. A missed target is
a row that says so, not a failure of this program; the exit status is 1 only if a measurement failed.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import re
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import disk
from at_scale import steps_1m, steps_5m
from daemon import daemon
from decisions import forecast, gate, overview, window
from following import follow
from importing import importing
from mailing import mailing
from outbox import outbox_rows
from quick_shell import quick_shell
from rich.console import Console
from rich.table import Table
from rows import BenchFailed, Row
from slack_acks import acks
from slack_lag import lag
from versus_peers import steps_apscheduler, steps_huey
from webhooks import callbacks

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
#: On the checkout's disk: a temporary folder may be in memory, where durability costs nothing. Git ignores it.
BUILD = HERE / "build"
BENCHMARKS: dict[str, Callable[[Path], list[Row]]] = {
    "steps-huey": steps_huey,
    "steps-apscheduler": steps_apscheduler,
    "steps-1m": steps_1m,
    "steps-5m": steps_5m,
    "daemon": daemon,
    "import": importing,
    "window": window,
    "gate": gate,
    "forecast": forecast,
    "overview": overview,
    "callbacks": callbacks,
    "mailing": mailing,
    "outbox": outbox_rows,
    "follow": follow,
    "shell": quick_shell,
    "slack": acks,
    "slack-lag": lag,
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"unknown benchmark: {', '.join(unknown)}; known: {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    console = Console()
    rows: list[dict[str, Any]] = []
    failed = 0
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        about = machine(Path(folder))
        console.print(description(about))
        for name in names or BENCHMARKS:
            try:
                with console.status(name):
                    measured = BENCHMARKS[name](Path(folder))
            except BenchFailed as why:
                console.print(f"{name}: not measured: {why}", markup=False, style="red")
                failed = 1
                continue
            stamp = {"machine": about, "measured_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds")}
            rows += [{**row.as_json(), "benchmark": name, **stamp} for row in measured]
            console.print(table(measured))
            for row in measured:
                console.print(f"  {row.name}: {row.note}", style="dim", highlight=False)
            keep(rows)
    return failed


def machine(folder: Path) -> dict[str, Any]:
    """The machine's properties that the figures depend on."""
    sync = disk.measure(folder)
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()) if sys.platform == "linux" else None
    return {
        "cpu": model[1] if model else platform.processor(),
        "cpus": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "fdatasync_us": sync.median_us,
        "fdatasync_p99_us": sync.p99_us,
        "load": round(os.getloadavg()[0], 2),
    }


def description(about: dict[str, Any]) -> str:
    return (
        f"{about['cpus']} x {about['cpu']}, Linux {about['kernel']}, Python {about['python']}, "
        f"SQLite {about['sqlite']}, load {about['load']}; a durable write of 4 KiB takes {about['fdatasync_us']} us "
        f"(99 of 100 within {about['fdatasync_p99_us']} us)"
    )


def table(rows: list[Row]) -> Table:
    """The table on the screen; all details are in the results."""
    drawn = Table("what", "ours", "peer", "unit", "ratio", "bar", "ok")
    for column in drawn.columns[1:3]:
        column.justify = "right"
    for row in rows:
        peer, ratio = (_number(row.peer), f"x {row.ratio}") if row.peer is not None and row.ratio else ("", "")
        bar = f"{row.wants} {_number(row.bar)}"
        drawn.add_row(row.name, _number(row.ours), peer, row.unit, ratio, bar, "[green]yes" if row.ok else "[red]no")
    return drawn


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if value == round(value) else f"{value:,}"


def keep(rows: list[dict[str, Any]]) -> None:
    """Write the results; rows that were not measured now stay, with the time of their measurement."""
    before = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
    now = {row["name"] for row in rows}
    kept = [row for row in before if row["name"] not in now] + rows
    order = list(BENCHMARKS)
    kept.sort(key=lambda row: order.index(row["benchmark"]))
    RESULTS.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
