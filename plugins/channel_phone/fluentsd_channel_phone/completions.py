"""Streaming chat completions of any service that speaks OpenAI's protocol, over the daemon's HTTP client.

One turn is one request, with one retry: at the fallback service if there is one, else at the same. A retry happens only
while nothing has been said. Timeouts count from the last byte: a service that stalls is given up.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx
import trio

from fluentsd.api import AgentSettings
from fluentsd_channel_phone.settings import Endpoint

#: Seconds until the first piece of an answer, and between two pieces.
FIRST_WITHIN, NEXT_WITHIN = 6.0, 5.0
#: The longest text of a model in one answer, characters.
ANSWER_AT_MOST = 4000
#: Bytes of a refusal that are read for its reason.
REFUSAL_AT_MOST = 4000
#: The mark of a stream's end. A service may leave out the reason of the end, and the mark is its contract.
DONE = b"[DONE]"
Say = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of one answer: the tokens asked for, and the seconds until its first piece."""

    tokens: int = 400
    first_within: float = FIRST_WITHIN


TURN = Bounds()


class ModelFailed(Exception):
    """No service gave an answer; the message says why, without any text of the conversation."""


class _WantsNewer(ModelFailed):
    """The service names the newer parameter in its refusal."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model's wish to use a skill; `arguments` is its JSON, not checked."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a model: text that has been said already, and the skills it wants to use."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()


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


@dataclass(slots=True)
class _Pieces:
    """An answer as it comes in. `failed` says what is wrong with it."""

    text: str = ""
    calls: dict[int, list[str]] = field(default_factory=dict)
    is_whole: bool = False
    failed: str = ""
    _rest: bytes = b""

    def feed(self, chunk: bytes, *, in_lines: bool) -> str:
        """Add bytes of the stream; the text that was in them. Without lines the whole answer is one document."""
        if not in_lines:
            self._rest += chunk
            return ""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return "".join(self._add(data) for line in lines if (data := _data(line)))

    def end(self) -> str:
        """The text in what is left at the end."""
        rest, self._rest = self._rest.strip(), b""
        data = rest if rest.startswith(b"{") else _data(rest)
        return self._add(data) if data else ""

    def _add(self, data: bytes) -> str:
        """Add one event; the text in it."""
        if data == DONE:
            self.is_whole = True
            return ""
        try:
            event = json.loads(data)
            if event.get("error"):
                self.failed = "the model's service reports an error in its answer"
                return ""
            fresh = ""
            for choice in event.get("choices") or ():
                delta = choice.get("delta") or choice.get("message") or {}
                fresh += _text(delta.get("content"))
                for call in delta.get("tool_calls") or ():
                    self._add_call(call)
                self.is_whole = self.is_whole or bool(choice.get("finish_reason"))
        except (ValueError, TypeError, AttributeError, RecursionError):
            self.failed = "the model's answer cannot be read"
            return ""
        self.text += fresh
        return fresh

    def _add_call(self, call: Mapping[str, Any]) -> None:
        """Add a part of a call. Without an index, a part with another id begins the next call."""
        index, id, function = call.get("index"), call.get("id"), call.get("function") or {}
        if not isinstance(index, int):
            last = max(self.calls, default=0)
            is_next = last in self.calls and id and self.calls[last][0] not in ("", id)
            index = last + bool(is_next)
        kept = self.calls.setdefault(index, ["", "", ""])
        kept[0] = id or kept[0]
        kept[1] = function.get("name") or kept[1]
        arguments = function.get("arguments") or ""
        kept[2] += arguments if isinstance(arguments, str) else json.dumps(arguments)

    def answer(self) -> Answer:
        calls = (ToolCall(kept[0] or f"call_{n}", kept[1], kept[2]) for n, kept in sorted(self.calls.items()))
        return Answer(self.text, tuple(calls))


class Completions:
    """A model behind one or two services."""

    def __init__(self, http: Callable[[], httpx.AsyncClient], model: Endpoint, fallback: Endpoint | None) -> None:
        self._http, self._endpoints = http, (model, fallback or model)
        self._strict: set[Endpoint] = set()  #: services that take only the newer parameters

    async def answer(
        self,
        agent: AgentSettings,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]],
        say: Say,
        bounds: Bounds = TURN,
    ) -> Answer:
        """See `Model`. An answer that breaks off after something was said is kept as far as it was said, because a
        second answer would repeat it."""
        failed: ModelFailed | None = None
        for endpoint in self._endpoints:
            pieces = _Pieces()
            model = agent.model if agent.model and endpoint is self._endpoints[0] else endpoint.model
            body = request_body(model, agent, messages, tools, bounds, strict=endpoint in self._strict)
            try:
                try:
                    await self._stream(endpoint, body, pieces, say, bounds)
                except _WantsNewer:
                    self._strict.add(endpoint)
                    body = request_body(model, agent, messages, tools, bounds, strict=True)
                    await self._stream(endpoint, body, pieces, say, bounds)
            except ModelFailed as why:
                failed = why
                if pieces.text.strip():
                    return Answer(pieces.text)
            else:
                return pieces.answer()
        raise failed or ModelFailed("there is no model")

    async def _stream(
        self, endpoint: Endpoint, body: Mapping[str, Any], pieces: _Pieces, say: Say, bounds: Bounds
    ) -> None:
        headers = {"authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
        address = f"{endpoint.base_url}/chat/completions"
        timeout = httpx.Timeout(bounds.first_within, connect=3.0)
        try:
            with trio.move_on_after(bounds.first_within) as patience:
                async with self._http().stream("POST", address, json=body, headers=headers, timeout=timeout) as found:
                    if found.status_code != 200:
                        if found.status_code == 400 and "max_tokens" in body:
                            await _refuse(found)
                        raise ModelFailed(f"the model's service answers {found.status_code}")
                    await self._read(found, pieces, say, patience)
        except httpx.HTTPError as why:
            raise ModelFailed(f"the model's service cannot be reached ({type(why).__name__})") from why
        if pieces.failed:
            raise ModelFailed(pieces.failed)
        if patience.cancelled_caught and not pieces.is_whole:
            raise ModelFailed("the model's service does not answer in time")
        if not pieces.is_whole:
            raise ModelFailed("the model's answer breaks off")

    async def _read(self, found: httpx.Response, pieces: _Pieces, say: Say, patience: trio.CancelScope) -> None:
        """Read the stream to its end; an answer that ends earlier cancels `patience`. Leaving the loop in another way
        would leave httpx's nested generators open."""
        streams = "json" not in found.headers.get("content-type", "")
        async for chunk in found.aiter_bytes():
            patience.deadline = float("inf")  # it limits the wait for a piece, not the saying of it
            if fresh := pieces.feed(chunk, in_lines=streams):
                await say(fresh)
            if pieces.failed or len(pieces.text) > ANSWER_AT_MOST:
                pieces.is_whole = True
                patience.cancel()
            patience.deadline = trio.current_time() + NEXT_WITHIN
        if rest := pieces.end():
            await say(rest)


