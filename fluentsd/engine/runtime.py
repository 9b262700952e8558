"""What the loops and the verbs share: the store, the clock, the channels, the compiled plans, the bells.

No logic lives here; a part that needs another part gets the house and asks. Nothing here knows what a plugin is: a
channel is an object with the methods of `api.Channel` and the room its operator gave it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

import trio

from fluentsd.api import Channel, Kind
from fluentsd.domain.breakers import STANDARD, Breaker
from fluentsd.domain.gate import Limit
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.dispatch.outcomes import OutcomeReport
from fluentsd.engine.dispatch.plans import Plans
from fluentsd.engine.erasure.ledger import ErasureLedger
from fluentsd.log import get_logger
from fluentsd.store.db.bridge import Store


class EngineClock(Protocol):
    """`api.Clock`, and the sign that work goes on where Trio cannot see it."""

    def now(self) -> int: ...
    async def sleep_until(self, at: int) -> None: ...
    def busy(self) -> AbstractContextManager[None]: ...


class Wakeup:
    """A wake-up that is never lost: rung before the wait, it ends the wait at once."""

    def __init__(self) -> None:
        self._event = trio.Event()

    def notify(self) -> None:
        self._event.set()

    async def wait_until(self, clock: EngineClock, until_at: int | None) -> None:
        """Return when rung, or at `until_at`."""
        if until_at is None:
            await self._event.wait()
        else:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_notify_at, clock, until_at, self)
                await self._event.wait()
                nursery.cancel_scope.cancel()
        self._event = trio.Event()


async def _notify_at(clock: EngineClock, at: int, wakeup: Wakeup) -> None:
    await clock.sleep_until(at)
    wakeup.notify()


class Deadline:
    """When calls to a provider that began together are given up. A channel's patience is one, so deadlines queue."""

    __slots__ = ("_queue", "_scope", "at", "ended", "expired")

    def __init__(self, at: int, queue: deque[Deadline]) -> None:
        self.at, self._queue, self.ended, self.expired = at, queue, False, False
        self._scope = trio.CancelScope()

    def expire(self) -> None:
        """Time is up; what is cut off by it knows by `expired` that it was this and not a shutdown."""
        self.expired = True
        self._scope.cancel()

    def __enter__(self) -> Deadline:
        self._scope.__enter__()
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> bool:
        self.ended = True
        while self._queue and self._queue[0].ended:
            self._queue.popleft()
        return self._scope.__exit__(kind, error, traceback)


@dataclass(slots=True)
class ChannelState:
    """One channel and its room: calls in flight at most (its own `room` if that is less), a pace, the longest wait for
    the provider's answer."""

    kind: Kind
    channel: Channel
    concurrency: int = 50
    interval: int = 0  #: microseconds between two starts; 0 is no limit
    timeout: int = 30 * SECOND
    call_deadline: int = 3600 * SECOND  #: how long an accepted call may go without an outcome before it is asked about
    next_slot_at: int = 0
    backs_off_until: int = 0
    deadlines: deque[Deadline] = field(default_factory=deque)  #: of sends in flight, oldest first
    watch: Wakeup = field(default_factory=Wakeup)

    def __post_init__(self) -> None:
        self.concurrency = min(self.concurrency, getattr(self.channel, "room", self.concurrency))

    def patience(self, now: int) -> Deadline:
        """`with served.patience(now)`: cancelled when the provider's answer takes longer than `timeout`."""
        deadline = Deadline(now + self.timeout, self.deadlines)
        self.deadlines.append(deadline)
        if len(self.deadlines) == 1:
            self.watch.notify()
        return deadline

    @property
    def lookup_after(self) -> int:
        """Microseconds after the mark at which an attempt without a receipt is asked about."""
        return self.timeout + self.channel.lookup_after


class InFlight:
    """Attempts without an end, by channel and by lane: what concurrency limits."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[int, Kind]] = {}
        self._count: Counter[Kind | tuple[int, Kind]] = Counter()
        self.sending: set[str] = set()  #: handed to their channel, which has not answered yet
        self.recording: Counter[Kind] = Counter()  #: whose outcome is known and being written: room that comes at once

    def __len__(self) -> int:
        return len(self._open)

    def add(self, attempt_id: str, campaign_id: int, kind: Kind) -> None:
        self._open[attempt_id] = (campaign_id, kind)
        self._count[kind] += 1
        self._count[campaign_id, kind] += 1

    def landed(self, attempt_id: str) -> bool:
        """Whether it was in the air."""
        found = self._open.pop(attempt_id, None)
        if found is not None:
            self._count[found[1]] -= 1
            self._count[found] -= 1
        return found is not None

    def of(self, kind: Kind, campaign_id: int | None = None) -> int:
        """How many of a channel, of one campaign or of all."""
        return self._count[kind if campaign_id is None else (campaign_id, kind)]


class Runtime:
    """The engine's shared state; one per daemon."""

    def __init__(
        self,
        store: Store,
        clock: EngineClock,
        channels: Mapping[Kind, ChannelState],
        *,
        limits: tuple[Limit, ...] = (),
        breakers: tuple[Breaker, ...] = STANDARD,
        erasure_ledger: ErasureLedger | None = None,
        log: Any = None,
    ) -> None:
        self.store = store
        self.clock = clock
        self.channels = dict(channels)
        self.log = log or get_logger()
        spacing = max(
            (getattr(channel_state.channel, "sender_interval", 0) for channel_state in channels.values()), default=0
        )
        self.plans = Plans(limits, breakers, spacing)
        self.erasure_ledger = (
            erasure_ledger or ErasureLedger()
        )  #: of people who were erased: the key and the hashes, beside the database
        self.dispatcher_wakeup = Wakeup()  #: the dispatcher looks again
        self.reconciler_wakeup = Wakeup()  #: the reconciler looks again
        self.outbox_wakeup = Wakeup()  #: the outbox has something
        self.schedule_wakeup = Wakeup()  #: a start was scheduled
        self.completion_wakeup = Wakeup()  #: somebody's course ended
        self.recompute_wakeup = Wakeup()  #: people wait to be put at new moments
        self.ended_campaigns: set[int] = set()
        self.paused: set[int] = set()  #: campaigns whose marked attempts must not begin
        self.not_before: dict[int, int] = {}  #: lanes that have nothing to give before a moment, whatever is due
        self.closing = False
        self.listens_at: str | None = None  #: where the web front listens, once it does
        self.in_flight = InFlight()
        self.report: Callable[[OutcomeReport], Awaitable[None]] | None = None  #: the dispatcher's way into the record
        self.carry: Callable[[Any], None] | None = None  #: its way out, for a contact marked outside the lanes
        self.wakeups = 0  #: passes of the dispatcher, for those who watch

    def look_again(self) -> None:
        """What a lane waits for (a budget, a caller ID) may be there now: forget what was found, and ask."""
        self.not_before.clear()
        self.dispatcher_wakeup.notify()

    def enrollment_ended(self, campaign_ids: set[int]) -> None:
        """Somebody reached an end: see whether that was the last one."""
        if campaign_ids:
            self.ended_campaigns |= campaign_ids
            self.completion_wakeup.notify()
