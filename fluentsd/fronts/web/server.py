"""The sockets: opened before anything is sent, connections kept apart, closed in order.

hypercorn's Trio server speaks the protocol on each connection: HTTP/1.1 and nothing else, for what stands before us
speaks whatever it likes with the world, and a switch to HTTP/2 is one more way for a stranger to keep a connection
open. The connections themselves are kept here: one whose peer breaks the protocol, or finds a fault in the server,
ends alone and is counted, while hypercorn's own worker keeps all of them in one nursery. A peer that sends its headers
too slowly, or does not read its answer, is cut off: writing to it has an end even where the server shields it. Leaving,
no connection is taken any more, idle ones close, and requests in progress get a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import trio
from hypercorn.config import Config
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from hypercorn.utils import parse_socket_addr, wrap_app

from fluentsd.config import HttpSettings
from fluentsd.engine.dispatch.inbound import Inbox
from fluentsd.engine.runtime import Runtime
from fluentsd.fronts.web.middleware import ANSWER_PATIENCE, HEADERS_AT_MOST, Edge
from fluentsd.fronts.web.routes import application
from fluentsd.fronts.web.stats import WebStats
from fluentsd.fronts.web.tokens import Tokens
from fluentsd.validation import Problems

#: Connections open at once; beyond it new ones are closed unheard.
CONNECTIONS_AT_MOST = 1000
#: Seconds a connection may be without a whole request: at its beginning (slow headers), and between two.
IDLE_AT_MOST = 10
#: Seconds a peer may take to read what is sent to it.
READING_AT_MOST = 10.0
#: Seconds without a byte, whatever else: longer than any answer takes.
SILENT_AT_MOST = round(ANSWER_PATIENCE) + 10
#: Seconds that requests in progress get when the daemon leaves.
LEAVING_GRACE = 1.0


async def listen(http: HttpSettings, file: Path) -> list[trio.SocketListener]:
    """The open sockets of `[http] listen`; raises `Problems` when they cannot be opened."""
    try:
        return await trio.open_tcp_listeners(http.port, host=http.host)
    except OSError as why:
        cause = why.__cause__ if isinstance(why.__cause__, OSError) else why
        words = cause.strerror or str(cause)
        fix = "stop the program that listens there (ss -ltnp shows it), or write another place"
        raise Problems(str(file), [f"http.listen: {http.host}:{http.port} cannot be opened ({words}); {fix}"]) from None


def place_of(listeners: Sequence[trio.SocketListener]) -> str:
    """Where it listens, "127.0.0.1:8464"; with port 0, the one that was given."""
    host, port = listeners[0].socket.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def serve(
    http: HttpSettings,
    listeners: Sequence[trio.SocketListener],
    runtime: Runtime,
    inbox: Inbox,
    *,
    task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled, then leave in order; tells where it listens."""
    stats, tokens = WebStats(runtime.clock, runtime.log), Tokens(runtime)
    connections = _Connections(application(runtime, inbox, http, tokens, stats), stats)
    async with trio.open_nursery() as nursery:
        handlers = await nursery.start(connections.keep, tokens)
        try:
            runtime.log.info("web.listening", socket=place_of(listeners), public_url=http.public_url or "")
            task_status.started(place_of(listeners))
            await trio.serve_listeners(connections.attend, list(listeners), handler_nursery=handlers)
        finally:
            connections.leave()


class _Line:
    """One connection as the server sees it: a stream whose writes have an end, and which can be cut."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self.socket = stream.socket
        self.scope = trio.CancelScope()
        self.receive_some, self.send_eof, self.aclose = stream.receive_some, stream.send_eof, stream.aclose

    async def send_all(self, data: bytes) -> None:
        with trio.move_on_after(READING_AT_MOST) as patience:
            await self._stream.send_all(data)
        if patience.cancelled_caught:
            await trio.aclose_forcefully(self._stream)
            raise trio.BrokenResourceError("the peer does not read what is sent to it")

    def cut_after(self, seconds: float) -> None:
        self.scope.deadline = min(self.scope.deadline, trio.current_time() + seconds)


class _Http1(H11Protocol):
    """HTTP/1.1 that stays what it is."""

    async def _check_protocol(self, event: Any) -> None:
        """A wish for another protocol is passed over, as RFC 9110 allows."""


class _Server(TCPServer):
    """One connection of hypercorn's, without the choice between protocols."""

    async def run(self) -> None:
        sock = self.stream.socket
        peer = parse_socket_addr(sock.family, sock.getpeername())
        mine = parse_socket_addr(sock.family, sock.getsockname())
        try:
            async with TaskGroup() as group:
                self._task_group = group
                about = (self.app, self.config, self.context, group, ConnectionState(self.state))
                self.protocol = cast(Any, _Http1(*about, False, peer, mine, self.protocol_send))
                await self.idle_task.restart(group, self._idle_timeout)
                await self._read_data()
                await self.idle_task.stop()  # a peer that has gone needs no place kept for it
        finally:
            await self._close()


class _Connections:
    """Keeps connections apart from each other, and from the daemon's end until they have had their grace."""

    def __init__(self, app: Edge, stats: WebStats) -> None:
        self._app = wrap_app(cast(Any, app), 0, "asgi")
        self._stats = stats
        self._config = _config()
        self._context = WorkerContext(None)
        self._left = trio.Event()
        self._open: set[trio.SocketStream] = set()

    def leave(self) -> None:
        self._left.set()

    async def keep(
        self, tokens: Tokens, *, task_status: trio.TaskStatus[trio.Nursery] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Hold the nursery of the connections until all have ended, at most their grace after `leave`."""
        with trio.CancelScope(shield=True):
            async with trio.open_nursery() as support:
                await support.start(tokens.run)
                async with trio.open_nursery() as nursery:
                    task_status.started(nursery)
                    await self._left.wait()
                    await self._context.terminated.set()
                    nursery.cancel_scope.deadline = trio.current_time() + LEAVING_GRACE
                    support.start_soon(self._cut_all)
                support.cancel_scope.cancel()

    async def _cut_all(self) -> None:
        """After the grace even what the server shields ends: a closed socket takes nothing more."""
        await trio.sleep(LEAVING_GRACE)
        for stream in self._open:
            stream.socket.close()

    async def attend(self, stream: trio.SocketStream) -> None:
        """One connection, from its first byte to its last; whatever ends it ends it alone."""
        stats = self._stats
        if len(self._open) >= CONNECTIONS_AT_MOST:
            await trio.aclose_forcefully(stream)
            return
        self._open.add(stream)
        stats.connections = len(self._open)
        line = _Line(stream)
        try:
            with line.scope:
                await _Server(self._app, self._config, self._context, {"line": line}, cast(Any, line))
        except OSError:
            pass  # the peer went away
        except Exception as why:  # noqa: BLE001 - the guard at the edge of each connection
            stats.fault("web.connection", why)
        finally:
            self._open.discard(stream)
            stats.connections = len(self._open)
            await trio.aclose_forcefully(stream)


def _config() -> Config:
    config = Config()
    config.accesslog = config.errorlog = None  # the house's log says what is to be said, without addresses and tokens
    config.include_server_header = False
    config.h11_max_incomplete_size = HEADERS_AT_MOST
    config.read_timeout = SILENT_AT_MOST
    config.keep_alive_timeout = IDLE_AT_MOST
    return config
