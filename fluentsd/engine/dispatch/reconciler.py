"""The reconciler: settles open, overdue attempts by asking the provider, never by sending again.

At start it looks up every attempt that was in flight when the last process ended; while the daemon runs, every attempt
whose deadline passes. `Found` settles the attempt, or keeps it open while a call is still going on. `Absent` from a
channel whose look-up is final proves that nothing was accepted, so the flow may try again. Any other answer is looked
up again until the provider's lists must be complete; then the attempt is `unknown`: shown to users and counted as made.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import trio

from fluentsd.api import Absent, Attempt, CannotTell, Found, Lookup, Outcome
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.dispatch.dispatcher import Dispatcher
from fluentsd.engine.dispatch.outcomes import OutcomeReport
from fluentsd.engine.runtime import ChannelState, Runtime
from fluentsd.store import attempts
from fluentsd.unavailable import StoreClosed, StoreUnavailable

#: Look-ups in parallel.
BATCH = 50
#: Look-ups without a result before an attempt is `unknown`. Between two look-ups the provider's lists get the time they
#: need to be complete, and at least `ASK_AGAIN`.
ASKED_AT_MOST = 3
ASK_AGAIN = 1 * SECOND
#: The longest call; after it the attempt is no longer kept open.
CALL_AT_MOST = 4 * 3600 * SECOND


class Reconciler:
    """Makes the look-ups; the dispatcher records their results."""

    def __init__(self, runtime: Runtime, dispatcher: Dispatcher) -> None:
        self.runtime, self.dispatcher = runtime, dispatcher
        self._asked: dict[str, int] = {}
        self._began_at = runtime.clock.now()

    async def begin(self) -> None:
        """Run once, before any claim: attempts left open by an earlier process are looked up as soon as the providers'
        lists must be complete."""
        for channel_state in self.runtime.channels.values():
            complete_at = self._began_at + channel_state.channel.lookup_after
            await self.runtime.store.run(attempts.hasten, channel_state.kind, complete_at)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run until cancelled."""
        runtime = self.runtime
        task_status.started()
        while True:
            try:
                asked = await self._one_pass()
                until = None if asked else await runtime.store.read(attempts.next_deadline)
            except StoreUnavailable:
                asked, until = 0, runtime.clock.now() + SECOND
            if not asked:
                await runtime.reconciler_wakeup.wait_until(runtime.clock, until)

    async def _one_pass(self) -> int:
        """Look up overdue attempts; returns how many."""
        rows = await self.runtime.store.read(attempts.overdue, self.runtime.clock.now(), BATCH)
        async with trio.open_nursery() as nursery:
            for row in rows:
                nursery.start_soon(self._reconcile, row)
        return len(rows)

    async def _reconcile(self, row: Any) -> None:
        channel_state = self.runtime.channels.get(row.channel)
        if row.id in self.runtime.in_flight.sending:  # its send is still running; a look-up now would prove nothing
            ask_at = self.runtime.clock.now() + (channel_state.lookup_after if channel_state else ASK_AGAIN)
            await self._record(OutcomeReport(row.id, self.runtime.clock.now(), ask_at=ask_at))
            return
        answer = (
            CannotTell("no such channel any more") if channel_state is None else await self._lookup(channel_state, row)
        )
        report = self._conclude(row, channel_state, answer)
        if report.outcome is not None:
            self._asked.pop(row.id, None)
        await self._record(report)

    async def _record(self, report: OutcomeReport) -> None:
        """Have a report recorded. If the store closes first, the next process looks the attempt up again."""
        with suppress(StoreClosed):
            await self.dispatcher.report(report)

    async def _lookup(self, channel_state: ChannelState, row: Any) -> Lookup:
        details = (row.sender, row.provider_ref, row.step, row.try_no, row.text)
        attempt = Attempt(row.id, channel_state.kind, row.to or "", row.claimed_at, *details)
        try:
            with channel_state.time_limit(self.runtime.clock.now()):
                return await channel_state.channel.lookup(attempt)
        except Exception as why:  # noqa: BLE001 - the guard at the edge of each look-up
            return CannotTell(f"{type(why).__name__}: {why}")
        return CannotTell("the provider did not answer in time")

    def _conclude(self, row: Any, channel_state: ChannelState | None, answer: Lookup) -> OutcomeReport:
        now = self.runtime.clock.now()
        match answer:
            case Found(receipt) if receipt.outcome is not None:
                return OutcomeReport(
                    row.id, now, receipt.outcome, "found at the provider", ref=receipt.ref,
                    cost_micros=receipt.cost_micros or None, currency=receipt.currency, duration_s=receipt.duration_s,
                    fault=receipt.fault,
                )  # fmt: skip
            case Found(receipt) if now - row.claimed_at < CALL_AT_MOST:
                assert channel_state is not None  # noqa: S101 - only a channel answers `Found`
                return OutcomeReport(
                    row.id, now, ref=receipt.ref, ask_at=now + min(channel_state.call_deadline, CALL_AT_MOST)
                )
            case Absent() if channel_state is not None and self._proves_absence(channel_state, row, now):
                return OutcomeReport(row.id, now, Outcome.not_sent, "the provider never accepted it")
        asked = self._asked[row.id] = self._asked.get(row.id, 0) + 1
        if asked < ASKED_AT_MOST:
            pause = max(ASK_AGAIN, channel_state.channel.lookup_after if channel_state else 0)
            return OutcomeReport(row.id, now, reason="asked, not answered yet", ask_at=now + pause)
        why = answer.why if isinstance(answer, CannotTell) and answer.why else "the provider has no trace of it"
        return OutcomeReport(row.id, now, Outcome.unknown, why)

    def _proves_absence(self, channel_state: ChannelState, row: Any, now: int) -> bool:
        """Whether "absent" means "never accepted": a final look-up, no earlier sign of acceptance, and a complete list.
        A send of an earlier process may have arrived as late as that process's end, so for such attempts the list must
        be complete since our own start; our own sends are looked up only after they ended."""
        complete_at = max(row.claimed_at, self._began_at) + channel_state.channel.lookup_after
        return channel_state.channel.lookup_is_final and row.accepted_at is None and now >= complete_at
