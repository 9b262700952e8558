"""E-mails per second through the whole path (claimed, sent, recorded), compared with the usual ways of sending.

The server (`mail_sink.py`) is a process of its own that answers at once, or with the delay of a distant server. All
variants send the same mail (a field of the person, a postal address, the unsubscribe headers) to the same people over
the same number of connections. fluentsd uses the real store (SQLite, WAL, synchronous=FULL), the real dispatcher, the
gate and the e-mail channel. The usual ways use `smtplib` in as many threads, with a connection per message or a kept
one, and with one commit per message (synchronous=FULL, after the answer: half of what fluentsd writes, and a crash in
between sends twice) or none. Afterwards the server must have one message per person, or the run fails.
"""

from __future__ import annotations

import argparse
import json
import smtplib
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import closing
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path
from typing import Any

import population
import steps
import trio
from figures import tell
from fluentsd_channel_email.channel import EmailChannel
from fluentsd_channel_email.settings import read_settings
from rows import BenchFailed, Row, median
from turns import ROUNDS, run

from fluentsd.bootstrap import freeze_gc
from fluentsd.clock import SystemClock
from fluentsd.domain.campaign import CampaignFile, read_campaign
from fluentsd.engine.channel_state import ChannelState
from fluentsd.engine.dispatch.dispatcher import Dispatcher
from fluentsd.engine.dispatch.recorder import Recorder
from fluentsd.engine.nursery import send_until_stopped
from fluentsd.engine.runtime import Runtime
from fluentsd.log import configure
from fluentsd.store import campaigns, tables
from fluentsd.store.db.bridge import open_store
from fluentsd.testing import tools

HERE = Path(__file__).parent
#: Connections: the channel's default, and a bulk server's; mails of one run, near, and of one connection, far.
CONNECTIONS = (4, 16)
PEOPLE, PEOPLE_FAR = 2_000, 60
FAR_MS = 20
#: The usual ways: a connection per message or a kept one, each with a commit per message or without.
WAYS = ("each", "kept", "each, no commit", "kept, no commit")
RATIO_EACH, RATIO_KEPT, P99_MS = 2.0, 1.0, 250.0
SENDER, PUBLIC, POSTAL = "sales@example.org", "https://mail.example.org", "Example Ltd, 1 High Street, Springfield"
SUBJECT, TEXT = "A question", "Hello {{ contact['First name'] }},\n\nare you still looking?\n\nThe sales desk\n"


def mailing(folder: Path) -> list[Row]:
    """fluentsd and every other way in turn, near and far, over few connections and more."""
    rows: list[Row] = []
    for connections in CONNECTIONS:
        rows += _rows(folder, f"mailing {connections}", connections, 0, PEOPLE, WAYS)
        far = PEOPLE_FAR * connections
        rows += _rows(folder, f"mailing@{FAR_MS}ms {connections}", connections, FAR_MS, far, WAYS[:2])
    return rows


def _rows(folder: Path, name: str, connections: int, far: int, people: int, ways: Sequence[str]) -> list[Row]:
    runs: dict[str, list[Mapping[str, Any]]] = {way: [] for way in ("ours", *ways)}
    for _ in range(ROUNDS):
        for way, ended in runs.items():
            ended.append(_run(folder, way, connections, far, people))
    ours = runs.pop("ours")
    rates = {way: round(median(ended, "rate")) for way, ended in runs.items()}
    ratios = {way: _ratio(ours, ended) for way, ended in runs.items()}
    cpu = {"ours_cpu_us": median(ours, "cpu_us"), "peers_cpu_us": {w: median(e, "cpu_us") for w, e in runs.items()}}
    extra = {"peers": rates, "ratios": ratios, "ours_runs": [round(one["rate"]) for one in ours], **cpu}
    where = f"a server whose answers take {far} ms" if far else "a server on this machine that answers at once"
    what = f"{people:,} mails over {connections} connections to {where}; beside it smtplib, a commit for each mail and"
    rate = round(median(ours, "rate"))
    return [
        Row(name, rate, rates["kept"], "mails/s", ratios["kept"], RATIO_KEPT, note=f"{what} a kept connection",
            extra=extra),
        Row(f"{name} versus each", rate, rates["each"], "mails/s", ratios["each"], RATIO_EACH,
            note=f"{what} a connection for each"),
        Row(f"{name} p99", median(ours, "p99_ms"), None, "ms", None, P99_MS, "at most",
            "from a mail's claim to its acceptance", {"p50_ms": median(ours, "p50_ms")}),
    ]  # fmt: skip


def _ratio(ours: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]]) -> float:
    return round(float(statistics.median(a["rate"] / b["rate"] for a, b in zip(ours, other, strict=True))), 2)


