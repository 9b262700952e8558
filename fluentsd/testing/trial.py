"""The material of a conformance check: one case, its trials, and control of the provider.

A check makes a fresh channel, sends a fresh trial (a message and its attempt) and compares the channel's result with
the provider's own data. Only the second is the truth; a test gives the suite access to it by a `ProviderControl`.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from typing import Protocol

import trio

from fluentsd.api import AgentSettings, Attempt, Channel, Closes, Kind, Lookup, Message, Receipt, SocketClosed, Tools


class Fault(StrEnum):
    """The faults of a provider; a test double supports those that it can play."""

    refuse = "refuse"  #: it accepts nothing and never will for this person
    refuse_dead = "refuse_dead"  #: the same, because the number or address does not exist
    unavailable = "unavailable"  #: it accepts nothing now
    accept_then_error = "accept_then_error"  #: it accepts, then answers with an error or drops the connection
    accept_then_hang = "accept_then_hang"  #: it accepts and never answers
    hang = "hang"  #: it accepts nothing and never answers


#: Who speaks in the calls of the suite.
AGENT = AgentSettings("trial", prompt="Say hello.", opening="This is a trial call of an automated assistant.")


class ProviderControl(Protocol):
    """The provider behind the channel under test, from its own side."""

    @property
    def faults(self) -> Collection[Fault]:
        """The faults it can play."""

    def arrange(self, fault: Fault | None) -> None:
        """Play this fault on every request from now on; None: behave. A new channel is made afterwards."""

    def held(self, token: str) -> Sequence[str]:
        """The addresses it contacted for this attempt: one for each time it accepted the token."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One message and the attempt to send it."""

    message: Message
    attempt: Attempt

    @property
    def token(self) -> str:
        return self.attempt.token


def usual_address(kind: Kind, number: int) -> str:
    """The default address of the number-th person."""
    return f"person{number}@example.com" if kind == "email" else f"+1415555{number:04d}"


@dataclass(frozen=True, slots=True)
class Case:
    """One channel plugin under test; `patience` and `promptly` are seconds of Trio's clock."""

    make: Callable[[Tools], Channel]
    tools: Tools
    provider: ProviderControl | None
    patience: float
    promptly: float
    address: Callable[[Kind, int], str] = usual_address
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @asynccontextmanager
    async def channel(self, fault: Fault | None = None) -> AsyncIterator[Channel]:
        """A fresh channel with a provider that plays `fault`; closed afterwards if it has `aclose`."""
        if self.provider is not None:
            self.provider.arrange(fault)
        channel = self.make(self.tools)
        try:
            yield channel
        finally:
            if isinstance(channel, Closes):
                with trio.CancelScope(shield=True):
                    await channel.aclose()

    def trial(self, kind: Kind) -> Trial:
        """A new message to a new person."""
        number, now = next(self.numbers), self.tools.clock.now()
        to = self.address(kind, number)
        message = Message(
            kind,
            to,
            subject=f"Trial {number}" if kind == "email" else "",
            text=f"This is trial {number}.",
            agent=AGENT.name if kind == "phone" else "",
            settings=AGENT if kind == "phone" else None,
            valid_until_at=now + 3600 * 1_000_000,
        )
        return Trial(message, Attempt(uuid.uuid4().hex, kind, to, now, step="trial", try_no=1))

    def plays(self, *faults: Fault) -> list[Fault]:
        """The ones of `faults` that the provider can play."""
        return [fault for fault in faults if self.provider is not None and fault in self.provider.faults]

    def held(self, trial: Trial) -> list[str] | None:
        """The addresses that the provider contacted for a trial; None without a `ProviderControl`."""
        return None if self.provider is None else list(self.provider.held(trial.token))

    async def send(self, channel: Channel, trial: Trial, patience: float | None = None) -> Receipt | Exception | None:
        """The end of a send: its receipt, its exception, or None when it was cancelled after `patience`."""
        with trio.move_on_after(self.patience if patience is None else patience):
            try:
                return await channel.send(trial.message, trial.attempt)
            except Exception as why:  # noqa: BLE001 - the exception is under test
                return why
        return None

    async def lookup(self, channel: Channel, trial: Trial) -> Lookup | None:
        """The answer of a look-up, or None when it took longer than `patience`."""
        with trio.move_on_after(self.patience):
            return await channel.lookup(trial.attempt)
        return None


class ClosedSocket:
    """The WebSocket of a call that the other side has closed with `code`."""

    def __init__(self, code: int) -> None:
        self.code = code

    async def receive(self) -> str | bytes:
        """Raise `SocketClosed`."""
        await trio.lowlevel.checkpoint()
        raise SocketClosed(self.code)

    async def send(self, data: str | bytes) -> None:
        """Raise `SocketClosed`."""
        await self.receive()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Nothing is open."""
        await trio.lowlevel.checkpoint()

    def __aiter__(self) -> AsyncIterator[str | bytes]:
        return self

    async def __anext__(self) -> str | bytes:
        await trio.lowlevel.checkpoint()
        raise StopAsyncIteration
