"""The carrier that does nothing: every send is accepted at once and forgotten. For benchmarks of the house alone."""

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
    Request,
    Table,
    Tools,
)
from fluentsd_channel_sandbox.settings import read_kind


class Noop:
    """Accepts everything, keeps nothing, knows nothing afterwards."""

    lookup_is_final = False
    lookup_after = 0

    def __init__(self, config: Mapping[str, Any], tools: Tools) -> None:
        table = Table(config, ["kind"])
        self.kind: Kind = read_kind(table)
        table.finish("noop")

    async def check(self) -> Sequence[Finding]:
        """Say that nobody is reached."""
        return [Finding(True, f"noop ({self.kind}): accepts everything and reaches nobody")]

    async def send(self, message: Message, attempt: Attempt) -> Receipt:
        """Accept."""
        return Receipt(attempt.token, Outcome.sent)

    async def lookup(self, attempt: Attempt) -> Lookup:
        """Nothing was kept."""
        return CannotTell("this carrier keeps nothing")

    async def cancel(self, attempt: Attempt) -> bool:
        """Nothing to withdraw."""
        return False

    async def listen(self, deliver: Callable[[Inbound], Awaitable[None]]) -> None:
        """Nothing comes back."""

    def parse_webhook(self, request: Request) -> Sequence[Inbound]:
        """Nothing comes back."""
        return []
