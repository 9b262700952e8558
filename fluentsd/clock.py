"""Clocks: one `Clock` is passed in, and no other code reads the wall clock.

`SystemClock` sleeps in Trio until a wall-clock instant and looks again at least once a minute, so that a clock jump
(NTP, a suspended machine) is noticed. `SimClock` jumps to the next sleeper as soon as there is no work left: no Trio
task can run *and* no work is going on outside Trio (`busy`). `AdjustableClock` goes on by itself, faster if wanted, and
can be set forward: for previews and tests in which something real takes time.
"""

from __future__ import annotations

import datetime as dt
import heapq
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from importlib import import_module

import trio

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
#: Longest single sleep: a clock set forward is noticed within it.
LOOK_AGAIN = 60.0
#: Seconds by which a clock may be corrected back without notice.
STEP = 5.0


def machine_zone() -> str:
    """The name of the machine's time zone; "UTC" if it has none."""
    import tzlocal

    try:
        return tzlocal.get_localzone_name() or "UTC"
    except Exception:  # noqa: BLE001 - a machine whose settings contradict each other
        return "UTC"


@lru_cache(1)
def earliest_now() -> int:
    """No right clock is earlier: the year of the time zone data that is installed here. A machine without a battery
    begins in 1970 until the network gives it the time."""
    year = int(str(import_module("tzdata").IANA_VERSION)[:4])  # such as "2026f"
    return round(dt.datetime(year, 1, 1, tzinfo=dt.UTC).timestamp()) * SECOND


class SystemClock:
    """The wall clock, in epoch microseconds."""

    def now(self) -> int:
        return time.time_ns() // 1000

    def is_credible(self) -> bool:
        """Whether it can be right."""
        return self.now() >= earliest_now()

    async def sleep_until(self, at: int) -> None:
        while (left := at - self.now()) > 0:  # noqa: ASYNC110 - a wall clock can jump without an event
            await trio.sleep(min(left / SECOND, LOOK_AGAIN))
        await trio.lowlevel.checkpoint()

    async def wait_step_back(self) -> None:
        """Return when the wall clock has gone back by more than `STEP`, seen within a minute."""
        ahead = time.time() - time.monotonic()
        while True:
            await trio.sleep(LOOK_AGAIN)
            now_ahead = time.time() - time.monotonic()
            if now_ahead < ahead - STEP:
                return
            ahead = now_ahead

    def busy(self) -> AbstractContextManager[None]:
        return nullcontext()


class SimClock:
    """A clock that jumps from one sleeper to the next; `run` must be a task of the simulation's nursery."""

    def __init__(self, start_at: int) -> None:
        self._now = start_at
        self._busy = 0
        self._order = 0
        self._sleepers: list[tuple[int, int, trio.Event]] = []
        self._changed = trio.Event()
        self._stepped_back = trio.Event()

    def step(self, by: int) -> None:
        """Set the clock forward or back at once, as an operator or NTP does."""
        self._now += by
        self._changed.set()
        if by < 0:
            self._stepped_back.set()

    async def wait_step_back(self) -> None:
        """Return when the clock has been set back."""
        await self._stepped_back.wait()
        self._stepped_back = trio.Event()

    def now(self) -> int:
        return self._now

    def is_credible(self) -> bool:
        return True

    async def sleep_until(self, at: int) -> None:
        if at <= self._now:
            await trio.lowlevel.checkpoint()
            return
        woken = trio.Event()
        self._order += 1
        heapq.heappush(self._sleepers, (at, self._order, woken))
        self._changed.set()
        try:
            await woken.wait()
        finally:
            if not woken.is_set():  # cancelled: time must not stop for this sleeper
                self._sleepers = [sleeper for sleeper in self._sleepers if sleeper[2] is not woken]
                heapq.heapify(self._sleepers)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Held during work outside Trio (a thread, another event loop)."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1
            self._changed.set()

    async def run(self) -> None:
        """Advance for ever; cancel it to stop time."""
        from trio.testing import wait_all_tasks_blocked  # here: it pulls in all of pytest where that is installed

        while True:
            self._changed = trio.Event()
            await wait_all_tasks_blocked()
            if self._busy or not self._sleepers:
                await self._changed.wait()
                continue
            at, _, woken = heapq.heappop(self._sleepers)
            self._now = max(self._now, at)
            woken.set()
            while self._sleepers and self._sleepers[0][0] <= self._now:
                heapq.heappop(self._sleepers)[2].set()


class AdjustableClock:
    """A clock that starts at `start_at` and runs `speed` times as fast as the wall clock; `step` sets it forward."""

    def __init__(self, start_at: int, speed: float = 1.0) -> None:
        self._start_at, self._speed, self._began = start_at, speed, time.monotonic()
        self._advanced = trio.Event()

    def now(self) -> int:
        return self._start_at + round((time.monotonic() - self._began) * self._speed * SECOND)

    def is_credible(self) -> bool:
        return True

    def step(self, by: int) -> None:
        """Set the clock forward by microseconds; every sleeper whose time has come wakes up."""
        self._start_at += by
        self._advanced.set()
        self._advanced = trio.Event()

    async def sleep_until(self, at: int) -> None:
        while (left := at - self.now()) > 0:
            with trio.move_on_after(left / self._speed / SECOND):
                await self._advanced.wait()
        await trio.lowlevel.checkpoint()

    async def wait_step_back(self) -> None:
        """It never goes back."""
        await trio.sleep_forever()

    def busy(self) -> AbstractContextManager[None]:
        return nullcontext()

    async def run(self) -> None:
        """It needs no task; simulations start one for every clock."""
