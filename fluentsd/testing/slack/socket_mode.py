"""Socket Mode of the fake workspace: envelopes on WebSockets, and acknowledgements, which must come in time."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest
from wsproto.events import Ping
from wsproto.utilities import LocalProtocolError

from fluentsd.testing.slack.state import Ack, State

#: Seconds for an acknowledgement.
ACK_WITHIN = 3.0


class LateAck(AssertionError):
    """The app did not acknowledge an envelope within three seconds."""


def hello(connections: int) -> Any:
    """The first frame of a connection."""
    return {"type": "hello", "num_connections": connections, "connection_info": {"app_id": "A1"}, "debug_info": {}}


class SocketMode(State):
    """Sends envelopes on the newest connection of the app."""

    async def send(self, kind: str, payload: Any, *, accepts: bool = True, envelope_id: str = "") -> Ack:
        """Send an envelope on the newest connection; `LateAck` without an acknowledgement in time."""
        id_ = envelope_id or f"e-{next(self._numbers)}"
        had = len(self.acks[id_])
        envelope = {"envelope_id": id_, "type": kind, "payload": payload, "accepts_response_payload": accepts}
        with trio.fail_after(10):
            while not self.sockets:
                await self._changed.wait()
        await self.sockets[-1].send_message(json.dumps(envelope))
        with trio.move_on_after(ACK_WITHIN):
            while len(self.acks[id_]) == had:
                await self._changed.wait()
            return self.acks[id_][-1]
        raise LateAck(f"{kind} {json.dumps(payload)[:200]}")

    async def disconnect(self, reason: str) -> None:
        """Announce the end of the newest connection, as Slack does."""
        await self.sockets[-1].send_message(json.dumps({"type": "disconnect", "reason": reason, "debug_info": {}}))

    async def wait_opened(self, number: int) -> None:
        with trio.fail_after(15):
            while self.opened < number:
                await self._changed.wait()

    async def _serve_socket(self, request: WebSocketRequest) -> None:
        if self.is_away:
            await request.reject(503)
            return
        socket = await request.accept()
        self.sockets.append(socket)
        try:
            await socket.send_message(json.dumps(hello(len(self.sockets))))
            self.opened += 1
            self.changed()
            while True:
                message = json.loads(await socket.get_message())
                self.acks[message["envelope_id"]].append(Ack(trio.current_time(), message.get("payload")))
                self.changed()
        except ConnectionClosed:
            pass
        finally:
            if socket in self.sockets:
                self.sockets.remove(socket)


async def _answer_ping(self: WebSocketConnection, event: Ping) -> None:
    """Answer a ping, unless this side is closing already: trio-websocket would end the whole server."""
    with suppress(LocalProtocolError):
        await _ANSWER_PING(self, event)


_ANSWER_PING = WebSocketConnection._handle_ping_event
WebSocketConnection._handle_ping_event = _answer_ping  # type: ignore[method-assign]