async def _refuse(found: httpx.Response) -> None:
    """Raise `_WantsNewer` if the refusal of a request names the newer parameter."""
    if b"max_completion_tokens" in (await found.aread())[:REFUSAL_AT_MOST]:
        raise _WantsNewer("the model's service takes other parameters")


def request_body(
    model: str,
    agent: AgentSettings,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]],
    bounds: Bounds = TURN,
    *,
    strict: bool = False,
) -> dict[str, Any]:
    """The request of one answer. `strict`: for a service that takes the bound of tokens only by its newer name, and no
    temperature, as reasoning models do."""
    bound = "max_completion_tokens" if strict else "max_tokens"
    body: dict[str, Any] = {"model": model, "messages": list(messages), "stream": True, bound: bounds.tokens}
    if agent.temperature is not None and not strict:
        body["temperature"] = agent.temperature
    if tools:
        body["tools"] = list(tools)
    return body


def _text(content: Any) -> str:
    """The text of a delta; some services give it in parts."""
    if isinstance(content, list):
        return "".join(_text(part.get("text")) for part in content if isinstance(part, Mapping))
    return content or ""


def _data(line: bytes) -> bytes:
    """The data in a line of a stream; empty for comments and other fields."""
    return line[5:].strip() if line.startswith(b"data:") else b""
