"""Retention: what has grown too old is let go, in small acts that nobody waits for.

The loop sleeps until the oldest of anything reaches its age, and then no less than an hour, so that a day's words go
in a few dozen acts. What is aged, and when, is the installation's (`domain.retention`).
"""

from __future__ import annotations

from collections import Counter

import trio

from fluentsd.domain.durations import SECOND
from fluentsd.engine.house import House
from fluentsd.store import retention
from fluentsd.store.bridge import StoreUnavailable

#: Rows let go in one transaction.
AT_ONCE = 500
#: The shortest sleep between two rounds.
REST = 3600 * SECOND


async def run(house: House, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """Run until cancelled."""
    task_status.started()
    while True:
        try:
            gone = await _let_go(house)
            until = await _next(house)
        except StoreUnavailable:
            gone, until = Counter(), house.clock.now() + REST
        if gone:
            house.log.info("retention.let_go", **gone)
        await house.clock.sleep_until(max(until, house.clock.now() + REST))


async def _let_go(house: House) -> Counter[str]:
    """Everything that is too old now."""
    gone = Counter[str]()
    for what, age in house.retention.items():
        while count := await house.store.run(retention.let_go, what, house.clock.now() - age, AT_ONCE):
            gone[what] += count
            if count < AT_ONCE:
                break
    return gone


async def _next(house: House) -> int:
    """When something will be too old: the oldest of it, or what may come from now on."""
    moments = []
    for what, age in house.retention.items():
        since = await house.store.read(retention.oldest, what)
        moments.append((house.clock.now() if since is None else since) + age)
    return min(moments)
