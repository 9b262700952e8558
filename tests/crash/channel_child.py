"""The daemon's loops on the real SMS and e-mail channels, in a process that will be killed.

It runs until the campaign is completed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import structlog
import trio

from fluentsd.clock import SystemClock
from fluentsd.config import load
from fluentsd.daemon import open_runtime
from fluentsd.engine.nursery import running
from fluentsd.plugins import discover
from fluentsd.verbs import Call
from fluentsd.verbs.execute import execute
from tests.crash.shorter_waits import shorten

#: Microseconds.
GRACE = 200_000


async def main(folder: Path) -> None:
    log = structlog.wrap_logger(structlog.PrintLogger(sys.stderr))
    async with open_runtime(load(folder / "fluentsd.toml"), SystemClock(), discover(), log=log) as runtime:
        shorten(runtime, GRACE)
        async with running(runtime, grace=1.0):
            while True:
                call = Call("crash", runtime.clock.now(), role="admin")
                if (await execute(runtime, "campaign status", {"ref": "crash"}, call))["state"] == "completed":
                    return
                await trio.sleep(0.03)


def live(folder: str) -> None:
    """Run in this process."""
    trio.run(main, Path(folder))
