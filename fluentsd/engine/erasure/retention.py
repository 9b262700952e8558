"""Retention: deletes data past its retention period, in small transactions.

The loop sleeps until the oldest row reaches its age, and at least an hour, so that a day's text is deleted in a few
dozen transactions. The kinds of data and their ages are settings (`domain.retention`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import trio

from fluentsd.domain.retention import What
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.recordings.erasing import sweep
from fluentsd.engine.runtime import Runtime
from fluentsd.store.erasure import retention
from fluentsd.unavailable import StoreUnavailable

Ages = Mapping[What, int]
#: Rows deleted in one transaction.
AT_ONCE = 500
#: The shortest sleep between two rounds.
REST = 3600 * SECOND


async def run(runtime: Runtime, ages: Ages, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """Run until cancelled; returns at once without `ages`, which are in microseconds."""
    task_status.started()
    if not ages:
        return
    while True:
        try:
            gone = await _delete_old(runtime, ages)
            until = await _next_due(runtime, ages)
        except StoreUnavailable:
            gone, until = Counter(), runtime.clock.now() + REST
        if gone["recording"]:
            await sweep(runtime)
        if gone:
            runtime.log.info("retention.let_go", **gone)
        await runtime.clock.sleep_until(max(until, runtime.clock.now() + REST))


async def _delete_old(runtime: Runtime, ages: Ages) -> Counter[str]:
    """Delete everything past its age; returns the number of rows by kind."""
    gone = Counter[str]()
    for what, age in ages.items():
        while count := await runtime.store.run(retention.delete_old, what, runtime.clock.now() - age, AT_ONCE):
            gone[what] += count
            if count < AT_ONCE:
                break
    return gone


async def _next_due(runtime: Runtime, ages: Ages) -> int:
    """The time at which the oldest row, or a row stored from now on, reaches its age."""
    moments = []
    for what, age in ages.items():
        since = await runtime.store.read(retention.oldest, what)
        moments.append((runtime.clock.now() if since is None else since) + age)
    return min(moments)
