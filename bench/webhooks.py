"""Providers' reports: how many per second are authenticated, parsed, committed and answered, and how long each takes.

The server is a process of its own with all parts of a daemon that matter: the web front on a loopback port, the store
(SQLite, WAL, synchronous=FULL), the engine's inbox. The channel checks an HMAC over URL and body, as providers sign,
and reads a form. Each report says that another attempt was delivered, over `CONNECTIONS` connections that each wait for
their answer; afterwards the database must hold every report. The simple variant, run in turn, is the same server with
one transaction per report.
"""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import population
import steps
import trio
from rows import BenchFailed, Row

from fluentsd.api import Forged, Inbound, Outcome, Request, WebhookResult
from fluentsd.bootstrap import freeze_gc
from fluentsd.clock import SystemClock
from fluentsd.config import HttpSettings
from fluentsd.engine.channel_state import ChannelState
from fluentsd.engine.dispatch.inbound import Inbox, _report
from fluentsd.engine.dispatch.outcomes import record
from fluentsd.engine.nursery import running
from fluentsd.engine.runtime import Runtime
from fluentsd.fronts import web
from fluentsd.log import configure
from fluentsd.store.db.bridge import open_store

REPORTS = 6_000
PAIRS = 3
CONNECTIONS = 100
RATIO, P99_MS = 2.0, 250.0
SECRET = b"the provider's secret"
PUBLIC = "https://calls.example.com"


def callbacks(folder: Path) -> list[Row]:
    """fluentsd and the simple variant in turn, each on a database of its own."""
    pairs = []
    for nth in range(PAIRS):
        pairs.append((_run(folder / f"ours-{nth}.db", "gathered"), _run(folder / f"naive-{nth}.db", "naive")))
    ours, naive = zip(*pairs, strict=True)
    ratio = round(statistics.median(a["rate"] / b["rate"] for a, b in pairs), 2)
    extra = {"ours_runs": [round(run["rate"]) for run in ours], "peer_runs": [round(run["rate"]) for run in naive]}
    p99, naive_p99 = _median(ours, "p99_ms"), _median(naive, "p99_ms")
    note = f"{REPORTS:,} signed reports over {CONNECTIONS} connections, each committed before its 204"
    waits = {"p50_ms": _median(ours, "p50_ms"), "peer_p50_ms": _median(naive, "p50_ms"), "peer_p99_ms": naive_p99}
    memory = {"rss_mib": _median(ours, "rss_mib")}
    return [
        Row("callbacks", round(_median(ours, "rate")), round(_median(naive, "rate")), "callbacks/s", ratio, RATIO,
            note=f"{note}; beside it one transaction for each", extra=extra | memory),
        Row("callbacks p99", p99, None, "ms", None, P99_MS, "at most", note, waits),
    ]  # fmt: skip


def _median(runs: Sequence[Mapping[str, float]], key: str) -> float:
    return round(float(statistics.median(run[key] for run in runs)), 2)


def _run(database: Path, way: str) -> dict[str, float]:
    trio.run(steps.make, database, "Hello")
    population.put(database, steps.REF, due=REPORTS, at=SystemClock().now())
    trio.run(steps.carry_out, database, REPORTS, 1000)
    with closing(sqlite3.connect(database)) as conn:
        tokens = [token for (token,) in conn.execute("SELECT id FROM attempt ORDER BY id")]
    command = [sys.executable, __file__, str(database), way]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        where = server.stdout.readline().strip()
        if not where:
            raise BenchFailed("the server did not start")
        figures = trio.run(_report_all, where, tokens)
        rss = _rss(server.pid)
        server.communicate("")  # the end of its input ends it
    with closing(sqlite3.connect(database)) as conn:
        [(count,)] = conn.execute("SELECT count(*) FROM attempt WHERE outcome = 'delivered'")
    if count != REPORTS:
        raise BenchFailed(f"{count} of {REPORTS} reports are in the database")
    return figures | {"rss_mib": rss}


