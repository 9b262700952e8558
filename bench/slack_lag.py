"""How late the engine's event loop is while Slack's front answers in it, beside the same without Slack.

The engine carries out steps at full speed (`steps.carry_out`); a task in its loop sleeps 5 ms at a time and notes how
late it wakes. With Slack, the real front is connected to a fake Slack in another process, in which managers type ten
commands a second. Run: `python bench/slack_lag.py`, or `make bench ONLY=slack-lag`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import population
import steps
import structlog
import trio
import trio_websocket
from rows import BenchFailed, Row
from turns import in_turn

sys.path.insert(0, str(Path(__file__).parents[1]))

from fluentsd.testing.slack import Workspace, fake_slack

PEOPLE, EVERY, COMMANDS_PER_S = 20_000, 0.005, 10
#: What they type. A report reads every attempt of its campaign, so it is one of twenty.
COMMANDS = (*("status bench", "list", "log bench", "numbers", "status bench") * 4, "report bench")


# ── the engine's process ─────────────────────────────────────────────────────────────────────────────────────────


def engine(database: Path, address: str) -> None:
    """Carry out all due steps, and print how late the loop was; `address` is of a fake Slack, or "" for none."""
    late: list[float] = []
    if address:  # before the run: importing slack-bolt takes as long as a few thousand steps
        from fluentsd.config import SlackSettings
        from fluentsd.fronts.slack.front import SlackFront

    async def heart() -> None:
        while True:
            expected = trio.current_time() + EVERY
            await trio.sleep_until(expected)
            late.append((trio.current_time() - expected) * 1000)

    async def beside(runtime: Any, nursery: trio.Nursery) -> None:
        nursery.start_soon(heart)
        if address:
            settings = SlackSettings("xapp-1-test", "xoxb-test", "/campaign", None, {"admin": ("U1",)}, (), None,
                                     f"{address}/api/")  # fmt: skip
            nursery.start_soon(SlackFront(runtime, settings, runtime.log).run)

    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    population.put(database, steps.REF, due=PEOPLE, at=steps.SystemClock().now())
    took, busy = trio.run(partial(steps.carry_out, database, PEOPLE, 1000, beside=beside))
    marks = quantiles(late, n=100)
    print(json.dumps({"p50_ms": marks[49], "p99_ms": marks[98], "beats": len(late), "rate": PEOPLE / took,
                      "cpu_s": busy}))  # fmt: skip


# ── the measure ──────────────────────────────────────────────────────────────────────────────────────────────────


async def measure(process: subprocess.Popen[str], slack: Workspace, *, with_slack: bool) -> dict[str, float]:
    """The figures of one run of the engine, while managers type."""
    async with trio.open_nursery() as nursery:
        typed = 0
        while process.poll() is None:
            if with_slack and slack.sockets:
                nursery.start_soon(_type, slack, COMMANDS[typed % len(COMMANDS)])
                typed += 1
            await trio.sleep(1 / COMMANDS_PER_S)
        nursery.cancel_scope.cancel()
    return {"commands": sum(map(len, slack.acks.values()))}


async def one(folder: Path, with_slack: bool) -> dict[str, float]:
    """One run on a fresh database."""
    database = Path(tempfile.mkdtemp(dir=folder), "lag.db")
    await steps.make(database, "We will call you tomorrow.")
    async with fake_slack() as slack:
        command = [sys.executable, __file__, "engine", str(database), slack.address if with_slack else ""]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220 - nothing is measured yet
        found = await measure(process, slack, with_slack=with_slack)
        output, _ = process.communicate()
    if process.returncode:
        raise BenchFailed(f"the engine ended with {process.returncode}")
    return dict(json.loads(output.splitlines()[-1])) | found


async def _type(slack: Any, text: str) -> None:
    with suppress(AssertionError, trio.TooSlowError, trio_websocket.ConnectionClosed):  # the engine has ended
        await slack.send("slash_commands", slack.slash(text, "U1", "C1"))


def lag(folder: Path) -> list[Row]:
    """The row, from pairs in turn."""
    pairs = in_turn(partial(trio.run, one, folder, True), partial(trio.run, one, folder, False))
    if not all(with_slack["commands"] for with_slack, _ in pairs):
        raise BenchFailed("no command was answered")
    ratio = round(median(a["p99_ms"] / b["p99_ms"] for a, b in pairs), 2)
    ours, peer = (round(median(pair[at]["p99_ms"] for pair in pairs), 1) for at in (0, 1))
    rates = [round(median(pair[at]["rate"] for pair in pairs)) for at in (0, 1)]
    note = f"p99, beside the same without Slack; {rates[0]:,} steps/s with and {rates[1]:,} without"
    return [Row("slack loop lag", ours, peer, "ms", ratio, 2.0, "at most", note)]


if __name__ == "__main__":
    if sys.argv[1:2] == ["engine"]:
        engine(Path(sys.argv[2]), sys.argv[3])
    else:
        with tempfile.TemporaryDirectory() as name:
            print(*(json.dumps(row.as_json()) for row in lag(Path(name))))
