"""Cancellation: withdraws calls that are not answered yet and must not be any more.

A user or a breaker halts their campaign, their person opts out or is removed, or the contact window closes while they
ring. Conversations finish: a channel that cannot cancel any more says so. After a restart calls of the earlier run are
withdrawn for every reason but the window's end, which only this process knows.
"""

from __future__ import annotations

from contextlib import suppress

import trio

from fluentsd.api import Attempt, Cancelled, Kind, Outcome
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.dispatch.outcome_reports import OutcomeReport
from fluentsd.engine.dispatch.recorder import Recorder
from fluentsd.engine.dispatch.requests import Withdrawal
from fluentsd.engine.runtime import Runtime
from fluentsd.store import attempts
from fluentsd.store.attempts import OpenRow
from fluentsd.unavailable import StoreClosed, StoreUnavailable

PHONE: Kind = "phone"
#: What withdraws a call, by the reason for which its person left.
LEFT = {
    "opted_out": "the person's opt-out", "removed": "the person's removal",
    "taken_over": "a colleague who took the person over",
}  # fmt: skip


class Cancellation:
    """Takes the withdrawals that verbs and breakers ask for; the recorder writes their results. A call whose provider
    has not answered yet is withdrawn as soon as it has."""

    def __init__(self, runtime: Runtime, recorder: Recorder) -> None:
        self.runtime, self.recorder = runtime, recorder
        self._due: dict[str, str] = {}  #: calls to withdraw → by what
        self._asked: set[str] = set()  #: those whose provider was asked

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run until cancelled."""
        runtime = self.runtime
        async with trio.open_nursery() as nursery:
            task_status.started()
            while True:
                while runtime.withdrawals:
                    nursery.start_soon(self._withdraw, runtime.withdrawals.popleft())
                try:
                    until = await self._look(nursery)
                except StoreUnavailable:
                    until = runtime.clock.now() + SECOND
                await runtime.cancellation_wakeup.wait_until(runtime.clock, until)

    async def _look(self, nursery: trio.Nursery) -> int | None:
        """Withdraw the calls of people who have left, those whose window has closed, and those of requests; each is
        asked about once. Returns when the next window closes, or the next look at a call that its provider has not
        answered yet."""
        runtime, in_flight = self.runtime, self.runtime.in_flight
        self._asked &= in_flight.tokens
        if not in_flight.of(PHONE):
            self._due.clear()
            return None
        now, closes_at = runtime.clock.now(), in_flight.closes_at
        for token, reason in await runtime.store.read(attempts.of_people_who_left, PHONE):
            self._due.setdefault(token, LEFT.get(reason, f"the person's exit ({reason})"))
        for token in [token for token, at in closes_at.items() if at <= now]:
            self._due.setdefault(token, "the end of the contact window")
        left = [token for token in self._due if token not in self._asked]
        rows = await runtime.store.read(attempts.open_rows, left) if left else []
        for row in rows:
            if row.accepted_at is not None:
                self._ask(nursery, row, self._due[row.id])
        waits = {row.id for row in rows if row.accepted_at is None} & in_flight.tokens
        self._due = {token: by for token, by in self._due.items() if token in waits or token in self._asked}
        if waits:
            return now + SECOND
        return min((at for at in closes_at.values() if at > now), default=None)

    def _ask(self, nursery: trio.Nursery, row: OpenRow, by: str) -> None:
        if row.id not in self._asked:
            self._asked.add(row.id)
            nursery.start_soon(self._cancel, row, by)

    async def _withdraw(self, request: Withdrawal) -> None:
        """Ask the providers to cancel the calls of a request. Those that are being created now are left to `_look`."""

        async def cancel(row: OpenRow) -> None:
            request.withdrawn += await self._cancel(row, request.by)

        try:
            rows = await self.runtime.store.read(attempts.open_of, request.campaign_id, PHONE)
            being_created = {row.id: request.by for row in rows if row.accepted_at is None}
            self._due |= being_created
            if being_created:
                self.runtime.cancellation_wakeup.notify()
            async with trio.open_nursery() as nursery:
                for row in rows:
                    if row.accepted_at is not None:
                        nursery.start_soon(cancel, row)
        except* StoreUnavailable:  # the calls go on; each is settled by its own end
            self.runtime.log.warning("cancel.failed", campaign=request.campaign_id, error="the database is unavailable")
        finally:
            request.done.set()

    async def _cancel(self, row: OpenRow, by: str) -> bool:
        """Ask the provider to cancel one call, and record that it did."""
        runtime = self.runtime
        channel_state = runtime.channels.get(row.channel)
        if channel_state is None:
            return False
        details = (row.sender, row.provider_ref, row.step, row.try_no)
        about = Attempt(row.id, channel_state.kind, row.to or "", row.claimed_at, *details)
        try:
            cancelled = await channel_state.channel.cancel(about)
        except Exception as why:  # noqa: BLE001 - the guard at the edge of each call to a plugin
            runtime.log.warning("cancel.failed", channel=row.channel, attempt=row.id, error=type(why).__name__)
            return False
        if not cancelled:
            return False
        # A phone that may have rung is a call: it counts for caps, gaps and tries, and is not made again at once.
        queued = cancelled is Cancelled.before_ringing
        outcome, when = (Outcome.not_sent, "before it rang") if queued else (Outcome.no_answer, "it may have rung")
        reason = f"withdrawn by {by}; {when}"
        with suppress(StoreClosed):  # the daemon is stopping; the next one looks the call up
            await self.recorder.record(OutcomeReport(row.id, runtime.clock.now(), outcome, reason, fault="message"))
        return True


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
