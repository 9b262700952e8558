"""What the loops and the verbs share: the store, the clock, the channels, the compiled plans, the bells.

No logic lives here; a part that needs another part gets the house and asks. Nothing here knows what a plugin is: a
channel is an object with the methods of `api.Channel` and the room its operator gave it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog
import trio

from fluentsd.api import Channel, Kind
from fluentsd.domain.durations import SECOND
from fluentsd.engine.plans import Plans
from fluentsd.store.bridge import Store


class HouseClock(Protocol):
    """`api.Clock`, and the sign that work goes on where Trio cannot see it."""

    def now(self) -> int: ...
    async def sleep_until(self, at: int) -> None: ...
    def busy(self) -> AbstractContextManager[None]: ...


class Bell:
    """A wake-up that is never lost: rung before the wait, it ends the wait at once."""

    def __init__(self) -> None:
        self._event = trio.Event()

    def ring(self) -> None:
        self._event.set()

    async def wait_rung(self, clock: HouseClock, until_at: int | None) -> None:
        """Return when rung, or at `until_at`."""
        if until_at is None:
            await self._event.wait()
        else:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_ring_at, clock, until_at, self)
                await self._event.wait()
                nursery.cancel_scope.cancel()
        self._event = trio.Event()


async def _ring_at(clock: HouseClock, at: int, bell: Bell) -> None:
    await clock.sleep_until(at)
    bell.ring()


@dataclass(slots=True)
class Deadline:
    """When one send in flight is given up; `scope` None once it has ended."""

    at: int
    scope: trio.CancelScope | None

    def cancel(self) -> None:
        if self.scope is not None:
            self.scope.cancel()


@dataclass(slots=True)
class Served:
    """One channel and its room: calls in flight at most, a pace, the longest wait for the provider's answer."""

    kind: Kind
    channel: Channel
    concurrency: int = 50
    interval: int = 0  #: microseconds between two starts; 0 is no limit
    timeout: int = 30 * SECOND
    call_deadline: int = 3600 * SECOND  #: how long an accepted call may go without an outcome before it is asked about
    room_at: int = 0
    backs_off_until: int = 0
    deadlines: deque[Deadline] = field(default_factory=deque)  #: of sends in flight, oldest first
    watch: Bell = field(default_factory=Bell)

    @contextmanager
    def patience(self, now: int, scope: trio.CancelScope) -> Iterator[None]:
        """Cancel `scope` when the provider's answer takes longer than `timeout`."""
        deadline = Deadline(now + self.timeout, scope)
        self.deadlines.append(deadline)
        if len(self.deadlines) == 1:
            self.watch.ring()
        try:
            yield
        finally:
            deadline.scope = None
            while self.deadlines and self.deadlines[0].scope is None:
                self.deadlines.popleft()

    @property
    def lookup_after(self) -> int:
        """Microseconds after the mark at which an attempt without a receipt is asked about."""
        return self.timeout + self.channel.lookup_after


class House:
    """The engine's shared state; one per daemon."""

    def __init__(
        self, store: Store, clock: HouseClock, channels: Mapping[Kind, Served], *, log: Any = None, node: str = ""
    ) -> None:
        self.store = store
        self.clock = clock
        self.channels = dict(channels)
        self.log = log or structlog.get_logger()
        self.node = node
        self.plans = Plans()
        self.wake = Bell()  #: the dispatcher looks again
        self.asked = Bell()  #: the reconciler looks again
        self.posted = Bell()  #: the outbox has something
        self.ended = Bell()  #: somebody's course ended
        self.ended_in: set[int] = set()
        self.paused: set[int] = set()  #: campaigns whose marked attempts must not begin
        self.closing = False
        self.open: dict[str, tuple[int, Kind]] = {}  #: attempts without an end: campaign and channel
        self.wakeups = 0  #: passes of the dispatcher, for those who watch

    def in_flight(self, kind: Kind, campaign_id: int | None = None) -> int:
        """Open attempts of a channel, of one campaign or of all."""
        return sum(1 for c, k in self.open.values() if k == kind and (campaign_id is None or c == campaign_id))

    def course_ended(self, campaign_ids: set[int]) -> None:
        """Somebody reached an end: see whether that was the last one."""
        if campaign_ids:
            self.ended_in |= campaign_ids
            self.ended.ring()
