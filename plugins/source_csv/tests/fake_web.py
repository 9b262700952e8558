"""A web server on loopback that publishes CSV files, with ETags, redirects and answers that are cut off."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence

from fluentsd.testing import Answer, Asked, LoopbackServer


def as_csv(rows: Sequence[Mapping[str, str]], headings: Sequence[str] = ("id", "Name", "Phone")) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, headings, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


class FakeWeb(LoopbackServer):
    def __init__(self) -> None:
        super().__init__()
        self.rows = {f"r{n}": {"id": f"r{n}", "Name": f"Person {n}"} for n in range(7)}
        self.content: bytes | None = None

    def answer(self, request: Asked) -> Answer:
        if request.path == "/moved.csv":
            return Answer(302, None, {"Location": "/leads.csv"})
        if request.path != "/leads.csv":
            return Answer(404, b"nothing here")
        content = self.content if self.content is not None else as_csv(list(self.rows.values()))
        tag = f'"{hashlib.sha256(content).hexdigest()}"'
        if request.headers.get("if-none-match") == tag:
            return Answer(304)
        return Answer(200, content, {"ETag": tag, "Content-Type": "text/csv"})
