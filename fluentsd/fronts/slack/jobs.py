"""Jobs: work that outlives the acknowledgement of its envelope, in a nursery where one failure reaches no other.

What must not live here: what the jobs do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

import trio

from fluentsd.fronts.guard import place_of

T = TypeVar("T")


class Late(Exception):
    """A job did not end within the time; it goes on."""


class _Result(Generic[T]):
    """The end of a job: its value or its error; `late` gets the value if nobody waits any more."""

    def __init__(self, late: Callable[[T], Awaitable[None]]) -> None:
        self.ended, self.is_late, self.late = trio.Event(), False, late
        self.value: Any = None


class Jobs:
    """Runs jobs while `run` runs."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self._nursery: trio.Nursery | None = None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Hold the nursery of the jobs until cancelled."""
        try:
            async with trio.open_nursery() as self._nursery:
                task_status.started()
                await trio.sleep_forever()
        finally:
            self._nursery = None

    def later(self, job: Callable[[], Awaitable[object]]) -> None:
        """Start a job that nobody waits for. Its error is logged."""
        if self._nursery is not None:
            self._nursery.start_soon(self._guarded, job)

    async def within(self, seconds: float, job: Callable[[], Awaitable[T]], late: Callable[[T], Awaitable[None]]) -> T:
        """The value of a job that ends in time. Else raises `Late`, and `late` gets the value when there is one."""
        result: _Result[T] = _Result(late)

        async def whole() -> None:
            try:
                result.value = await job()
            finally:
                result.ended.set()
            if result.is_late:
                await result.late(result.value)

        self.later(whole)
        with trio.move_on_after(seconds):
            await result.ended.wait()
        if result.ended.is_set():  # also in the moment in which the time is over
            value: T = result.value
            return value
        result.is_late = True
        raise Late

    async def _guarded(self, job: Callable[[], Awaitable[object]]) -> None:
        try:
            await job()
        except Exception as why:  # noqa: BLE001 - the guard at the edge of each job
            self._log.error("slack.job", error=type(why).__name__, where=place_of(why))