def _run(folder: Path, way: str, connections: int, far: int, people: int) -> dict[str, Any]:
    """One way, with a server and a database of its own."""
    command = [sys.executable, str(HERE / "mail_sink.py"), "--far", str(far)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with tempfile.TemporaryDirectory(dir=folder) as own, subprocess.Popen(command, **pipes) as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        if not port:
            raise BenchFailed("the mail server did not start")
        options = ["--people", str(people), "--connections", str(connections)]
        figures = run([sys.executable, __file__, str(Path(own, "mail.db")), port, way, *options], {})
        output, _ = server.communicate("")  # the end of its input ends it
    took: dict[str, Any] = json.loads(output.splitlines()[-1])
    if (took["messages"], took["people"]) != (people, people):
        raise BenchFailed(f"{way}: {took['messages']} mails reached {took['people']} of {people} people")
    return figures


# ── fluentsd ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _campaign() -> CampaignFile:
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    window = {"days": days, "hours": "00:00-24:00", "fallback_timezone": "America/Chicago"}
    step = {"id": "mail", "channel": "email", "subject": SUBJECT, "text": TEXT}
    return read_campaign({"name": "Bench", "ref": steps.REF, "window": window, "limits": {"per_contact": "3/day"},
                          "step": [step]})  # fmt: skip


async def _make(database: Path) -> None:
    async with open_store(steps.url(database)) as store:

        async def unit(conn: Any) -> None:
            at = SystemClock().now()
            await conn.run_sync(tables.metadata.create_all)
            row = await campaigns.create(conn, _campaign(), owner="bench", at=at)
            await campaigns.move(conn, row, "start", at=at)

        await store.run(unit)


async def _send(database: Path, port: int, connections: int, people: int) -> tuple[float, float]:
    """Seconds until all are recorded, and their processor time."""
    clock = SystemClock()
    config = {"host": "127.0.0.1", "port": port, "tls": "none", "from": SENDER, "postal_address": POSTAL,
              "connections": connections}  # fmt: skip
    given = tools(clock, folder=database.parent, kind="email", public_url=PUBLIC)
    channel = EmailChannel(read_settings(config), given)
    async with open_store(steps.url(database)) as store:
        freeze_gc()
        shared = Runtime(store, clock, {"email": ChannelState("email", channel, concurrency=channel.capacity)})
        recorder = Recorder(shared)
        engine = Dispatcher(shared, recorder)
        landed = steps.Landed(engine.runtime, people)
        async with trio.open_nursery() as nursery:
            began, worked = time.perf_counter(), time.process_time()
            await nursery.start(send_until_stopped, engine, recorder)
            await landed.wait()
            took, worked = time.perf_counter() - began, time.process_time() - worked
            engine.stop()
        await channel.aclose()
    return took, worked


def ours(database: Path, port: int, connections: int, people: int) -> dict[str, float]:
    """The whole path, timed; the times from claim to acceptance come from the record."""
    trio.run(_make, database)
    population.put(database, steps.REF, due=people, at=SystemClock().now())
    took, worked = trio.run(_send, database, port, connections, people)
    with closing(sqlite3.connect(database)) as conn:
        waits = [ms for (ms,) in conn.execute("SELECT (accepted_at - claimed_at) / 1e3 FROM attempt")]
    if len(waits) != people or None in waits:
        raise SystemExit(f"{len(waits)} attempts for {people} people")
    cuts = statistics.quantiles(waits, n=100)
    return {"rate": people / took, "cpu_us": worked / people * 1e6, "p50_ms": cuts[49], "p99_ms": cuts[98]}


# ── the usual ways ───────────────────────────────────────────────────────────────────────────────────────────────


def usual(database: Path, port: int, connections: int, people: int, *, keep: bool, commit: bool) -> dict[str, float]:
    """Threads that take people from a list, send to each and record it."""
    with closing(sqlite3.connect(database)) as conn:
        conn.executescript("PRAGMA journal_mode=WAL; CREATE TABLE sent (id INTEGER PRIMARY KEY, at REAL) ")
    waiting = deque(range(1, people + 1))
    args = (database, port, waiting, keep, commit)
    threads = [threading.Thread(target=_worker, args=args) for _ in range(connections)]
    began, worked = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took, worked = time.perf_counter() - began, time.process_time() - worked
    return {"rate": people / took, "cpu_us": worked / people * 1e6}


def _worker(database: Path, port: int, waiting: deque[int], keep: bool, commit: bool) -> None:
    with closing(sqlite3.connect(database, timeout=30, isolation_level=None)) as conn:
        conn.execute("PRAGMA synchronous=FULL")
        server = None
        while waiting:
            try:
                number = waiting.popleft()
            except IndexError:
                break
            mail = _mail(number)
            server = server or smtplib.SMTP("127.0.0.1", port)
            server.send_message(mail)
            if not keep:
                server.quit()
                server = None
            if commit:
                conn.execute("INSERT INTO sent VALUES (?, ?)", (number, time.time()))
        if server is not None:
            server.quit()


def _mail(number: int) -> EmailMessage:
    token = f"{number:032x}"
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = SENDER, f"person{number:09d}@example.com", SUBJECT
    mail["Date"], mail["Message-ID"] = formatdate(), f"<{token}@example.org>"
    mail["List-Unsubscribe"] = f"<{PUBLIC}/u/{token}>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    text = TEXT.replace("{{ contact['First name'] }}", f"Given{number}")
    mail.set_content(f"{text}\n--\n{POSTAL}\nUnsubscribe: {PUBLIC}/u/{token}\n")
    return mail


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database", type=Path, help="a new file")
    parser.add_argument("port", type=int)
    parser.add_argument("way", choices=("ours", *WAYS))
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--connections", type=int, default=CONNECTIONS[0])
    args = parser.parse_args()
    configure("text", "error")
    if args.way == "ours":
        tell(**ours(args.database, args.port, args.connections, args.people))
    else:
        keep, commit = args.way.startswith("kept"), not args.way.endswith("no commit")
        tell(**usual(args.database, args.port, args.connections, args.people, keep=keep, commit=commit))


if __name__ == "__main__":
    main()
