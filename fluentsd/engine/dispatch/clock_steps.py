"""Drops what was computed while the clock was ahead, once it has gone back.

Pace slots, back-offs and due times lie in the future of a clock that ran ahead. Left alone they would stop a lane until
that future comes. They are dropped, at the price of one contact more per lane and caller ID than its pace allows; caps,
gaps and windows are asked by the gate as always. A slot that its own pace cannot explain is dropped without a sign of a
step back, where it is read (`pacing.credible`).
"""

from __future__ import annotations

import trio

from fluentsd.domain.pacing import TOLERANCE
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaigns, lanes, numbers
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import rescheduling
from fluentsd.unavailable import StoreUnavailable


async def heal_at_start(runtime: Runtime) -> None:
    """Before any claim: if the last work of this installation lies in the future, the clock was ahead then."""
    seen_at = await runtime.store.read(rescheduling.last_seen)
    if seen_at is not None and seen_at > runtime.clock.now() + TOLERANCE and runtime.clock.is_credible():
        await _heal(runtime)


async def run(runtime: Runtime, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """Heal after every step back, until cancelled."""
    task_status.started()
    while True:
        await runtime.clock.wait_step_back()
        await _heal(runtime)


async def _heal(runtime: Runtime) -> None:
    now = runtime.clock.now()
    runtime.log.warning("clock.stepped_back", effect="pace slots and due times of the clock's future are dropped")
    for channel_state in runtime.channels.values():
        channel_state.next_slot_at = min(channel_state.next_slot_at, now)
        channel_state.backs_off_until = min(channel_state.backs_off_until, now)
        channel_state.unclear.pause_until = min(channel_state.unclear.pause_until, now)

    async def unit(conn: Connection) -> None:
        await lanes.drop_slots_after(conn, now)
        await numbers.drop_slots_after(conn, now)
        await campaigns.recompute_all(conn)

    while True:
        try:
            await runtime.store.run(unit)
        except StoreUnavailable:
            await runtime.clock.sleep_until(runtime.clock.now() + SECOND)
        else:
            break
    runtime.recompute_wakeup.notify()
    runtime.look_again()
