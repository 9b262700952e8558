"""A small HTTP/1.1 server: one request per connection, as slack_sdk sends them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import trio


@dataclass(frozen=True)
class Request:
    path: str
    headers: Mapping[str, str]
    arguments: Mapping[str, Any]
    body: bytes = b""


@dataclass(frozen=True)
class Response:
    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = Callable[[Request], Awaitable[Response | None]]


async def serve(stream: trio.SocketStream, answer: Answer) -> None:
    """Answer one request; None closes the connection without an answer."""
    async with stream:
        data = b""
        while b"\r\n\r\n" not in data:
            more = await stream.receive_some()
            if not more:
                return
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        while len(body) < int(headers.get("content-length", 0)):
            body += await stream.receive_some()
        response = await answer(Request(first.split()[1], headers, _arguments(first.split()[1], headers, body), body))
        if response is None:
            return
        out = response.body if isinstance(response.body, bytes) else json.dumps(response.body).encode()
        extra = "".join(f"{name}: {value}\r\n" for name, value in response.headers.items())
        kind = "" if "Content-Type" in response.headers else "Content-Type: application/json\r\n"
        top = f"HTTP/1.1 {response.status} X\r\n{kind}Content-Length: {len(out)}\r\n{extra}"
        await stream.send_all((top + "Connection: close\r\n\r\n").encode() + out)


def _arguments(path: str, headers: Mapping[str, str], body: bytes) -> Mapping[str, Any]:
    if headers.get("content-type", "").startswith("application/json"):
        return dict(json.loads(body or b"{}"))
    if headers.get("content-type", "").startswith("application/octet-stream"):
        return {}
    form = dict(parse_qsl(path.partition("?")[2])) | dict(parse_qsl(body.decode()))
    return {name: json.loads(value) if name in ("blocks", "view", "files") else value for name, value in form.items()}
