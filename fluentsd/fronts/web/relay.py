"""The WebSockets of live calls, from the handshake to the close.

A request to upgrade at /relay/{channel}/{token} leaves the HTTP server before it is answered. So none of its limits
applies to a call: the time for an answer, silence, requests at once, the grace at shutdown. Its own are how many calls
(`engine.calls.live`), and the size of a message. The handshake is authenticated before it is accepted.

One task owns the call: it reads, pings and serves inside one nursery, and an error in it ends this call alone. Sending,
answering a ping and closing take turns on one lock, because a socket whose end is announced while another task still
writes raises in that task.
"""

from __future__ import annotations

import re
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from typing import Any, Protocol

import trio
from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Event, Ping, RejectConnection, TextMessage
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from fluentsd.api import Call, ServesCalls, SocketClosed
from fluentsd.engine.runtime import Runtime
from fluentsd.fronts.web.stats import WebStats
from fluentsd.urls import RELAY

#: Most bytes in one message from the provider; a frame of audio has a few thousand.
MESSAGE_AT_MOST = 1 << 20
#: Messages that wait for the channel; then reading stops until it takes one.
WAITING_AT_MOST = 64
#: Seconds between two pings, so that no proxy takes a silent call for a dead one.
PING_EVERY = 20.0
#: Milliseconds until the kernel gives up a peer that confirms nothing.
DEAD_AFTER_MS = 60_000
#: Seconds for the peer's answer to our close.
CLOSE_PATIENCE = 2.0
#: Close codes (RFC 6455).
NORMAL, GOING_AWAY, BROKEN, TOO_BIG, FAILED = 1000, 1001, 1006, 1009, 1011
#: Most bytes in the reason of a close.
REASON_AT_MOST = 123
_PART = r"([^/?]+)"
_PATH = re.compile(RELAY.format(kind=_PART, token=_PART) + r"(?:\?|$)")


class Stream(Protocol):
    """The stream of one connection, whose writes time out."""

    async def send_all(self, data: bytes) -> None: ...
    async def receive_some(self, max_bytes: int) -> bytes | bytearray: ...
    async def send_eof(self) -> None: ...


class Upgrade(Exception):
    """A request to open the WebSocket of a call; `early` are bytes that arrived with it."""

    def __init__(self, target: bytes, headers: list[tuple[bytes, bytes]], early: bytes) -> None:
        super().__init__("a request to open a WebSocket")
        self.target, self.headers, self.early = target, headers, early


