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
from fluentsd.engine.runtime import House
from fluentsd.store import outbox
from fluentsd.store.db.bridge import StoreClosed, StoreUnavailable

Listener = Callable[[Mapping[str, Any]], Awaitable[None]]

BATCH = 20
FIRST_PAUSE, LONGEST_PAUSE = 5 * SECOND, 3600 * SECOND


async def deliver(
    house: House, listeners: Sequence[Listener], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Run until cancelled."""
    task_status.started()
    while True:
        try:
            messages = await house.store.read(outbox.due, house.clock.now(), BATCH)
            async with trio.open_nursery() as nursery:  # at most one of each key, so none overtakes another
                for message in messages:
                    nursery.start_soon(_tell, house, listeners, message)
            until = None if messages else await house.store.read(outbox.next_due)
        except StoreUnavailable:
            messages, until = [], house.clock.now() + SECOND
        if not messages:
            await house.posted.wait_rung(house.clock, until)


async def _tell(house: House, listeners: Sequence[Listener], message: Mapping[str, Any]) -> None:
    errand = ERRANDS.get(message["topic"])
    try:
        if errand is not None:
            await errand(house, message)
        else:
            for listener in listeners:
                await listener(message)
    except Exception as why:  # noqa: BLE001 - the guard at the edge of each delivery: it is told again later
        pause = _pause(int(message["tries"]), why)
        house.log.warning("outbox.retry", topic=message["topic"], error=type(why).__name__, seconds=pause // SECOND)
        told: tuple[Any, ...] = (
            outbox.failed,
            message["id"],
            house.clock.now() + pause,
            f"{type(why).__name__}: {why}",
        )
    else:
        told = (outbox.delivered, message["id"], house.clock.now()) if errand is None else (outbox.done, message["id"])
    await _note(house, *told)


def _pause(tries: int, why: Exception) -> int:
    """Microseconds until it is tried again: twice as long each time, and no sooner than the other side asks."""
    asked = round(why.after * SECOND) if isinstance(why, Unavailable) else 0
    return min(max(FIRST_PAUSE << min(tries, 20), asked), LONGEST_PAUSE)


async def _note(house: House, unit: Callable[..., Awaitable[None]], *args: Any) -> None:
    """Write what came of a delivery, however long the database needs to come back: it should not be told twice."""
    while True:
        try:
            return await house.store.run(unit, *args)
        except StoreClosed:
            return  # the daemon is leaving; it is told again at the next start
        except StoreUnavailable:
            await house.clock.sleep_until(house.clock.now() + SECOND)
