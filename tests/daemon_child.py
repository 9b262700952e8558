"""A daemon in a process that tests end: it says what it does, and has a verb and a channel that never end."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import structlog
import trio
from sqlalchemy import text

from fluentsd import daemon
from fluentsd.clock import SystemClock
from fluentsd.config import load
from fluentsd.plugins import Plugins
from fluentsd.verbs import catalogue, operations
from tests.engine.stage import FakeChannel


def say(word: str) -> None:
    print(word, flush=True)


async def heavy(runtime: Any, call: Any) -> None:
    endless = text("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c")
    say("heavy")
    await runtime.store.read(lambda conn: conn.execute(endless))


async def hang(message: Any, attempt: Any) -> Any:
    say("sending")
    await trio.sleep_forever()


def build(config: Any, tools: Any) -> FakeChannel:
    channel = FakeChannel(config["kind"], tools.clock)
    channel.always = hang
    return channel


def live(settings: str) -> None:
    """Run in this process."""
    operations.heavy = heavy  # type: ignore[attr-defined]
    catalogue.VERBS["heavy"] = catalogue.Verb("heavy", "slow", "operations.heavy")
    log = structlog.wrap_logger(structlog.PrintLogger(sys.stderr))
    given, plugins = load(Path(settings), {}), Plugins(channels={"fake": build})
    trio.run(lambda: daemon.run(given, clock=SystemClock(), plugins=plugins, log=log, ready=lambda: say("ready")))
    say("left")
