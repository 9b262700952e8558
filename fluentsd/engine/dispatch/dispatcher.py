"""The dispatcher: sleeps to the next due time, gives lanes their turns, and starts the sends of what they claimed.

One pass reads every lane's earliest due time (one short read), gives each due lane with free capacity a turn, and
starts a task for every committed attempt. Then it sleeps until a lane is due, until capacity is free again, or until
its wake-up. With nothing due there are no passes, however many people wait.

The end of a send decides the report (`sender`), which the recorder writes. A cancelled task reports nothing: its
attempt stays open and the reconciler asks the provider.
"""

from __future__ import annotations

from collections import Counter

import trio

from fluentsd.api import Outcome
from fluentsd.domain import pacing
from fluentsd.domain.pacing import BATCH, ROUNDS
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.campaigns.rescheduling.catch_up import AWAY, notice_absence
from fluentsd.engine.channel_state import ChannelState, Deadline
from fluentsd.engine.dispatch.claim import Claimed, ClaimRequest, ClaimResult, claim
from fluentsd.engine.dispatch.outcome_reports import OutcomeReport
from fluentsd.engine.dispatch.recorder import Recorder
from fluentsd.engine.dispatch.sender import Sender
from fluentsd.engine.heartbeat import fenced, take_over
from fluentsd.engine.held_start import compare_with_providers
from fluentsd.engine.runtime import STORE_PAUSE, Runtime
from fluentsd.store import attempts, lanes
from fluentsd.store.lanes import LaneDue
from fluentsd.store.nodes import Fenced, InstallationHeld
from fluentsd.unavailable import StoreGone, StoreUnavailable

#: Pause before the next try of a person while the high-water mark cannot be written.
MARK_PAUSE = 60 * SECOND


