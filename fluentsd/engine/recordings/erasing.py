"""Deletes recordings of calls that no row names any more: after an erasure, after their retention, and at a start. So
no crash leaves the voice of a person who was erased."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import trio

from fluentsd.engine.recordings.folder import OURS
from fluentsd.store import recordings

if TYPE_CHECKING:
    from fluentsd.engine.runtime import Runtime


async def sweep(runtime: Runtime) -> None:
    """Delete the files that the database does not name."""
    if runtime.recordings.folder is None:
        return
    named = await runtime.store.read(recordings.names, OURS)
    if gone := await run_in_thread(runtime, runtime.recordings.sweep, named):
        runtime.log.info("recordings.deleted", files=gone)


async def run_in_thread(runtime: Runtime, function: Callable[..., Any], *args: Any) -> Any:
    """Run a function in a thread; a simulated clock waits for it."""
    with runtime.clock.busy():
        return await trio.to_thread.run_sync(function, *args)
