"""The web server: opens sockets before anything is sent, isolates connections, and closes them in order.

hypercorn's Trio server speaks the protocol on each connection: HTTP/1.1 only, because a reverse proxy can offer other
versions, and HTTP/2 gives a stranger one more way to keep a connection open. The connections are managed here, because
hypercorn's own worker keeps all of them in one nursery. A connection whose peer breaks the protocol, or meets a bug in
the server, ends alone and is counted. A peer that sends its headers too slowly or does not read its response is
disconnected: a write to it times out even where the server shields it. At shutdown no connection is accepted, idle ones
close, and requests in progress get a second. A call leaves HTTP for `relay`, and with it all these limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import h11
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
from fluentsd.fronts.web.admission import origin_of
from fluentsd.fronts.web.middleware import ANSWER_PATIENCE, HEADERS_AT_MOST, RequestGuard
from fluentsd.fronts.web.relay import Relay, Upgrade, is_wanted, watch_peer
from fluentsd.fronts.web.routes import application
from fluentsd.fronts.web.stats import WebStats
from fluentsd.fronts.web.tokens import Tokens
from fluentsd.validation import AddressInUse

#: Most open connections; for a further one an idle one is closed.
CONNECTIONS_AT_MOST = 1000
#: Seconds a connection may be without a whole request: at its start (slow headers), and between two requests.
IDLE_AT_MOST = 10
#: Seconds until a write to a peer that does not read times out.
READING_AT_MOST = 10.0
#: Seconds without a byte until a connection ends in any case; longer than any response takes.
SILENT_AT_MOST = round(ANSWER_PATIENCE) + 10
#: Seconds for requests in progress at shutdown.
LEAVING_GRACE = 1.0


async def listen(http: HttpSettings, file: Path) -> list[trio.SocketListener]:
    """Open the sockets of `[http] listen`; raises `AddressInUse` if they cannot be opened."""
    try:
        return await trio.open_tcp_listeners(http.port, host=http.host)
    except OSError as why:
        cause = why.__cause__ if isinstance(why.__cause__, OSError) else why
        reason = cause.strerror or str(cause)
        fix = "stop the program that listens there (ss -ltnp shows it), or set another address"
        raise AddressInUse(
            str(file), [f"http.listen: {http.host}:{http.port} cannot be opened ({reason}); {fix}"]
        ) from None


def address_of(listeners: Sequence[trio.SocketListener]) -> str:
    """The address of the sockets, such as "127.0.0.1:8464"; with port 0, the port that the kernel chose."""
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
    """Serve until cancelled, then close in order; reports its address as the start value."""
    stats, tokens = WebStats(runtime.clock, runtime.log), Tokens(runtime)
    app = application(runtime, inbox, http, tokens, stats)
    connections = _Connections(app, Relay(runtime, stats), stats)
    async with trio.open_nursery() as nursery:
        handlers = await nursery.start(connections.hold_nursery, tokens)
        try:
            runtime.log.info("web.listening", socket=address_of(listeners), public_url=http.public_url or "")
            task_status.started(address_of(listeners))
            await trio.serve_listeners(connections.serve, list(listeners), handler_nursery=handlers)
        finally:
            connections.close()
            runtime.calls.end_all()


class _Connection:
    """The stream of one connection: writes time out, and the connection can be closed at a deadline. Raises `OSError`
    if the peer is gone already."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.socket = stream.socket
        self.scope = trio.CancelScope()
        self.aclose = stream.aclose
        self._turn = trio.Lock()
        self.origin = origin_of(str(stream.socket.getpeername()[0]))
        self.heard_at = trio.current_time()
        self.is_busy = False  #: a whole request is being answered

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        data = await self.stream.receive_some(max_bytes)
        self.heard_at = trio.current_time()
        return bytes(data)

    async def send_all(self, data: bytes) -> None:
        try:
            self._turn.acquire_nowait()  # nearly always: `acquire` would let other tasks run first
        except trio.WouldBlock:
            await self._turn.acquire()
        try:
            with trio.move_on_after(READING_AT_MOST) as patience:
                await self.stream.send_all(data)
        finally:
            self._turn.release()
        if patience.cancelled_caught:
            await trio.aclose_forcefully(self.stream)
            raise trio.BrokenResourceError("the peer does not read its response")

    async def send_eof(self) -> None:
        """Announce the end in its turn: hypercorn does it without its lock, and a write that meets it would raise."""
        async with self._turn:
            await self.stream.send_eof()

    def close_after(self, seconds: float) -> None:
        self.scope.deadline = min(self.scope.deadline, trio.current_time() + seconds)


