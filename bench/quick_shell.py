"""The shell's start: processor time of a command beside that of Python with trio, rich.table and typer alone.

Ratios of medians in one run: `python bench/quick_shell.py [--runs N]`. `campaign list` is asked of a running daemon.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BASE = [sys.executable, "-c", "import trio, rich.table, typer"]
SHELL = [sys.executable, "-m", "fluentsd"]


def seconds(command: list[str], folder: Path) -> float:
    """User and system time of one run."""
    before = os.times()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return (after.children_user - before.children_user) + (after.children_system - before.children_system)


def main() -> None:
    """Print one line of JSON: ratio by command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory(prefix="fsd-") as name:
        folder = Path(name)
        subprocess.run([*SHELL, "init"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        daemon = subprocess.Popen([*SHELL, "run"], cwd=folder, stderr=subprocess.DEVNULL)
        try:
            while not (folder / "fluentsd.sock").exists():
                time.sleep(0.05)
            commands = {
                "--help": [*SHELL, "--help"], "--version": [*SHELL, "--version"], "campaign list": [*SHELL, "campaign",
                "list"], "campaign --help": [*SHELL, "campaign", "--help"],
                "suppression why": [*SHELL, "suppression", "why", "+12125550101", "-c", "fluentsd.toml"],
            }  # fmt: skip
            taken: dict[str, list[float]] = {"": [], **{name: [] for name in commands}}
            for _ in range(runs):
                taken[""].append(seconds(BASE, folder))
                for name, command in commands.items():
                    taken[name].append(seconds(command, folder))
        finally:
            daemon.terminate()
            daemon.wait(30)
    base = statistics.median(taken.pop(""))
    ratios = {name: round(statistics.median(of) / base, 2) for name, of in taken.items()}
    print(json.dumps({"base_s": round(base, 3), "ratios": ratios}))


if __name__ == "__main__":
    main()
