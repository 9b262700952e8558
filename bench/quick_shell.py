"""The shell's start: processor time of a command beside that of Python with trio, rich.table and typer alone.

Ratios of medians in one run: `python bench/quick_shell.py [--runs N]`. `campaign list`, `suppression why` and the
completion of a campaign's name are asked of a running daemon. The target is 1.5; of a group's help, which typer
prints, 2.
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

from rows import Row

BASE = [sys.executable, "-c", "import trio, rich.table, typer"]
SHELL = [sys.executable, "-m", "fluentsd"]


COMMANDS = {
    "--help": [*SHELL, "--help"],
    "--version": [*SHELL, "--version"],
    "campaign list": [*SHELL, "campaign", "list"],
    "suppression why": [*SHELL, "suppression", "why", "+12125550101", "-c", "fluentsd.toml"],
    "completion": [str(Path(sys.executable).parent / "fluentsd")],
    "campaign --help": [*SHELL, "campaign", "--help"],
}
RUNS, BAR, GROUP_BAR = 15, 1.5, 2.0
#: What bash asks when the tabulator key is pressed after these words.
COMPLETING = {"_FLUENTSD_COMPLETE": "complete_bash", "COMP_WORDS": "fluentsd campaign show ", "COMP_CWORD": "3"}


def seconds(command: list[str], folder: Path, more: dict[str, str]) -> float:
    """User and system time of one run, with more variables in its environment."""
    before = os.times()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, env=os.environ | more)
    after = os.times()
    return (after.children_user - before.children_user) + (after.children_system - before.children_system)


def measure(runs: int) -> tuple[float, dict[str, float]]:
    """Seconds of Python with the three libraries, and each command's ratio to it; medians."""
    with tempfile.TemporaryDirectory(prefix="fsd-") as name:
        folder = Path(name)
        subprocess.run([*SHELL, "init"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        daemon = subprocess.Popen([*SHELL, "run"], cwd=folder, stderr=subprocess.DEVNULL)
        try:
            while not (folder / "fluentsd.sock").exists():
                time.sleep(0.05)
            taken: dict[str, list[float]] = {"": [], **{name: [] for name in COMMANDS}}
            for _ in range(runs):
                taken[""].append(seconds(BASE, folder, {}))
                for name, command in COMMANDS.items():
                    taken[name].append(seconds(command, folder, COMPLETING if name == "completion" else {}))
        finally:
            daemon.terminate()
            daemon.wait(30)
    base = statistics.median(taken.pop(""))
    return base, {name: round(statistics.median(of) / base, 2) for name, of in taken.items()}


def quick_shell(_: Path) -> list[Row]:
    """A row for each command."""
    base, ratios = measure(RUNS)
    beside = "processor time beside python -c 'import trio, rich.table, typer'"
    bars = {name: GROUP_BAR if name == "campaign --help" else BAR for name in ratios}
    return [
        Row(f"shell {name}", round(ratio * base, 3), round(base, 3), "s", ratio, bars[name], "at most", beside)
        for name, ratio in ratios.items()
    ]


def main() -> None:
    """Print one line of JSON: ratio by command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=RUNS)
    base, ratios = measure(parser.parse_args().runs)
    print(json.dumps({"base_s": round(base, 3), "ratios": ratios}))


if __name__ == "__main__":
    main()
