"""A runtime with its web front on a loopback port, a channel that checks signatures, and a client."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
import trio
from structlog.testing import capture_logs

from fluentsd.api import Forged, Inbound, Outcome, Request, WebhookResult
from fluentsd.clock import SimClock
from fluentsd.config import HttpSettings
from fluentsd.engine.channel_state import ChannelState
from fluentsd.engine.nursery import running
from fluentsd.engine.runtime import Runtime
from fluentsd.fronts import web
from fluentsd.fronts.web.tokens import Tokens
from tests.databases import open_whole
from tests.engine.stage import MONDAY, SMS, FakeChannel, Stage, person, spec

SECRET = "s3cret-canary-key"
PUBLIC = "https://calls.example.com"
EMAIL = {"id": "mail", "channel": "email", "subject": "Hello", "text": "Hello"}


def sign(url: str, body: bytes) -> str:
    return hmac.new(SECRET.encode(), url.encode() + b"\n" + body, hashlib.sha256).hexdigest()


class Signing(FakeChannel):
    """Reports are JSON, a list of the arguments of `Inbound`; the signature covers URL and body."""

    seen: Request | None = None

    def webhook(self, request: Request) -> WebhookResult:
        self.seen = request
        if not hmac.compare_digest(request.headers.get("x-signature", ""), sign(request.url, request.body)):
            raise Forged("the signature does not fit")
        message = json.loads(request.body.decode())  # both raise ValueError
        if message == "crash":
            raise KeyError(f"canary {SECRET} +12125550001")
        if not isinstance(message, list):
            raise ValueError("not a list")
        return WebhookResult([Inbound(Outcome(one.pop("outcome")), **one) for one in message])


class Front:
    """The test stage with its web front."""

    def __init__(self, stage: Stage, base: str, client: httpx.AsyncClient, logs: list[Any]) -> None:
        self.stage, self.base, self.client, self.logs = stage, base, client, logs
        self.closed = trio.Event()
        self.close: Callable[[], None] = lambda: None  #: what the daemon does to it when it leaves

    @property
    def port(self) -> int:
        return int(self.base.rpartition(":")[2])

    def tokens(self, kind: str = "sms") -> list[str]:
        return [attempt.token for attempt, _, _ in self.stage.channels[kind].accepted]  # type: ignore[index]

    async def reach(self, count: int = 1, step: dict[str, Any] | None = None) -> list[str]:
        """Launch a campaign and return the tokens of its attempts, once they are settled."""
        step = step or SMS
        await self.stage.launch(spec(step), *(person(n) for n in range(1, count + 1)), checked=False)
        await self.until("SELECT count(*) FROM attempt WHERE state = 'settled'", [(count,)])
        return self.tokens(step["channel"])

    async def ask(self, query: str) -> list[tuple[Any, ...]]:
        from sqlalchemy import text

        async def unit(conn: Any) -> list[tuple[Any, ...]]:
            return [tuple(row) for row in await conn.execute(text(query))]

        return await self.stage.runtime.store.read(unit)

    async def until(self, query: str, answer: list[tuple[Any, ...]]) -> None:
        """Poll until the database gives the answer."""
        with trio.fail_after(20):
            while await self.ask(query) != answer:  # noqa: ASYNC110 - what is awaited is in the database
                await trio.sleep(0.005)

    async def hook(self, *message: dict[str, Any], token: str | None = None, **more: Any) -> int:
        """Post a provider's report; returns the status."""
        body = more.pop("body", json.dumps(message).encode())
        path = f"/hooks/{more.pop('kind', 'sms')}" + (f"/{token}" if token else "")
        signature = more.pop("signature", None) or sign(PUBLIC + path, body)
        return (await self.client.post(path, content=body, headers={"X-Signature": signature} | more)).status_code

    async def raw(self, *pieces: bytes) -> bytes:
        """The response to these bytes, until the peer closes."""
        stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        async with stream:
            for piece in pieces:
                await stream.send_all(piece)
            return await whole(stream)

    def logged(self, event: str) -> list[Any]:
        return [entry for entry in self.logs if entry["event"] == event]


@dataclass(frozen=True, slots=True)
class LookUp:
    """A look-up of tokens: whether one has begun, and whether it may end."""

    began: trio.Event
    goes_on: trio.Event


def hold_look_ups(monkeypatch: pytest.MonkeyPatch) -> LookUp:
    """From now on each look-up of tokens waits, and finds none."""
    held = LookUp(trio.Event(), trio.Event())

    async def channels(self: Tokens, tokens: object) -> dict[str, str]:
        held.began.set()
        await held.goes_on.wait()
        return {}

    monkeypatch.setattr(Tokens, "channels", channels)
    return held


async def pour(stream: trio.SocketStream, piece: bytes, pause: float = 0) -> None:
    """Send a piece again and again until the peer disconnects: `BrokenResourceError`."""
    with trio.fail_after(20):
        while True:
            await stream.send_all(piece)
            await trio.sleep(pause)


async def whole(stream: trio.SocketStream) -> bytes:
    got = b""
    try:
        with trio.fail_after(20):
            while part := await stream.receive_some(65_536):
                got += part
    except trio.BrokenResourceError:
        pass
    return got


@asynccontextmanager
async def fronted(url: str, http: HttpSettings | None = None, **options: Any) -> AsyncIterator[Front]:
    """All parts of a daemon that an HTTP request uses."""
    clock = SimClock(MONDAY)
    http = http or HttpSettings("127.0.0.1", 0, PUBLIC, ())
    with capture_logs() as logs:
        async with open_whole(url, busy=clock.busy) as store, trio.open_nursery() as nursery:
            channels: dict[Any, Any] = {kind: Signing(kind, clock) for kind in ("sms", "email")}
            channel_state = {kind: ChannelState(kind, channel, **options) for kind, channel in channels.items()}
            runtime = Runtime(store, clock, channel_state, log=structlog.get_logger())
            nursery.start_soon(clock.run)
            async with running(runtime, grace=1.0) as inbox, trio.open_nursery() as fronts:
                listeners = await web.listen(http, Path("fluentsd.toml"))
                scope, closed = trio.CancelScope(), trio.Event()

                async def serve(*, task_status: trio.TaskStatus[str]) -> None:
                    with scope:
                        await web.serve(http, listeners, runtime, inbox, task_status=task_status)
                    closed.set()

                place = await fronts.start(serve)
                base = f"http://{place}"
                async with httpx.AsyncClient(base_url=base, timeout=30, trust_env=False) as client:
                    front = Front(Stage(runtime, clock, channels, inbox), base, client, logs)
                    front.close, front.closed = scope.cancel, closed
                    yield front
                scope.cancel()
            nursery.cancel_scope.cancel()
