"""The daemon's life: what runs in the house, in which order it begins, and in which it ends. Nothing else.

Everything is opened by `async with` or started in a nursery, so that the indentation is the shutdown order: a signal
closes the fronts, then claiming stops and sends in progress get their grace, then listeners and look-ups end, then the
store closes, and the lock is let go last. The first SIGTERM or SIGINT asks for that; a second one ends everything at
once, which the ledger makes safe: what was under way is asked about at the next start.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import trio

from fluentsd.bootstrap import Http, calm_collector, open_runtime
from fluentsd.config import Settings
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.nursery import running
from fluentsd.engine.outbox.deliver import Listener
from fluentsd.engine.runtime import EngineClock
from fluentsd.fronts import control
from fluentsd.fronts.notify import log_listener, web_listener
from fluentsd.plugins import Plugins
from fluentsd.systemd import Supervisor

__all__ = ["open_runtime", "run"]

#: Seconds after the second signal until the process ends, whatever still holds it.
LAST_RESORT_AFTER = 2.0


async def run(
    settings: Settings,
    *,
    clock: EngineClock,
    plugins: Plugins,
    log: Any,
    ready: Callable[[], None] | None = None,
) -> None:
    """Live until SIGTERM or SIGINT, then leave in order; `ready` is called once everything runs.

    Raises what keeps it from beginning: `Problems`, `AlreadyRunning`, `DatabaseRefused`, `ControlProblem`,
    `StoreUnavailable`, each with a message for a person.
    """
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        try:
            async with trio.open_nursery() as roof:
                leaving = _Leaving(roof.cancel_scope, log)
                roof.start_soon(leaving.heed, signals)
                try:
                    await _live(settings, clock, plugins, log, leaving, ready)
                finally:
                    leaving.has_left()
                    roof.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            raise _sole_cause(group) from None
    log.info("daemon.stopped")


async def _live(
    settings: Settings,
    clock: EngineClock,
    plugins: Plugins,
    log: Any,
    leaving: _Leaving,
    ready: Callable[[], None] | None,
) -> None:
    control.check_length(settings.socket)  # before anything is opened, let alone sent
    supervisor, http = Supervisor(), Http()
    supervisor.tell("STATUS=opening the database")
    async with (
        open_runtime(settings, clock, plugins, log=log, http=http) as runtime,
        _web(settings) as web,
        trio.open_nursery() as pulse,
    ):
        pulse.start_soon(supervisor.keep_pinging, runtime.store.wait_answer)
        leaving.may_take_time()
        listeners, grace = _listeners(settings, http, log), settings.grace / SECOND
        async with running(runtime, listeners, grace=grace, ages=settings.retention) as inbox:
            async with trio.open_nursery() as fronts:
                await fronts.start(control.serve, runtime, settings.socket)
                if web is not None:
                    runtime.listens_at = await fronts.start(web, runtime, inbox)
                supervisor.tell("READY=1", f"STATUS=serving {', '.join(sorted(runtime.channels)) or 'no channel'}")
                log.info("daemon.ready", channels=sorted(runtime.channels), socket=str(settings.socket))
                calm_collector()
                if ready is not None:
                    ready()
                await leaving.asked.wait()
                fronts.cancel_scope.cancel()
            supervisor.tell("STOPPING=1", f"STATUS=waiting up to {settings.grace // SECOND} s for sends in progress")
        pulse.cancel_scope.cancel()


@asynccontextmanager
async def _web(settings: Settings) -> AsyncIterator[Callable[..., Awaitable[None]] | None]:
    """The web front with its sockets open, if one is configured: a port that is taken ends the start before anything
    is sent. It is imported here, so that a daemon without one does not carry it."""
    if settings.http is None:
        yield None
        return
    from fluentsd.fronts import web

    listeners = await web.listen(settings.http, settings.path)
    try:
        yield partial(web.serve, settings.http, listeners)
    finally:
        for listener in listeners:
            listener.socket.close()


def _listeners(settings: Settings, http: Http, log: Any) -> list[Listener]:
    told = [log_listener(log)]
    if settings.notify is not None:
        told.append(web_listener(http, settings.notify.url, settings.notify.secret))
    return told


class _Leaving:
    """What signals mean: before the daemon is ready, leave at once; then once in order; then at once all the same."""

    def __init__(self, whole: trio.CancelScope, log: Any) -> None:
        self.asked = trio.Event()
        self._whole, self._log = whole, log
        self._in_order = False
        self._last_resort: threading.Timer | None = None

    def may_take_time(self) -> None:
        """There may be sends in progress now."""
        self._in_order = True

    async def heed(self, signals: AsyncIterator[int]) -> None:
        async for number in signals:
            name = signal.Signals(number).name
            if self._in_order and not self.asked.is_set():
                self._log.info("daemon.stopping", signal=name)
                self.asked.set()
            elif self._last_resort is None:
                self._log.warning("daemon.leaves_at_once", signal=name)
                self._last_resort = threading.Timer(LAST_RESORT_AFTER, os._exit, (1,))
                self._last_resort.daemon = True
                self._last_resort.start()
                self._whole.cancel()

    def has_left(self) -> None:
        if self._last_resort is not None:
            self._last_resort.cancel()


def _sole_cause(group: BaseException) -> BaseException:
    """The one error inside nested groups; the group itself when there are several."""
    while isinstance(group, BaseExceptionGroup) and len(group.exceptions) == 1:
        group = group.exceptions[0]
    return group
