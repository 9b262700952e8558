"""Retention: what has grown too old is let go, in small acts that nobody waits for.

The loop sleeps until the oldest of anything reaches its age, and then no less than an hour, so that a day's words go
in a few dozen acts. What is aged, and when, is the installation's (`domain.retention`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import trio

from fluentsd.domain.retention import What
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.runtime import Runtime
from fluentsd.store.erasure import retention
from fluentsd.unavailable import StoreUnavailable

Ages = Mapping[What, int]
#: Rows let go in one transaction.
AT_ONCE = 500
#: The shortest sleep between two rounds.
REST = 3600 * SECOND


async def run(runtime: Runtime, ages: Ages, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """Run until cancelled; at once over when nothing has an age. `ages` are microseconds."""
    task_status.started()
    if not ages:
        return
    while True:
        try:
            gone = await _let_go(runtime, ages)
            until = await _next(runtime, ages)
        except StoreUnavailable:
            gone, until = Counter(), runtime.clock.now() + REST
        if gone:
            runtime.log.info("retention.let_go", **gone)
        await runtime.clock.sleep_until(max(until, runtime.clock.now() + REST))


async def _let_go(runtime: Runtime, ages: Ages) -> Counter[str]:
    """Everything that is too old now."""
    gone = Counter[str]()
    for what, age in ages.items():
        while count := await runtime.store.run(retention.delete_old, what, runtime.clock.now() - age, AT_ONCE):
            gone[what] += count
            if count < AT_ONCE:
                break
    return gone


async def _next(runtime: Runtime, ages: Ages) -> int:
    """When something will be too old: the oldest of it, or what may come from now on."""
    moments = []
    for what, age in ages.items():
        since = await runtime.store.read(retention.oldest, what)
        moments.append((runtime.clock.now() if since is None else since) + age)
    return min(moments)
