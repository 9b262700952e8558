"""Targets of the outbox for tests: they remember what they accepted, and fail as they are told."""

from __future__ import annotations

from collections.abc import Callable

from fluentsd.api import Unavailable
from fluentsd.engine.outbox.targets import Posted


class ListTarget:
    """Accepts every event, except while it is down or `refuse` returns an error for it."""

    keeps_delivered = True

    def __init__(self, name: str) -> None:
        self.name = name
        self.accepted: list[Posted] = []
        self.asked: list[Posted] = []
        self.down: Exception | None = None
        self.refuse: Callable[[Posted], Exception | None] = lambda _: None

    async def deliver(self, event: Posted) -> None:
        self.asked.append(event)
        if (why := self.down or self.refuse(event)) is not None:
            raise why
        self.accepted.append(event)

    def keys(self) -> list[str]:
        return [event.key for event in self.accepted]


DOWN = Unavailable("it does not answer", 0.0)
