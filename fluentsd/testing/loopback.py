"""A small HTTP server on loopback, from which the doubles of providers are made.

A double is a subclass with `answer(request)`. Real sockets, one thread for each connection, one request at a time in
`answer`. A test plays faults with `fail`: an answer in the double's place, or a connection that is dropped before or
after the double has done what was asked.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to a double. Header names are in lower case; `query` has the values of each key."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes = b""

    def one(self, key: str, default: str = "") -> str:
        """The first value of a query key."""
        return self.query.get(key, [default])[0]

    @property
    def json(self) -> Any:
        """The body as JSON; raises ValueError."""
        return json.loads(self.body or b"null")


@dataclass(frozen=True, slots=True)
class Answer:
    """One response; `body` is bytes, or a value that is sent as JSON (None: no body)."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Failure:
    """A fault that is played on the next requests whose "METHOD path" matches. Without an answer the connection is
    dropped; `after` means that the double has done what was asked by then."""

    matches: re.Pattern[str]
    answer: Answer | None
    times: int
    after: bool
    skip: int


class LoopbackServer:
    """A double of a provider: `with` starts and ends it; `url` is its address, `asked` has all requests so far."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.lock = threading.RLock()
        self._failures: list[Failure] = []
        self._server: ThreadingHTTPServer | None = None

    def answer(self, request: Asked) -> Answer:
        """The double's response to a request."""
        raise NotImplementedError

    def fail(
        self, matches: str = "", answer: Answer | None = None, *, times: int = 1, after: bool = False, skip: int = 0
    ) -> None:
        """Play a fault on the next `times` requests that match, after letting `skip` of them pass."""
        with self.lock:
            self._failures.append(Failure(re.compile(matches), answer, times, after, skip))

    def mend(self) -> None:
        """End all faults."""
        with self.lock:
            self._failures.clear()

    def count(self, matches: str = "") -> int:
        """How many requests so far match."""
        with self.lock:
            return sum(bool(re.search(matches, f"{one.method} {one.path}")) for one in self.asked)

    @property
    def url(self) -> str:
        """The origin, `http://127.0.0.1:port`; "" before the start."""
        return f"http://127.0.0.1:{self._server.server_address[1]}" if self._server else ""

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"double": self}))
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, why: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def respond(self, request: Asked) -> Answer | None:
        """The response with the faults of the test; None drops the connection."""
        with self.lock:
            self.asked.append(request)
            fault = self._due(f"{request.method} {request.path}")
            if fault is not None and not fault.after:
                return fault.answer
            answer = self.answer(request)
            return answer if fault is None else fault.answer

    def _due(self, line: str) -> Failure | None:
        for fault in self._failures:
            if fault.matches.search(line):
                if fault.skip:
                    fault.skip -= 1
                    return None
                fault.times -= 1
                if fault.times <= 0:
                    self._failures.remove(fault)
                return fault
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    double: LoopbackServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # a response leaves in one piece: two would wait for each other
    timeout = 60

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, parts.path, parse_qs(parts.query, keep_blank_values=True), headers, body)
        try:
            answer = self.double.respond(asked)
        except Exception as why:  # noqa: BLE001 - a mistake of the double is shown to the test as a response
            answer = Answer(599, {"mistake of the double": repr(why)})
        if answer is None:
            self.close_connection = True
            return
        raw = b"" if answer.body is None else answer.body
        raw = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
        self.send_response_only(answer.status)  # no Date of its own: that is the double's
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(raw))}.items():
            if name not in answer.headers:
                self.send_header(name, value)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if int(answer.headers.get("Content-Length", len(raw))) != len(raw):
            self.close_connection = True  # cut off
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else raw)
        self.wfile.flush()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def handle(self) -> None:
        with suppress(OSError):  # the other side hung up
            super().handle()
