"""A plugin as a stranger writes it: it imports `fluentsd.api` alone, and is installed from a folder with pip.

The channel `outside` calls nobody: its provider is the test, which reads the calls from a file in the plugin's folder,
posts the pick-up, and opens the WebSocket of the response. The source `lines` has one segment: the lines of a file.
"""

from __future__ import annotations

import json
from pathlib import Path

from fluentsd.api import (
    Absent,
    Activity,
    Finding,
    Forged,
    Found,
    Page,
    Pickup,
    Receipt,
    Record,
    Reply,
    Segment,
    SourceField,
    SourceLimits,
    Table,
    WebhookResult,
    hookimpl,
)

FLUENTSD_API = 1


@hookimpl
def register_channels(register):
    register("outside", Outside)


@hookimpl
def register_sources(register):
    register("lines", Lines)


class Outside:
    kind = "phone"
    lookup_is_final = True
    lookup_after = 0

    def __init__(self, config, tools):
        table = Table(config, ["kind", "key"])
        table.take("kind", "phone", str)
        self.key = table.must("key", "", str)
        table.finish("outside")
        self.links, self.calls = tools.links, Path(tools.folder) / "calls.jsonl"

    async def check(self):
        return [Finding(True, "outside: a phone from outside")]

    async def send(self, message, attempt):
        with self.calls.open("a") as out:
            call = {"token": attempt.token, "to": message.to, "answer_url": self.links.callback(attempt.token)}
            out.write(json.dumps(call) + "\n")
        return Receipt(f"call-{attempt.token}")

    async def lookup(self, attempt):
        if self.calls.exists() and attempt.token in self.calls.read_text():
            return Found(Receipt(f"call-{attempt.token}"), by_token=True)
        return Absent()

    async def cancel(self, attempt):
        return False

    async def listen(self, deliver):
        return

    def webhook(self, request):
        if request.headers.get("x-key") != self.key:
            raise Forged("the key is wrong")
        return WebhookResult(pickup=Pickup(json.loads(request.body)["call"]))

    def answer(self, pickup, verdict):
        body = f"connect {verdict.relay_url}" if verdict.go else "hang up"
        return Reply(200, "text/plain", body.encode())

    async def serve_call(self, socket, call):
        await socket.send(f"hello {call.message.variables['first_name']}")
        async for message in socket:
            await socket.send(message)


class Lines:
    limits = SourceLimits(page=2)

    def __init__(self, config, tools):
        table = Table(config, ["file"])
        self.file = Path(table.must("file", "", str))
        table.finish("lines")
        self.clock = tools.clock

    def _lines(self, segment="list:lines"):
        if segment != "list:lines":
            raise LookupError(segment)
        return self.file.read_text().split()

    async def check(self):
        ok = self.file.exists()
        return [Finding(ok, f"{self.file}: {'readable' if ok else 'missing'}", "" if ok else "create it")]

    async def catalogue(self):
        return [SourceField("text")]

    async def segments(self):
        return [Segment("list:lines", "All lines", len(self._lines()))]

    async def walk(self, segment, cursor):
        lines, start = self._lines(segment), int(cursor or 0)
        records = [Record(line, {"text": line}) for line in lines[start : start + 2]]
        refs, end = [record.id for record in records], start + 2
        if end < len(lines):
            return Page(refs, records, next=str(end), as_of=self.clock.now())
        return Page(refs, records, complete=True, as_of=self.clock.now(), since=json.dumps(lines))

    async def changes(self, segment, since):
        lines = self._lines(segment)
        before = json.loads(since) if since is not None else lines
        came, went = [line for line in lines if line not in before], [line for line in before if line not in lines]
        return Page(came, as_of=self.clock.now(), gone=went, since=json.dumps(lines))

    async def refresh(self, ids):
        return [Record(line, {"text": line}) for line in ids if line in self._lines()]

    async def write(self, activity: Activity, key):
        return key
