"""Cancellation: withdraws calls that are not answered yet, when a user or a breaker halts a campaign."""

from __future__ import annotations

from contextlib import suppress

import trio

from fluentsd.api import Attempt, Cancelled, Outcome
from fluentsd.engine.dispatch.outcomes import OutcomeReport
from fluentsd.engine.dispatch.recorder import Recorder
from fluentsd.engine.dispatch.requests import Withdrawal
from fluentsd.engine.runtime import Runtime
from fluentsd.store import attempts
from fluentsd.store.attempts import OpenRow
from fluentsd.unavailable import StoreClosed, StoreUnavailable


class Cancellation:
    """Takes the withdrawals that verbs and breakers ask for; the recorder writes their results."""

    def __init__(self, runtime: Runtime, recorder: Recorder) -> None:
        self.runtime, self.recorder = runtime, recorder

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run until cancelled."""
        runtime = self.runtime
        async with trio.open_nursery() as nursery:
            task_status.started()
            while True:
                while runtime.withdrawals:
                    nursery.start_soon(self._withdraw, runtime.withdrawals.popleft())
                await runtime.cancellation_wakeup.wait_until(runtime.clock, None)

    async def _withdraw(self, request: Withdrawal) -> None:
        """Ask the providers to cancel the campaign's calls that are not answered yet."""
        try:
            rows = await self.runtime.store.read(attempts.accepted_open, request.campaign_id, "phone")
            async with trio.open_nursery() as nursery:
                for row in rows:
                    nursery.start_soon(self._cancel, row, request)
        except* StoreUnavailable:  # the calls go on; each is settled by its own end
            self.runtime.log.warning("cancel.failed", campaign=request.campaign_id, error="the database is unavailable")
        finally:
            request.done.set()

    async def _cancel(self, row: OpenRow, request: Withdrawal) -> None:
        runtime = self.runtime
        channel_state = runtime.channels.get(row.channel)
        if channel_state is None:
            return
        details = (row.sender, row.provider_ref, row.step, row.try_no)
        about = Attempt(row.id, channel_state.kind, row.to or "", row.claimed_at, *details)
        try:
            cancelled = await channel_state.channel.cancel(about)
        except Exception as why:  # noqa: BLE001 - the guard at the edge of each call to a plugin
            runtime.log.warning("cancel.failed", channel=row.channel, attempt=row.id, error=type(why).__name__)
            return
        if cancelled:
            request.withdrawn += 1
            # A phone that may have rung is a call: it counts for caps, gaps and tries, and is not made again at once.
            queued = cancelled is Cancelled.before_ringing
            outcome, when = (Outcome.not_sent, "before it rang") if queued else (Outcome.no_answer, "it may have rung")
            reason = f"withdrawn by {request.by}; {when}"
            with suppress(StoreClosed):  # the daemon is stopping; the next one looks the call up
                await self.recorder.record(OutcomeReport(row.id, runtime.clock.now(), outcome, reason, fault="message"))


async def withdraw(runtime: Runtime, campaign_id: int | None, by: str = "a pause") -> int:
    """Have calls cancelled that are not answered yet, of a halted campaign or (None) of all, and wait for that; returns
    how many were. `by` is what withdraws them. 0 when the engine does not run in this process: then no provider can be
    asked."""
    if not runtime.engine_runs:
        return 0
    request = Withdrawal(campaign_id, by)
    runtime.withdraw(request)
    await request.done.wait()
    return request.withdrawn
