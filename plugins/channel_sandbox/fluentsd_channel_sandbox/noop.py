"""The no-op carrier: it accepts every send at once and stores nothing. For benchmarks of the engine alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from fluentsd.api import (
    Attempt,
    CannotTell,
    Finding,
    Inbound,
    Kind,
    Lookup,
    Message,
    Outcome,
    Receipt,
    Table,
    Tools,
)
from fluentsd_channel_sandbox.settings import read_kind


class Noop:
    """Accepts every send and stores nothing."""

    lookup_is_final = False
    lookup_after = 0

    def __init__(self, config: Mapping[str, Any], tools: Tools) -> None:
        table = Table(config, ["kind"])
        self.kind: Kind = read_kind(table)
        table.finish("noop")

    async def check(self) -> Sequence[Finding]:
        """Report that no real person is contacted."""
        return [Finding(True, f"noop ({self.kind}): accepts every send and contacts no real person")]

    async def send(self, message: Message, attempt: Attempt) -> Receipt:
        """Accept."""
        return Receipt(attempt.token, Outcome.sent)

    async def lookup(self, attempt: Attempt) -> Lookup:
        """Nothing is stored."""
        return CannotTell("this carrier stores nothing")

    async def cancel(self, attempt: Attempt) -> bool:
        """Nothing can be cancelled."""
        return False

    async def listen(self, deliver: Callable[[Inbound], Awaitable[None]]) -> None:
        """There are no inbound events."""
