"""The reconciler: settle what is open and overdue by asking the provider, never by trying again.

At start every attempt that was in flight when the last process ended is asked about; while the daemon runs, every
attempt whose deadline passes. `Found` settles it, or keeps it open while a call is still going on. `Absent` from a
channel whose look-up is final proves that nothing was accepted, so the flow may try again. Anything else, until the
provider's lists must be complete, is asked again; after that the attempt is `unknown`: shown, counted as made.
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

#: Look-ups at once.
BATCH = 50
#: How often an attempt that cannot be told is asked about before it is `unknown`; between two questions the provider's
#: lists get the time they need to be complete, and at least this.
ASKED_AT_MOST = 3
ASK_AGAIN = 1 * SECOND
#: A call may last this long; then nobody waits for its end any more.
CALL_AT_MOST = 4 * 3600 * SECOND


class Reconciler:
    """Owns the questions; what they prove goes the dispatcher's way into the record."""

    def __init__(self, runtime: Runtime, dispatcher: Dispatcher) -> None:
        self.runtime, self.dispatcher = runtime, dispatcher
        self._asked: dict[str, int] = {}
        self._began_at = runtime.clock.now()

    async def begin(self) -> None:
        """Once, before anything is marked: nobody waits any more for the answers an earlier process was waiting for,
        so they are asked about as soon as the providers' lists must be complete."""
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
        """Ask about what is overdue; how many that was."""
        rows = await self.runtime.store.read(attempts.overdue, self.runtime.clock.now(), BATCH)
        async with trio.open_nursery() as nursery:
            for row in rows:
                nursery.start_soon(self._ask, row)
        return len(rows)

    async def _ask(self, row: Any) -> None:
        channel_state = self.runtime.channels.get(row.channel)
        if row.id in self.runtime.in_flight.sending:  # its own send will say; an answer now would prove nothing
            ask_at = self.runtime.clock.now() + (channel_state.lookup_after if channel_state else ASK_AGAIN)
            await self._tell(OutcomeReport(row.id, self.runtime.clock.now(), ask_at=ask_at))
            return
        answer = (
            CannotTell("no such channel any more") if channel_state is None else await self._lookup(channel_state, row)
        )
        report = self._conclude(row, channel_state, answer)
        if report.outcome is not None:
            self._asked.pop(row.id, None)
        await self._tell(report)

    async def _tell(self, report: OutcomeReport) -> None:
        """Have it recorded; what an answer in the last moments of a daemon proves, the next one finds out again."""
        with suppress(StoreClosed):
            await self.dispatcher.report(report)

    async def _lookup(self, channel_state: ChannelState, row: Any) -> Lookup:
        tried = (row.sender, row.provider_ref, row.step, row.try_no, row.text)
        about = Attempt(row.id, channel_state.kind, row.to or "", row.claimed_at, *tried)
        try:
            with channel_state.patience(self.runtime.clock.now()):
                return await channel_state.channel.lookup(about)
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
                assert channel_state is not None  # noqa: S101 - somebody answered
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
        """Whether "absent" means "never accepted": a final look-up, no earlier sign of acceptance, and a list that is
        complete. A send of an earlier process may have arrived as late as that process's end, so for those the list
        counts from our own beginning; our own sends are asked about only after they ended."""
        complete_at = max(row.claimed_at, self._began_at) + channel_state.channel.lookup_after
        return channel_state.channel.lookup_is_final and row.accepted_at is None and now >= complete_at
