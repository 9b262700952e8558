"""The WebSockets of calls: authenticated before they open, alone with their errors, and closed in order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import trio
import trio.testing
from structlog.testing import capture_logs
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    WebSocketConnection,
    wrap_client_stream,
)
from wsproto import ConnectionType, WSConnection
from wsproto.events import Request as Handshake
from wsproto.frame_protocol import Opcode

from fluentsd.api import Call, CallSocket, SocketClosed
from fluentsd.clock import SimClock
from fluentsd.engine.calls.live import OPENS_WITHIN, LiveCalls
from fluentsd.engine.channel_state import ChannelState
from fluentsd.fronts.web import admission, middleware, relay, server
from fluentsd.fronts.web.relay import Relay
from fluentsd.fronts.web.stats import WebStats
from tests.engine.stage import MONDAY, FakeChannel
from tests.fronts.web.front import Front

Serve = Callable[[CallSocket, Call], Awaitable[None]]


class Phone(FakeChannel):
    """Serves calls as the test says; an echo otherwise."""

    def __init__(self, clock: SimClock) -> None:
        super().__init__("phone", clock)
        self.serve: Serve = echo
        self.ended: list[BaseException | None] = []

    async def serve_call(self, socket: CallSocket, call: Call) -> None:
        try:
            await self.serve(socket, call)
        except BaseException as why:
            self.ended.append(why)
            raise
        self.ended.append(None)


async def echo(socket: CallSocket, call: Call) -> None:
    async for message in socket:
        await socket.send(message)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[WebSocketConnection]:
    """A client that closes its own socket in every case."""
    host, path = url.removeprefix("ws://").split("/", 1)
    port = int(host.rpartition(":")[2])
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream, trio.open_nursery() as nursery:
        client = await wrap_client_stream(nursery, stream, host, f"/{path}")
        yield client
        await client.aclose()


class Calls:
    """The front, a phone channel, and a client for its calls."""

    def __init__(self, front: Front) -> None:
        self.front, self.runtime = front, front.stage.runtime
        self.phone = Phone(front.stage.clock)
        self.runtime.channels["phone"] = ChannelState("phone", self.phone)

    def url(self, ref: str = "c1", **about: Any) -> str:
        token = self.runtime.calls.expect(Call("phone", ref, **about), self.runtime.clock.now())
        return f"ws{self.front.base.removeprefix('http')}/relay/phone/{token}"

    @asynccontextmanager
    async def open(self, **about: Any) -> AsyncIterator[WebSocketConnection]:
        async with connected(self.url(**about)) as client:
            yield client

    async def until_none(self) -> None:
        with trio.fail_after(10):
            await self.runtime.calls.wait_ended(self.runtime.clock.now())


@pytest.fixture
def calls(front: Front) -> Calls:
    return Calls(front)


async def refused(url: str) -> int:
    with pytest.RaisesGroup(ConnectionRejected) as why:
        async with connected(url):
            pass
    [rejected] = why.value.exceptions
    assert isinstance(rejected, ConnectionRejected)
    return rejected.status_code


async def test_text_and_bytes_go_both_ways_whole(calls: Calls) -> None:
    async with calls.open() as client:
        for message in ("hello", b"\x00\xff" * 40_000, "ä" * 70_000, ""):
            await client.send_message(message)
            assert await client.get_message() == message
        assert "fluentsd_live_calls 1\n" in (await calls.front.client.get("/metrics")).text
    await calls.until_none()
    assert calls.phone.ended == [None]


async def test_the_channel_gets_the_call_of_the_token(calls: Calls) -> None:
    seen: list[Call] = []

    async def look(socket: CallSocket, call: Call) -> None:
        seen.append(call)
        await socket.send(call.ref)

    calls.phone.serve = look
    async with calls.open(ref="CA7", address="+12125550001", details={"stream": "MZ1"}) as client:
        assert await client.get_message() == "CA7"
        with pytest.raises(ConnectionClosed) as closed:
            await client.get_message()
    assert closed.value.reason is not None
    assert closed.value.reason.code == 1000
    assert seen == [Call("phone", "CA7", address="+12125550001", details={"stream": "MZ1"})]


async def test_a_token_opens_one_socket_of_its_channel_within_a_minute(calls: Calls) -> None:
    url = calls.url()
    assert await refused(url[:-1]) == 403
    assert await refused(url.replace("/phone/", "/sms/")) == 403
    assert await refused(url.replace("/phone/", "/pigeon/")) == 403
    async with connected(url) as client:
        assert await refused(url) == 403
        await client.send_message("still there")
        assert await client.get_message() == "still there"
    late = calls.url()
    await calls.front.stage.until(calls.runtime.clock.now() + OPENS_WITHIN)
    assert await refused(late) == 403
    assert len(calls.phone.ended) == 1


@pytest.mark.parametrize(
    "without", [b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", b"Sec-WebSocket-Version: 13\r\n"]
)
async def test_a_handshake_that_is_none_is_refused_and_uses_up_nothing(calls: Calls, without: bytes) -> None:
    url = calls.url()
    path = "/" + url.split("/", 3)[3]
    head = (
        b"GET " + path.encode() + b" HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    assert (await calls.front.raw(head.replace(without, b""))).startswith(b"HTTP/1.1 400 ")
    plain = head.replace(b"Upgrade: websocket\r\n", b"").replace(b"Connection: Upgrade", b"Connection: close")
    assert (await calls.front.raw(plain)).startswith(b"HTTP/1.1 404 ")
    async with connected(url) as client:
        await client.send_message("x")
        assert await client.get_message() == "x"


async def test_eighty_echo_calls_that_end_at_the_same_moment(calls: Calls) -> None:
    for _ in range(5):
        await _end_together(calls, 80)
    assert (await calls.front.client.get("/healthz")).status_code == 200
    assert calls.front.logged("web.connection") == []
    assert calls.front.logged("call.failed") == []
    assert calls.phone.ended == [None] * 400


async def _end_together(calls: Calls, count: int) -> None:
    """Both sides close at once: the channel on a word of ours, the client in the same instant."""
    go = trio.Event()
    ready: list[WebSocketConnection] = []

    async def both_close(socket: CallSocket, call: Call) -> None:
        async for message in socket:
            await socket.send(message)
            if message == "last":
                break
        await go.wait()
        async with trio.open_nursery() as nursery:  # sends and the close meet
            nursery.start_soon(_send_quietly, socket)
            nursery.start_soon(socket.close)

    async def client_of(url: str) -> None:
        async with connected(url) as client:
            await client.send_message("last")
            assert await client.get_message() == "last"
            ready.append(client)
            if len(ready) == count:
                go.set()
            await go.wait()

    calls.phone.serve = both_close
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            for _ in range(count):
                nursery.start_soon(client_of, calls.url())
    await calls.until_none()


async def _send_quietly(socket: CallSocket) -> None:
    try:
        for _ in range(3):
            await socket.send(b"\x00" * 20_000)
    except SocketClosed:
        pass


async def test_an_error_in_one_call_ends_that_call_alone(calls: Calls) -> None:
    async def fail(socket: CallSocket, call: Call) -> None:
        if call.ref == "bad":
            raise KeyError("canary +12125550001")
        await echo(socket, call)

    calls.phone.serve = fail
    async with calls.open(ref="good") as good:
        async with calls.open(ref="bad") as bad:
            with pytest.raises(ConnectionClosed) as closed:
                await bad.get_message()
        assert closed.value.reason is not None
        assert closed.value.reason.code == 1011
        await good.send_message("on")
        assert await good.get_message() == "on"
    [logged] = calls.front.logged("call.failed")
    assert logged["error"] == "KeyError"
    assert "canary" not in str(calls.front.logs)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x83\x80\x00\x00\x00\x00", 1002),  # a reserved opcode
        (b"\x81\x02hi", 1002),  # not masked
        (b"\x81\x82\x00\x00\x00\x00\xff\xfe", 1007),  # not UTF-8
        (b"\xf1\x80\x00\x00\x00\x00", 1002),  # reserved bits
    ],
)
async def test_a_bad_frame_ends_the_call_with_a_reason(calls: Calls, frame: bytes, code: int) -> None:
    async with await _handshaken(calls) as stream:
        await stream.send_all(frame)
        with trio.fail_after(5):
            got = await stream.receive_some(1000)
        assert got[0] & 0x0F == Opcode.CLOSE
        assert int.from_bytes(got[2:4], "big") == code
    await calls.until_none()
    assert calls.phone.ended == [None]  # its iteration ended


async def test_a_message_that_is_too_large_ends_the_call(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "MESSAGE_AT_MOST", 1000)
    async with calls.open() as client:
        await client.send_message(b"x" * 1000)
        assert await client.get_message() == b"x" * 1000
        await client.send_message("ä" * 501)
        with pytest.raises(ConnectionClosed) as closed:
            await client.get_message()
    assert closed.value.reason is not None
    assert closed.value.reason.code == 1009


async def test_a_peer_that_vanishes_ends_its_call(calls: Calls) -> None:
    waited: list[int] = []

    async def wait(socket: CallSocket, call: Call) -> None:
        try:
            await socket.receive()
        except SocketClosed as why:
            waited.append(why.code)
            raise

    calls.phone.serve = wait
    async with await _handshaken(calls):
        pass
    await calls.until_none()
    assert waited == [1006]
    assert calls.front.logged("call.failed") == []


async def test_the_limits_of_requests_do_not_apply_to_calls(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "ANSWER_PATIENCE", 0.05)
    monkeypatch.setattr(admission, "IN_PROGRESS_AT_MOST", 1)
    monkeypatch.setattr(server, "CONNECTIONS_AT_MOST", 3)
    async with calls.open() as one, calls.open() as two, calls.open() as three, calls.open() as four:
        for client in (one, two, three, four):
            await client.send_message("x")
            assert await client.get_message() == "x"
        monkeypatch.setattr(middleware, "ANSWER_PATIENCE", 10.0)  # a busy machine needs longer than a call is let
        assert (await calls.front.client.get("/healthz")).status_code == 200


async def test_calls_have_a_bound_of_their_own() -> None:
    live = LiveCalls(most=2)
    assert live.has_room(0)
    token = live.expect(Call("phone", "1"), 0)
    live.expect(Call("phone", "2"), 0)
    assert not live.has_room(0)
    assert live.admit("phone", token, 1) == Call("phone", "1")
    with live.serving():
        assert not live.has_room(1)
        assert live.has_room(OPENS_WITHIN)  # the second one came too late
    assert live.in_progress == 0


async def test_a_stop_says_goodbye_to_live_calls(calls: Calls) -> None:
    async with calls.open() as client:
        await client.send_message("x")
        await client.get_message()
        calls.front.close()
        with pytest.raises(ConnectionClosed) as closed:
            await client.get_message()
        assert closed.value.reason is not None
        assert closed.value.reason.code == 1001
        with trio.fail_after(5):
            await calls.front.closed.wait()
    assert isinstance(calls.phone.ended[0], trio.Cancelled)


async def test_ten_minutes_of_silence_are_no_reason_to_end(autojump_clock: trio.testing.MockClock) -> None:
    """Through the whole server, without a socket: an in-memory connection has no kernel to wait for."""
    sim = SimClock(MONDAY)
    phone = Phone(sim)
    with capture_logs() as logs:
        runtime: Any = SimpleNamespace(
            calls=LiveCalls(), clock=sim, channels={"phone": ChannelState("phone", phone)}, log=None
        )
        stats = WebStats(sim, None)
        app: Any = middleware.RequestGuard(_no_app, stats)
        connections = server._Connections(app, Relay(runtime, stats), stats)
        token = runtime.calls.expect(Call("phone", "c1"), sim.now())
        ours, theirs = trio.testing.memory_stream_pair()
        theirs.socket = _NoSocket()  # type: ignore[attr-defined]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(connections.serve, theirs)
            client = await wrap_client_stream(nursery, ours, "x", f"/relay/phone/{token}")
            await client.send_message("hello")
            assert await client.get_message() == "hello"
            began = trio.current_time()
            await trio.sleep(600)
            await client.send_message("still there?")
            assert await client.get_message() == "still there?"
            assert trio.current_time() - began >= 600
            await client.aclose()
    assert phone.ended == [None]
    assert logs == []


class _NoSocket:
    """What the server asks of a connection's socket."""

    family = 2

    def getpeername(self) -> tuple[str, int]:
        return "127.0.0.1", 1

    getsockname = getpeername

    def setsockopt(self, *_: int) -> None:
        """Nothing to set."""


async def _no_app(*_: Any) -> None:
    raise AssertionError("no request reaches the application")


async def _handshaken(calls: Calls) -> trio.SocketStream:
    """A socket of a call, without a client that keeps the protocol."""
    stream = await trio.open_tcp_stream("127.0.0.1", calls.front.port)
    path = "/" + calls.url().split("/", 3)[3]
    await stream.send_all(WSConnection(ConnectionType.CLIENT).send(Handshake(host="x", target=path)))
    with trio.fail_after(5):
        assert (await stream.receive_some(1000)).startswith(b"HTTP/1.1 101")
    return stream