def is_wanted(target: bytes, method: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a request asks for the WebSocket of a call."""
    if method != b"GET" or _PATH.match(target.decode("ascii", "replace")) is None:
        return False
    return any(name.lower() == b"upgrade" and value.strip().lower() == b"websocket" for name, value in headers)


class Relay:
    """Serves the calls of all channels."""

    def __init__(self, runtime: Runtime, stats: WebStats) -> None:
        self._runtime, self._stats = runtime, stats

    async def serve(self, stream: Stream, upgrade: Upgrade) -> None:
        """One connection, from its handshake on. Raises nothing that a peer or a channel can cause, but `OSError` and
        trio's errors of a broken stream."""
        connection = WSConnection(ConnectionType.SERVER)
        try:  # without extensions: a compressed message has no size before it is unpacked
            headers = [header for header in upgrade.headers if header[0].lower() != b"sec-websocket-extensions"]
            connection.initiate_upgrade_connection(headers, upgrade.target.decode("ascii", "replace"))
        except RemoteProtocolError:
            await self._refuse(stream, None, 400)
            return
        call, channel = self._admit(upgrade.target)
        if call is None or channel is None:
            await self._refuse(stream, connection, 403)
            return
        self._stats.answers[101] += 1
        await stream.send_all(connection.send(AcceptConnection()))
        if upgrade.early:
            connection.receive_data(upgrade.early)
        await self._converse(_Socket(stream, connection), channel, call)

    def _admit(self, target: bytes) -> tuple[Call | None, ServesCalls | None]:
        """The call of a token, which is used up, and its channel."""
        found = _PATH.match(target.decode("ascii", "replace"))
        if found is None:
            return None, None
        kind, token = found.groups()
        call = self._runtime.calls.admit(kind, token, self._runtime.clock.now())
        if call is None:
            return None, None
        return call, self._runtime.channels[call.kind].abilities.calls

    async def _refuse(self, stream: Stream, connection: WSConnection | None, status: int) -> None:
        self._stats.answers[status] += 1
        if connection is None:
            await stream.send_all(b"HTTP/1.1 %d Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n" % status)
        else:
            headers = [(b"connection", b"close"), (b"content-length", b"0")]
            await stream.send_all(connection.send(RejectConnection(status_code=status, headers=headers)))
        await stream.send_eof()

    async def _converse(self, sock: _Socket, channel: ServesCalls, call: Call) -> None:
        """The call's own nursery: its reader, its pings, and the channel, whose end ends the call."""
        code = GOING_AWAY
        try:
            with self._runtime.calls.serving():
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(sock.read)
                    nursery.start_soon(sock.keep_pinging)
                    code = await self._serve(sock, channel, call)
                    nursery.cancel_scope.cancel()
        finally:
            await sock.end(code)

    async def _serve(self, sock: _Socket, channel: ServesCalls, call: Call) -> int:
        """Let the channel serve the call; returns the code of the close. The guard at the edge of each call."""
        try:
            await channel.serve_call(sock, call)
        except SocketClosed:
            return NORMAL
        except Exception as why:  # noqa: BLE001 - an error in one call affects no other
            if isinstance(why, ExceptionGroup) and why.split(SocketClosed)[1] is None:
                return NORMAL
            self._stats.fault("call.failed", why, channel=call.kind)
            return FAILED
        return NORMAL


class _Socket:
    """The WebSocket of one call, as its channel sees it (`fluentsd.api.CallSocket`)."""

    def __init__(self, stream: Stream, connection: WSConnection) -> None:
        self._stream, self._connection = stream, connection
        self._turn = trio.Lock()  #: of everything that writes
        self._put, self._take = trio.open_memory_channel[str | bytes](WAITING_AT_MOST)
        self._over: SocketClosed | None = None
        self._parts: list[str | bytes] = []
        self._size = 0
        self._is_broken = False  #: the peer broke the protocol

    # For the channel

    async def receive(self) -> str | bytes:
        """The next whole message; raises `SocketClosed` at the end."""
        try:
            return await self._take.receive()
        except (trio.EndOfChannel, trio.ClosedResourceError):
            raise self._over or SocketClosed(BROKEN) from None

    async def send(self, data: str | bytes) -> None:
        """Send one whole message; raises `SocketClosed` at the end."""
        event = TextMessage(data) if isinstance(data, str) else BytesMessage(bytes(data))
        if self._over is not None:
            await trio.lowlevel.checkpoint()
            raise self._over
        if not await self._write(event):
            raise self._over or SocketClosed(BROKEN)

    async def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Close the socket; a second close does nothing."""
        cut = reason.encode()[:REASON_AT_MOST].decode("utf-8", "ignore")
        await self._write(CloseConnection(code, cut or None))

    def __aiter__(self) -> AsyncIterator[str | bytes]:
        return self

    async def __anext__(self) -> str | bytes:
        try:
            return await self.receive()
        except SocketClosed:
            raise StopAsyncIteration from None

    # For the relay

    async def read(self) -> None:
        """Read until the end, and hand every whole message over."""
        async with self._put:
            try:
                while True:
                    for event in self._connection.events():
                        await self._handle(event)
                        if self._over is not None:
                            return
                    data = await self._stream.receive_some(65_536)
                    self._connection.receive_data(bytes(data) or None)
            except (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
                self._ended(BROKEN)

    async def _handle(self, event: Event) -> None:
        match event:
            case TextMessage() | BytesMessage():
                await self._collect(event)
            case Ping():
                await self._write(event.response())
            case CloseConnection(code=code, reason=reason):
                if self._connection.state is ConnectionState.REMOTE_CLOSING:
                    await self._write(event.response())
                elif self._connection.state is not ConnectionState.CLOSED:  # the peer broke the protocol
                    self._is_broken = True
                    await self._write(CloseConnection(code))
                self._ended(int(code), reason or "")

    async def _collect(self, event: TextMessage | BytesMessage) -> None:
        self._size += len(event.data.encode() if isinstance(event.data, str) else event.data)
        if self._size > MESSAGE_AT_MOST:
            await self._fail(TOO_BIG, f"a message may have at most {MESSAGE_AT_MOST} bytes")
            return
        self._parts.append(event.data if isinstance(event.data, str) else bytes(event.data))
        if event.message_finished:
            empty: Any = "" if isinstance(event.data, str) else b""
            whole = empty.join(self._parts)
            self._parts, self._size = [], 0
            await self._put.send(whole)

    async def keep_pinging(self) -> None:
        """Ping until the end."""
        while self._over is None:
            await trio.sleep(PING_EVERY)
            await self._write(Ping())

    async def end(self, code: int) -> None:
        """Close in order: announce it, wait a moment for the peer's answer, and end the stream; also when the call was
        cancelled."""
        with trio.CancelScope(shield=True), suppress(OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            with trio.move_on_after(CLOSE_PATIENCE):
                await self.close(code)
                await self._await_close()
            async with self._turn:
                await self._stream.send_eof()

    async def _await_close(self) -> None:
        """Discard what arrives until the peer has closed too."""
        while self._connection.state is not ConnectionState.CLOSED:
            data = await self._stream.receive_some(65_536)
            if not data:
                return
            if not self._is_broken:  # else what follows is not read any more
                self._connection.receive_data(bytes(data))
                for _ in self._connection.events():
                    pass

    async def _write(self, event: Event) -> bool:
        """Write one event in its turn; False when the socket has ended."""
        async with self._turn:
            try:
                data = self._connection.send(event)
            except LocalProtocolError:  # closed by either side
                return False
            try:
                await self._stream.send_all(data)
            except (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
                self._ended(BROKEN)
                return False
            return True

    async def _fail(self, code: int, why: str) -> None:
        await self._write(CloseConnection(code, why))
        self._ended(code, why)

    def _ended(self, code: int, reason: str = "") -> None:
        if self._over is None:
            self._over = SocketClosed(code, reason)


def watch_peer(sock: Any) -> None:
    """Let the kernel notice a peer that has vanished, where it can."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None:
        with suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, option, DEAD_AFTER_MS)
