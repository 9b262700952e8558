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
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.api import Attempt, Kind, NeedsHuman, Outcome, Receipt, Rejected, Unavailable
from fluentsd.domain import pacing
from fluentsd.domain.pacing import BATCH, ROUNDS, SLACK
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.dispatch.breakers import Tripped
from fluentsd.engine.dispatch.cancellation import withdraw
from fluentsd.engine.dispatch.claim import Marked, Order, Taken, take
from fluentsd.engine.dispatch.outcomes import Recorded, Report, record
from fluentsd.engine.runtime import Deadline, House, Served
from fluentsd.store import attempts, holds, lanes
from fluentsd.store.db.bridge import Gatherer, StoreClosed, StoreUnavailable
from fluentsd.store.lanes import LaneDue

#: Pause before the database is asked again after it failed.
STORE_PAUSE = 1 * SECOND


class Dispatcher:
    """Owns the turns of the lanes and the tasks in flight."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.results: Gatherer[Report] = Gatherer(house.store, self._record, most=BATCH)
        self._sick = False
        self._holding = trio.Lock()
        self._claiming = trio.CancelScope()
        house.report = self.report

    async def run(self, *, grace: float = 10.0, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run until `stop`; then no more is claimed, and sends in flight get `grace` seconds to end."""
        house = self.house
        for attempt_id, campaign_id, kind in await house.store.read(attempts.open_now):
            house.flights.took_off(attempt_id, campaign_id, kind)
        async with trio.open_nursery() as self._recording:
            recording = self._recording
            await recording.start(self.results.run)
            async with trio.open_nursery() as watching:
                for served in house.channels.values():
                    watching.start_soon(_watch, house, served)
                async with trio.open_nursery() as sends:
                    house.carry = partial(self._carry_one, sends)
                    task_status.started()
                    with self._claiming:
                        await self._claim_for_ever(sends)
                    sends.cancel_scope.deadline = trio.current_time() + grace
                watching.cancel_scope.cancel()
            self.results.close()

    def stop(self) -> None:
        """Claim nothing more; what is marked and has not begun is recorded as not sent."""
        self.house.closing = True
        self._claiming.cancel()

    async def _claim_for_ever(self, sends: trio.Nursery) -> None:
        while True:
            try:
                until = await self._one_pass(sends)
            except StoreUnavailable as why:
                self._say(sick=True, why=str(why))
                until = self.house.clock.now() + STORE_PAUSE
            else:
                self._say(sick=False)
            if until is None or until > self.house.clock.now():
                await self.house.wake.wait_rung(self.house.clock, until)

    async def _one_pass(self, sends: trio.Nursery) -> int | None:
        """Give every due lane with room a turn; the next moment to look, None for "when somebody rings"."""
        house = self.house
        house.wakeups += 1
        agenda = await house.store.read(lanes.agenda)
        now = house.clock.now()
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
                    house.not_before[lane.lane_id] = taken.again_at
                if taken.more:
                    again.append(lane)
                else:
                    moments.append(max(taken.again_at, now))
                if taken.marked:
                    sends.start_soon(self._carry_all, taken.marked, self.house.channels[lane.channel])
            turns = again
        return now if turns else min(moments, default=None)

    def _lane_opens(self, lane: LaneDue) -> int:
        """The moment before which a lane has nothing to give, whatever its rows say."""
        served = self.house.channels.get(lane.channel)
        if served is None:
            return 0  # the mark says what is wrong
        return max(lane.room_at, served.room_at, served.backs_off_until, self.house.not_before.get(lane.lane_id, 0))

    async def _take(self, lane: LaneDue, sharing: int) -> Taken | None:
        """One turn of one lane; None when its channel or campaign has no room in flight."""
        house, now = self.house, self.house.clock.now()
        served = house.channels.get(lane.channel)
        room = self._room(lane, served, sharing)
        if room <= 0:
            return None
        lookup_after = served.lookup_after if served else 0
        about = (lane.lane_id, lane.campaign_id, lane.channel, lane.room_at, room, lookup_after, served is not None)
        order = Order(*about, lane.late_since_at, lane.late_before_at, lane.late_interval)
        taken = await house.store.run(take, house.plans, order, now)
        for marked in taken.marked:
            house.flights.took_off(marked.attempt.token, lane.campaign_id, lane.channel)
        if served is not None and served.interval:
            served.room_at = pacing.spread(served.room_at, served.interval, now, len(taken.marked))
        if taken.ended:
            house.course_ended({lane.campaign_id})
        return taken

    def _room(self, lane: LaneDue, served: Served | None, sharing: int) -> int:
        if served is None:
            return BATCH
        flights = self.house.flights
        free = served.concurrency - flights.of(served.kind)
        if 2 * free < min(served.concurrency, BATCH) and flights.landing[served.kind]:
            return 0  # more room comes at once: a few large marks are cheaper than many small ones
        free = min(free, pacing.room(served.room_at, served.interval, self.house.clock.now(), free, SLACK))
        share = min(BATCH, max(free // sharing, min(free, 1)))
        plan = self.house.plans.known(lane.campaign_id)
        if plan is not None and plan.concurrency is not None:
            share = min(share, plan.concurrency - flights.of(served.kind, lane.campaign_id))
        return share

    def _carry_one(self, sends: trio.Nursery, marked: Marked) -> None:
        """Begin one contact that was marked outside the lanes."""
        self.house.flights.took_off(marked.attempt.token, marked.campaign_id, marked.attempt.kind)
        sends.start_soon(self._carry_all, [marked], self.house.channels[marked.attempt.kind])

    async def _carry_all(self, batch: list[Marked], served: Served) -> None:
        """Those that were marked together begin together, and have one patience."""
        with served.patience(self.house.clock.now()) as deadline:
            async with trio.open_nursery() as nursery:
                for marked in batch:
                    nursery.start_soon(self._carry, marked, served, deadline)

    async def _carry(self, marked: Marked, served: Served, deadline: Deadline) -> None:
        """Hand one committed intent to its channel, and have recorded what that proves."""
        sending, token = self.house.flights.sending, marked.attempt.token
        sending.add(token)
        try:
            report = await self._send(marked, served)
        except trio.Cancelled:
            if deadline.expired:
                why = "the provider did not answer in time"
                self._land(self._unclear(token, served, why), served.kind)
            raise
        finally:
            sending.discard(token)
        self._land(report, served.kind)

    def _land(self, report: Report, kind: Kind) -> None:
        """Have a report written without keeping its task; what the database cannot take now is offered again."""
        landing = self.house.flights.landing
        landing[kind] += 1

        def landed(recorded: Recorded | None, error: Exception | None) -> None:
            landing[kind] -= 1
            if recorded is not None:
                self._after(report, recorded)
            elif isinstance(error, StoreUnavailable) and not isinstance(error, StoreClosed):
                self._say(sick=True, why=str(error))
                self._recording.start_soon(self.report, report)
            elif error is not None:
                self._recording.start_soon(_raise, error)

        self.results.post(report, landed)

    async def _send(self, marked: Marked, served: Served) -> Report:
        house, token = self.house, marked.attempt.token
        if house.closing or marked.campaign_id in house.paused:
            return Report(token, house.clock.now(), Outcome.not_sent, "paused before it began")
        try:
            return self._accepted(token, served, await served.channel.send(marked.message, marked.attempt))
        except Unavailable as why:
            return self._unavailable(token, served, why)
        except Rejected as why:
            return Report(token, house.clock.now(), why.outcome, str(why), dead=why.dead, fault=why.fault)
        except NeedsHuman as why:
            return await self._needs_human(marked.attempt, served, why)
        except Exception as why:  # noqa: BLE001 - the guard at the edge of each send: whatever else, it stays open
            house.log.warning("send.unclear", channel=served.kind, attempt=token, error=type(why).__name__)
            return self._unclear(token, served, f"{type(why).__name__}: the provider's answer is not known")

    def _accepted(self, token: str, served: Served, receipt: Receipt) -> Report:
        now = self.house.clock.now()
        return Report(
            token,
            now,
            receipt.outcome,
            ref=receipt.ref,
            ask_at=None if receipt.outcome else now + served.call_deadline,
            cost_micros=receipt.cost_micros or None,
            currency=receipt.currency,
            duration_s=receipt.duration_s,
            fault=receipt.fault,
        )

    def _unclear(self, token: str, served: Served, why: str) -> Report:
        return Report(
            token, self.house.clock.now(), reason=why, ask_at=self.house.clock.now() + served.channel.lookup_after
        )

    def _unavailable(self, token: str, served: Served, why: Unavailable) -> Report:
        now = self.house.clock.now()
        until = now + round(why.after * SECOND)
        if why.only_this:
            return Report(token, now, Outcome.not_sent, str(why), retry_at=until)
        if served.backs_off_until <= now:
            self.house.log.warning("channel.unavailable", channel=served.kind, reason=str(why), seconds=why.after)
        served.backs_off_until = max(served.backs_off_until, until)
        return Report(token, now, Outcome.not_sent, str(why), retry_at=until)

    async def _needs_human(self, attempt: Attempt, served: Served, why: NeedsHuman) -> Report:
        house, now = self.house, self.house.clock.now()
        scope, target = "channel", str(served.kind)
        if why.only_sender and attempt.sender is not None:
            scope, target = "number", attempt.sender
        about: dict[str, Any] = {"reason": str(why), "by": "fluentsd", "at": now, "cases": [attempt.token]}
        async with self._holding:  # those that are refused together are one hold
            placed = await house.store.run(holds.place, scope, target, **about)
        if placed:
            house.log.error(f"{scope}.held", channel=served.kind, attempt=attempt.token, reason=str(why))
        return Report(attempt.token, now, Outcome.not_sent, str(why))

    async def report(self, report: Report) -> None:
        """Write what is known of an attempt, however long the database needs to come back."""
        self._after(report, await self._recorded(report))

    def _after(self, report: Report, recorded: Recorded) -> None:
        if report.attempt_id in recorded.closed:
            self.house.flights.landed(report.attempt_id)
            self.house.wake.ring()
        elif report.outcome is None:
            self.house.asked.ring()
        if recorded.hastened:
            self.house.wake.ring()
        self.house.course_ended(recorded.touched)
        tripped, recorded.tripped = recorded.tripped, []  # reports that were written together share one answer
        for one in tripped:
            self._stop(one)

    def _stop(self, tripped: Tripped) -> None:
        """What the record has stopped for good reason: nothing that was marked before begins, ringing calls end."""
        house, campaign_id = self.house, tripped.campaign_id
        what = {"number": tripped.number_id} if campaign_id is None else {"campaign": tripped.campaign}
        house.log.error("breaker.tripped", breaker=tripped.breaker, **what, reason=tripped.reason, cases=tripped.cases)
        if campaign_id is not None:
            house.paused.add(campaign_id)
            self._recording.start_soon(withdraw, house, campaign_id, house.clock.now())
        house.posted.ring()

    async def _recorded(self, report: Report) -> Recorded:
        while True:
            try:
                recorded: Recorded = await self.results.hand(report)
            except StoreClosed:
                raise
            except StoreUnavailable as why:
                self._say(sick=True, why=str(why))
                await self.house.clock.sleep_until(self.house.clock.now() + STORE_PAUSE)
            else:
                return recorded

    async def _record(self, conn: AsyncConnection, reports: list[Report]) -> list[Recorded]:
        recorded = await record(conn, self.house.plans, reports)
        return [recorded] * len(reports)

    def _say(self, *, sick: bool, why: str = "") -> None:
        """Log the change, not the condition."""
        if sick and not self._sick:
            self.house.log.error("store.unavailable", reason=why, effect="nothing is claimed until it recovers")
        elif self._sick and not sick:
            self.house.log.info("store.recovered")
        self._sick = sick


async def _raise(error: Exception) -> None:
    """A fault of the record itself ends the engine; the ledger makes that safe."""
    raise error


async def _watch(house: House, served: Served) -> None:
    """End sends that wait too long; all sends of a channel have the same patience, so the oldest is first."""
    while True:
        await served.watch.wait_rung(house.clock, served.deadlines[0].at if served.deadlines else None)
        while served.deadlines and served.deadlines[0].at <= house.clock.now():
            served.deadlines.popleft().expire()


def _turn(lane: LaneDue) -> tuple[int, int, int]:
    """Who goes first: the campaign that matters more, then whoever has waited longest. Nobody starves, because each
    lane gets its share of every pass; and the order depends on nothing but what is due, so a forecast repeats it."""
    return -lane.priority, lane.due_at, lane.lane_id
