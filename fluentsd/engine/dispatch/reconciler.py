"""The reconciler: settles open, overdue attempts by asking the provider, never by sending again.

At start it looks up every attempt that was in flight when the last process ended; while the daemon runs, every attempt
whose deadline passes. `Found` settles the attempt, or keeps it open while a call is still going on. `Absent` from a
channel whose look-up is final proves that nothing was accepted, so the flow may try again. Any other answer is looked
up again until the provider's lists must be complete; then the attempt is `unknown`: shown to users and counted as made.
"""

from __future__ import annotations

import sys
from contextlib import suppress

import trio

from fluentsd.api import Absent, Attempt, CannotTell, Found, Lookup, Outcome, in_words
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.channel_state import ChannelState
from fluentsd.engine.dispatch.journal import knows_boot, new_run
from fluentsd.engine.dispatch.outcome_reports import OutcomeReport
from fluentsd.engine.dispatch.outcomes import record
from fluentsd.engine.dispatch.recorder import Recorder
from fluentsd.engine.runtime import Runtime
from fluentsd.store import attempts, last_run
from fluentsd.store.attempts import OpenRow
from fluentsd.store.db.server_lock import CLAIMS_STOP_AFTER
from fluentsd.unavailable import StoreClosed, StoreUnavailable

#: Look-ups in parallel.
BATCH = 50
#: Look-ups without a result before an attempt is `unknown`. Between two look-ups the provider's lists get the time they
#: need to be complete, and at least `ASK_AGAIN`.
ASKED_AT_MOST = 3
ASK_AGAIN = 1 * SECOND
#: The longest pause before a provider that could not be asked is asked again. It is asked until it answers.
ASK_AGAIN_MOST = 60 * SECOND
#: Reports in one transaction at start.
RECORDED_AT_ONCE = 500
#: The longest call; after it the attempt is no longer kept open.
CALL_AT_MOST = 4 * 3600 * SECOND


