"""How the fake Twilio speaks HTTP: its error documents, its two ways of paging, and answers that are none."""

from __future__ import annotations

import json
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Refused(Exception):
    """Twilio's error document."""

    def __init__(self, status: int, code: int, message: str, retry_after: int | None = None) -> None:
        self.status, self.code, self.message, self.retry_after = status, code, message, retry_after


class Raw(Exception):
    """An answer that is not Twilio's; None drops the connection."""

    def __init__(self, status: int, body: bytes | None) -> None:
        self.status, self.body = status, body


def page(path: str, name: str, items: list[Any]) -> dict[str, Any]:
    return {name: items, "page": 0, "page_size": 50, "start": 0, "end": max(len(items) - 1, 0), "uri": path,
            "first_page_uri": path, "next_page_uri": None, "previous_page_uri": None}  # fmt: skip


def meta_page(name: str, items: list[Any]) -> dict[str, Any]:
    meta = {"key": name, "next_page_url": None, "page": 0, "page_size": 50, "url": "", "first_page_url": ""}
    return {name: items, "meta": meta | {"previous_page_url": None}}


class Server(ThreadingHTTPServer):
    """As many connections at once as a test likes."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024


class Handler(BaseHTTPRequestHandler):
    """One connection; `twilio` has the method `answer` and the address `url`."""

    twilio: Any
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer leaves in one piece: two would wait for each other (Nagle, delayed acknowledgement)

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def _serve(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers: dict[str, str] = {}
        try:
            status, document, headers = self.twilio.answer(
                method, self.path, self.headers.get("Authorization", ""), body
            )
            raw: bytes | None = json.dumps(document).encode()
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
