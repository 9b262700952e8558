"""How the shell reaches the engine: through a running daemon's control socket, or, when none runs, by itself.

Without a daemon the shell takes the store's lock and runs the very same verb; with one it never touches the database.
"""

from __future__ import annotations

import getpass
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

from fluentsd.config import Settings
from fluentsd.engine.verbs import Call


class Link(Protocol):
    """Somewhere verbs are carried out."""

    async def perform(self, verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Run one verb; raises `Refused`."""


class _Daemon:
    """Verbs go to the daemon, which knows by the socket who asks."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def perform(self, verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = await self._client.perform(verb, arguments, request_id=uuid.uuid4().hex)
        return answer


class _Here:
    """Verbs run in this process, under the store's lock."""

    def __init__(self, house: Any) -> None:
        self._house = house

    async def perform(self, verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        from fluentsd.fronts.grammar import perform

        call = Call(f"shell:{getpass.getuser()}", self._house.clock.now(), uuid.uuid4().hex)
        return await perform(self._house, verb, arguments, call)


@asynccontextmanager
async def link(settings: Settings) -> AsyncIterator[Link]:
    """The daemon if one answers, else this process."""
    from fluentsd.fronts.control import ControlClient, NoDaemon

    try:
        async with ControlClient(settings.socket) as client:
            yield _Daemon(client)
            return
    except NoDaemon:
        pass
    from fluentsd.clock import SystemClock
    from fluentsd.daemon import open_house
    from fluentsd.plugins import discover

    async with open_house(settings, SystemClock(), discover()) as house:
        yield _Here(house)
