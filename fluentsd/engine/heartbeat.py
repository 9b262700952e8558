"""The right of this process to claim: taken at the start, kept alive by a beat on PostgreSQL, and lost for good.

While the beat is young nobody can have taken over. When it is not, nothing is claimed and no send begins
(`Runtime.may_contact`); when another process has taken over, this one ends.
"""

from __future__ import annotations

import trio

from fluentsd.engine.runtime import Runtime
from fluentsd.store import nodes
from fluentsd.store.db.server_lock import BEAT_EVERY, ServerLock
from fluentsd.store.nodes import Fenced
from fluentsd.unavailable import StoreBusy, StoreUnavailable

#: Tries to take over, each as long as a lock is waited for.
TAKEOVERS = 4


async def take_over(runtime: Runtime) -> None:
    """Become the process that may claim, once; every other one is fenced. A process that hangs in the middle of a claim
    delays this until the server ends its transaction."""
    tries = TAKEOVERS
    while not runtime.plans.writer.epoch:
        tries -= 1
        try:
            runtime.plans.writer = await runtime.store.run_whole(nodes.take_over, runtime.node)
        except StoreBusy:
            if not tries:
                raise


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


async def leave(runtime: Runtime) -> None:
    """Note an orderly end, so that no other host waits for this one. Skipped while the database is unavailable: the
    others wait until the last beat is old."""
    if runtime.lock is None:
        return
    try:
        await runtime.store.run_whole(nodes.leave, runtime.plans.writer)
    except StoreUnavailable as why:
        runtime.log.warning("daemon.end_not_noted", reason=str(why), effect="another host waits 15 s before it starts")


def fenced(runtime: Runtime) -> Fenced:
    """Stop claims and sends that have not begun, say so once; the error that ends the process."""
    if not runtime.closing:
        runtime.log.error("daemon.fenced", effect="another process works with this database; this one ends")
    runtime.closing = True
    return Fenced()
