"""How the shell reaches the engine: through a running daemon's control socket, or, when none runs, by itself.

Without a daemon the shell takes the store's lock and runs the very same verb; with one it never touches the database.
"""

from __future__ import annotations

import os
import pwd
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Protocol

from fluentsd.config import Settings
from fluentsd.fronts.control import ControlClient, NoDaemon, connect
from fluentsd.verbs import Call


class Link(Protocol):
    """Somewhere verbs are carried out."""

    async def perform(self, verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Run one verb; raises `Refused`."""


class _Daemon:
    """Verbs go to the daemon, which knows by the socket who asks."""

    def __init__(self, client: ControlClient) -> None:
        self._client = client

    async def perform(self, verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        return await self._client.ask(verb, arguments, request_id=uuid.uuid4().hex)


class _Here:
    """Verbs run in this process, under the store's lock."""

    def __init__(self, runtime: Any) -> None:
        self._runtime = runtime

    async def perform(self, verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        from fluentsd.verbs.catalogue import perform

        call = Call(_actor(), self._runtime.clock.now(), uuid.uuid4().hex)
        return await perform(self._runtime, verb, arguments, call)


def _actor() -> str:
    """Who types this, by the same name that a daemon sees at its socket."""
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


@asynccontextmanager
async def link(settings: Settings, whole: Callable[[], Settings]) -> AsyncIterator[Link]:
    """The daemon if one answers, else this process, with `whole` settings: those with the secrets in them."""
    async with AsyncExitStack() as stack:
        reached: Link
        try:
            reached = _Daemon(await stack.enter_async_context(connect(settings.socket)))
        except NoDaemon:
            reached = await stack.enter_async_context(_own_house(whole()))
        yield reached


@asynccontextmanager
async def _own_house(settings: Settings) -> AsyncIterator[_Here]:
    from fluentsd.clock import SystemClock
    from fluentsd.daemon import open_runtime
    from fluentsd.plugins import discover

    async with open_runtime(settings, SystemClock(), discover(), log=quiet()) as runtime:
        yield _Here(runtime)


def quiet() -> Any:
    """A log for commands: what matters to a person is in the answer; only errors are said, on stderr."""
    import logging
    import sys

    import structlog

    return structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr), wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR)
    )