class Dispatcher:
    """Owns the turns of the lanes and the tasks in flight."""

    def __init__(self, runtime: Runtime, recorder: Recorder) -> None:
        self.runtime, self._recorder = runtime, recorder
        self._mark_fails, self._clock_is_wrong = False, False
        self._leaving = trio.Event()

    async def run(self, *, grace: float = 10.0, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run until `stop`; then claiming ends, and sends in flight get `grace` seconds to finish."""
        runtime = self.runtime
        await take_over(runtime)
        for one in await runtime.store.read(attempts.open_now):
            if one.is_accepted:  # a call of an earlier run that still goes on; what it left in doubt takes no capacity
                runtime.in_flight.add(one.id, one.campaign_id, one.channel)
        async with trio.open_nursery() as watching:
            self._sender = Sender(runtime, watching)  # a suspension ends with the sends
            for channel_state in runtime.channels.values():
                watching.start_soon(_expire_deadlines, runtime, channel_state)
            async with trio.open_nursery() as sends:
                task_status.started()
                with runtime.claiming:
                    await compare_with_providers(runtime)
                    await self._claim_until_stopped(sends)
                await self._leaving.wait()
                sends.cancel_scope.deadline = trio.current_time() + grace
            watching.cancel_scope.cancel()

    def stop(self) -> None:
        """End claiming, and the sends in flight once they have had their grace."""
        self.runtime.stop_claiming()
        self._leaving.set()

    async def _claim_until_stopped(self, sends: trio.Nursery) -> None:
        due_at = self.runtime.clock.now()  #: of the next pass
        while True:
            try:
                if not self.runtime.may_contact():
                    raise StoreGone("The database has not confirmed for 10 s that this process may claim.")
                if not self._clock_is_credible():
                    await self._wait(self.runtime.clock.now() + STORE_PAUSE)
                    continue
                if self.runtime.clock.now() - due_at > AWAY:  # the machine was suspended, or the database away
                    await notice_absence(self.runtime)
                    due_at = self.runtime.clock.now()
                until = await self._one_pass(sends)
            except Fenced:
                raise fenced(self.runtime) from None
            except StoreUnavailable as why:
                self.runtime.store_state.lost(str(why))
                await self._wait(self.runtime.clock.now() + STORE_PAUSE)
            else:
                self.runtime.store_state.found()
                await self._wait(until)
                now = self.runtime.clock.now()
                due_at = now if until is None else min(until, now)

    def _clock_is_credible(self) -> bool:
        """Whether hours can be told; says once that they cannot, and once that they can again."""
        is_credible = self.runtime.clock.is_credible()
        if is_credible == self._clock_is_wrong:
            self._clock_is_wrong = not is_credible
            if is_credible:
                self.runtime.log.info("clock.right_again")
            else:
                fix = "set it, e.g. timedatectl set-ntp true"
                self.runtime.log.error("clock.wrong", effect="nobody is contacted until it is right", fix=fix)
        return is_credible

    async def _wait(self, until: int | None) -> None:
        if until is None or until > self.runtime.clock.now():
            await self.runtime.dispatcher_wakeup.wait_until(self.runtime.clock, until)

    async def _one_pass(self, sends: trio.Nursery) -> int | None:
        """Give every due lane with free capacity a turn. Returns the time of the next pass, None: at the next
        wake-up."""
        runtime = self.runtime
        runtime.wakeups += 1
        self._send_committed(sends)
        agenda = await runtime.store.read(lanes.agenda)
        now = runtime.clock.now()
        due = [lane for lane in agenda if max(lane.due_at, self._lane_opens_at(lane)) <= now]
        lanes_per_channel = Counter(lane.channel for lane in due)
        next_times = [max(lane.due_at, self._lane_opens_at(lane)) for lane in agenda if lane not in due]
        turns = sorted(due, key=_turn_order)
        for _ in range(ROUNDS):
            again = []
            for lane in turns:
                result = await self._claim(lane, lanes_per_channel[lane.channel])
                if result is None:  # no capacity until an attempt ends (a wake-up) or the channel's pace allows more
                    if (opens_at := self._lane_opens_at(lane)) > now:
                        next_times.append(opens_at)
                    continue
                if result.again_at:
                    runtime.not_before[lane.lane_id] = result.again_at
                if result.has_more:
                    again.append(lane)
                else:
                    next_times.append(max(result.again_at, now))
                if result.claimed:
                    sends.start_soon(self._send_batch, result.claimed, self.runtime.channels[lane.channel])
            turns = again
        return now if turns else min(next_times, default=None)

    def _lane_opens_at(self, lane: LaneDue) -> int:
        """The earliest time of the lane's next claim, even when rows are due."""
        channel_state = self.runtime.channels.get(lane.channel)
        if channel_state is None:
            return 0  # the claim reports the missing channel
        return max(
            self._slot_of(lane),
            channel_state.next_slot_at,
            channel_state.backs_off_until,
            channel_state.unclear.pause_until,
            self.runtime.not_before.get(lane.lane_id, 0),
        )

    def _slot_of(self, lane: LaneDue) -> int:
        """The lane's next free slot as its pace explains it; 0 while the pace is unknown: the claim reads it."""
        plan = self.runtime.plans.known(lane.campaign_id, lane.revision)
        if plan is None:
            return 0
        explains = max(plan.pace, lane.late_interval or 0)
        return pacing.credible(lane.next_slot_at, explains, self.runtime.clock.now())

    async def _claim(self, lane: LaneDue, lanes_due: int) -> ClaimResult | None:
        """One turn of one lane; None when its channel or campaign has no free capacity."""
        runtime, now = self.runtime, self.runtime.clock.now()
        channel_state = runtime.channels.get(lane.channel)
        capacity = self._capacity(lane, channel_state, lanes_due)
        if capacity <= 0:
            return None
        lookup_after = channel_state.lookup_after if channel_state else 0
        head = (
            lane.lane_id,
            lane.campaign_id,
            lane.channel,
            lane.next_slot_at,
            capacity,
            lookup_after,
            channel_state is not None,
        )
        prices = channel_state.abilities.prices if channel_state else None
        request = ClaimRequest(*head, lane.late_since_at, lane.late_before_at, lane.late_interval, prices)
        try:
            result = await runtime.store.run(claim, runtime.plans, request, now)
        except InstallationHeld:
            return None
        for claimed in result.claimed:
            closes_at = claimed.message.valid_until_at if lane.channel == "phone" else None
            runtime.in_flight.add(claimed.token, lane.campaign_id, lane.channel, closes_at)
            runtime.in_flight.sending.add(claimed.token)
        if result.claimed and lane.channel == "phone":
            runtime.cancellation_wakeup.notify()  # a window may close before those that it knows of
        if not self._note_claim(result.claims):
            self._give_back(result.claimed)
            result.claimed = []
        if channel_state is not None and channel_state.interval:
            channel_state.next_slot_at = pacing.spread(
                channel_state.next_slot_at, channel_state.interval, now, len(result.claimed)
            )
        if result.is_stale:
            for wakeup in runtime.sync_wakeups.values():
                wakeup.notify()
        if result.has_ended:
            runtime.enrollment_ended({lane.campaign_id})
        return result

    def _capacity(self, lane: LaneDue, channel_state: ChannelState | None, lanes_due: int) -> int:
        """How many attempts the lane may claim now: its share of the channel's free slots."""
        if channel_state is None:
            return BATCH
        in_flight = self.runtime.in_flight
        free = channel_state.unclear.at_most(channel_state.concurrency) - in_flight.of(channel_state.kind)
        if 2 * free < min(channel_state.concurrency, BATCH) and in_flight.recording[channel_state.kind]:
            return 0  # more slots are free soon: a few large claims are cheaper than many small ones
        now = self.runtime.clock.now()
        free = min(free, pacing.capacity(channel_state.next_slot_at, channel_state.interval, now, free))
        share = min(BATCH, max(free // lanes_due, min(free, 1)))
        plan = self.runtime.plans.known(lane.campaign_id, lane.revision)
        if plan is not None and plan.concurrency is not None:
            share = min(share, plan.concurrency - in_flight.of(channel_state.kind, lane.campaign_id))
        return share

    def _send_committed(self, sends: trio.Nursery) -> None:
        """Start the attempts that no lane has claimed (manual replies)."""
        while self.runtime.committed:
            claimed = self.runtime.committed.popleft()
            self.runtime.in_flight.add(claimed.token, claimed.campaign_id, claimed.message.kind)
            self.runtime.in_flight.sending.add(claimed.token)
            if self._note_claim(claimed.claims):
                sends.start_soon(self._send_batch, [claimed], self.runtime.channels[claimed.message.kind])
            else:
                self._give_back([claimed])

    def _note_claim(self, claims: int) -> bool:
        """Advance the high-water mark after a commit and before the provider is called; False if that fails."""
        runtime = self.runtime
        try:
            runtime.high_water.advance(claims, runtime.clock.now())
        except OSError as why:
            if not self._mark_fails:
                runtime.log.error("high_water.unwritable", reason=str(why), effect="nothing is sent until it recovers")
            self._mark_fails = True
            return False
        self._mark_fails = False
        return True

    def _give_back(self, batch: list[Claimed]) -> None:
        """Record committed attempts that must not begin as not sent; the flow tries them again."""
        now, why = self.runtime.clock.now(), "the high-water mark could not be written"
        for claimed in batch:
            self.runtime.in_flight.sending.discard(claimed.token)
            report = OutcomeReport(claimed.token, now, Outcome.not_sent, why, retry_at=now + MARK_PAUSE)
            self._recorder.post(report, claimed.message.kind)

    async def _send_batch(self, batch: list[Claimed], channel_state: ChannelState) -> None:
        """Attempts claimed together start together and share one time limit."""
        with channel_state.time_limit(self.runtime.clock.now()) as deadline:
            async with trio.open_nursery() as nursery:
                for claimed in batch:
                    nursery.start_soon(self._send_and_report, claimed, channel_state, deadline)

    async def _send_and_report(self, claimed: Claimed, channel_state: ChannelState, deadline: Deadline) -> None:
        """Send one committed attempt through its channel, and post the report for recording."""
        token = claimed.token
        try:
            report = await self._sender.send(claimed, channel_state)
        except trio.Cancelled:
            if deadline.expired:
                self._recorder.post(self._sender.timed_out(token, channel_state), channel_state.kind)
            raise
        finally:
            self.runtime.in_flight.sending.discard(token)
        self._recorder.post(report, channel_state.kind)


async def _expire_deadlines(runtime: Runtime, channel_state: ChannelState) -> None:
    """Cancel sends past their time limit; all sends of a channel have the same timeout, so the oldest is first."""
    while True:
        await channel_state.watch.wait_until(
            runtime.clock, channel_state.deadlines[0].at if channel_state.deadlines else None
        )
        while channel_state.deadlines and channel_state.deadlines[0].at <= runtime.clock.now():
            channel_state.deadlines.popleft().expire()


def _turn_order(lane: LaneDue) -> tuple[int, int, int]:
    """Order of the lanes: higher priority first, then earliest due. No lane starves, because each gets its share of
    every pass. The order depends only on the due lanes, so a forecast reproduces it."""
    return -lane.priority, lane.due_at, lane.lane_id
