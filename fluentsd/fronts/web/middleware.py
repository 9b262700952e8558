"""The edge of each request: bounds before it, an answer after it, and its faults kept to itself.

Whatever an endpoint does, the client gets one whole answer and the next request is not harmed: a plugin that breaks is
a 500 and a line in the log, a database that does not answer is a 503 that says when to come again, a body that is too
large or too slow is refused unread. What is left of a body after an answer is read away for a moment, because closing
a socket with unread bytes can destroy the answer on its way; then the connection is cut.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any

import trio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from fluentsd.fronts.web.stats import Result, WebStats
from fluentsd.unavailable import StoreUnavailable

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

#: Bytes of a body; providers' reports have a few thousand.
BODY_AT_MOST = 1 << 20
#: Bytes of a request's line and headers, when they came in one piece; in pieces, the server itself counts them.
HEADERS_AT_MOST = 16 * 1024
#: Seconds until the whole body has to be there.
BODY_PATIENCE = 10.0
#: Seconds until a request has to be answered; providers give up after ten or fifteen themselves.
ANSWER_PATIENCE = 20.0
#: Requests being answered at once; more are asked to come again.
IN_PROGRESS_AT_MOST = 256
#: Seconds that the rest of a refused body is read away, and messages of it.
RINSE_PATIENCE, RINSE_AT_MOST = 0.5, 256
#: Seconds after an answer to an unread body until its connection is cut.
CUT_AFTER = 1.0


class Refused(Exception):
    """The request is answered with `status` and nothing of it is taken; `result` is what is counted."""

    def __init__(self, status: int, why: str, result: Result) -> None:
        super().__init__(why)
        self.status, self.result = status, result


def answer(status: int, why: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"error": why}, status, headers)


async def body_of(request: Request) -> bytes:
    """The whole body; `Refused` with 413 or 408 once it is clear that it is too much or too slow."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > BODY_AT_MOST:
        raise _too_large()
    parts, length = [], 0
    try:
        with trio.fail_after(BODY_PATIENCE):
            more = True
            while more:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                parts.append(message.get("body", b""))
                length, more = length + len(parts[-1]), message.get("more_body", False)
                if length > BODY_AT_MOST:
                    raise _too_large()
    except trio.TooSlowError:
        raise Refused(408, f"the body did not arrive within {BODY_PATIENCE:g} s", Result.too_slow) from None
    return b"".join(parts)


def _too_large() -> Refused:
    return Refused(413, f"a body may have {BODY_AT_MOST} bytes at most", Result.too_large)


def client_of(request: Request, trusted: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> str:
    """Who asks: the other end of the connection, or whom a chain of trusted proxies names. For logs only, never for a
    decision: a name that a stranger wrote is believed from nobody."""
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


class Edge:
    """Wraps an application; made once, called for each request."""

    def __init__(self, app: App, stats: WebStats) -> None:
        self._app, self._stats = app, stats

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})
            return
        exchange = _Exchange(scope, receive, send, self._stats)
        stats = self._stats
        if _size(scope) > HEADERS_AT_MOST:
            await exchange.say(answer(431, f"the headers may have {HEADERS_AT_MOST} bytes at most"))
            return
        if stats.in_progress >= IN_PROGRESS_AT_MOST:
            await exchange.say(_busy("too many requests at once"))
            return
        stats.in_progress += 1
        try:
            await self._attend(scope, exchange)
        finally:
            stats.in_progress -= 1

    async def _attend(self, scope: Scope, exchange: _Exchange) -> None:
        try:
            with trio.fail_after(ANSWER_PATIENCE):
                await self._app(scope, exchange.receive, exchange.send)
        except Refused as why:
            await exchange.say(answer(why.status, str(why)))
        except (StoreUnavailable, trio.TooSlowError):
            await exchange.say(_busy("the database cannot take it now"))
        except ClientDisconnect:
            pass
        except Exception as why:  # noqa: BLE001 - the guard at the edge of each request
            self._stats.fault("web.fault", why, method=scope["method"], route=_route(scope))
            await exchange.say(answer(500, "a fault in fluentsd; its log says where"))


def _size(scope: Scope) -> int:
    headers = sum(len(name) + len(value) for name, value in scope["headers"])
    return headers + len(scope["raw_path"]) + len(scope["query_string"])


def _busy(why: str) -> Response:
    return answer(503, why, {"retry-after": "5"})


def _route(scope: Scope) -> str:
    """The first word of the path if it is one of ours: the rest may be a token."""
    first = str(scope["path"]).split("/")[1:2]
    return f"/{first[0]}" if first and first[0] in ("hooks", "u", "healthz", "metrics") else "other"


class _Exchange:
    """One request and its one answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, stats: WebStats) -> None:
        self._scope, self._receive, self._send, self._stats = scope, receive, send, stats
        headers = dict(scope["headers"])
        self._unread = b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"
        self._began = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self._unread = False
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._began = True
            self._stats.answers[message["status"]] += 1
            message["headers"] = [*message.get("headers", []), *self._plain_headers()]
            await self._send(message)
        elif message["type"] == "http.response.body" and self._unread and not message.get("more_body", False):
            await self._send({**message, "more_body": True})
            await self._rinse()
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await self._send(message)

    def _plain_headers(self) -> list[tuple[bytes, bytes]]:
        """What every answer says: it is what it says it is, nobody keeps it, and nobody learns its address from it."""
        said = [
            (b"x-content-type-options", b"nosniff"),
            (b"cache-control", b"no-store"),
            (b"referrer-policy", b"no-referrer"),
        ]
        return [*said, (b"connection", b"close")] if self._unread else said

    async def say(self, response: Response) -> None:
        """Answer, unless an answer has begun: then what is left of it is cut off with its connection."""
        if not self._began:
            await response(self._scope, self.receive, self.send)

    async def _rinse(self) -> None:
        """Read away what comes, for a moment, and see to it that the connection ends if it goes on."""
        with trio.move_on_after(RINSE_PATIENCE):
            for _ in range(RINSE_AT_MOST):
                if not self._unread:
                    return
                await self.receive()
        line = self._scope.get("state", {}).get("line")
        if line is not None:
            line.cut_after(CUT_AFTER)
