"""Streaming chat completions of any service that speaks OpenAI's protocol, over the daemon's HTTP client.

One turn is one request, with one retry: at the fallback service if there is one, else at the same. A retry happens only
while nothing has been said. Timeouts count from the last piece of the answer: a service that stalls is given up, also
one that keeps the line open with comments. What must not live here: how an answer is read (`answers`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import httpx
import trio
from fluentsd_channel_sms.wording import in_words

from fluentsd.api import AgentSettings
from fluentsd_channel_phone.answers import Answer, Pieces
from fluentsd_channel_phone.settings import Endpoint

#: Seconds until the first piece of an answer, between two pieces, and from its end to the end of the stream: what may
#: still come, such as the count of tokens, is not waited for longer.
FIRST_WITHIN, NEXT_WITHIN, CLOSES_WITHIN = 6.0, 5.0, 0.25
#: The longest text of a model in one answer, characters.
ANSWER_AT_MOST = 4000
#: Bytes of a refusal that are read for its reason.
REFUSAL_AT_MOST = 4000
Say = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of one answer: the tokens asked for, and the seconds until its first piece."""

    tokens: int = 400
    first_within: float = FIRST_WITHIN


TURN = Bounds()


class ModelFailed(Exception):
    """No service gave an answer; the message says why, without any text of the conversation."""


class _Refused(ModelFailed):
    """The service names a parameter that it does not take: `name`."""

    def __init__(self, name: str) -> None:
        super().__init__("the model's service takes other parameters")
        self.name = name


class Model(Protocol):
    """What speaks for an agent."""

    async def answer(
        self,
        agent: AgentSettings,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]],
        say: Say,
        bounds: Bounds = TURN,
    ) -> Answer:
        """The answer to a conversation; each piece of text goes to `say` as it comes. Raises `ModelFailed`."""


class Completions:
    """A model behind one or two services."""

    def __init__(self, http: Callable[[], httpx.AsyncClient], model: Endpoint, fallback: Endpoint | None) -> None:
        self._http, self._endpoints = http, (model, fallback or model)
        self._refused: dict[Endpoint, frozenset[str]] = {}  #: parameters that a service does not take

    async def answer(
        self,
        agent: AgentSettings,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]],
        say: Say,
        bounds: Bounds = TURN,
    ) -> Answer:
        """See `Model`. An answer that breaks off after something was said is kept as far as it was said, because a
        second answer would repeat it; an empty one, as a filter of content makes it, is asked for elsewhere."""
        failed: ModelFailed | None = None
        empty: Answer | None = None
        for endpoint in self._endpoints:
            pieces = Pieces()
            model = agent.model if agent.model and endpoint is self._endpoints[0] else endpoint.model
            ask = partial(request_body, model, agent, messages, tools, bounds)
            try:
                await self._stream_as_taken(endpoint, ask, pieces, say, bounds)
            except ModelFailed as why:
                failed = why
                if pieces.text.strip():
                    return Answer(pieces.text)
            else:
                answer = pieces.answer()
                if answer.text.strip() or answer.calls:
                    return answer
                empty = answer
        if empty is not None:
            return empty
        raise failed or ModelFailed("there is no model")

    async def _stream_as_taken(
        self,
        endpoint: Endpoint,
        ask: Callable[[frozenset[str]], Mapping[str, Any]],
        pieces: Pieces,
        say: Say,
        bounds: Bounds,
    ) -> None:
        """Ask with the parameters that the service takes, which its refusals teach."""
        while True:
            known = self._refused.get(endpoint, frozenset())
            try:
                return await self._stream(endpoint, ask(known), pieces, say, bounds)
            except _Refused as why:
                self._refused[endpoint] = known | {why.name}

    async def _stream(
        self, endpoint: Endpoint, body: Mapping[str, Any], pieces: Pieces, say: Say, bounds: Bounds
    ) -> None:
        headers = {"authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
        address = f"{endpoint.base_url}/chat/completions"
        timeout = httpx.Timeout(bounds.first_within, connect=3.0)
        try:
            with trio.move_on_after(bounds.first_within) as patience:
                async with self._http().stream("POST", address, json=body, headers=headers, timeout=timeout) as found:
                    if found.status_code != 200:
                        if found.status_code in (400, 422):
                            await _refuse(found, body)
                        raise ModelFailed(f"the model's service answers {found.status_code}")
                    await self._read(found, pieces, say, patience)
        except httpx.HTTPError as why:
            raise ModelFailed(f"the model's service cannot be reached: {in_words(why)}") from why
        if pieces.failed:
            raise ModelFailed(pieces.failed)
        if patience.cancelled_caught and not pieces.is_whole:
            raise ModelFailed("the model's service does not answer in time")
        if not pieces.is_whole:
            raise ModelFailed("the model's answer breaks off")

    async def _read(self, found: httpx.Response, pieces: Pieces, say: Say, patience: trio.CancelScope) -> None:
        """Read the stream to its end; an answer that ends earlier cancels `patience`. Leaving the loop in another way
        would leave httpx's nested generators open."""
        deadline = patience.deadline
        async for chunk in found.aiter_bytes():
            count = pieces.count
            patience.deadline = float("inf")  # it limits the wait for a piece, not the saying of it
            if fresh := pieces.feed(chunk):
                await say(fresh)
            if pieces.failed or len(pieces.text) > ANSWER_AT_MOST:
                pieces.is_whole = True
                patience.cancel()
            if pieces.is_whole or pieces.count > count:
                deadline = trio.current_time() + (CLOSES_WITHIN if pieces.is_whole else NEXT_WITHIN)
            patience.deadline = deadline
        if rest := pieces.end():
            await say(rest)


async def _refuse(found: httpx.Response, body: Mapping[str, Any]) -> None:
    """Raise `_Refused` if the refusal of a request names a parameter that can be left out."""
    refusal = (await found.aread())[:REFUSAL_AT_MOST]
    if "max_tokens" in body and b"max_completion_tokens" in refusal:
        raise _Refused("max_tokens")
    if "temperature" in body and b"temperature" in refusal:
        raise _Refused("temperature")


def request_body(
    model: str,
    agent: AgentSettings,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]],
    bounds: Bounds = TURN,
    refused: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """The request of one answer. `refused`: parameters that the service does not take; one that takes the bound of
    tokens only by its newer name takes no temperature either, as reasoning models do."""
    is_newer = "max_tokens" in refused
    bound = "max_completion_tokens" if is_newer else "max_tokens"
    body: dict[str, Any] = {"model": model, "messages": list(messages), "stream": True, bound: bounds.tokens}
    if agent.temperature is not None and not is_newer and "temperature" not in refused:
        body["temperature"] = agent.temperature
    if tools:
        body["tools"] = list(tools)
    return body
