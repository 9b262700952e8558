"""The heartbeat of a process on PostgreSQL, and what ends with it.

While the beat is young nobody can have taken over. When it is not, nothing is claimed and no send begins
(`Runtime.may_contact`); when another process has taken over, this one ends.
"""

from __future__ import annotations

import trio

from fluentsd.engine.runtime import Runtime
from fluentsd.store.db.server_lock import BEAT_EVERY, ServerLock
from fluentsd.store.nodes import Fenced
from fluentsd.unavailable import StoreUnavailable


async def beat(
    runtime: Runtime, lock: ServerLock, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Run until cancelled. Raises `Fenced`. Real seconds, also under a simulated clock: other hosts have no other."""
    task_status.started()
    while True:
        try:
            alive = await lock.beat(runtime.plans.writer)
        except StoreUnavailable:
            alive = True  # not known; `is_fresh` stops claims in time
        if not alive:
            raise fenced(runtime)
        await trio.sleep(BEAT_EVERY)


def fenced(runtime: Runtime) -> Fenced:
    """Stop claims and sends that have not begun, say so once; the error that ends the process."""
    if not runtime.closing:
        runtime.log.error("daemon.fenced", effect="another process works with this database; this one ends")
    runtime.closing = True
    return Fenced()
