"""The sandbox's phone: a carrier that asks by webhook what to do with a call, and echoes its audio.

A test plays the carrier's side: it posts a signed pick-up, reads the response, and opens the WebSocket named in it.
Whatever the call's socket receives is sent back, until either side closes. With `agents` an agent of that provider
speaks, and a call that ends in a conversation has its transcript; with `conversations` every answered call has one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fluentsd.api import (
    Agent,
    AgentProvider,
    AnalysisRequest,
    Attempt,
    Call,
    CallSocket,
    ConfigProblem,
    Inbound,
    Message,
    NeedsHuman,
    Outcome,
    Pickup,
    PickupVerdict,
    Receipt,
    Reply,
    Request,
    Tools,
    WebhookResult,
)
from fluentsd_channel_sandbox import chance, dialogues
from fluentsd_channel_sandbox.carrier import Carrier
from fluentsd_channel_sandbox.settings import Settings
from fluentsd_channel_sandbox.signatures import prove, text

JSON = "application/json"


class PhoneCarrier(Carrier):
    """A carrier of calls."""

    def __init__(self, settings: Settings, tools: Tools) -> None:
        super().__init__(settings, tools)
        self._provider = _provider(settings.agents, tools)

    async def send(self, message: Message, attempt: Attempt) -> Receipt:
        """As `Carrier.send`; with `agents` the agent must be known there, and its conversation starts."""
        provider = self._provider
        if provider is None:
            return await super().send(message, attempt)
        _check(message, await provider.agents())
        receipt = await super().send(message, attempt)
        await provider.start(message, replace(attempt, begin=_begun))
        return receipt

    async def analyse(self, request: AnalysisRequest) -> Mapping[str, Any]:
        """The analysis of a conversation, without a model."""
        return dialogues.analyse(request)

    async def _inbound(self, event: Inbound) -> Inbound:
        """The event, with the transcript of a call that was a conversation."""
        if self.settings.conversations and event.outcome in (Outcome.answered, Outcome.opted_out) and event.token:
            entry = self.ledger.by_token[event.token]
            drawn = chance.draw(self.settings, entry.to, entry.step, entry.try_no)
            return replace(event, transcript=dialogues.transcript(event.text or dialogues.at(drawn[6]).person))
        if self._provider is None or event.outcome != Outcome.answered or event.token is None:
            return event
        try:
            return replace(event, transcript=(await self._provider.fetch(f"conversation-{event.token}")).transcript)
        except LookupError:  # of an earlier process
            return event

    # Webhooks and live calls

    def webhook(self, request: Request) -> WebhookResult:
        """A pick-up `{"event": "pickup", "ref": …, "address": …}` or an end `{"event": "end", "ref": …, "outcome": …}`;
        nothing without `webhook_secret`."""
        if not self.settings.webhook_secret:
            return WebhookResult()
        event = prove(request, self.settings.webhook_secret)
        ref, kind = text(event, "ref"), text(event, "event")
        if kind == "pickup":
            return WebhookResult(pickup=Pickup(ref, address=text(event, "address", required=False) or None))
        if kind == "end":
            return WebhookResult([Inbound(Outcome(text(event, "outcome")), ref=ref)], reply=_json({"noted": ref}))
        raise ValueError(f"there is no event {kind!r}")

    def answer(self, pickup: Pickup, verdict: PickupVerdict) -> Reply:
        """What the carrier does: connect the call's WebSocket, say something and hang up, or hang up."""
        if not verdict.go:
            return _json({"do": "hang up"})
        if verdict.relay_url is None:
            return _json({"do": "say", "text": "This is the sandbox."})
        return _json({"do": "connect", "url": verdict.relay_url})

    async def serve_call(self, socket: CallSocket, call: Call) -> None:
        """Echo."""
        async for message in socket:
            await socket.send(message)


def _json(value: dict[str, str]) -> Reply:
    return Reply(200, JSON, json.dumps(value).encode())


def _begun() -> None:
    """The carrier has begun the attempt already."""


def _provider(name: str, tools: Tools) -> AgentProvider | None:
    if not name:
        return None
    if name not in tools.agent_providers:
        known = ", ".join(sorted(tools.agent_providers)) or "none"
        raise ConfigProblem("sandbox", [f"agents: there is no [agents.{name}]; configured: {known}"])
    return tools.agent_providers[name]


def _check(message: Message, agents: object) -> None:
    known = {one.id: one for one in agents if isinstance(one, Agent)} if isinstance(agents, list | tuple) else {}
    if message.agent not in known:
        raise NeedsHuman(f"there is no agent {message.agent!r}; known: {', '.join(sorted(known)) or 'none'}")
    missing = sorted(known[message.agent].variables - message.variables.keys())
    if missing:
        raise NeedsHuman(f"agent {message.agent!r} needs {', '.join(missing)}, which this person has not")
