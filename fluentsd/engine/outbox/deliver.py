"""Deliver the outbox: in order per key, each message until its listener has taken it.

Listeners are plain async callables handed in at start; the engine does not know whether one is a log, a webhook or a
chat. A message is at-least-once: its id goes along so that a listener can tell a repetition. What the house carries
out itself (`errands`) goes to none of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import trio

from fluentsd.api import Unavailable
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.outbox.tasks import ERRANDS
from fluentsd.engine.runtime import Runtime
from fluentsd.store import outbox
from fluentsd.unavailable import StoreClosed, StoreUnavailable

Listener = Callable[[Mapping[str, Any]], Awaitable[None]]

BATCH = 20
FIRST_PAUSE, LONGEST_PAUSE = 5 * SECOND, 3600 * SECOND


async def deliver(
    runtime: Runtime, listeners: Sequence[Listener], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Run until cancelled."""
    task_status.started()
    while True:
        try:
            messages = await runtime.store.read(outbox.due, runtime.clock.now(), BATCH)
            async with trio.open_nursery() as nursery:  # at most one of each key, so none overtakes another
                for message in messages:
                    nursery.start_soon(_tell, runtime, listeners, message)
            until = None if messages else await runtime.store.read(outbox.next_due)
        except StoreUnavailable:
            messages, until = [], runtime.clock.now() + SECOND
        if not messages:
            await runtime.outbox_wakeup.wait_until(runtime.clock, until)


async def _tell(runtime: Runtime, listeners: Sequence[Listener], message: Mapping[str, Any]) -> None:
    errand = ERRANDS.get(message["topic"])
    try:
        if errand is not None:
            await errand(runtime, message)
        else:
            for listener in listeners:
                await listener(message)
    except Exception as why:  # noqa: BLE001 - the guard at the edge of each delivery: it is told again later
        pause = _pause(int(message["tries"]), why)
        runtime.log.warning("outbox.retry", topic=message["topic"], error=type(why).__name__, seconds=pause // SECOND)
        told: tuple[Any, ...] = (
            outbox.failed,
            message["id"],
            runtime.clock.now() + pause,
            f"{type(why).__name__}: {why}",
        )
    else:
        told = (
            (outbox.delivered, message["id"], runtime.clock.now()) if errand is None else (outbox.done, message["id"])
        )
    await _note(runtime, *told)


def _pause(tries: int, why: Exception) -> int:
    """Microseconds until it is tried again: twice as long each time, and no sooner than the other side asks."""
    asked = round(why.after * SECOND) if isinstance(why, Unavailable) else 0
    return min(max(FIRST_PAUSE << min(tries, 20), asked), LONGEST_PAUSE)


async def _note(runtime: Runtime, unit: Callable[..., Awaitable[None]], *args: Any) -> None:
    """Write what came of a delivery, however long the database needs to come back: it should not be told twice."""
    while True:
        try:
            return await runtime.store.run(unit, *args)
        except StoreClosed:
            return  # the daemon is leaving; it is told again at the next start
        except StoreUnavailable:
            await runtime.clock.sleep_until(runtime.clock.now() + SECOND)
