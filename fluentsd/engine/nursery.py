"""The engine's nursery: the engine's loops, and the order in which they end.

Leaving the block drains the engine: claiming stops, sends in flight get their grace and are recorded, then listeners,
look-ups and deliveries end. Ringing calls do not delay it; the next start looks them up.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import trio

from fluentsd.engine import heartbeat
from fluentsd.engine.after_calls.work import AfterCalls
from fluentsd.engine.campaigns.rescheduling import recompute
from fluentsd.engine.campaigns.rescheduling.catch_up import note_leaving, notice_absence
from fluentsd.engine.campaigns.schedule import complete_finished, start_scheduled
from fluentsd.engine.dispatch import clock_steps, suspension
from fluentsd.engine.dispatch.cancellation import Cancellation
from fluentsd.engine.dispatch.dispatcher import Dispatcher
from fluentsd.engine.dispatch.inbound import Inbox, listen_all
from fluentsd.engine.dispatch.reconciler import Reconciler
from fluentsd.engine.dispatch.recorder import Recorder
from fluentsd.engine.erasure import retention
from fluentsd.engine.outbox.deliver import deliver
from fluentsd.engine.outbox.targets import Target
from fluentsd.engine.recordings.erasing import sweep
from fluentsd.engine.runtime import Runtime
from fluentsd.engine.sync import freshness
from fluentsd.engine.sync.loop import SourceSync


@asynccontextmanager
async def running(
    runtime: Runtime, targets: Sequence[Target] = (), *, grace: float = 10.0, ages: retention.Ages | None = None
) -> AsyncIterator[Inbox]:
    """Run all loops of the engine until the block ends. `grace`: seconds; `ages`: retention periods in microseconds."""
    await heartbeat.take_over(runtime)
    recorder = Recorder(runtime)
    dispatcher, reconciler = Dispatcher(runtime, recorder), Reconciler(runtime, recorder)
    cancellation, inbox = Cancellation(runtime, recorder), Inbox(runtime, recorder)
    drained = trio.Event()

    async def send(*, task_status: trio.TaskStatus[None]) -> None:
        try:
            await send_until_stopped(dispatcher, recorder, grace=grace, task_status=task_status)
        finally:
            drained.set()

    await notice_absence(runtime)
    await clock_steps.heal_at_start(runtime)
    await suspension.lift_old(runtime)
    await sweep(runtime)
    await freshness.demand(runtime)
    await reconciler.begin()  # before any claim: attempts that are open now were left open by an earlier process
    async with trio.open_nursery() as nursery:
        if runtime.lock is not None:
            await nursery.start(heartbeat.beat, runtime, runtime.lock)
        await nursery.start(send)
        await nursery.start(reconciler.run)
        await nursery.start(cancellation.run)
        await nursery.start(start_scheduled, runtime)
        await nursery.start(complete_finished, runtime)
        await nursery.start(recompute.run, runtime)
        await nursery.start(clock_steps.run, runtime)
        await nursery.start(retention.run, runtime, ages or {})
        await nursery.start(partial(deliver, runtime, (AfterCalls(runtime, recorder), *targets)))
        nursery.start_soon(listen_all, inbox, runtime)
        for name, source in runtime.sources.items():
            nursery.start_soon(SourceSync(runtime, name, source).run)
        runtime.engine_runs = True
        try:
            yield inbox
        finally:
            runtime.engine_runs = False
            with trio.CancelScope(shield=True):
                dispatcher.stop()
                if not nursery.cancel_scope.cancel_called:
                    await drained.wait()
                    await note_leaving(runtime)
                    await heartbeat.leave(runtime)
            nursery.cancel_scope.cancel()


async def send_until_stopped(
    dispatcher: Dispatcher,
    recorder: Recorder,
    *,
    grace: float = 10.0,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run the dispatcher until it is stopped, and the recorder until every send has ended and is written."""
    async with trio.open_nursery() as recording:
        await recording.start(recorder.run)
        await dispatcher.run(grace=grace, task_status=task_status)
        recorder.close(grace=grace)
