"""The cost of a durable write on this machine, and a slower disk for comparison. Standard library only.

As a program it prints one JSON object with the time of an `fdatasync` of 4 KiB, in microseconds. `slow_disk` compiles
`slow_sync.c` into a folder and returns the environment in which a program's durable writes take at least the given
time, or None on a machine without a C compiler.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("slow_sync.c")
WRITES = 400
PAGE = b"\0" * 4096


@dataclass(frozen=True, slots=True)
class Sync:
    """Microseconds of one durable write."""

    median_us: float
    p99_us: float


def measure(folder: Path) -> Sync:
    """Append pages to a new file in `folder`, each followed by `fdatasync`."""
    took = []
    with tempfile.NamedTemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(WRITES):
            file.write(PAGE)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - began) * 1e6)
    return Sync(round(statistics.median(took), 1), round(statistics.quantiles(took, n=100)[98], 1))


def measure_under(folder: Path, environment: dict[str, str]) -> Sync:
    """The same in a process with that environment."""
    command = [sys.executable, __file__, str(folder)]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=True)
    return Sync(**json.loads(done.stdout))


def slow_disk(folder: Path, least_us: int) -> dict[str, str] | None:
    """The environment of a disk whose durable writes take at least `least_us`; None if it cannot be built here."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None or not sys.platform.startswith("linux"):
        return None
    library = folder / "slow_sync.so"
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"slow_sync.c does not compile here, so nothing is measured on a slower disk:\n{done.stderr}")
        return None
    return {"LD_PRELOAD": str(library), "FLUENTSD_BENCH_SYNC_US": str(least_us)}


def _main() -> None:
    sync = measure(Path(sys.argv[1]) if len(sys.argv) > 1 else Path.cwd())
    print(json.dumps({"median_us": sync.median_us, "p99_us": sync.p99_us}))


if __name__ == "__main__":
    _main()
