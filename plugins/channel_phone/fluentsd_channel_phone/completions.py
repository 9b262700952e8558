"""Streaming chat completions of any service that speaks OpenAI's protocol, over the daemon's HTTP client.

One turn is one request, with one retry: at the fallback service if there is one, else at the same. A retry happens only
while nothing has been said. Timeouts count from the last piece of the answer: a service that stalls is given up, also
one that keeps the line open with comments.
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

#: Seconds until the first piece of an answer, between two pieces, and from its end to the end of the stream: what may
#: still come, such as the count of tokens, is not waited for longer.
FIRST_WITHIN, NEXT_WITHIN, CLOSES_WITHIN = 6.0, 5.0, 0.25
#: The longest text of a model in one answer, characters.
ANSWER_AT_MOST = 4000
#: Bytes of a refusal that are read for its reason, and the longest line of a stream.
REFUSAL_AT_MOST, LINE_AT_MOST = 4000, 1_000_000
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
class _Wish:
    """A tool call as it comes in."""

    index: int | None
    id: str = ""
    name: str = ""
    arguments: str = ""

    def goes_on_with(self, index: int | None, id: str, name: str, arguments: str) -> bool:
        """Whether a part belongs to this call. Services leave out the index, or the id, or give every call the index
        0; another id, or a name after arguments that are whole, begins the next call."""
        if index is not None and self.index is not None and index != self.index:
            return False
        if id and self.id and id != self.id:
            return False
        return not (name and self.name and (arguments or name != self.name) and _is_json(self.arguments))


@dataclass(slots=True)
class _Pieces:
    """An answer as it comes in: in lines of events, or as one JSON document, whatever the service calls it. `count`
    grows with each piece of the answer; `failed` says what is wrong with it."""

    text: str = ""
    wishes: list[_Wish] = field(default_factory=list)
    count: int = 0
    is_whole: bool = False
    failed: str = ""
    _rest: bytes = b""

    def feed(self, chunk: bytes) -> str:
        """Add bytes of the stream; the text that was in them."""
        self._rest = (self._rest + chunk).removeprefix(b"\xef\xbb\xbf")
        lines: list[bytes] = []
        if self._rest.lstrip().startswith(b"{"):
            self.count += 1
        elif self._rest.strip():
            *lines, self._rest = self._rest.split(b"\n")
        if len(self._rest) > LINE_AT_MOST:
            self.failed = "the model's answer cannot be read"
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
                self.count += 1
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
        """Add a part of a call."""
        index, id, function = call.get("index"), call.get("id") or "", call.get("function") or {}
        index = int(index) if isinstance(index, int | float) else None
        name, arguments = function.get("name") or "", function.get("arguments") or ""
        arguments = arguments if isinstance(arguments, str) else json.dumps(arguments)
        of_index = [one for one in self.wishes if index is None or one.index in (index, None)]
        if not of_index or not of_index[-1].goes_on_with(index, id, name, arguments):
            self.wishes.append(_Wish(index))
            of_index = self.wishes
        wish = of_index[-1]
        wish.id, wish.name, wish.arguments = wish.id or id, wish.name or name, wish.arguments + arguments

    def answer(self) -> Answer:
        """The whole."""
        in_order = sorted(self.wishes, key=lambda one: one.index or 0)  # stable: else as they came
        calls = (ToolCall(one.id or f"call_{n}", one.name, one.arguments) for n, one in enumerate(in_order))
        return Answer(self.text, tuple(calls))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


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
        second answer would repeat it; an empty one, as a filter of content makes it, is asked for elsewhere."""
        failed: ModelFailed | None = None
        empty: Answer | None = None
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
                answer = pieces.answer()
                if answer.text.strip() or answer.calls:
                    return answer
                empty = answer
        if empty is not None:
            return empty
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
