"""`Tools` for a plugin's tests, without a daemon.

Time is Trio's own, moved to a fixed date: real under Trio's clock, virtual under `autojump_clock`, so that a test
of hours takes no time. Threads are real unless the test passes its own `run_sync`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import structlog
import trio

from fluentsd.api import Clock, Kind, Tools
from fluentsd.sealing import KEY_FILE, SealedSecrets, Sealer
from fluentsd.urls import PublicLinks

SECOND = 1_000_000
#: Monday, 5 January 2026, 15:00 UTC: a working hour in most of the United States.
START_AT = 1_767_625_200 * SECOND
#: Most threads at once, the daemon's default for a plugin.
THREADS = 40


class TrioClock:
    """Trio's clock, read as epoch microseconds from `start_at` on; stands still outside a Trio run."""

    def __init__(self, start_at: int = START_AT) -> None:
        self._start_at = start_at
        self._began: float | None = None

    def now(self) -> int:
        if not trio.lowlevel.in_trio_run():
            return self._start_at
        if self._began is None:
            self._began = trio.current_time()
        return self._start_at + round((trio.current_time() - self._began) * SECOND)

    async def sleep_until(self, at: int) -> None:
        while (left := at - self.now()) > 0:  # noqa: ASYNC110 - waits for an instant, not an event
            await trio.sleep(left / SECOND)
        await trio.lowlevel.checkpoint()


class SkippingClock:
    """A clock that does not wait: it stands still until a task sleeps, and is then at once where that sleep ends.
    For plugins that pause between requests to a double over real sockets, which no virtual clock can wait for."""

    def __init__(self, start_at: int = START_AT) -> None:
        self.at = start_at

    def now(self) -> int:
        return self.at

    async def sleep_until(self, at: int) -> None:
        await trio.lowlevel.checkpoint()
        self.at = max(self.at, at)


def tools(
    clock: Clock | None = None,
    *,
    folder: str | Path,
    run_sync: Callable[..., Awaitable[Any]] | None = None,
    log: Any = None,
    kind: Kind = "sms",
    public_url: str | None = None,
) -> Tools:
    """Tools for one plugin under test; `folder` is the plugin's own (pytest's `tmp_path`), `clock` a `TrioClock`. With
    `public_url` the channel `kind` has public URLs."""
    clock = clock or TrioClock()

    @cache
    def http() -> httpx.AsyncClient:
        return httpx.AsyncClient(trust_env=False)

    run = run_sync or _threads(clock)
    return Tools(
        http=http,
        run_sync=run,
        log=log or structlog.get_logger(),
        clock=clock,
        folder=str(folder),
        links=PublicLinks(kind, public_url),
        secrets=SealedSecrets(Sealer(Path(folder) / KEY_FILE), Path(folder), "test", run),
    )


def _threads(clock: Clock) -> Callable[..., Awaitable[Any]]:
    limiter = trio.CapacityLimiter(THREADS)
    busy: Callable[[], AbstractContextManager[None]] = getattr(clock, "busy", nullcontext)

    async def run_sync(fn: Callable[..., Any], *args: Any) -> Any:
        with busy():  # a simulated clock must not run ahead of a thread
            return await trio.to_thread.run_sync(fn, *args, limiter=limiter)

    return run_sync
