"""The sandbox carrier: it accepts, refuses, rings, delivers and fails, all on this machine.

An attempt is accepted at the instant its line is in the ledger; a later error, silence or killed process does not
change that. Pending events are in one heap by instant, and `listen` sleeps until the first. There is no wall clock
here: time passes only by `tools.clock`.
"""

from __future__ import annotations

import heapq
import math
import weakref
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import trio

from fluentsd.api import (
    Absent,
    Attempt,
    CannotTell,
    Clock,
    Finding,
    Found,
    Inbound,
    Kind,
    Lookup,
    Message,
    Outcome,
    Price,
    Receipt,
    Rejected,
    Tools,
    Unavailable,
)
from fluentsd_channel_sandbox import chance
from fluentsd_channel_sandbox.ledger import Entry, Ledger, entry_of
from fluentsd_channel_sandbox.settings import Settings

#: Events delivered at once; the engine writes them in one transaction.
TOGETHER = 500
#: The back-off of an unavailable carrier, seconds.
BACK_OFF = 5.0

#: (instant, order of arrival, token, ending)
Pending = tuple[int, int, str, chance.Ending]
Deliver = Callable[[Inbound], Awaitable[None]]


class CarrierBroke(RuntimeError):
    """The carrier accepted the attempt and then answered with an error, as a 500 would."""


