"""The protocol of an agent provider: the service that runs the agent who speaks on the phone.

A phone channel gets the configured providers as `tools.agent_providers`, because a plugin imports only this API.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from fluentsd.api.outcome import Outcome
from fluentsd.api.values import (
    Attempt,
    Cancelled,
    Finding,
    Lookup,
    Message,
    Receipt,
    Request,
    WebhookResult,
)


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent of a provider. `variables` are the names that its prompt requires in `Message.variables`."""

    id: str
    name: str = ""
    variables: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as the provider has it now. `outcome` is None while it goes on; `disposition` is the provider's
    word for what it came to. `cost_micros` is in millionths of `currency`, None if it is not known yet."""

    ref: str
    outcome: Outcome | None = None
    duration_s: int | None = None
    transcript: str = field(default="", repr=False)
    recording: str = ""
    disposition: str = ""
    cost_micros: int | None = None
    currency: str = "USD"


@runtime_checkable
class AgentProvider(Protocol):
    """An agent provider.

    `start` keeps the rule of `Channel.send`: `Unavailable`, `Rejected` and `NeedsHuman` assert that no conversation
    was accepted, and it calls `attempt.begin()` immediately before its request leaves. Abilities of its own: `Closes`.
    """

    async def check(self) -> Sequence[Finding]:
        """Check credentials and reachability for the operator. Starts nothing."""

    async def agents(self) -> Sequence[Agent]:
        """All agents of the account with the variables they require, or an error (`Unavailable`, `NeedsHuman`)."""

    async def start(self, message: Message, attempt: Attempt) -> Receipt:
        """Start the conversation of `message.agent` for an attempt; the receipt's `ref` is the conversation's."""

    async def find(self, attempt: Attempt) -> Lookup:
        """Ask the provider about an attempt whose start did not end in a receipt."""

    async def fetch(self, ref: str) -> Conversation:
        """One conversation; raises `Unavailable`, or `LookupError` if the provider does not have it."""

    async def cancel(self, attempt: Attempt) -> bool | Cancelled:
        """End a conversation that has not reached the person yet; as `Channel.cancel`."""

    def webhook(self, request: Request) -> WebhookResult:
        """Prove the origin of a request to `tools.links.inbound()` and return its reports about attempts of the phone
        channel. Pure; raises `Forged`, or ValueError when the request is authentic but invalid. It has no pick-up."""
