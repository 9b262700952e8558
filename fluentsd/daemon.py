"""The daemon's parts, the order in which they start, and the order in which they stop. Nothing else.

Every part is opened by `async with` or started in a nursery, so the indentation is the shutdown order. A signal ends
claiming; calls in progress get their grace; the fronts close; sends in progress get theirs. Then listeners and look-ups
end, the store closes, and the lock is released last. The first SIGTERM or SIGINT starts this shutdown; a second one
ends the process at once. Both are safe: the next start asks the providers about every attempt that was open.

A reload (SIGHUP, or the verb) is the same shutdown and a new start with the new settings, in the same process. So no
part has to know that settings can change. A file with mistakes is refused before anything stops.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import trio

from fluentsd.bootstrap import Http, freeze_gc, open_runtime
from fluentsd.config import Settings
from fluentsd.configured_plugins import build_plugins
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.dispatch.cancellation import withdraw
from fluentsd.engine.nursery import running
from fluentsd.engine.outbox.targets import Target
from fluentsd.engine.runtime import Runtime
from fluentsd.engine.sync.write_back import write_backs
from fluentsd.engine.wakeup import EngineClock
from fluentsd.error_groups import sole_cause
from fluentsd.fronts.access import Access
from fluentsd.fronts.control import protocol, server
from fluentsd.fronts.guard import guarded_server, place_of
from fluentsd.fronts.notify import LogTarget, WebhookTarget
from fluentsd.plugins import Plugins
from fluentsd.systemd import Supervisor
from fluentsd.validation import Problems

if TYPE_CHECKING:
    from fluentsd.fronts.slack.front import SlackFront

__all__ = ["open_runtime", "run"]

#: Seconds after the second signal until the process exits, even if a task still blocks.
LAST_RESORT_AFTER = 2.0
#: Seconds between a reload's request and its shutdown.
ANSWERED_WITHIN = 0.2


async def run(
    settings: Settings,
    *,
    clock: EngineClock,
    plugins: Plugins,
    log: Any,
    ready: Callable[[], None] | None = None,
    read: Callable[[], Settings] | None = None,
) -> Settings | None:
    """Run until SIGTERM or SIGINT, then shut down in order; `ready` is called once every part runs. `read` reads the
    settings for a reload: the answer is what to run with next, None at the end.

    Raises `Problems`, `AlreadyRunning`, `DatabaseRefused`, `ControlProblem` or `StoreUnavailable` if it cannot start,
    and `Fenced` when another process takes over, each with a message for the user.
    """
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        try:
            async with trio.open_nursery() as outer:
                checked = None if read is None else partial(_checked, read, clock, plugins, log)
                shutdown = _Shutdown(outer.cancel_scope, log, checked)
                outer.start_soon(shutdown.handle, signals)
                try:
                    await _run_parts(settings, clock, plugins, log, shutdown, ready)
                finally:
                    shutdown.finished()
                    outer.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            raise sole_cause(group) from None
    log.info("daemon.stopped" if shutdown.following is None else "daemon.reloads")
    return shutdown.following


async def _run_parts(
    settings: Settings,
    clock: EngineClock,
    plugins: Plugins,
    log: Any,
    shutdown: _Shutdown,
    ready: Callable[[], None] | None,
) -> None:
    protocol.check_length(settings.socket)  # before anything is opened or sent
    supervisor, http = Supervisor(), Http()
    supervisor.tell("STATUS=opening the database")
    async with (
        open_runtime(settings, clock, plugins, log=log, http=http) as runtime,
        _web(settings) as web,
        trio.open_nursery() as watchdog,
    ):
        watchdog.start_soon(supervisor.keep_pinging, runtime.store.wait_answer)
        shutdown.allow_grace()
        runtime.reload = shutdown.reload if shutdown.can_reload else None
        slack = _slack(runtime, settings, log)
        targets, grace = _targets(runtime, settings, http, log, slack), settings.grace / SECOND
        async with running(runtime, targets, grace=grace, ages=settings.retention) as inbox:
            async with trio.open_nursery() as fronts:
                access = Access(settings.socket_group, settings.roles)
                await _serve(fronts, runtime, "control", partial(server.serve, runtime, settings.socket, access))
                if web is not None:
                    runtime.listens_at = await _serve(fronts, runtime, "web", partial(web, runtime, inbox))
                if slack is not None:
                    fronts.start_soon(slack.serve)
                supervisor.tell("READY=1", f"STATUS=serving {', '.join(sorted(runtime.channels)) or 'no channel'}")
                log.info("daemon.ready", channels=sorted(runtime.channels), socket=str(settings.socket))
                freeze_gc()
                if ready is not None:
                    ready()
                await shutdown.requested.wait()
                if shutdown.following is not None:
                    supervisor.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
                    await trio.sleep(ANSWERED_WITHIN)  # the answer to the verb leaves first
                await _finish_calls(runtime, settings, supervisor, shutdown)
                fronts.cancel_scope.cancel()
            supervisor.tell(*shutdown.sign, f"STATUS=waiting up to {settings.grace // SECOND} s for sends in progress")
        watchdog.cancel_scope.cancel()


async def _checked(read: Callable[[], Settings], clock: EngineClock, plugins: Plugins, log: Any) -> Settings:
    """The settings for a reload. Every part is built with them once, because a plugin alone can tell whether its keys
    are right; `Problems` has the mistakes."""
    settings = read()
    async with Http() as http:
        await build_plugins(settings, clock, plugins, log=log, http=http).close()
    return settings


async def _serve(fronts: trio.Nursery, runtime: Runtime, name: str, serve: Callable[..., Awaitable[None]]) -> Any:
    """Start a front behind a guard, with its state in /healthz; its start value."""
    problem = ""

    def note(text: str) -> None:
        nonlocal problem
        problem = text

    runtime.fronts[name] = lambda: problem
    return await fronts.start(guarded_server, name, serve, runtime.log, note)


async def _finish_calls(runtime: Runtime, settings: Settings, supervisor: Supervisor, shutdown: _Shutdown) -> None:
    """Claim no more, withdraw calls that still ring, and serve webhooks, pick-ups and live calls until the calls end or
    their grace passes."""
    runtime.stop_claiming()
    abilities = [channel_state.abilities for channel_state in runtime.channels.values()]
    if not any(one.calls or one.pickups for one in abilities):
        return
    if runtime.calls.in_progress:
        supervisor.tell(*shutdown.sign, f"STATUS=waiting up to {settings.call_grace // SECOND} s for calls in progress")
    with trio.move_on_after(settings.call_grace / SECOND):
        await withdraw(runtime, None, "the end of the daemon")
        await runtime.calls.wait_ended(runtime.clock.now())


@asynccontextmanager
async def _web(settings: Settings) -> AsyncIterator[Callable[..., Awaitable[None]] | None]:
    """The web front with open sockets, if `[http]` is configured. A port in use ends the start before anything is sent.
    The import is here, so that a daemon without a web front does not load it."""
    if settings.http is None:
        yield None
        return
    from fluentsd.fronts import web

    http, listeners = settings.http, await web.listen(settings.http, settings.path)

    async def serve(*given: Any, **more: Any) -> None:
        if any(listener.socket.fileno() < 0 for listener in listeners):  # they ended with a front that failed
            listeners[:] = await web.listen(http, settings.path)
        await web.serve(http, listeners, *given, **more)

    try:
        yield serve
    finally:
        for listener in listeners:
            listener.socket.close()


def _slack(runtime: Runtime, settings: Settings, log: Any) -> SlackFront | None:
    """The Slack front, if `[slack]` is configured. It connects once it is served, so the daemon starts without Slack.
    The import is here, so that a daemon without Slack does not load it."""
    if settings.slack is None:
        return None
    from fluentsd.fronts.slack.front import SlackFront

    return SlackFront(runtime, settings.slack, log)


def _targets(runtime: Runtime, settings: Settings, http: Http, log: Any, slack: SlackFront | None) -> list[Target]:
    """The targets of the outbox that `subscriptions_of` names."""
    targets: list[Target] = [LogTarget(log)]
    if slack is not None:
        targets.append(slack.target)
    if settings.notify is not None:
        targets.append(WebhookTarget(http, settings.notify.url, settings.notify.secret))
    written = [name for name, options in settings.syncs.items() if options.write_back]
    return [*targets, *(one for name in written for one in write_backs(runtime, name, runtime.sources[name]))]


class _Shutdown:
    """Handles signals and reloads. Before the store is open a signal ends the process at once; later the first one
    requests an orderly shutdown and the second one ends the process at once. `following`: the settings of the next
    start, None at the end."""

    def __init__(self, whole: trio.CancelScope, log: Any, read: Callable[[], Awaitable[Settings]] | None) -> None:
        self.requested = trio.Event()
        self.following: Settings | None = None
        self._whole, self._log, self._read = whole, log, read
        self._has_grace = False
        self._last_resort: threading.Timer | None = None

    @property
    def can_reload(self) -> bool:
        return self._read is not None

    @property
    def sign(self) -> tuple[str, ...]:
        """What systemd hears besides the status. A reload is no end: after STOPPING=1 systemd may kill the process when
        its time to stop is over."""
        return () if self.following is not None else ("STOPPING=1",)

    async def reload(self) -> None:
        """Read the settings and request a shutdown that a start with them follows. Raises `Problems` with all mistakes
        of the file, or `OSError`; everything goes on then."""
        if self._read is None:
            return
        settings = await self._read()
        if not self.requested.is_set() or self.following is not None:  # else the daemon is at its end
            self.following = settings
            self.requested.set()

    async def _reload_by_signal(self) -> None:
        try:
            await self.reload()
        except (Problems, OSError) as why:
            self._log.error("daemon.reload_refused", why=str(why), settings="those from before")
        except Exception as why:  # noqa: BLE001 - a plugin's bug must not end a daemon that runs
            self._log.error("daemon.reload_refused", why=type(why).__name__, where=place_of(why))

    def allow_grace(self) -> None:
        """From now on sends may be in progress, so the first signal starts an orderly shutdown."""
        self._has_grace = True

    async def handle(self, signals: AsyncIterator[int]) -> None:
        async for number in signals:
            name = signal.Signals(number).name
            if number == signal.SIGHUP:
                if self._has_grace:
                    await self._reload_by_signal()
            elif self._has_grace and (not self.requested.is_set() or self.following is not None):
                self.following = None
                self._log.info("daemon.stopping", signal=name)
                self.requested.set()
            elif self._last_resort is None:
                self._log.warning("daemon.leaves_at_once", signal=name)
                self._last_resort = threading.Timer(LAST_RESORT_AFTER, os._exit, (1,))
                self._last_resort.daemon = True
                self._last_resort.start()
                self._whole.cancel()

    def finished(self) -> None:
        if self._last_resort is not None:
            self._last_resort.cancel()