class Carrier:
    """One carrier of one kind."""

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self.settings = settings
        self.kind: Kind = settings.kind
        self.lookup_is_final = settings.lookup == "final"
        self.lookup_after = settings.faults.list_lag
        self.ledger = Ledger(_ledger_path(settings, tools.folder))
        self.calls_begin = True
        self._clock: Clock = tools.clock
        self._opened_at = self._clock.now()
        self._pending: list[Pending] = []
        self._order = 0
        self._wakeup = trio.Event()
        self._recent: deque[int] = deque()
        self._schedule_from_before()
        weakref.finalize(self, self.ledger.close)

    async def aclose(self) -> None:
        """Close the ledger's file."""
        self.ledger.close()

    async def check(self) -> Sequence[Finding]:
        """Report that no real person is contacted, and where the ledger is."""
        where = self.ledger.path or "memory only"
        return [
            Finding(True, f"sandbox ({self.kind}): a simulated carrier on this machine; it contacts no real person"),
            Finding(True, f"sandbox ({self.kind}): ledger {where}, {len(self.ledger.by_token)} attempts accepted"),
        ]

    # Sending

    def price(self, message: Message) -> Price | None:
        """The configured cost of one attempt."""
        return Price(self.settings.cost_micros, self.settings.currency) if self.settings.cost_micros else None

    async def send(self, message: Message, attempt: Attempt) -> Receipt:
        """Accept, refuse or fail at random, repeatably; see `chance`."""
        latency = self.settings.faults.latency
        await self._pass(latency // 2)
        attempt.begin()
        drawn = chance.draw(self.settings, message.to, attempt.step, attempt.try_no)
        now = self._clock.now()
        fault = self._fault(message, attempt, drawn, now)
        if fault == "hang":
            self._write(entry_of(message, attempt, now, fault))
            await trio.sleep_forever()
        entry = entry_of(message, attempt, now)
        self._write(entry)
        self._schedule(entry, drawn)
        if fault == "accept_then_error":
            raise CarrierBroke("500 Internal Server Error")
        if fault == "accept_then_hang":
            await trio.sleep_forever()
        if latency:
            await self._pass(latency - latency // 2)
        return self._receipt(entry, None if self.kind == "phone" else Outcome.sent)

    def _fault(self, message: Message, attempt: Attempt, drawn: Sequence[float], now: int) -> str:
        """The fault to play after acceptance, "" for none; raises the faults before acceptance."""
        self._throttle(message, attempt, now)
        if not self.settings.faults.chances:
            return ""
        key = (message.to, attempt.step, attempt.try_no)
        fault = chance.fault_of(self.settings, drawn, *key, self.ledger.refusals[key])
        if fault in ("refuse", "refuse_dead"):
            self._write(entry_of(message, attempt, now, fault))
            outcome = Outcome.bounced if self.kind == "email" else Outcome.failed
            raise Rejected("the carrier refuses this person", outcome=outcome, dead=fault == "refuse_dead")
        if fault == "unavailable":
            self._write(entry_of(message, attempt, now, fault))
            raise Unavailable("the carrier is not available", BACK_OFF)
        return fault

    def _throttle(self, message: Message, attempt: Attempt, now: int) -> None:
        if self.settings.faults.throttle is None:
            return
        most, period = self.settings.faults.throttle
        while self._recent and self._recent[0] <= now - period:
            self._recent.popleft()
        if len(self._recent) >= most:
            self._write(entry_of(message, attempt, now, "throttle"))
            raise Unavailable(f"more than {most} requests", math.ceil((self._recent[0] + period - now) / 1000) / 1000)
        self._recent.append(now)

    def _write(self, entry: Entry) -> None:
        try:
            self.ledger.write(entry)
        except OSError as why:
            raise Unavailable(f"the carrier's ledger cannot be written: {why}", BACK_OFF) from why

    async def _pass(self, duration: int) -> None:
        if duration:
            await self._clock.sleep_until(self._clock.now() + duration)
        else:
            await trio.lowlevel.checkpoint_if_cancelled()

    def _receipt(self, entry: Entry, outcome: Outcome | None, duration_s: int | None = None) -> Receipt:
        settings = self.settings
        return Receipt(f"{entry.kind}-{entry.token}", outcome, settings.cost_micros, settings.currency, duration_s)

    # Look-up and cancel

    async def lookup(self, attempt: Attempt) -> Lookup:
        """Look into the ledger, as far as the lag of the carrier's list allows."""
        await self._pass(self.settings.faults.latency)
        now, lag = self._clock.now(), self.settings.faults.list_lag
        entry = self.ledger.by_token.get(attempt.token)
        if entry is not None and now >= entry.at + lag:
            return Found(self._receipt_now(entry, now), by_token=True)
        if not self.lookup_is_final:
            return CannotTell("the carrier's list shows no such attempt")
        if now < max(attempt.claimed_at, self._opened_at) + lag:  # an earlier process may have sent it until it ended
            return CannotTell("the carrier's list is not complete yet")
        return Absent()

    def _receipt_now(self, entry: Entry, now: int) -> Receipt:
        if entry.token in self.ledger.cancelled:
            return self._receipt(entry, Outcome.no_answer)
        past = [ending for ending in chance.endings(self.settings, entry) if ending.at <= now]
        if past:
            return self._receipt(entry, past[-1].outcome, past[-1].duration_s)
        return self._receipt(entry, None if self.kind == "phone" else Outcome.sent)

    async def cancel(self, attempt: Attempt) -> bool:
        """Cancel a call that is still ringing; its outcome, `no_answer`, arrives by `listen`."""
        await self._pass(self.settings.faults.latency)
        now = self._clock.now()
        entry = self.ledger.by_token.get(attempt.token)
        if self.kind != "phone" or entry is None or attempt.token in self.ledger.cancelled:
            return False
        if now >= chance.picked_up_at(self.settings, entry):
            return False
        self.ledger.cancel(attempt.token, now)
        self._push(attempt.token, chance.Ending(now, Outcome.no_answer))
        return True

    # Inbound events

    async def listen(self, deliver: Deliver) -> None:
        """Deliver every outcome and reply at its instant, for as long as the daemon runs."""
        while True:
            due = self._take_due()
            if due:
                await self._hand_over(due, deliver)
            else:
                await self._wait_for_next()

    def _take_due(self) -> list[Pending]:
        now = self._clock.now()
        due: list[Pending] = []
        while self._pending and self._pending[0][0] <= now and len(due) < TOGETHER:
            one = heapq.heappop(self._pending)
            if not self._is_void(one):
                due.append(one)
        return due

    def _is_void(self, one: Pending) -> bool:
        """Whether it is the outcome of a call that was cancelled before."""
        cancelled_at = self.ledger.cancelled.get(one[2])
        return cancelled_at is not None and one[0] > cancelled_at

    async def _hand_over(self, due: list[Pending], deliver: Deliver) -> None:
        """Deliver together, in order for each attempt; failed and cancelled deliveries stay pending."""
        waiting: dict[str, list[Pending]] = {}
        for one in due:
            waiting.setdefault(one[2], []).append(one)
        try:
            async with trio.open_nursery() as nursery:
                for mine in waiting.values():
                    nursery.start_soon(self._hand_over_one, mine, deliver)
        finally:
            for mine in waiting.values():
                for one in mine:
                    heapq.heappush(self._pending, one)
        self._note_delivered(due[-1][0])

    async def _hand_over_one(self, mine: list[Pending], deliver: Deliver) -> None:
        while mine:
            at, _, token, ending = mine[0]
            event = Inbound(
                ending.outcome,
                token=token,
                ref=f"{self.kind}-{token}",
                address=self.ledger.by_token[token].to,
                text=ending.text,
                at=at,
                duration_s=ending.duration_s,
            )
            await deliver(await self._inbound(event))
            mine.pop(0)

    async def _inbound(self, event: Inbound) -> Inbound:
        """An event before it is delivered."""
        return event

    def _note_delivered(self, until_at: int) -> None:
        """Record the delivered events, so that the next process does not deliver them again."""
        if self._pending and self._pending[0][0] <= until_at:
            return
        try:
            self.ledger.delivered(until_at)
        except OSError:
            return  # a repeated delivery does no harm

    async def _wait_for_next(self) -> None:
        self._wakeup = trio.Event()
        if not self._pending:
            await self._wakeup.wait()
            return
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._ring_at, self._pending[0][0], self._wakeup)
            await self._wakeup.wait()
            nursery.cancel_scope.cancel()

    async def _ring_at(self, at: int, wakeup: trio.Event) -> None:
        await self._clock.sleep_until(at)
        wakeup.set()

    def _schedule(self, entry: Entry, drawn: Sequence[float] | None = None) -> None:
        for ending in chance.endings(self.settings, entry, drawn):
            self._push(entry.token, ending)

    def _push(self, token: str, ending: chance.Ending) -> None:
        if not self._pending or ending.at < self._pending[0][0]:
            self._wakeup.set()
        self._order += 1
        heapq.heappush(self._pending, (ending.at, self._order, token, ending))

    def _schedule_from_before(self) -> None:
        """After a restart: schedule events of attempts that an earlier process accepted and may not have delivered."""
        for token, delivered_until_at in self.ledger.from_before.items():
            for ending in chance.endings(self.settings, self.ledger.by_token[token]):
                if ending.at > delivered_until_at:
                    self._push(token, ending)
            cancelled_at = self.ledger.cancelled.get(token, 0)
            if cancelled_at >= max(delivered_until_at, 1):  # a repeated delivery does no harm
                self._push(token, chance.Ending(cancelled_at, Outcome.no_answer))
        self.ledger.from_before.clear()


def _ledger_path(settings: Settings, folder: str) -> Path | None:
    if settings.ledger is False:
        return None
    if settings.ledger is True:
        return Path(folder) / f"ledger-{settings.kind}.jsonl"
    return Path(folder) / settings.ledger
