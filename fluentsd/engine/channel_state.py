"""The engine's state of one channel: its abilities, its limits, its back-off, and the time limits of its sends.

What must not live here: who sends and when (`dispatch.dispatcher`), and what an unclear answer leads to
(`dispatch.suspension`).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import trio

from fluentsd.api import Channel, Kind
from fluentsd.api.abilities import ChannelAbilities
from fluentsd.api.contract import abilities_of
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.dispatch.unclear_answers import UnclearAnswers
from fluentsd.engine.wakeup import Wakeup


class Deadline:
    """The time limit of calls to a provider that began together. All calls of a channel have the same timeout, so
    the queue is in order of `at`."""

    __slots__ = ("_queue", "_scope", "at", "ended", "expired")

    def __init__(self, at: int, queue: deque[Deadline]) -> None:
        self.at, self._queue, self.ended, self.expired = at, queue, False, False
        self._scope = trio.CancelScope()

    def expire(self) -> None:
        """Cancel the calls. `expired` tells them that the time limit passed, not that the daemon is stopping."""
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
    """One channel with its abilities and limits: concurrency (its own `capacity` if that is less), pace, timeout."""

    kind: Kind
    channel: Channel
    concurrency: int = 50
    interval: int = 0  #: microseconds between two starts; 0 is no limit
    timeout: int = 30 * SECOND
    call_deadline: int = 3600 * SECOND  #: time without an outcome after which an accepted call is looked up
    next_slot_at: int = 0  #: earliest start of the next send
    backs_off_until: int = 0  #: no sends before, because the provider was unavailable
    unclear: UnclearAnswers = field(default_factory=UnclearAnswers)  #: answers that prove nothing
    deadlines: deque[Deadline] = field(default_factory=deque)  #: of sends in flight, oldest first
    watch: Wakeup = field(default_factory=Wakeup)  #: a first deadline was added

    abilities: ChannelAbilities = field(init=False)  #: resolved once

    def __post_init__(self) -> None:
        self.abilities = abilities_of(self.channel)
        if self.abilities.capacity is not None:
            self.concurrency = min(self.concurrency, self.abilities.capacity)

    def time_limit(self, now: int) -> Deadline:
        """`with channel_state.time_limit(now)`: cancelled when the provider does not answer within `timeout`."""
        deadline = Deadline(now + self.timeout, self.deadlines)
        self.deadlines.append(deadline)
        if len(self.deadlines) == 1:
            self.watch.notify()
        return deadline

    @property
    def lookup_after(self) -> int:
        """Microseconds after the claim at which an attempt without a receipt is looked up."""
        return self.timeout + self.channel.lookup_after
