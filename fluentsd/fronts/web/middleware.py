"""Middleware for each request: size and time limits, one whole response, and isolation of errors.

Whatever a handler does, the client gets one whole response and the next request is not affected. A failing plugin gives
a 500 and a log line; a database that does not answer gives a 503 with `Retry-After`; a body that is too large or too
slow is refused unread. After the response the rest of an unread body is discarded for a moment, because closing a
socket with unread bytes can destroy a response in transit; then the connection is closed.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any

import trio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from fluentsd.fronts.web import admission
from fluentsd.fronts.web.admission import Bodies, Body, Origins, origin_of
from fluentsd.fronts.web.stats import Result, WebStats
from fluentsd.unavailable import StoreUnavailable

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

#: Most bytes in a body; a provider's report has a few thousand.
BODY_AT_MOST = 1 << 20
#: Most bytes in the request line and headers together; hypercorn checks them too when they arrive in pieces.
HEADERS_AT_MOST = 16 * 1024
#: Seconds until the whole body must have arrived.
BODY_PATIENCE = 10.0
#: Seconds until a request must be answered; providers give up after ten or fifteen.
ANSWER_PATIENCE = 20.0
#: Limits for discarding the rest of a refused body: seconds, and messages.
DISCARD_PATIENCE, DISCARD_AT_MOST = 0.5, 256
#: Seconds from the response to an unread body until its connection is closed.
CLOSE_AFTER = 1.0


class Refused(Exception):
    """The request is answered with `status` and changes nothing; `result` is its label in the metrics."""

    def __init__(self, status: int, why: str, result: Result) -> None:
        super().__init__(why)
        self.status, self.result = status, result


def answer(status: int, why: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"error": why}, status, headers)


async def body_of(request: Request, client: str) -> bytes:
    """The whole body; `Refused` with 413 if it is too large, with 408 if it is too slow, and with 503 if it has to give
    way to others. The request's slot is free until the body is complete."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > BODY_AT_MOST:
        raise _too_large()
    admitted: Admitted = request.scope["admitted"]
    admitted.leave()
    try:
        with trio.fail_after(BODY_PATIENCE), admitted.bodies.reading(client) as body:
            parts = await _parts_of(request, body, admitted.bodies)
    except trio.TooSlowError:
        raise Refused(408, f"the body did not arrive within {BODY_PATIENCE:g} s", Result.too_slow) from None
    if body.scope.cancelled_caught:
        raise Refused(503, "too many unfinished bodies", Result.crowded_out)
    if not admitted.enter():
        raise Refused(503, "too many requests at once", Result.crowded_out)
    return b"".join(parts)


async def _parts_of(request: Request, body: Body, bodies: Bodies) -> list[bytes]:
    parts: list[bytes] = []
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
        bodies.add(body, len(parts[-1]))
        if body.length > BODY_AT_MOST:
            raise _too_large()
    return parts


def _too_large() -> Refused:
    return Refused(413, f"a body may have at most {BODY_AT_MOST} bytes", Result.too_large)


