"""The guard around a front: a front that fails is restarted after a pause, and the others go on.

What must not live here: what a front does, and how its state is shown (`web.health`).
"""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import trio

#: Seconds before the first restart, and at most; each failure doubles the pause.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
#: A front that ran this long, in seconds, starts with a short pause again.
RAN_WELL = 600.0


class _Started:
    """The start value of a front that tells when it serves; the first one counts."""

    def __init__(self, task_status: trio.TaskStatus[Any], note: Callable[[str], None]) -> None:
        self.is_first, self._status, self._note = True, task_status, note

    def started(self, value: Any = None) -> None:
        self._note("")
        if self.is_first:
            self.is_first = False
            self._status.started(value)


async def guarded_server(
    name: str,
    serve: Callable[..., Awaitable[None]],
    log: Any,
    note: Callable[[str], None] = lambda _: None,
    *,
    task_status: trio.TaskStatus[Any] = trio.TASK_STATUS_IGNORED,
) -> None:
    """As `guarded`, for a front that tells with its `task_status` that it serves. What prevents the first start is
    raised, because the daemon has not begun then."""
    status = _Started(task_status, note)

    async def front() -> None:
        try:
            await serve(task_status=status)
        except Exception as why:
            if status.is_first:
                raise _NeverServed from why
            raise

    try:
        await guarded(name, front, log, lambda problem: note(problem) if problem else None)
    except _NeverServed as why:
        if why.__cause__ is not None:
            raise why.__cause__ from why.__cause__.__cause__
        raise


class _NeverServed(Exception):
    """A front failed before it served for the first time."""


async def guarded(
    name: str, front: Callable[[], Awaitable[None]], log: Any, note: Callable[[str], None] = lambda _: None
) -> None:
    """Run a front until it returns or is cancelled; restart it when it fails. `note` gets the problem, "" when it
    runs."""
    pause = FIRST_PAUSE
    while True:
        note("")
        began = trio.current_time()
        try:
            return await front()
        except _NeverServed:
            raise
        except Exception as why:  # noqa: BLE001 - the guard at the edge of each front
            pause = FIRST_PAUSE if trio.current_time() - began > RAN_WELL else pause
            log.error("front.failed", front=name, error=type(why).__name__, where=place_of(why), restarts_in_s=pause)
            note(f"it failed ({type(why).__name__}) and restarts; the log has the place")
        await trio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


def place_of(error: BaseException) -> str:
    """The place of an error, innermost first; never its message, which may hold personal data."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames))
