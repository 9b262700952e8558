"""The recorder: writes outcome reports, and acts on what they changed.

Reports that arrive together are written in one transaction (`outcomes.record`). After the commit the attempt's slot is
free, the loops concerned are woken, and a tripped breaker stops what it has to stop. Everything that learns an outcome
(sends, look-ups, inbound events, cancelled calls) hands it to the recorder and to nothing else. What a report changes
in the database is decided in `outcomes`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from fluentsd.api import Kind
from fluentsd.domain.pacing import BATCH
from fluentsd.engine.dispatch.breakers import Tripped
from fluentsd.engine.dispatch.outcome_reports import OutcomeReport
from fluentsd.engine.dispatch.outcomes import Recorded, record
from fluentsd.engine.dispatch.plans import Plans
from fluentsd.engine.dispatch.requests import Withdrawal
from fluentsd.engine.runtime import STORE_PAUSE, Runtime
from fluentsd.store.attempts import ReferenceTaken
from fluentsd.store.db import Connection
from fluentsd.store.db.batcher import Batcher
from fluentsd.unavailable import StoreClosed, StoreUnavailable


class Recorder:
    """Records outcome reports; one per engine."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self._batcher: Batcher[OutcomeReport] = Batcher(runtime.store, self._write, most=BATCH)
        self._late: set[str] = set()  #: attempts whose posted report waits for the database

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run until `close`. Closed or cancelled, it first commits every report already handed over."""
        async with trio.open_nursery() as self._nursery:
            await self._batcher.run(task_status=task_status)
        if self._late:
            effect = "the next start asks the providers about these attempts"
            self.runtime.log.error("outcomes.not_written", attempts=len(self._late), effect=effect)

    def close(self, *, grace: float = 0.0) -> None:
        """Take no more reports; later ones raise `StoreClosed`. What waits for the database gets `grace` seconds."""
        self._batcher.close()
        self._nursery.cancel_scope.deadline = trio.current_time() + grace

    def post(self, report: OutcomeReport, kind: Kind) -> None:
        """Have the report of a send written without waiting for it; retried while the database is unavailable."""
        recording = self.runtime.in_flight.recording
        recording[kind] += 1

        def written(recorded: Recorded | None, error: Exception | None) -> None:
            recording[kind] -= 1
            if recorded is not None:
                self._after(report, recorded)
            elif isinstance(error, (StoreUnavailable, ReferenceTaken)) and not isinstance(error, StoreClosed):
                self._late.add(report.attempt_id)
                self._nursery.start_soon(self._record_late, error, report)
            elif error is not None:
                self._nursery.start_soon(_raise, error)

        self._batcher.post(report, written)

    async def record(self, report: OutcomeReport) -> None:
        """Record one report; waits while the database is unavailable. Raises `StoreClosed`."""
        await self._record(report, self._batcher.hand)

    async def _record_late(self, error: Exception, report: OutcomeReport) -> None:
        """Record a posted report that could not be written with the others, also after `close`."""
        await self._record(report, self._hand_or_write, error)
        self._late.discard(report.attempt_id)

    async def _record(
        self,
        report: OutcomeReport,
        write: Callable[[OutcomeReport], Awaitable[Recorded]],
        failed: Exception | None = None,
    ) -> None:
        """Write one report until it is written: a loop, because an outage may last for days. Where its reference has
        another owner, it is written alone, with a look at who that is."""
        while True:
            if isinstance(failed, ReferenceTaken):
                write = self._record_alone
            elif failed is not None:
                self.runtime.store_state.lost(str(failed))
                await self.runtime.clock.sleep_until(self.runtime.clock.now() + STORE_PAUSE)
            try:
                recorded = await write(report)
            except StoreClosed:
                raise
            except StoreUnavailable as why:
                failed = why
            except ReferenceTaken as why:
                if write == self._record_alone:
                    raise
                failed = why
            else:
                self._after(report, recorded)
                return

    async def _hand_or_write(self, report: OutcomeReport) -> Recorded:
        recorded: Recorded = await (self._record_alone if self._batcher.is_closed else self._batcher.hand)(report)
        return recorded

    async def _record_alone(self, report: OutcomeReport) -> Recorded:
        return await self.runtime.store.run(_record_one, self.runtime.plans, report)

    async def _write(self, conn: Connection, reports: list[OutcomeReport]) -> list[Recorded]:
        recorded = await record(conn, self.runtime.plans, reports)
        return [recorded] * len(reports)

    def _after(self, report: OutcomeReport, recorded: Recorded) -> None:
        """After the commit: free the slot, wake the loops concerned, announce tripped breakers."""
        runtime = self.runtime
        if report.attempt_id in recorded.closed:
            runtime.in_flight.remove(report.attempt_id)
            runtime.journal.end(report.attempt_id)
            runtime.dispatcher_wakeup.notify()
        elif report.outcome is None or report.ref_is_proof:  # what its reference did not prove stays open too
            if (report.ref is None or report.outcome is not None) and runtime.in_flight.remove(report.attempt_id):
                runtime.dispatcher_wakeup.notify()  # in doubt: it is looked up, and takes no capacity meanwhile
            runtime.reconciler_wakeup.notify()
        if recorded.brought_forward:
            runtime.dispatcher_wakeup.notify()
        runtime.enrollment_ended(recorded.ended_in)
        while recorded.tripped:  # reports written together share one `Recorded`
            self._halt(recorded.tripped.pop(0))

    def _halt(self, tripped: Tripped) -> None:
        """After a breaker tripped: claimed attempts of a paused campaign do not begin, ringing calls are withdrawn."""
        runtime, campaign_id = self.runtime, tripped.campaign_id
        target = {"number": tripped.number_id} if campaign_id is None else {"campaign": tripped.campaign}
        runtime.log.error(
            "breaker.tripped", breaker=tripped.breaker, **target, reason=tripped.reason, cases=tripped.cases
        )
        if campaign_id is not None:
            runtime.paused.add(campaign_id)
            runtime.withdraw(Withdrawal(campaign_id))


async def _record_one(conn: Connection, plans: Plans, report: OutcomeReport) -> Recorded:
    return await record(conn, plans, [report], check_references=True)


async def _raise(error: Exception) -> None:
    """A bug in `record` ends the engine; committed attempts make that safe."""
    raise error
