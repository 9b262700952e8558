"""Socket Mode on Trio: connections that overlap, pings of our own, back-off, and an acknowledgement for each envelope.

One connection serves at a time. Before Slack recycles it ("warning", "refresh_requested") a second one is opened, and
the first goes on until Slack closes it, so no envelope waits. Every connection has a new address, because an old one
may be dead. An envelope is always acknowledged, also when its handler failed; one that comes again gets the same
acknowledgement and is not handled again. What must not live here: the content of an envelope (`listener`).
"""

from __future__ import annotations

import json
import random
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import trio
from trio_websocket import ConnectionClosed, HandshakeError, WebSocketConnection, wrap_client_stream

from fluentsd.api import Unavailable, trouble
from fluentsd.fronts.guard import place_of
from fluentsd.fronts.slack.web_api import SlackRefused

Ack = Mapping[str, Any] | None
#: Envelopes and events remembered, to know one that comes again.
REMEMBERED = 10_000
#: Seconds for the closing handshake.
CLOSED_WITHIN = 0.5
#: What a network and Slack may do to a connection.
_NETWORK = (HandshakeError, ConnectionClosed, OSError, trio.BrokenResourceError, trio.TooSlowError, Unavailable,
            SlackRefused, ValueError)  # fmt: skip
#: Bytes of the largest frame; Slack's largest is a view with its state.
FRAME_AT_MOST = 4 * 1024 * 1024
#: What Slack answers when a person has to act.
_FIXES: Mapping[str, str] = {
    "invalid_auth": "the app-level token is wrong; correct [slack] app_token",
    "not_allowed_token_type": "[slack] app_token has to be an app-level token, which begins with xapp-",
    "account_inactive": "the app was removed from the workspace; install it again",
    "token_revoked": "the app-level token was revoked; generate a new one",
    "missing_scope": "the app-level token needs the scope connections:write",
    "link_disabled": "Socket Mode was switched off; switch it on at the app's page",
}


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds: between two pings; until a pong or a hello is too late; the longest pause between two tries; the pause
    after a refusal; the age from which a lost connection says nothing about the next one; and until a connection whose
    end was announced is closed by us, if Slack does not."""

    ping_every: float = 10.0
    answer_within: float = 5.0
    longest_pause: float = 30.0
    refusal_pause: float = 60.0
    settled_after: float = 5.0
    retires_after: float = 30.0


@dataclass(eq=False, slots=True)
class _Connection:
    """One WebSocket. `needs_successor` is set when Slack announces its end, and when it has ended."""

    socket: WebSocketConnection
    began: float
    needs_successor: trio.Event = field(default_factory=trio.Event)
    is_disabled: bool = False


class SocketMode:
    """Keeps a connection to Slack, and answers its envelopes with `answer`, whose event is set when the acknowledgement
    has been sent."""

    def __init__(
        self,
        open_url: Callable[[], Awaitable[str]],
        answer: Callable[[Mapping[str, Any], trio.Event], Awaitable[Ack]],
        log: Any,
        timing: Timing = Timing(),
    ) -> None:
        self._open_url, self._answer, self._log, self._timing = open_url, answer, log, timing
        self._connections: list[_Connection] = []
        self._acks: OrderedDict[str, Ack] = OrderedDict()
        self._events: OrderedDict[str, None] = OrderedDict()
        self.connected = trio.Event()  #: set by the first hello
        self.last_frame_at: float | None = None  #: trio's time of the last frame or pong
        self.problem = "not connected yet"  #: "" while a connection serves

    def health(self) -> str:
        """The problem for /healthz, with the time since the last frame; "" when there is none."""
        if not self.problem and self.last_frame_at is not None:
            silent = trio.current_time() - self.last_frame_at
            late = 3 * (self._timing.ping_every + self._timing.answer_within)
            return f"no frame for {silent:.0f} s" if silent > late else ""
        since = (
            "" if self.last_frame_at is None else f"; last frame {trio.current_time() - self.last_frame_at:.0f} s ago"
        )
        return self.problem + since

    async def run(self) -> None:
        """Serve until cancelled."""
        failures = 0
        async with trio.open_nursery() as nursery:
            while True:
                found: _Connection | float = await nursery.start(self._serve, nursery)
                if isinstance(found, _Connection):
                    await found.needs_successor.wait()
                    if found.is_disabled:
                        await trio.sleep(self._timing.refusal_pause)
                    lived = trio.current_time() - found.began
                    failures = 0 if lived >= self._timing.settled_after else failures + 1
                    pause = 0.0
                else:
                    failures, pause = failures + 1, found
                await trio.sleep(max(pause, self._back_off(failures)))

    def _back_off(self, failures: int) -> float:
        """No pause after a connection that served well; then a growing one with jitter."""
        if not failures:
            return 0.0
        share = random.uniform(0.25, 1.0)  # noqa: S311 - jitter, no secret
        return share * min(self._timing.longest_pause, 0.4 * float(2 ** min(failures - 1, 10)))

    async def _serve(
        self, handlers: trio.Nursery, *, task_status: trio.TaskStatus[_Connection | float] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve one connection until it ends. Reports the connection after its hello, or the pause until the next try
        when there is none."""
        started = False
        try:
            with trio.fail_after(4 * self._timing.answer_within):
                url = await self._open_url()
            async with self._open(url) as socket:
                connection, first = await self._greet(socket)
                self._connections.append(connection)
                self.problem = ""
                self.connected.set()
                started = True
                task_status.started(connection)
                try:
                    await self._read_and_ping(connection, first, handlers)
                finally:
                    self._connections.remove(connection)
                    if not self._connections:
                        self.problem = "not connected"
                    connection.needs_successor.set()
        except Exception as error:
            why = error
            while isinstance(why, ExceptionGroup) and len(why.exceptions) == 1:
                why = why.exceptions[0]
            if not isinstance(why, _NETWORK):
                raise
            pause = self._note(why)
            if not started:
                task_status.started(pause)

    @asynccontextmanager
    async def _open(self, url: str) -> AsyncIterator[WebSocketConnection]:
        """A WebSocket over a stream of our own: the library leaves the stream open when the other side closes."""
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "wss" else 80)
        with trio.fail_after(self._timing.answer_within):
            stream: trio.SocketStream | trio.SSLStream[trio.SocketStream] = (
                await trio.open_ssl_over_tcp_stream(parts.hostname or "", port, https_compatible=True)
                if parts.scheme == "wss"
                else await trio.open_tcp_stream(parts.hostname or "", port)
            )
        try:
            async with trio.open_nursery() as reader:
                with trio.fail_after(self._timing.answer_within):
                    resource = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
                    socket = await wrap_client_stream(
                        reader, stream, parts.hostname or "", resource, max_message_size=FRAME_AT_MOST
                    )
                try:
                    yield socket
                finally:
                    with trio.move_on_after(CLOSED_WITHIN):
                        await socket.aclose()
                    reader.cancel_scope.cancel()
        finally:
            await trio.aclose_forcefully(stream)

    def _note(self, why: Exception) -> float:
        """Log a connection that could not be had; the pause in seconds that it asks for."""
        if isinstance(why, SlackRefused):
            fix = _FIXES.get(why.error, "see `fluentsd slack check`")
            self._log.error("slack.refused", error=why.error, fix=fix)
            if not self._connections:
                self.problem = f"Slack refuses the connection ({why.error}): {fix}"
            return self._timing.refusal_pause
        self._log.warning("slack.disconnected", error=type(why).__name__)
        if not self._connections:
            self.problem = f"Slack cannot be reached ({trouble(why)})"
        return why.after if isinstance(why, Unavailable) else 0.0

    async def _greet(self, socket: WebSocketConnection) -> tuple[_Connection, str | bytes]:
        """The connection after its first frame, which is a hello unless Slack has something to say at once."""
        with trio.fail_after(self._timing.answer_within):
            first = await socket.get_message()
        hello = _frame(first)
        connection = _Connection(socket, trio.current_time())
        if hello.get("type") == "disconnect":
            if hello.get("reason") == "link_disabled":
                raise SlackRefused("the socket", "link_disabled")
            raise Unavailable("Slack recycled the connection before its hello", 0.0)
        count = hello.get("num_connections")
        if isinstance(count, int) and count > len(self._connections) + 1:
            self._log.warning(
                "slack.shared_token", connections=count,
                fix="another program uses this app's token and gets some of the commands; give each its own app",
            )  # fmt: skip
        self._log.info("slack.connected", connections=count)
        return connection, first

    async def _read_and_ping(self, connection: _Connection, first: str | bytes, handlers: trio.Nursery) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_pinging, connection, nursery.cancel_scope)
            nursery.start_soon(self._retire, connection, nursery.cancel_scope)
            self._take(connection, first, handlers)
            with suppress(ConnectionClosed):
                while True:
                    self._take(connection, await connection.socket.get_message(), handlers)
            connection.needs_successor.set()
            nursery.cancel_scope.cancel()

    async def _keep_pinging(self, connection: _Connection, scope: trio.CancelScope) -> None:
        """End the connection when a pong is late: the other side is gone and TCP does not know it."""
        try:
            while True:
                await trio.sleep(self._timing.ping_every)
                with trio.fail_after(self._timing.answer_within):
                    await connection.socket.ping()
                self.last_frame_at = trio.current_time()
        except trio.TooSlowError:
            self._log.warning("slack.silent", seconds=self._timing.answer_within)
        except (ConnectionClosed, OSError):
            pass
        connection.needs_successor.set()
        scope.cancel()

    async def _retire(self, connection: _Connection, scope: trio.CancelScope) -> None:
        """Close a connection some time after its end was announced, so that none is kept beside its successors."""
        await connection.needs_successor.wait()
        await trio.sleep(self._timing.retires_after)
        scope.cancel()

    def _take(self, connection: _Connection, text: str | bytes, handlers: trio.Nursery) -> None:
        """One frame."""
        self.last_frame_at = trio.current_time()
        frame = _frame(text)
        if frame.get("type") == "disconnect":
            connection.is_disabled = frame.get("reason") == "link_disabled"
            if connection.is_disabled:
                self._log.error("slack.refused", error="link_disabled", fix=_FIXES["link_disabled"])
            connection.needs_successor.set()
        elif isinstance(frame.get("envelope_id"), str):
            handlers.start_soon(self._handle, connection, frame)

    async def _handle(self, connection: _Connection, envelope: Mapping[str, Any]) -> None:
        """Answer one envelope and acknowledge it. It is acknowledged whatever happens."""
        id_, ack, sent = envelope["envelope_id"], None, trio.Event()
        if id_ in self._acks:  # it came again: while the first is being handled, that one's acknowledgement counts
            ack = self._acks[id_]
            if ack is not None and ack.get("pending"):
                return
        elif not self._is_repeated(envelope):
            self._acks[id_] = {"pending": True}
            try:
                ack = await self._answer(envelope, sent)
            except Exception as why:  # noqa: BLE001 - the guard at the edge of each envelope
                self._log.error("slack.envelope", error=type(why).__name__, where=place_of(why))
            self._acks[id_] = ack
            while len(self._acks) > REMEMBERED:
                self._acks.popitem(last=False)
        message = {"envelope_id": id_}
        if ack and envelope.get("accepts_response_payload", True):
            message["payload"] = dict(ack)
        await self._send(connection, json.dumps(message, separators=(",", ":")))
        sent.set()

    def _is_repeated(self, envelope: Mapping[str, Any]) -> bool:
        """Whether an event came before in another envelope: Slack repeats events that were acknowledged late."""
        payload = envelope.get("payload")
        event_id = payload.get("event_id") if isinstance(payload, dict) else None
        if not isinstance(event_id, str):
            return False
        known = event_id in self._events
        self._events[event_id] = None
        while len(self._events) > REMEMBERED:
            self._events.popitem(last=False)
        return known

    async def _send(self, connection: _Connection, text: str) -> None:
        """On the connection of the envelope, or on another one if that has closed meanwhile."""
        for one in (connection, *reversed(self._connections)):
            try:
                with trio.fail_after(self._timing.answer_within):
                    return await one.socket.send_message(text)
            except (ConnectionClosed, OSError, trio.TooSlowError):
                continue
        self._log.warning("slack.ack_lost")


def _frame(text: str | bytes) -> Mapping[str, Any]:
    """The content of a frame; empty if it is none of ours."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
