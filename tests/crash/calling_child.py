"""A whole daemon that makes calls, in a process that will be killed.

It ends when the campaign is completed.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import structlog
import trio

from fluentsd import daemon
from fluentsd.bootstrap import open_runtime
from fluentsd.clock import SystemClock
from fluentsd.config import load
from fluentsd.engine.runtime import Runtime
from fluentsd.plugins import discover
from fluentsd.verbs import Call
from fluentsd.verbs.execute import execute
from tests.crash.shorter_waits import shorten

#: Microseconds until a lost answer is looked up, and until a call without an outcome is.
GRACE, CALL_DEADLINE = 400_000, 4_000_000


async def end_when_completed(runtime: Runtime) -> None:
    """Stop the daemon in order when its campaign is completed."""
    while True:
        call = Call("crash", runtime.clock.now(), role="admin")
        if (await execute(runtime, "campaign status", {"ref": "crash"}, call))["state"] == "completed":
            os.kill(os.getpid(), signal.SIGTERM)
            return
        await trio.sleep(0.05)


@asynccontextmanager
async def rigged_runtime(*given: Any, **more: Any) -> AsyncIterator[Runtime]:
    async with open_runtime(*given, **more) as runtime:
        shorten(runtime, GRACE, CALL_DEADLINE)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(end_when_completed, runtime)
            yield runtime
            nursery.cancel_scope.cancel()


def live(folder: str) -> None:
    """Run in this process."""
    daemon.open_runtime = rigged_runtime  # type: ignore[assignment]
    given = load(Path(folder) / "fluentsd.toml")
    log = structlog.wrap_logger(structlog.PrintLogger(sys.stderr))
    trio.run(lambda: daemon.run(given, clock=SystemClock(), plugins=discover(), log=log))