def client_of(request: Request, trusted: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> str:
    """The client's address: the peer of the connection, or the one that a chain of trusted proxies gives. For logs and
    for the bounds by address, never for a right: the header of an untrusted peer is ignored."""
    hops = [hop.strip() for hop in ",".join(request.headers.getlist("x-forwarded-for")).split(",") if hop.strip()]
    client = request.client.host if request.client else ""
    while hops and _is_among(client, trusted):
        try:
            client = str(ipaddress.ip_address(hops.pop()))
        except ValueError:
            break
    return client


def _is_among(client: str, trusted: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return False
    return any(address in network for network in trusted)


class Admitted:
    """The slot of one request: taken while the request is answered, free while its body is read."""

    def __init__(self, stats: WebStats, bodies: Bodies, origins: Origins, connection: Any) -> None:
        self._stats, self.bodies, self._origins, self._connection = stats, bodies, origins, connection
        self._has_slot = False

    def enter(self) -> bool:
        """Take a slot; False when there is none."""
        if self._stats.in_progress >= admission.IN_PROGRESS_AT_MOST:
            return False
        self._set(True)
        return True

    def leave(self) -> None:
        """Give the slot back, if the request has one."""
        if self._has_slot:
            self._set(False)

    def prove(self, client: str) -> None:
        """The request is authentic, so its client and its connection give way to others last."""
        self._origins.prove(origin_of(client))
        if self._connection is not None:
            self._origins.prove(self._connection.origin)

    def _set(self, has_slot: bool) -> None:
        self._has_slot = has_slot
        self._stats.in_progress += 1 if has_slot else -1
        if self._connection is not None:
            self._connection.is_busy = has_slot


class RequestGuard:
    """Wraps an application with limits and error handling; made once, called for each request."""

    def __init__(self, app: App, stats: WebStats) -> None:
        self._app, self._stats = app, stats
        self.origins = Origins()
        self._bodies = Bodies(self.origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = _Exchange(scope, receive, send, self._stats)
        if _size(scope) > HEADERS_AT_MOST:
            await exchange.respond(answer(431, f"the headers may have at most {HEADERS_AT_MOST} bytes"))
            return
        admitted = scope["admitted"] = Admitted(
            self._stats, self._bodies, self.origins, scope.get("state", {}).get("connection")
        )
        if not admitted.enter():
            await exchange.respond(_busy("too many requests at once"))
            return
        try:
            await self._handle(scope, exchange)
        finally:
            admitted.leave()

    async def _handle(self, scope: Scope, exchange: _Exchange) -> None:
        try:
            with trio.fail_after(ANSWER_PATIENCE):
                await self._app(scope, exchange.receive, exchange.send)
        except Refused as why:
            await exchange.respond(_busy(str(why)) if why.status == 503 else answer(why.status, str(why)))
        except (StoreUnavailable, trio.TooSlowError):
            await exchange.respond(_busy("the database does not answer now"))
        except ClientDisconnect:
            pass
        except Exception as why:  # noqa: BLE001 - the guard at the edge of each request
            self._stats.fault("web.fault", why, method=scope["method"], route=_route(scope))
            await exchange.respond(answer(500, "a bug in fluentsd; its log has the place"))


def _size(scope: Scope) -> int:
    headers = sum(len(name) + len(value) for name, value in scope["headers"])
    return headers + len(scope["raw_path"]) + len(scope["query_string"])


def _busy(why: str) -> Response:
    return answer(503, why, {"retry-after": "5"})


def _route(scope: Scope) -> str:
    """The first segment of a known path; the rest may be a token, so it is never logged."""
    first = str(scope["path"]).split("/")[1:2]
    return f"/{first[0]}" if first and first[0] in ("hooks", "u", "r", "healthz", "metrics") else "other"


class _Exchange:
    """One request and its one response."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, stats: WebStats) -> None:
        self._scope, self._receive, self._send, self._stats = scope, receive, send, stats
        headers = dict(scope["headers"])
        self._unread = b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"
        self._started = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self._unread = False
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._started = True
            self._stats.answers[message["status"]] += 1
            message["headers"] = [*message.get("headers", []), *self._security_headers()]
            await self._send(message)
        elif message["type"] == "http.response.body" and self._unread and not message.get("more_body", False):
            await self._send({**message, "more_body": True})
            await self._discard_body()
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await self._send(message)

    def _security_headers(self) -> list[tuple[bytes, bytes]]:
        """Headers of every response: no content sniffing, no caching, no referrer."""
        headers = [
            (b"x-content-type-options", b"nosniff"),
            (b"cache-control", b"no-store"),
            (b"referrer-policy", b"no-referrer"),
        ]
        return [*headers, (b"connection", b"close")] if self._unread else headers

    async def respond(self, response: Response) -> None:
        """Send a response, unless one has started: the rest of that one is lost when its connection closes."""
        if not self._started:
            await response(self._scope, self.receive, self.send)

    async def _discard_body(self) -> None:
        """Discard the rest of the body for a moment, then have the connection closed if more arrives. The request is
        answered, so it has no slot any more."""
        if "admitted" in self._scope:
            self._scope["admitted"].leave()
        with trio.move_on_after(DISCARD_PATIENCE):
            for _ in range(DISCARD_AT_MOST):
                if not self._unread:
                    return
                await self.receive()
        connection = self._scope.get("state", {}).get("connection")
        if connection is not None:
            connection.close_after(CLOSE_AFTER)