def _rss(pid: int) -> float:
    line = next(x for x in Path(f"/proc/{pid}/status").read_text("ascii").splitlines() if x.startswith("VmRSS"))
    return round(int(line.split()[1]) / 1024, 1)


# ── the provider ─────────────────────────────────────────────────────────────────────────────────────────────────


async def _report_all(where: str, tokens: Sequence[str]) -> dict[str, float]:
    host, _, port = where.rpartition(":")
    waiting = [_request(token) for token in reversed(tokens)]
    took: list[float] = []

    async def connection() -> None:
        async with await trio.open_tcp_stream(host, int(port)) as stream:
            while waiting:
                request, began = waiting.pop(), time.perf_counter()
                await stream.send_all(request)
                answer = await stream.receive_some(4096)
                took.append(time.perf_counter() - began)
                if not answer.startswith(b"HTTP/1.1 204 "):
                    raise BenchFailed(f"a report was answered with {answer[:40]!r}")
                if b"connection: close" in answer.lower():
                    return nursery.start_soon(connection)

    began = time.perf_counter()
    async with trio.open_nursery() as nursery:
        for _ in range(CONNECTIONS):
            nursery.start_soon(connection)
    seconds = time.perf_counter() - began
    cuts = statistics.quantiles(took, n=100)
    return {"rate": len(took) / seconds, "p50_ms": cuts[49] * 1e3, "p99_ms": cuts[98] * 1e3}


def _request(token: str) -> bytes:
    path = f"/hooks/sms/{token}"
    fields = {"MessageSid": f"SM{token}", "MessageStatus": "delivered", "To": "+12125550123", "From": "+13125550123",
              "AccountSid": "AC0123456789abcdef0123456789abcdef", "ApiVersion": "2010-04-01"}  # fmt: skip
    body = urlencode(fields).encode()
    signed = _signature(PUBLIC + path, body)
    head = (f"POST {path} HTTP/1.1\r\nHost: calls.example.com\r\nX-Signature: {signed}\r\nAccept: */*\r\n"
            f"User-Agent: TheProvider/1.0\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            f"X-Forwarded-For: 203.0.113.7\r\nContent-Length: {len(body)}\r\n\r\n")  # fmt: skip
    return head.encode() + body


def _signature(url: str, body: bytes) -> str:
    return hmac.new(SECRET, url.encode() + body, hashlib.sha256).hexdigest()


# ── the server ───────────────────────────────────────────────────────────────────────────────────────────────────


class _Signed(steps.Noop):
    def webhook(self, request: Request) -> WebhookResult:
        if not hmac.compare_digest(request.headers.get("x-signature", ""), _signature(request.url, request.body)):
            raise Forged("the signature does not fit")
        fields = dict(parse_qsl(request.body.decode()))
        return WebhookResult([Inbound(Outcome(fields["MessageStatus"]), ref=fields["MessageSid"])])


class _Naive:
    """Writes each report in a transaction of its own."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def take(self, inbound: Inbound, **_: Any) -> None:
        assert inbound.token is not None
        report = _report(inbound.token, inbound, self._runtime.clock.now())
        await self._runtime.store.run(record, self._runtime.plans, [report])


async def _serve(database: Path, way: str) -> None:
    clock = SystemClock()
    channel: Any = _Signed({"kind": "sms"}, None)  # type: ignore[arg-type]  # it needs no tools
    http = HttpSettings("127.0.0.1", 0, PUBLIC, ())
    async with open_store(steps.url(database)) as store:
        runtime = Runtime(store, clock, {"sms": ChannelState("sms", channel)})
        async with running(runtime) as inbox, trio.open_nursery() as fronts:
            taker: Inbox | Any = inbox if way == "gathered" else _Naive(runtime)
            where = await fronts.start(web.serve, http, await web.listen(http, database), runtime, taker)
            freeze_gc()
            print(where, flush=True)
            await trio.to_thread.run_sync(sys.stdin.read)
            fronts.cancel_scope.cancel()


if __name__ == "__main__":
    configure("text", "error")  # stdout is for the figures
    trio.run(_serve, Path(sys.argv[1]), sys.argv[2])
