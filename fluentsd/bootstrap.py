"""Builds the runtime from settings: lock, database, and the configured plugins (`configured_plugins`).

For the daemon, which runs the engine on it, and for a shell command without a daemon. Everything is opened by `async
with`, so it closes in reverse order and the lock is released last. Plugins are built before the database is opened: a
mistake in their tables changes nothing.
"""

from __future__ import annotations

import gc
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio

from fluentsd.config import Settings
from fluentsd.configured_plugins import build_plugins
from fluentsd.connecting import Connecting
from fluentsd.domain.subscriptions import (
    LOG,
    LOG_TOPICS,
    SLACK,
    SLACK_TOPICS,
    WEBHOOK,
    Subscriptions,
    write_back_subscriptions,
)
from fluentsd.engine.dispatch.journal import Journal
from fluentsd.engine.dispatch.plans import limits_of
from fluentsd.engine.erasure.erase import replay
from fluentsd.engine.erasure.ledger import ErasureLedger
from fluentsd.engine.held_start import compare_with_mark
from fluentsd.engine.recordings.folder import Recordings
from fluentsd.engine.runtime import Runtime
from fluentsd.engine.wakeup import EngineClock
from fluentsd.log import get_logger
from fluentsd.plugins import Plugins
from fluentsd.store.db.bridge import open_store
from fluentsd.store.db.high_water import HighWaterMark
from fluentsd.store.db.lock import file_to_itself, sole_writer
from fluentsd.store.db.upgrade import prepare, refuse_foreign_file
from fluentsd.validation import Problems

if TYPE_CHECKING:
    import httpx


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
        configured = build_plugins(settings, clock, plugins, log=log, http=web)
        with file_to_itself(file), closing(HighWaterMark(file.parent if file else settings.folder, file)) as high_water:
            async with open_store(
                settings.database_url, busy=clock.busy, subscriptions=subscriptions_of(settings)
            ) as store:
                await prepare(store, backups=settings.backups if file else None, now=clock.now(), log=log)
                beside = given.parent if given else settings.folder
                journal = Journal(beside, place_of(settings))
                try:
                    runtime = Runtime(
                        store,
                        clock,
                        configured.channels,
                        sources=configured.sources,
                        sync_options=settings.syncs,
                        agent_providers=configured.agent_providers,
                        limits=limits_of(settings.per_contact, settings.gap, "the installation's"),
                        breakers=settings.breakers,
                        erasure_ledger=ErasureLedger(beside),
                        journal=journal,
                        high_water=high_water,
                        node=_node(settings),
                        lock=lock,
                        recordings=Recordings(settings.recordings, settings.http.public_url if settings.http else None),
                        connecting=Connecting(settings, clock, plugins, log, web),
                        log=log,
                    )
                    await compare_with_mark(runtime, place_of(settings))
                    await replay(runtime)
                    yield runtime
                finally:
                    journal.close()
                    await configured.close()


def subscriptions_of(settings: Settings) -> Subscriptions:
    """The targets of the outbox and their topics: the same for the daemon and for a command without one."""
    topics: dict[str, tuple[str, ...]] = {LOG: LOG_TOPICS}
    if settings.notify is not None:
        topics[WEBHOOK] = settings.notify.topics
    for name, options in settings.syncs.items():
        if options.write_back:
            topics |= write_back_subscriptions(name)
    if settings.slack is not None:
        topics[SLACK] = SLACK_TOPICS
    return Subscriptions(topics)


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


class Http:
    """The shared HTTP client, created at first use."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None

    def __call__(self) -> httpx.AsyncClient:
        if self._client is None:
            import httpx

            # A turn of a conversation comes some seconds after the last one, so its connection is kept for longer than
            # httpx's 5 s; far less than services keep an idle one, so that no request meets a connection that closes.
            # Each user has a bound of its own (a channel its concurrency): no committed attempt waits for a connection.
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=200, keepalive_expiry=15.0)
            self._client = httpx.AsyncClient(limits=limits, timeout=60.0, headers={"User-Agent": "fluentsd"})
        return self._client

    async def __aenter__(self) -> Http:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._client is not None:
            with trio.move_on_after(0.2, shield=True):  # a polite close, not worth a long wait
                await self._client.aclose()


def freeze_gc(at_once: int = 50_000) -> None:
    """Exclude the current objects from Python's garbage collection; called once, when the daemon is ready.

    Otherwise every collection visits modules, tables and compiled statements, and a batch of five hundred steps starts
    several; that was a seventh of a step's time (`bench/README.md`). `at_once`: new objects that start one.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(at_once, 20, 100)
