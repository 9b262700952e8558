"""How the fake Twilio speaks HTTP: its error documents, its two ways of paging, and answers that are none."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class Refused(Exception):
    """Twilio's error document."""

    def __init__(self, status: int, code: int, message: str, retry_after: int | None = None) -> None:
        self.status, self.code, self.message, self.retry_after = status, code, message, retry_after


class Raw(Exception):
    """An answer that is not Twilio's; None drops the connection."""

    def __init__(self, status: int, body: bytes | None) -> None:
        self.status, self.body = status, body


def page(path: str, name: str, items: list[Any], given: dict[str, str], most: int) -> dict[str, Any]:
    """One page of a list as the 2010 API gives it, with the address of the next, which has a token in it."""
    part, number, size, following = _cut(items, given, most)
    start = number * size
    return {name: part, "page": number, "page_size": size, "start": start, "end": max(start + len(part) - 1, 0),
            "uri": path, "first_page_uri": f"{path}?PageSize={size}&Page=0", "previous_page_uri": None,
            "next_page_uri": f"{path}?{following}" if following else None}  # fmt: skip


def meta_page(path: str, name: str, items: list[Any], given: dict[str, str], most: int) -> dict[str, Any]:
    """The same as Twilio's newer APIs give it: addresses are whole, and name the host of the API."""
    part, number, size, following = _cut(items, given, most)
    url = f"https://messaging.twilio.com{path}"
    return {name: part, "meta": {
        "key": name, "page": number, "page_size": size, "url": url, "first_page_url": f"{url}?PageSize={size}&Page=0",
        "previous_page_url": None, "next_page_url": f"{url}?{following}" if following else None,
    }}  # fmt: skip


def _cut(items: list[Any], given: dict[str, str], most: int) -> tuple[list[Any], int, int, str]:
    """A page's items, its number, its size and the query of the next; a page beyond the first needs its token."""
    size, number = min(int(given.get("PageSize", 50)), most), int(given.get("Page", 0))
    if number and given.get("PageToken") != f"PA{number}":
        raise Refused(400, 20006, "Invalid page token")
    start, end = number * size, (number + 1) * size
    following = f"PageSize={size}&Page={number + 1}&PageToken=PA{number + 1}" if end < len(items) else ""
    return items[start:end], number, size, following


class Server(ThreadingHTTPServer):
    """As many connections at once as a test likes."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024


class Serving:
    """A fake that answers on `url`, a free port of loopback, while its block lasts; `_over` ends what still hangs."""

    _over: threading.Event

    def __enter__(self) -> Self:
        bound = type("BoundHandler", (Handler,), {"twilio": self})
        self._server = Server(("127.0.0.1", 0), bound)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name="twilio", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class Handler(BaseHTTPRequestHandler):
    """One connection; `twilio` has the method `answer` and the address `url`."""

    twilio: Any
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer leaves in one piece: two would wait for each other (Nagle, delayed acknowledgement)

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def _serve(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers: dict[str, str] = {}
        try:
            status, document, headers = self.twilio.answer(
                method, self.path, self.headers.get("Authorization", ""), body
            )
            raw: bytes | None = b"" if status == 204 else json.dumps(document).encode()
        except Raw as why:
            status, raw = why.status, why.body
        if raw is None:
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(raw)), **headers}.items():
            self.send_header(name, value)
        if status == 302:
            self.send_header("Location", f"{self.twilio.url}/elsewhere")
        self.end_headers()
        self.wfile.write(raw)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def handle(self) -> None:
        with suppress(OSError):  # the other side hung up on a hanging request
            super().handle()
