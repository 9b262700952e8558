"""Recompute: after an edit of the contact hours, due times are recomputed in batches.

Each waiting row keeps the time the flow wants (`wanted_at`) beside the time the hours allow (`due_at`). So a wider
window brings people forward and a narrower one defers them; step, try and progress do not change. People deferred by a
limit go back to the gate, which defers them again.
"""

from __future__ import annotations

import trio

from fluentsd.domain.enrollment import Progress, align
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.dispatch.facts import names_in, reason_to_wait
from fluentsd.engine.dispatch.plans import Plan, Plans
from fluentsd.engine.runtime import Runtime
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import ORDINARY, rescheduling
from fluentsd.unavailable import StoreUnavailable

#: People in one transaction.
BATCH = 1000


async def run(runtime: Runtime, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """At the start and on each wake-up, finish every pending recompute."""
    task_status.started()
    while True:
        until = None
        try:
            for campaign_id in await runtime.store.read(rescheduling.to_recompute):
                await finish(runtime, campaign_id)
        except StoreUnavailable:
            until = runtime.clock.now() + SECOND
        await runtime.recompute_wakeup.wait_until(runtime.clock, until)


async def finish(runtime: Runtime, campaign_id: int) -> int:
    """Recompute all due times of one campaign; returns how many people moved."""
    moved = 0
    while (count := await runtime.store.run(_batch, runtime.plans, campaign_id, runtime.clock.now())) is not None:
        moved += count
        runtime.dispatcher_wakeup.notify()
    return moved


async def _batch(conn: Connection, plans: Plans, campaign_id: int, at: int) -> int | None:
    """One batch; returns how many people moved, None when the recompute is complete."""
    since, shift = await rescheduling.place_of(conn, campaign_id)
    if since is None:
        return None
    _, plan = await plans.current(conn, campaign_id)
    rows = await rescheduling.queued_since(conn, campaign_id, since, BATCH)
    moves = [_moved(plan, row, shift, at) for row in rows]
    moves = [move for move in moves if (move.due_at, move.wanted_at) != (move.row.due_at, move.row.wanted_at)]
    await rescheduling.reschedule(conn, moves)
    await rescheduling.done_until(conn, campaign_id, rows[-1].id + 1 if len(rows) == BATCH else None)
    return len(moves)


def _moved(plan: Plan, row: rescheduling.Waiting, shift: int, at: int) -> rescheduling.Rescheduled:
    """The new due time of one row. A promised callback keeps its time."""
    step = plan.flow(row.version_id).step(row.step)
    wanted_at = row.due_at if row.wanted_at is None else row.wanted_at
    if row.rank == ORDINARY:
        wanted_at += min(shift, max(at - row.enrolled_at, 0))  # people enrolled meanwhile lost less time
    progress = Progress(row.step, 0, 0, 0, names_in(row.zones_text), names_in(row.states_text))
    due_at = align(plan.rules, step, progress, max(wanted_at, min(at, row.due_at)))
    return rescheduling.Rescheduled(row, plan.lanes[step.channel], wanted_at, due_at, reason_to_wait(wanted_at, due_at))
