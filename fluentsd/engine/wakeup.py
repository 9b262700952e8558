"""The wake-ups of the engine's loops, and the clock that a loop sleeps by until one comes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

import trio


class EngineClock(Protocol):
    """`api.Clock`, and `busy()`, which holds a simulated clock while a thread works outside Trio's sight."""

    def now(self) -> int: ...
    async def sleep_until(self, at: int) -> None: ...
    def busy(self) -> AbstractContextManager[None]: ...
    async def wait_step_back(self) -> None: ...
    def is_credible(self) -> bool: ...


class Wakeup:
    """A wake-up for one waiting loop. It is never lost: a `notify` before the wait ends that wait at once."""

    def __init__(self) -> None:
        self._event = trio.Event()

    def notify(self) -> None:
        self._event.set()

    async def wait_until(self, clock: EngineClock, until_at: int | None) -> None:
        """Return on `notify`, or at `until_at` (None: on `notify` only)."""
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
