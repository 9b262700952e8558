"""The dispatcher: sleep to the next moment, mark what is due, hand it to the channels, record what comes of it.

One pass looks at every lane's earliest moment (one short read), gives lanes that are due and have room a turn each,
and starts a task for every intent that was committed. Then it sleeps until the earliest moment of any lane, until a
lane has room again, or until somebody rings. With nothing due there are no passes, however many people wait.

What ends a send decides what is written: see `_carry`. A task that is cancelled writes nothing: its attempt stays
open and the reconciler asks the provider.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import trio

from fluentsd.api import Attempt, Kind, NeedsHuman, Outcome, Receipt, Rejected, Unavailable
from fluentsd.domain import pacing
from fluentsd.domain.pacing import BATCH, ROUNDS, SLACK
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.dispatch.breakers import Tripped
from fluentsd.engine.dispatch.cancellation import withdraw
from fluentsd.engine.dispatch.claim import Claimed, ClaimRequest, ClaimResult, claim
from fluentsd.engine.dispatch.outcomes import OutcomeReport, Recorded, record
from fluentsd.engine.runtime import ChannelState, Deadline, Runtime
from fluentsd.store import attempts, holds, lanes
from fluentsd.store.db import Connection
from fluentsd.store.db.batcher import Batcher
from fluentsd.store.lanes import LaneDue
from fluentsd.unavailable import StoreClosed, StoreUnavailable

#: Pause before the database is asked again after it failed.
STORE_PAUSE = 1 * SECOND


class Dispatcher:
    """Owns the turns of the lanes and the tasks in flight."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.results: Batcher[OutcomeReport] = Batcher(runtime.store, self._record, most=BATCH)
        self._sick = False
        self._holding = trio.Lock()
        self._claiming = trio.CancelScope()
        runtime.report = self.report

    async def run(self, *, grace: float = 10.0, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run until `stop`; then no more is claimed, and sends in flight get `grace` seconds to end."""
        runtime = self.runtime
        for attempt_id, campaign_id, kind in await runtime.store.read(attempts.open_now):
            runtime.in_flight.add(attempt_id, campaign_id, kind)
        async with trio.open_nursery() as self._recording:
            recording = self._recording
            await recording.start(self.results.run)
            async with trio.open_nursery() as watching:
                for channel_state in runtime.channels.values():
                    watching.start_soon(_watch, runtime, channel_state)
                async with trio.open_nursery() as sends:
                    runtime.carry = partial(self._carry_one, sends)
                    task_status.started()
                    with self._claiming:
                        await self._claim_for_ever(sends)
                    sends.cancel_scope.deadline = trio.current_time() + grace
                watching.cancel_scope.cancel()
            self.results.close()

    def stop(self) -> None:
        """Claim nothing more; what is marked and has not begun is recorded as not sent."""
        self.runtime.closing = True
        self._claiming.cancel()

    async def _claim_for_ever(self, sends: trio.Nursery) -> None:
        while True:
            try:
                until = await self._one_pass(sends)
            except StoreUnavailable as why:
                self._say(sick=True, why=str(why))
                until = self.runtime.clock.now() + STORE_PAUSE
            else:
                self._say(sick=False)
            if until is None or until > self.runtime.clock.now():
                await self.runtime.dispatcher_wakeup.wait_until(self.runtime.clock, until)

    async def _one_pass(self, sends: trio.Nursery) -> int | None:
        """Give every due lane with room a turn; the next moment to look, None for "when somebody rings"."""
        runtime = self.runtime
        runtime.wakeups += 1
        agenda = await runtime.store.read(lanes.agenda)
        now = runtime.clock.now()
        due = [lane for lane in agenda if max(lane.due_at, self._lane_opens(lane)) <= now]
        sharing = Counter(lane.channel for lane in due)
        moments = [max(lane.due_at, self._lane_opens(lane)) for lane in agenda if lane not in due]
        turns = sorted(due, key=_turn)
        for _ in range(ROUNDS):
            again = []
            for lane in turns:
                taken = await self._take(lane, sharing[lane.channel])
                if taken is None:  # no room until an attempt ends, when `record` rings, or the channel's pace has some
                    if (opens_at := self._lane_opens(lane)) > now:
                        moments.append(opens_at)
                    continue
                if taken.again_at:
                    runtime.not_before[lane.lane_id] = taken.again_at
                if taken.more:
                    again.append(lane)
                else:
                    moments.append(max(taken.again_at, now))
                if taken.marked:
                    sends.start_soon(self._carry_all, taken.marked, self.runtime.channels[lane.channel])
            turns = again
        return now if turns else min(moments, default=None)

    def _lane_opens(self, lane: LaneDue) -> int:
        """The moment before which a lane has nothing to give, whatever its rows say."""
        channel_state = self.runtime.channels.get(lane.channel)
        if channel_state is None:
            return 0  # the mark says what is wrong
        return max(
            lane.next_slot_at,
            channel_state.next_slot_at,
            channel_state.backs_off_until,
            self.runtime.not_before.get(lane.lane_id, 0),
        )

    async def _take(self, lane: LaneDue, sharing: int) -> ClaimResult | None:
        """One turn of one lane; None when its channel or campaign has no room in flight."""
        runtime, now = self.runtime, self.runtime.clock.now()
        channel_state = runtime.channels.get(lane.channel)
        capacity = self._room(lane, channel_state, sharing)
        if capacity <= 0:
            return None
        lookup_after = channel_state.lookup_after if channel_state else 0
        about = (
            lane.lane_id,
            lane.campaign_id,
            lane.channel,
            lane.next_slot_at,
            capacity,
            lookup_after,
            channel_state is not None,
        )
        order = ClaimRequest(*about, lane.late_since_at, lane.late_before_at, lane.late_interval)
        taken = await runtime.store.run(claim, runtime.plans, order, now)
        for marked in taken.marked:
            runtime.in_flight.add(marked.attempt.token, lane.campaign_id, lane.channel)
        if channel_state is not None and channel_state.interval:
            channel_state.next_slot_at = pacing.spread(
                channel_state.next_slot_at, channel_state.interval, now, len(taken.marked)
            )
        if taken.ended:
            runtime.enrollment_ended({lane.campaign_id})
        return taken

    def _room(self, lane: LaneDue, channel_state: ChannelState | None, sharing: int) -> int:
        if channel_state is None:
            return BATCH
        in_flight = self.runtime.in_flight
        free = channel_state.concurrency - in_flight.of(channel_state.kind)
        if 2 * free < min(channel_state.concurrency, BATCH) and in_flight.recording[channel_state.kind]:
            return 0  # more room comes at once: a few large marks are cheaper than many small ones
        free = min(
            free,
            pacing.capacity(channel_state.next_slot_at, channel_state.interval, self.runtime.clock.now(), free, SLACK),
        )
        share = min(BATCH, max(free // sharing, min(free, 1)))
        plan = self.runtime.plans.known(lane.campaign_id)
        if plan is not None and plan.concurrency is not None:
            share = min(share, plan.concurrency - in_flight.of(channel_state.kind, lane.campaign_id))
        return share

    def _carry_one(self, sends: trio.Nursery, marked: Claimed) -> None:
        """Begin one contact that was marked outside the lanes."""
        self.runtime.in_flight.add(marked.attempt.token, marked.campaign_id, marked.attempt.kind)
        sends.start_soon(self._carry_all, [marked], self.runtime.channels[marked.attempt.kind])

    async def _carry_all(self, batch: list[Claimed], channel_state: ChannelState) -> None:
        """Those that were marked together begin together, and have one patience."""
        with channel_state.patience(self.runtime.clock.now()) as deadline:
            async with trio.open_nursery() as nursery:
                for marked in batch:
                    nursery.start_soon(self._carry, marked, channel_state, deadline)

    async def _carry(self, marked: Claimed, channel_state: ChannelState, deadline: Deadline) -> None:
        """Hand one committed intent to its channel, and have recorded what that proves."""
        sending, token = self.runtime.in_flight.sending, marked.attempt.token
        sending.add(token)
        try:
            report = await self._send(marked, channel_state)
        except trio.Cancelled:
            if deadline.expired:
                why = "the provider did not answer in time"
                self._land(self._unclear(token, channel_state, why), channel_state.kind)
            raise
        finally:
            sending.discard(token)
        self._land(report, channel_state.kind)

    def _land(self, report: OutcomeReport, kind: Kind) -> None:
        """Have a report written without keeping its task; what the database cannot take now is offered again."""
        recording = self.runtime.in_flight.recording
        recording[kind] += 1

        def landed(recorded: Recorded | None, error: Exception | None) -> None:
            recording[kind] -= 1
            if recorded is not None:
                self._after(report, recorded)
            elif isinstance(error, StoreUnavailable) and not isinstance(error, StoreClosed):
                self._say(sick=True, why=str(error))
                self._recording.start_soon(self.report, report)
            elif error is not None:
                self._recording.start_soon(_raise, error)

        self.results.post(report, landed)

    async def _send(self, marked: Claimed, channel_state: ChannelState) -> OutcomeReport:
        runtime, token = self.runtime, marked.attempt.token
        if runtime.closing or marked.campaign_id in runtime.paused:
            return OutcomeReport(token, runtime.clock.now(), Outcome.not_sent, "paused before it began")
        try:
            return self._accepted(
                token, channel_state, await channel_state.channel.send(marked.message, marked.attempt)
            )
        except Unavailable as why:
            return self._unavailable(token, channel_state, why)
        except Rejected as why:
            return OutcomeReport(token, runtime.clock.now(), why.outcome, str(why), dead=why.dead, fault=why.fault)
        except NeedsHuman as why:
            return await self._needs_human(marked.attempt, channel_state, why)
        except Exception as why:  # noqa: BLE001 - the guard at the edge of each send: whatever else, it stays open
            runtime.log.warning("send.unclear", channel=channel_state.kind, attempt=token, error=type(why).__name__)
            return self._unclear(token, channel_state, f"{type(why).__name__}: the provider's answer is not known")

    def _accepted(self, token: str, channel_state: ChannelState, receipt: Receipt) -> OutcomeReport:
        now = self.runtime.clock.now()
        return OutcomeReport(
            token,
            now,
            receipt.outcome,
            ref=receipt.ref,
            ask_at=None if receipt.outcome else now + channel_state.call_deadline,
            cost_micros=receipt.cost_micros or None,
            currency=receipt.currency,
            duration_s=receipt.duration_s,
            fault=receipt.fault,
        )

    def _unclear(self, token: str, channel_state: ChannelState, why: str) -> OutcomeReport:
        return OutcomeReport(
            token,
            self.runtime.clock.now(),
            reason=why,
            ask_at=self.runtime.clock.now() + channel_state.channel.lookup_after,
        )

    def _unavailable(self, token: str, channel_state: ChannelState, why: Unavailable) -> OutcomeReport:
        now = self.runtime.clock.now()
        until = now + round(why.after * SECOND)
        if why.only_this:
            return OutcomeReport(token, now, Outcome.not_sent, str(why), retry_at=until)
        if channel_state.backs_off_until <= now:
            self.runtime.log.warning(
                "channel.unavailable", channel=channel_state.kind, reason=str(why), seconds=why.after
            )
        channel_state.backs_off_until = max(channel_state.backs_off_until, until)
        return OutcomeReport(token, now, Outcome.not_sent, str(why), retry_at=until)

    async def _needs_human(self, attempt: Attempt, channel_state: ChannelState, why: NeedsHuman) -> OutcomeReport:
        runtime, now = self.runtime, self.runtime.clock.now()
        scope, target = "channel", str(channel_state.kind)
        if why.only_sender and attempt.sender is not None:
            scope, target = "number", attempt.sender
        about: dict[str, Any] = {"reason": str(why), "by": "fluentsd", "at": now, "cases": [attempt.token]}
        async with self._holding:  # those that are refused together are one hold
            placed = await runtime.store.run(holds.place, scope, target, **about)
        if placed:
            runtime.log.error(f"{scope}.held", channel=channel_state.kind, attempt=attempt.token, reason=str(why))
        return OutcomeReport(attempt.token, now, Outcome.not_sent, str(why))

    async def report(self, report: OutcomeReport) -> None:
        """Write what is known of an attempt, however long the database needs to come back."""
        self._after(report, await self._recorded(report))

    def _after(self, report: OutcomeReport, recorded: Recorded) -> None:
        if report.attempt_id in recorded.closed:
            self.runtime.in_flight.landed(report.attempt_id)
            self.runtime.dispatcher_wakeup.notify()
        elif report.outcome is None:
            self.runtime.reconciler_wakeup.notify()
        if recorded.hastened:
            self.runtime.dispatcher_wakeup.notify()
        self.runtime.enrollment_ended(recorded.touched)
        tripped, recorded.tripped = recorded.tripped, []  # reports that were written together share one answer
        for one in tripped:
            self._stop(one)

    def _stop(self, tripped: Tripped) -> None:
        """What the record has stopped for good reason: nothing that was marked before begins, ringing calls end."""
        runtime, campaign_id = self.runtime, tripped.campaign_id
        what = {"number": tripped.number_id} if campaign_id is None else {"campaign": tripped.campaign}
        runtime.log.error(
            "breaker.tripped", breaker=tripped.breaker, **what, reason=tripped.reason, cases=tripped.cases
        )
        if campaign_id is not None:
            runtime.paused.add(campaign_id)
            self._recording.start_soon(withdraw, runtime, campaign_id, runtime.clock.now())
        runtime.outbox_wakeup.notify()

    async def _recorded(self, report: OutcomeReport) -> Recorded:
        while True:
            try:
                recorded: Recorded = await self.results.hand(report)
            except StoreClosed:
                raise
            except StoreUnavailable as why:
                self._say(sick=True, why=str(why))
                await self.runtime.clock.sleep_until(self.runtime.clock.now() + STORE_PAUSE)
            else:
                return recorded

    async def _record(self, conn: Connection, reports: list[OutcomeReport]) -> list[Recorded]:
        recorded = await record(conn, self.runtime.plans, reports)
        return [recorded] * len(reports)

    def _say(self, *, sick: bool, why: str = "") -> None:
        """Log the change, not the condition."""
        if sick and not self._sick:
            self.runtime.log.error("store.unavailable", reason=why, effect="nothing is claimed until it recovers")
        elif self._sick and not sick:
            self.runtime.log.info("store.recovered")
        self._sick = sick


async def _raise(error: Exception) -> None:
    """A fault of the record itself ends the engine; the ledger makes that safe."""
    raise error


async def _watch(runtime: Runtime, channel_state: ChannelState) -> None:
    """End sends that wait too long; all sends of a channel have the same patience, so the oldest is first."""
    while True:
        await channel_state.watch.wait_until(
            runtime.clock, channel_state.deadlines[0].at if channel_state.deadlines else None
        )
        while channel_state.deadlines and channel_state.deadlines[0].at <= runtime.clock.now():
            channel_state.deadlines.popleft().expire()


def _turn(lane: LaneDue) -> tuple[int, int, int]:
    """Who goes first: the campaign that matters more, then whoever has waited longest. Nobody starves, because each
    lane gets its share of every pass; and the order depends on nothing but what is due, so a forecast repeats it."""
    return -lane.priority, lane.due_at, lane.lane_id
