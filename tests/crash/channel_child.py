"""The daemon's loops on the real SMS and e-mail channels, in a process that will be killed.

It runs until the campaign is completed. Three waits are shorter here than in production, and nothing else differs: the
SMS channel looks up a lost answer after `GRACE` instead of a minute (there is no setting for it, because a real
provider's list needs that minute), the reconciler repeats a look-up after the same time, and an unavailable provider is
tried again after `BACK_OFF` at most.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import structlog
import trio
from fluentsd_channel_sms import SmsChannel

from fluentsd.api import Channel, Unavailable
from fluentsd.clock import SystemClock
from fluentsd.config import load
from fluentsd.daemon import open_runtime
from fluentsd.engine.dispatch import reconciler
from fluentsd.engine.nursery import running
from fluentsd.plugins import discover
from fluentsd.verbs import Call
from fluentsd.verbs.execute import execute

#: Microseconds.
GRACE = 200_000
#: Seconds.
BACK_OFF = 0.1


def rig(channel: Channel) -> None:
    """Shorten a channel's waits; its answers do not change."""
    if isinstance(channel, SmsChannel):
        channel.lookup_after = GRACE
    original = channel.send

    async def rigged(message: Any, attempt: Any) -> Any:
        try:
            return await original(message, attempt)
        except Unavailable as why:
            why.after = min(why.after, BACK_OFF)
            raise

    channel.send = rigged  # type: ignore[method-assign]


async def main(folder: Path) -> None:
    reconciler.ASK_AGAIN = GRACE
    log = structlog.wrap_logger(structlog.PrintLogger(sys.stderr))
    async with open_runtime(load(folder / "fluentsd.toml"), SystemClock(), discover(), log=log) as runtime:
        for channel_state in runtime.channels.values():
            rig(channel_state.channel)
        async with running(runtime, grace=1.0):
            while True:
                call = Call("crash", runtime.clock.now(), role="admin")
                if (await execute(runtime, "campaign status", {"ref": "crash"}, call))["state"] == "completed":
                    return
                await trio.sleep(0.03)


def live(folder: str) -> None:
    """Run in this process."""
    trio.run(main, Path(folder))