class _Http1(H11Protocol):
    """HTTP/1.1, and the one switch to another protocol: the WebSocket of a call, which `relay` serves."""

    async def _check_protocol(self, event: Any) -> None:
        """Leave HTTP for a call; ignore any other request to upgrade, as RFC 9110 allows."""
        if is_wanted(event.target, event.method, event.headers):
            early, _ = self.connection.trailing_data
            raise Upgrade(event.target, list(event.headers), bytes(early))

    async def _create_stream(self, request: Any) -> None:
        headers = [header for header in request.headers if header[0] != b"upgrade"]
        if len(headers) < len(request.headers):
            about = {"method": request.method, "target": request.target, "http_version": request.http_version}
            request = h11.Request(headers=headers, **about)
        await super()._create_stream(request)


class _Server(TCPServer):
    """One hypercorn connection, with HTTP/1.1 as its only protocol."""

    async def run_http(self) -> Upgrade | None:
        """Serve requests until the connection ends, or until one opens the WebSocket of a call; that one is returned,
        unanswered, and the connection stays open."""
        upgrade: Upgrade | None = None
        sock = self.stream.socket
        peer = parse_socket_addr(sock.family, sock.getpeername())
        mine = parse_socket_addr(sock.family, sock.getsockname())
        try:
            async with TaskGroup() as group:
                self._task_group = group
                about = (self.app, self.config, self.context, group, ConnectionState(self.state))
                self.protocol = cast(Any, _Http1(*about, False, peer, mine, self.protocol_send))
                await self.idle_task.restart(group, self._idle_timeout)
                try:
                    await self._read_data()
                except Upgrade as why:
                    upgrade = why
                await self.idle_task.stop()  # the peer is gone, or it is a call: the idle timer has no use
        finally:
            if upgrade is None:
                await self._close()
        return upgrade


class _Connections:
    """Isolates connections from each other, and gives them their grace at shutdown."""

    def __init__(self, app: RequestGuard, relay: Relay, stats: WebStats) -> None:
        self._relay = relay
        self._app = wrap_app(cast(Any, app), 0, "asgi")
        self._stats, self._origins = stats, app.origins
        self._config = _config()
        self._context = WorkerContext(None)
        self._closing = trio.Event()
        self._open: set[_Connection] = set()
        self._calls: set[_Connection] = set()  #: connections that are calls now

    def close(self) -> None:
        self._closing.set()

    async def hold_nursery(
        self, tokens: Tokens, *, task_status: trio.TaskStatus[trio.Nursery] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Keep the nursery of the connections open until all have ended, at most their grace after `close`."""
        with trio.CancelScope(shield=True):
            async with trio.open_nursery() as support:
                await support.start(tokens.run)
                async with trio.open_nursery() as nursery:
                    task_status.started(nursery)
                    await self._closing.wait()
                    await self._context.terminated.set()
                    nursery.cancel_scope.deadline = trio.current_time() + LEAVING_GRACE
                    support.start_soon(self._close_all)
                support.cancel_scope.cancel()

    async def _close_all(self) -> None:
        """Close the sockets after the grace; this ends even writes that the server shields."""
        await trio.sleep(LEAVING_GRACE)
        for connection in (*self._open, *self._calls):
            connection.socket.close()

    async def serve(self, stream: trio.SocketStream) -> None:
        """Serve one connection from its first byte to its last; an error in it affects no other."""
        stats = self._stats
        try:
            connection = _Connection(stream)
        except OSError:  # the peer is gone already
            await trio.aclose_forcefully(stream)
            return
        try:
            if not self._has_place():
                return
            self._open.add(connection)
            stats.connections = len(self._open)
            with connection.scope:
                await self._converse(connection)
        except OSError:
            pass  # the peer went away
        except Exception as why:  # noqa: BLE001 - the guard at the edge of each connection
            stats.fault("web.connection", why)
        finally:
            self._open.discard(connection)
            self._calls.discard(connection)
            stats.connections = len(self._open)
            await trio.aclose_forcefully(stream)

    def _has_place(self) -> bool:
        """Whether a newcomer may be served. When all places are taken, the client with most connections loses its
        idlest one; none that is being answered."""
        if len(self._open) < CONNECTIONS_AT_MOST:
            return True
        idle = (one for one in self._open if not one.is_busy)
        victim = self._origins.gives_way(idle, lambda one: 1, lambda one: one.heard_at)
        if victim is None:
            return False
        self._open.discard(victim)
        victim.scope.cancel()
        return True

    async def _converse(self, connection: _Connection) -> None:
        """HTTP, and if a request asks for it, a call. Then the connection takes no place among those of HTTP."""
        state = {"connection": connection}
        upgrade = await _Server(self._app, self._config, self._context, state, cast(Any, connection)).run_http()
        if upgrade is not None:
            self._open.discard(connection)
            self._calls.add(connection)
            self._stats.connections = len(self._open)
            watch_peer(connection.socket)
            await self._relay.serve(connection, upgrade)


def _config() -> Config:
    config = Config()
    config.accesslog = config.errorlog = None  # fluentsd logs on its own, without addresses and tokens
    config.include_server_header = False
    config.h11_max_incomplete_size = HEADERS_AT_MOST
    config.read_timeout = SILENT_AT_MOST
    config.keep_alive_timeout = IDLE_AT_MOST
    return config