class Reconciler:
    """Makes the look-ups; the recorder writes their results."""

    def __init__(self, runtime: Runtime, recorder: Recorder) -> None:
        self.runtime, self.recorder = runtime, recorder
        self._asked: dict[str, int] = {}
        self._unasked: dict[str, int] = {}  #: attempts whose look-up could not be made → the last pause
        self._began_at = runtime.clock.now()

    async def begin(self) -> None:
        """Run once, before any claim. Open attempts of the last run that never began are recorded as not sent; others
        are looked up as soon as the providers' lists must be complete."""
        await self._close_unbegun()
        for channel_state in self.runtime.channels.values():
            complete_at = self._alone_at(channel_state) + channel_state.channel.lookup_after
            await self.runtime.store.run(attempts.hasten, channel_state.kind, complete_at)

    async def _close_unbegun(self) -> None:
        """Read the journal of the last run, and begin a new one with the attempts that stay in doubt."""
        runtime = self.runtime
        run = await runtime.store.read(last_run.last)
        begun = runtime.journal.of_run(run) if run is not None else None
        left = await runtime.store.read(attempts.open_now)
        unbegun = [] if begun is None else [one.id for one in left if not one.is_accepted and one.id not in begun]
        for start in range(0, len(unbegun), RECORDED_AT_ONCE):
            now, why = runtime.clock.now(), "the daemon ended before its request left"
            some = [OutcomeReport(i, now, Outcome.not_sent, why) for i in unbegun[start : start + RECORDED_AT_ONCE]]
            recorded = await runtime.store.run(record, runtime.plans, some)
            runtime.enrollment_ended(recorded.ended_in)
        if left:
            doubt = len(left) - len(unbegun)
            runtime.log.info("attempts.left_open", never_began=len(unbegun), in_doubt=doubt, journal=begun is not None)
        name = new_run()
        runtime.journal.start(name, {one.id for one in left} - set(unbegun))
        if sys.platform == "linux" and not knows_boot():
            effect = "after a kill, every message that was being sent counts as sent"
            fix = "let the daemon read /proc/sys/kernel/random/boot_id (no ProcSubset=pid in its unit)"
            runtime.log.warning("journal.boot_unknown", effect=effect, fix=fix)
        await runtime.store.run(last_run.begin, name)

    def _alone_at(self, channel_state: ChannelState) -> int:
        """Since when no earlier process can be sending. On SQLite it ended before this one could start; on PostgreSQL
        another host may begin a send until its beat is too old, and that send may take as long as its time-out."""
        if self.runtime.lock is None:
            return self._began_at
        return self._began_at + round(CLAIMS_STOP_AFTER * SECOND) + channel_state.timeout

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

    async def _reconcile(self, row: OpenRow) -> None:
        channel_state = self.runtime.channels.get(row.channel)
        if row.id in self.runtime.in_flight.sending:  # its send is still running; a look-up now would prove nothing
            ask_at = self.runtime.clock.now() + (channel_state.lookup_after if channel_state else ASK_AGAIN)
            await self._record(OutcomeReport(row.id, self.runtime.clock.now(), ask_at=ask_at))
            return
        answer: Lookup = CannotTell("no such channel any more")
        if channel_state is not None:
            answer = await self._checked(row, await self._lookup(channel_state, row))
        report = self._conclude(row, channel_state, answer)
        if report.outcome is not None:
            self._asked.pop(row.id, None)
            self._unasked.pop(row.id, None)
        await self._record(report)

    async def _record(self, report: OutcomeReport) -> None:
        """Have a report recorded. If the store closes first, the next process looks the attempt up again."""
        with suppress(StoreClosed):
            await self.recorder.record(report)

    async def _checked(self, row: OpenRow, answer: Lookup) -> Lookup:
        """What a look-up found counts only if it can be no other attempt's."""
        if not isinstance(answer, Found) or answer.by_token or answer.receipt.ref == row.provider_ref:
            return answer
        owners = await self.runtime.store.read(attempts.owners, [answer.receipt.ref])
        if owners.get((row.channel, answer.receipt.ref), row.id) != row.id:
            return CannotTell("what was found belongs to another attempt")
        if await self.runtime.store.read(attempts.has_rival, row):
            return CannotTell("another attempt to this person may own what was found")
        return answer

    async def _lookup(self, channel_state: ChannelState, row: OpenRow) -> Lookup:
        others = await self.runtime.store.read(attempts.references_of_others, row)
        details = (row.sender, row.provider_ref, row.step, row.try_no, row.text, others)
        attempt = Attempt(row.id, channel_state.kind, row.to or "", row.claimed_at, *details)
        try:
            with channel_state.time_limit(self.runtime.clock.now()):
                return await channel_state.channel.lookup(attempt)
        except Exception as why:  # noqa: BLE001 - the guard at the edge of each look-up
            return CannotTell(in_words(why), asked=False)
        return CannotTell("the provider did not answer in time", asked=False)

    def _conclude(self, row: OpenRow, channel_state: ChannelState | None, answer: Lookup) -> OutcomeReport:
        now = self.runtime.clock.now()
        match answer:
            case Found(receipt) if receipt.outcome is not None:
                return OutcomeReport(
                    row.id, now, receipt.outcome, "found at the provider", ref=receipt.ref, ref_is_proof=True,
                    cost_micros=receipt.cost_micros or None, currency=receipt.currency, duration_s=receipt.duration_s,
                    fault=receipt.fault,
                )  # fmt: skip
            case Found(receipt) if now - row.claimed_at < CALL_AT_MOST:
                assert channel_state is not None  # noqa: S101 - only a channel answers `Found`
                return OutcomeReport(
                    row.id,
                    now,
                    ref=receipt.ref,
                    ref_is_proof=True,
                    ask_at=now + min(channel_state.call_deadline, CALL_AT_MOST),
                )
            case Absent() if channel_state is not None and self._can_prove_absence(channel_state, row):
                if now < (complete_at := self._complete_at(channel_state, row)):  # too early to prove anything
                    return OutcomeReport(row.id, now, reason="asked, not answered yet", ask_at=complete_at)
                return OutcomeReport(row.id, now, Outcome.not_sent, "the provider never accepted it")
            case CannotTell(why, asked=False):
                waited = self._unasked[row.id] = min(2 * self._unasked.get(row.id, ASK_AGAIN), ASK_AGAIN_MOST)
                return OutcomeReport(
                    row.id, now, reason=f"the provider cannot be asked now: {why}", ask_at=now + waited
                )
        self._unasked.pop(row.id, None)
        asked = self._asked[row.id] = self._asked.get(row.id, 0) + 1
        if asked < ASKED_AT_MOST:
            pause = max(ASK_AGAIN, channel_state.channel.lookup_after if channel_state else 0)
            return OutcomeReport(row.id, now, reason="asked, not answered yet", ask_at=now + pause)
        why = answer.why if isinstance(answer, CannotTell) and answer.why else "the provider has no trace of it"
        return OutcomeReport(row.id, now, Outcome.unknown, why)

    def _can_prove_absence(self, channel_state: ChannelState, row: OpenRow) -> bool:
        """Whether "absent" may mean "never accepted": a final look-up, and no earlier sign of acceptance."""
        return channel_state.channel.lookup_is_final and row.accepted_at is None

    def _complete_at(self, channel_state: ChannelState, row: OpenRow) -> int:
        """When the provider's list must have an attempt. A send of an earlier process may have arrived as late as that
        process's end; our own sends are looked up only after they ended."""
        is_own = row.claimed_at >= self._began_at
        last_sent_at = row.claimed_at if is_own else self._alone_at(channel_state)
        return last_sent_at + channel_state.channel.lookup_after
