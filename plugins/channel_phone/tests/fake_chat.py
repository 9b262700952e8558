"""A chat completions service in memory: answers in pieces as OpenAI's does, uses tools, and has every bad day."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import trio

#: What the service does with one request: a text, a use of skills, or a fault.
Say = str
Bodies = list[dict[str, Any]]


@dataclass(frozen=True)
class Use:
    """The model wants skills, as (name, arguments); `text` is said before."""

    calls: tuple[tuple[str, Any], ...]
    text: str = ""


def use(name: str, text: str = "", /, **arguments: Any) -> Use:
    return Use(((name, arguments),), text)


@dataclass(frozen=True)
class Later:
    """A text that begins after some seconds."""

    after: float
    text: str


@dataclass(frozen=True)
class Fault:
    """`status` answers with it; `stall` stops after some pieces; `truncate` ends there; `malformed` sends no JSON;
    `error` reports an error inside the stream; `hang` sends nothing; `refuse` cannot be reached."""

    kind: str
    status: int = 500
    text: str = ""


@dataclass
class FakeChat:
    """`script` is taken in order; after it, `otherwise`. A function is asked with the messages."""

    script: list[Any] = field(default_factory=list)
    otherwise: Any = "I see."
    requests: Bodies = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    streams: bool = True
    piece_after: float = 0.0
    webhook_after: float = 0.0

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=self.transport())

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/chat/completions"):
            await trio.sleep(self.webhook_after)
            return httpx.Response(200, json={"ok": True, "echo": json.loads(request.content or b"{}")})
        body = json.loads(request.content)
        self.requests.append(body)
        self.paths.append(str(request.url))
        answer = self.script.pop(0) if self.script else self.otherwise
        if isinstance(answer, Callable):  # type: ignore[arg-type]
            answer = answer(body["messages"])
        if isinstance(answer, Later):
            await trio.sleep(answer.after)
            answer = answer.text
        if isinstance(answer, Fault) and answer.kind == "refuse":
            raise httpx.ConnectError("no route")
        if isinstance(answer, Fault) and answer.kind == "status":
            return httpx.Response(answer.status, json={"error": {"message": "no"}})
        if not self.streams:
            return httpx.Response(200, json={"choices": [{"message": {"content": answer}, "finish_reason": "stop"}]})
        headers = {"content-type": "text/event-stream"}
        return httpx.Response(200, headers=headers, stream=_Stream(answer, self.piece_after))


class _Stream(httpx.AsyncByteStream):
    def __init__(self, answer: Any, after: float) -> None:
        self._answer, self._after = answer, after

    async def __aiter__(self) -> AsyncIterator[bytes]:
        answer = self._answer
        text = answer if isinstance(answer, str) else answer.text
        if isinstance(answer, Fault) and answer.kind == "hang":
            await trio.sleep_forever()
        yield b": ping\n\n"
        yield _event({"role": "assistant", "content": ""})
        for word in text.split(" "):
            await trio.sleep(self._after)
            yield _event({"content": word if text.startswith(word) else f" {word}"})
        if isinstance(answer, Fault):
            await self._fail(answer)
            if answer.kind == "malformed":
                yield b"data: {not json\n\n"
            if answer.kind == "error":
                yield b'data: {"error": {"message": "overloaded"}}\n\n'
            return
        for index, (name, arguments) in enumerate(answer.calls if isinstance(answer, Use) else ()):
            raw = arguments if isinstance(arguments, str) else json.dumps(arguments)
            half = len(raw) // 2
            head = {"index": index, "id": f"call_{index}", "type": "function"}
            yield _event({"tool_calls": [{**head, "function": {"name": name, "arguments": raw[:half]}}]})
            yield _event({"tool_calls": [{"index": index, "function": {"arguments": raw[half:]}}]})
        reason = "tool_calls" if isinstance(answer, Use) else "stop"
        yield _event({}, reason)
        yield b'data: {"id": "c", "object": "chat.completion.chunk", "choices": [], "usage": {"total_tokens": 9}}\n\n'
        yield b"data: [DONE]\n\n"

    async def _fail(self, fault: Fault) -> None:
        if fault.kind == "stall":
            await trio.sleep_forever()


def _event(delta: Mapping[str, Any], reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return b"data: " + json.dumps({"id": "c", "choices": [choice]}).encode() + b"\r\n\r\n"
