"""Clients that run verbs: through a running daemon's control socket or, when none runs, in this process.

Without a daemon the shell takes the store's lock and runs the same verb. With one it never touches the database.
"""

from __future__ import annotations

import os
import pwd
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fluentsd.fronts.control.client import ControlClient, connect
from fluentsd.fronts.control.protocol import NoDaemon
from fluentsd.verbs import Call

if TYPE_CHECKING:
    from fluentsd.config import Settings


class Client(Protocol):
    """Runs verbs."""

    async def perform(self, verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Run one verb; raises `Refused`."""


class _DaemonClient:
    """Sends verbs to the daemon, which learns the user's name from the socket."""

    def __init__(self, client: ControlClient) -> None:
        self._client = client

    async def perform(self, verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        return await self._client.ask(verb, arguments, request_id=uuid.uuid4().hex)


class _LocalClient:
    """Runs verbs in this process, under the store's lock."""

    def __init__(self, runtime: Any) -> None:
        self._runtime = runtime

    async def perform(self, verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        from fluentsd.verbs.execute import execute

        call = Call(_actor(), self._runtime.clock.now(), uuid.uuid4().hex, role="admin")
        return await execute(self._runtime, verb, arguments, call)


def _actor() -> str:
    """The user's name, the same one that a daemon reads from its socket."""
    uid = os.getuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


@asynccontextmanager
async def open_client(socket: Path | None, settings: Callable[[bool], Settings]) -> AsyncIterator[Client]:
    """A client of the daemon if one answers, else of this process. `settings` reads them, with their secrets or
    without: a running daemon has its own. `socket`: where a daemon would answer, None if only the settings tell."""
    async with AsyncExitStack() as stack:
        client: Client
        try:
            path = socket or settings(False).socket
            client = _DaemonClient(await stack.enter_async_context(connect(path)))
        except NoDaemon:
            client = await stack.enter_async_context(_open_local(settings(True)))
        yield client


@asynccontextmanager
async def _open_local(settings: Settings) -> AsyncIterator[_LocalClient]:
    from fluentsd.clock import SystemClock
    from fluentsd.daemon import open_runtime
    from fluentsd.plugins import discover

    async with open_runtime(settings, SystemClock(), discover(), log=quiet()) as runtime:
        yield _LocalClient(runtime)


def quiet() -> Any:
    """A log for commands: the answer holds the information, so only errors are printed, on stderr."""
    import logging
    import sys

    import structlog

    return structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr), wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR)
    )
