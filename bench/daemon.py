"""The whole daemon as an operator runs it: the time until it is ready, and its memory with a million people waiting.

`fluentsd run` in a process of its own, with an active campaign and the sandbox's `noop` carrier. The time runs from
before the start of the process until READY=1 arrives on $NOTIFY_SOCKET. Memory is VmRSS once nothing is due, and the
peak (VmHWM) after 20,000 more steps.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import population
import steps
import trio
from rows import BenchFailed, Row
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.clock import SystemClock
from fluentsd.store import campaigns
from fluentsd.store.db.bridge import open_store

PEOPLE = 1_000_000
DUE = 20_000
STARTS = 5
READY_S, MEMORY_MIB = 1.0, 80.0
SETTLE_S = 5.0
PATIENCE_S = 60.0
CONFIG = """\
[database]
path = "{database}"
[daemon]
socket = "{control}"
[channel.sms]
plugin = "noop"
concurrency = 1000
"""


def daemon(folder: Path) -> list[Row]:
    """Start it five times, then let it work."""
    # A socket's path has at most 108 bytes, so it is in a short folder.
    with tempfile.TemporaryDirectory(dir=folder) as own, tempfile.TemporaryDirectory() as short:
        home = _Home(Path(own), Path(short))
        with home.running():
            pass  # the first start creates the database
        trio.run(_campaign, home.database)
        population.put(home.database, steps.REF, waiting=PEOPLE, at=SystemClock().now())
        starts, settled = _starts(home)
        population.put(home.database, steps.REF, due=DUE, at=SystemClock().now())
        worked = _work(home)
    ready = round(statistics.median(starts), 3)
    runs = {"runs": [round(seconds, 3) for seconds in starts]}
    memory = {
        "peak_mib": settled["VmHWM"],
        "after_20k_steps_mib": worked["VmRSS"],
        "peak_of_20k_steps_mib": worked["VmHWM"],
    }
    note = f"VmRSS {SETTLE_S:.0f} s after the start, {PEOPLE:,} waiting, campaign active"
    return [
        Row("daemon ready", ready, None, "s", None, READY_S, "at most", f"start to READY=1, {PEOPLE:,} waiting", runs),
        Row("daemon memory", settled["VmRSS"], None, "MiB", None, MEMORY_MIB, "at most", note, memory),
    ]


class _Home:
    """An installation in a folder."""

    def __init__(self, folder: Path, short: Path) -> None:
        self.database, self._config, self._notify = folder / "fluentsd.db", folder / "fluentsd.toml", short / "notify"
        self._log = folder / "log"
        self._config.write_text(CONFIG.format(database=self.database, control=short / "control"), encoding="utf-8")

    @contextmanager
    def running(self) -> Iterator[tuple[float, int]]:
        """Seconds until the daemon was ready, and its process id; the daemon is stopped afterwards."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, self._log.open("wb") as log:
            self._notify.unlink(missing_ok=True)
            notify.bind(str(self._notify))
            notify.settimeout(PATIENCE_S)
            command = [sys.executable, "-m", "fluentsd", "--config", str(self._config), "run"]
            env = {**os.environ, "NOTIFY_SOCKET": str(self._notify)}
            began = time.perf_counter()
            process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
            try:
                yield self._ready(notify, began), process.pid
            finally:
                process.terminate()
                process.wait(PATIENCE_S)

    def _ready(self, notify: socket.socket, began: float) -> float:
        try:
            while b"READY=1" not in notify.recv(4096):
                pass
        except TimeoutError:
            raise BenchFailed(f"the daemon was not ready in {PATIENCE_S:.0f} s:\n{self._log.read_text()}") from None
        return time.perf_counter() - began


async def _campaign(database: Path) -> None:
    async with open_store(steps.url(database)) as store:

        async def unit(conn: AsyncConnection) -> None:
            at = SystemClock().now()
            row = await campaigns.create(conn, steps.campaign("We will call you tomorrow."), owner="bench", at=at)
            await campaigns.move(conn, row, "start", at=at)

        await store.run(unit)


def _starts(home: _Home) -> tuple[list[float], dict[str, float]]:
    """Seconds of each start; memory of the last."""
    taken, settled = [], {}
    for nth in range(STARTS):
        with home.running() as (seconds, pid):
            taken.append(seconds)
            if nth == STARTS - 1:
                time.sleep(SETTLE_S)
                settled = _memory(pid)
    return taken, settled


def _work(home: _Home) -> dict[str, float]:
    """Memory after all due people have been contacted."""
    with home.running() as (_, pid):
        until = time.monotonic() + PATIENCE_S
        while _sent(home.database) < DUE:
            if time.monotonic() > until:
                raise BenchFailed(f"only {_sent(home.database)} of {DUE} steps were carried out in {PATIENCE_S:.0f} s")
            time.sleep(0.25)
        time.sleep(SETTLE_S)
        return _memory(pid)


def _sent(database: Path) -> int:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as conn:
        return int(conn.execute("SELECT count(*) FROM attempt WHERE state = 'settled'").fetchone()[0])


def _memory(pid: int) -> dict[str, float]:
    """VmRSS and VmHWM in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    found = dict(line.split(":", 1) for line in lines)
    return {key: round(int(found[key].split()[0]) / 1024, 1) for key in ("VmRSS", "VmHWM")}
