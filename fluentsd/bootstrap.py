"""Builds the runtime from settings: lock, database, channels with their tools.

For the daemon, which runs the engine on it, and for a shell command without a daemon. Everything is opened by `async
with`, so it closes in reverse order and the lock is released last. Plugins are built before the database is opened: a
mistake in their tables changes nothing.
"""

from __future__ import annotations

import gc
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio
from pydantic import ValidationError

from fluentsd.api import Kind, Tools
from fluentsd.config import ChannelSettings, Settings
from fluentsd.engine.dispatch.journal import Journal
from fluentsd.engine.dispatch.plans import limits_of
from fluentsd.engine.erasure.erase import replay
from fluentsd.engine.erasure.ledger import ErasureLedger
from fluentsd.engine.held_start import compare_with_mark
from fluentsd.engine.runtime import ChannelState, EngineClock, Runtime
from fluentsd.log import get_logger
from fluentsd.plugins import PluginProblem, Plugins
from fluentsd.store.db.bridge import open_store
from fluentsd.store.db.high_water import HighWaterMark
from fluentsd.store.db.lock import file_to_itself, sole_writer
from fluentsd.store.db.upgrade import prepare, refuse_foreign_file
from fluentsd.urls import PublicLinks
from fluentsd.validation import Problems, explain

if TYPE_CHECKING:
    import httpx

#: Blocking calls of one channel at once, whatever its concurrency: each is a thread.
THREADS_AT_MOST = 40
#: Seconds for all channels together to close their connections.
CLOSING_AT_MOST = 0.3


@asynccontextmanager
async def open_runtime(
    settings: Settings, clock: EngineClock, plugins: Plugins, *, log: Any = None, http: Http | None = None
) -> AsyncIterator[Runtime]:
    """The runtime, with no engine task running.

    Raises `Problems` (a channel cannot be built), `AlreadyRunning`, `DatabaseRefused` or `StoreUnavailable`.
    """
    log, given = log or get_logger(), settings.database_file
    file = given.resolve() if given else None  # one database has one lock, whatever links lead to it
    if file is not None:
        _check_folder(settings, file)
        refuse_foreign_file(file)
    async with sole_writer(settings.database_url, file, _node(settings)) as lock, http or Http() as web:
        channels = build_channels(settings, clock, plugins, log=log, http=web)
        with file_to_itself(file), closing(HighWaterMark(file.parent if file else settings.folder)) as high_water:
            async with open_store(settings.database_url, busy=clock.busy) as store:
                await prepare(store, backups=settings.backups if file else None, now=clock.now(), log=log)
                beside = given.parent if given else settings.folder
                journal = Journal(beside, place_of(settings))
                try:
                    runtime = Runtime(
                        store,
                        clock,
                        channels,
                        limits=limits_of(settings.per_contact, settings.gap, "the installation's"),
                        breakers=settings.breakers,
                        erasure_ledger=ErasureLedger(beside),
                        journal=journal,
                        high_water=high_water,
                        node=_node(settings),
                        lock=lock,
                        log=log,
                    )
                    await compare_with_mark(runtime, place_of(settings))
                    await replay(runtime)
                    yield runtime
                finally:
                    journal.close()
                    await _close(channels)


def _node(settings: Settings) -> str:
    """This installation's name among those that may share a database: the host and the folder."""
    return f"{socket.gethostname()[:60]}:{_short_hash(str(settings.folder))}"


def place_of(settings: Settings) -> str:
    """Where the database lies, for its high-water mark: the file's name, or a hash of the server's address."""
    if settings.database_file is not None:
        return settings.database_file.resolve().name
    return _short_hash(settings.database_url.rpartition("@")[2])


def _short_hash(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _check_folder(settings: Settings, file: Path) -> None:
    if not file.parent.is_dir():
        fix = f"the folder {file.parent} does not exist; create it, or set another path"
        raise Problems(str(settings.path), [f"database.path: {fix}"])


async def _close(channels: Mapping[Kind, ChannelState]) -> None:
    """Close the channels that have their own connections (optional `aclose`)."""
    with trio.move_on_after(CLOSING_AT_MOST, shield=True):
        for channel_state in channels.values():
            aclose = getattr(channel_state.channel, "aclose", None)
            if aclose is not None:
                await aclose()


class Http:
    """The shared HTTP client, created at first use."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None

    def __call__(self) -> httpx.AsyncClient:
        if self._client is None:
            import httpx

            limits = httpx.Limits(max_connections=1000, max_keepalive_connections=50)
            self._client = httpx.AsyncClient(limits=limits, timeout=60.0, headers={"User-Agent": "fluentsd"})
        return self._client

    async def __aenter__(self) -> Http:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._client is not None:
            with trio.move_on_after(0.2, shield=True):  # a polite close, not worth a long wait
                await self._client.aclose()


def build_channels(
    settings: Settings, clock: EngineClock, plugins: Plugins, *, log: Any, http: Http
) -> dict[Kind, ChannelState]:
    """Every configured channel with its tools; `Problems` lists all mistakes."""
    built: dict[Kind, ChannelState] = {}
    mistakes: list[str] = []
    for kind, table in settings.channels.items():
        try:
            tools = _tools(settings, table, clock, log, http)
            if table.plugin in plugins.channels:
                _make_folder(Path(tools.folder))
            channel = plugins.build_channel(table.plugin, {**table.options, "kind": kind}, tools)
        except Exception as why:  # noqa: BLE001 - the guard at the edge of each plugin's factory
            mistakes += [f"channel.{kind}.{line}" for line in _reasons(why, table)]
        else:
            built[kind] = ChannelState(kind, channel, table.concurrency, table.interval, table.timeout)
    if mistakes:
        raise Problems(str(settings.path), mistakes)
    return built


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as why:
        raise PluginProblem(f"its folder {folder} cannot be created ({why.strerror}); see [daemon] folder") from None


def _reasons(why: Exception, table: ChannelSettings) -> list[str]:
    """The mistakes that a factory found, one line each: a plugin may raise `ValidationError`, or list `mistakes`."""
    if isinstance(why, ValidationError):
        return explain(None, why)
    if isinstance(why, PluginProblem):
        return [f"plugin: {why}"]
    listed = getattr(why, "mistakes", None) or getattr(why, "lines", None)
    if isinstance(listed, list):
        return [str(line) for line in listed]
    return [f"plugin: {table.plugin!r} refuses its settings: {why}"]


def _tools(settings: Settings, table: ChannelSettings, clock: EngineClock, log: Any, http: Http) -> Tools:
    folder = settings.folder / table.plugin
    limiter = trio.CapacityLimiter(min(table.concurrency, THREADS_AT_MOST))

    async def run_sync(fn: Callable[..., Any], *args: Any) -> Any:
        with clock.busy():
            return await trio.to_thread.run_sync(partial(fn, *args), limiter=limiter, abandon_on_cancel=True)

    links = PublicLinks(table.kind, settings.http.public_url if settings.http else None)
    bound = log.bind(channel=table.kind)
    return Tools(http=http, run_sync=run_sync, log=bound, clock=clock, folder=str(folder), links=links)


def freeze_gc() -> None:
    """Exclude the current objects from Python's garbage collection; called once, when the daemon is ready.

    Otherwise every collection visits modules, tables and compiled statements, and a batch of five hundred steps starts
    several; that was a seventh of a step's time (`bench/README.md`).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
