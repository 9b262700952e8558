"""An engine over one store that a test can kill and start again, with a provider that outlives it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
import trio

from fluentsd.api import (
    Absent,
    Attempt,
    Cancelled,
    CannotTell,
    Finding,
    Found,
    Kind,
    Lookup,
    Message,
    Outcome,
    Receipt,
)
from fluentsd.clock import SimClock
from fluentsd.engine.channel_state import ChannelState
from fluentsd.engine.dispatch.journal import Journal
from fluentsd.engine.nursery import running
from fluentsd.engine.runtime import Runtime
from fluentsd.store.db.bridge import Store
from tests.databases import open_whole
from tests.engine.stage import MONDAY, Stage

SECOND = 1_000_000


class Lost(Exception):
    """The provider's answer does not arrive."""


@dataclass
class Provider:
    """A provider that identifies a message by recipient, words and time, as Twilio does: no token of ours in it."""

    kind: Kind
    clock: SimClock
    lookup_is_final: bool = False
    lookup_after: int = SECOND
    calls_begin: bool = True
    capacity: int = 50
    messages: list[tuple[str, str, str, int]] = field(default_factory=list)  #: ref, to, words, at
    begun: list[str] = field(default_factory=list)
    script: Callable[[Message, Attempt], str] = lambda message, attempt: "ok"
    is_down: bool = False
    same_ref: str = ""
    cancels: bool | Cancelled = False

    def counts(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for _, to, _, _ in self.messages:
            found[to] = found.get(to, 0) + 1
        return found

    async def check(self) -> Sequence[Finding]:
        if self.is_down:
            raise ConnectionError("down")
        return [Finding(True, "up")]

    async def send(self, message: Message, attempt: Attempt) -> Receipt:
        what = self.script(message, attempt)
        if what == "stuck before":
            await trio.sleep_forever()
        attempt.begin()
        self.begun.append(attempt.token)
        if what == "lost before":
            raise Lost
        if what == "stuck":
            await trio.sleep_forever()
        ref = self.same_ref or f"SM{len(self.messages)}"
        self.messages.append((ref, message.to, message.text, self.clock.now()))
        if what == "lost":
            raise Lost
        return Receipt(ref, None if self.kind == "phone" else Outcome.sent)

    async def lookup(self, attempt: Attempt) -> Lookup:
        if self.is_down:
            return CannotTell("down", asked=False)
        fits = [m for m in self.messages if m[1] == attempt.to and m[0] not in attempt.other_refs]
        fits = [m for m in fits if attempt.text is None or m[2] == attempt.text]
        if not fits:
            return Absent()
        return Found(Receipt(fits[-1][0], Outcome.delivered))

    async def cancel(self, attempt: Attempt) -> bool | Cancelled:
        return self.cancels

    async def listen(self, deliver: Any) -> None:
        await trio.sleep_forever()


@asynccontextmanager
async def started(store: Store, clock: SimClock, folder: Path | None, **channels: Provider) -> AsyncIterator[Stage]:
    """One run of the engine. Leaving the block kills it: nothing is drained."""
    states: dict[Kind, ChannelState] = {
        channel.kind: ChannelState(channel.kind, channel, timeout=5 * SECOND) for channel in channels.values()
    }
    log = structlog.wrap_logger(structlog.ReturnLogger())
    runtime = Runtime(store, clock, states, journal=Journal(folder), log=log)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(clock.run)
        with trio.CancelScope() as life:
            async with running(runtime, grace=0.0) as inbox:
                yield Stage(runtime, clock, channels, inbox)  # type: ignore[arg-type]
                life.cancel()
                await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    runtime.journal.close()


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[tuple[Store, SimClock]]:
    clock = SimClock(MONDAY)
    async with open_whole(url, busy=clock.busy) as store:
        yield store, clock
