"""Outbox delivery: in order per key, each message is retried until its listeners have accepted it.

Listeners are plain async callables passed in at start; the engine does not know whether one is a log, a webhook or a
chat. Delivery is at-least-once: each message has an id, so a listener can detect a repetition. Tasks that the daemon
handles itself (`tasks`) go to no listener.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import trio

from fluentsd.api import Unavailable
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.outbox.tasks import HANDLERS
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
                    nursery.start_soon(_deliver_one, runtime, listeners, message)
            until = None if messages else await runtime.store.read(outbox.next_due)
        except StoreUnavailable:
            messages, until = [], runtime.clock.now() + SECOND
        if not messages:
            await runtime.outbox_wakeup.wait_until(runtime.clock, until)


async def _deliver_one(runtime: Runtime, listeners: Sequence[Listener], message: Mapping[str, Any]) -> None:
    handler = HANDLERS.get(message["topic"])
    try:
        if handler is not None:
            await handler(runtime, message)
        else:
            for listener in listeners:
                await listener(message)
    except Exception as why:  # noqa: BLE001 - the guard at the edge of each delivery: it is retried
        pause = _pause(int(message["tries"]), why)
        runtime.log.warning("outbox.retry", topic=message["topic"], error=type(why).__name__, seconds=pause // SECOND)
        update: tuple[Any, ...] = (
            outbox.failed,
            message["id"],
            runtime.clock.now() + pause,
            f"{type(why).__name__}: {why}",
        )
    else:
        update = (
            (outbox.delivered, message["id"], runtime.clock.now()) if handler is None else (outbox.done, message["id"])
        )
    await _write_result(runtime, *update)


def _pause(tries: int, why: Exception) -> int:
    """Microseconds until the next try: doubled each time, and at least the pause that the receiver asked for."""
    asked = round(why.after * SECOND) if isinstance(why, Unavailable) else 0
    return min(max(FIRST_PAUSE << min(tries, 20), asked), LONGEST_PAUSE)


async def _write_result(runtime: Runtime, unit: Callable[..., Awaitable[None]], *args: Any) -> None:
    """Write the result of a delivery; retried while the database is unavailable, to avoid a second delivery."""
    while True:
        try:
            return await runtime.store.run(unit, *args)
        except StoreClosed:
            return  # the daemon is stopping; the message is delivered again after the next start
        except StoreUnavailable:
            await runtime.clock.sleep_until(runtime.clock.now() + SECOND)
