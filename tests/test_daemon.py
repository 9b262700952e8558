"""The daemon: ready, supervised, alone, stopped in order, and patient with a database that fails."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from sqlalchemy import text
from structlog.testing import capture_logs

from fluentsd import bootstrap, daemon
from fluentsd.api import Attempt, Kind, Message, Outcome, Receipt, Request, WebhookResult
from fluentsd.bootstrap import open_runtime
from fluentsd.clock import SystemClock
from fluentsd.config import Settings, load
from fluentsd.fronts.control.client import ControlClient, connect
from fluentsd.fronts.control.protocol import ControlProblem, DaemonFailed, NoDaemon
from fluentsd.plugins import Plugins
from fluentsd.store.db.bridge import open_store
from fluentsd.store.db.lock import AlreadyRunning
from fluentsd.store.db.upgrade import ForeignDatabase
from fluentsd.systemd import Supervisor
from fluentsd.validation import Problems
from tests.engine.stage import SMS, FakeChannel, person, spec

ALWAYS = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "hours": "00:00-24:00"}
CALL = {"id": "call", "channel": "phone", "agent": "sales"}


class Hooked(FakeChannel):
    """A channel whose provider posts to it, with nothing to say."""

    def webhook(self, request: Request) -> WebhookResult:
        return WebhookResult()


@dataclass(slots=True)
class Place:
    """One installation: its folder, its carriers, its log."""

    folder: Path
    channels: dict[Kind, FakeChannel] = field(default_factory=dict)
    logs: list[Any] = field(default_factory=list)

    def settings(self, more: str = "", **environ: str) -> Settings:
        channels = "".join(f'[channel.{kind}]\nplugin = "fake"\n' for kind in ("phone", "sms", "email"))
        (self.folder / "fluentsd.toml").write_text(channels + more)
        return load(self.folder / "fluentsd.toml", environ)

    @property
    def plugins(self) -> Plugins:
        return Plugins(channels={"fake": self._build})

    def _build(self, config: Any, tools: Any) -> FakeChannel:
        channel = self.channels[config["kind"]] = Hooked(config["kind"], tools.clock)
        return channel

    def logged(self, event: str) -> list[Any]:
        return [entry for entry in self.logs if entry["event"] == event]

    def ask(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self.folder / "fluentsd.db")) as conn:
            return conn.execute(query).fetchall()


@pytest.fixture
def place() -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="fsd-") as folder, capture_logs() as logs:
        yield Place(Path(folder), logs=logs)


@asynccontextmanager
async def living(place: Place, settings: Settings | None = None) -> AsyncIterator[ControlClient]:
    """A daemon in this process, with a client; it gets a SIGTERM at the end."""
    settings = settings or place.settings()
    ready = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_run, place, settings, ready.set)
        with trio.fail_after(10):
            await ready.wait()
        async with connect(settings.socket) as client:
            yield client
        if not place.logged("daemon.stopping"):
            terminate()


async def _run(place: Place, settings: Settings, ready: Callable[[], None]) -> None:
    import structlog

    await daemon.run(settings, clock=SystemClock(), plugins=place.plugins, log=structlog.get_logger(), ready=ready)


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


async def launch(client: ControlClient, file: dict[str, Any], *people: dict[str, Any]) -> None:
    await client.ask("campaign apply", {"file": file})
    run = await client.ask("contacts begin-import", {"source": "people.csv", "ref": file["ref"]})
    await client.ask("contacts take", {"run": run, "people": list(people)})
    await client.ask("campaign start", {"ref": file["ref"]})


async def until(condition: Callable[[], Any], seconds: float = 10) -> None:
    """Poll until true."""
    with trio.fail_after(seconds):
        while not condition():  # noqa: ASYNC110 - what is awaited is in another thread, process or database
            await trio.sleep(0.005)


async def test_a_campaign_asked_for_through_the_socket_runs_to_its_end(place: Place) -> None:
    async with living(place) as client:
        await launch(client, spec(SMS, window=ALWAYS), person(1), person(2))
        await until(lambda: place.logged("campaign.completed"))
        found = await client.ask("campaign status", {"ref": "test"})
    assert (found["state"], found["completed"], found["attempts"]) == ("completed", 2, 2)
    assert len(place.channels["sms"].accepted) == 2
    assert [entry["event"] for entry in place.logs if entry["event"].startswith("daemon.")] == [
        "daemon.ready", "daemon.stopping", "daemon.stopped",
    ]  # fmt: skip
    assert not [entry for entry in place.logs if entry["log_level"] in ("error", "warning")]


async def test_what_it_makes_is_its_owners_alone_and_nothing_is_left_open(place: Place) -> None:
    async with living(place):
        assert (place.folder / "fluentsd.db").stat().st_mode & 0o777 == 0o600
        assert (place.folder / "plugins" / "fake").stat().st_mode & 0o777 == 0o700
    (mark,) = place.folder.glob("fluentsd-*.mark")
    assert mark.stat().st_mode & 0o777 == 0o600
    left = sorted(path.name for path in place.folder.iterdir() if path != mark)
    assert left == ["fluentsd.db", "fluentsd.db.begun", "fluentsd.db.lock", "fluentsd.toml", "plugins"]
    assert (place.folder / "fluentsd.db.begun").stat().st_mode & 0o777 == 0o600


async def test_words_of_an_age_that_the_installation_sets_are_let_go(place: Place) -> None:
    async with living(place):
        pass
    place.logs.clear()
    day = 86_400_000_000
    now = SystemClock().now()
    with closing(sqlite3.connect(place.folder / "fluentsd.db")) as conn, conn:
        words = "INSERT INTO content (contact_id, kind, text, created_at) VALUES (1, ?, ?, ?)"
        conn.executemany(words, [("body", "old", now - 8 * day), ("body", "new", now), ("reply", "old", now - 8 * day)])
    async with living(place, place.settings('[retention]\nbodies = "7 days"\n')):
        await until(lambda: place.logged("retention.let_go"))
    assert place.ask("SELECT kind, text FROM content ORDER BY id") == [("body", "new"), ("reply", "old")]


async def test_an_idle_daemon_leaves_at_once(place: Place) -> None:
    async with living(place):
        began = trio.current_time()
        terminate()
    assert trio.current_time() - began < AT_ONCE


# ── sends in progress ────────────────────────────────────────────────────────────────────────────────────────────


def holding(place: Place, released: trio.Event, begun: trio.Event) -> Callable[[Message, Attempt], Any]:
    async def send(message: Message, attempt: Attempt) -> Receipt:
        begun.set()
        await released.wait()
        place.channels["sms"].accept(message, attempt)
        return Receipt(f"ref-{attempt.token}", Outcome.sent)

    return send


async def test_a_send_in_progress_ends_and_its_result_is_written_before_the_daemon_leaves(place: Place) -> None:
    begun, released = trio.Event(), trio.Event()
    async with living(place) as client:
        place.channels["sms"].behaviours = [holding(place, released, begun)]
        await launch(client, spec(SMS, window=ALWAYS), person(1))
        await begun.wait()
        terminate()
        await until(lambda: not (place.folder / "fluentsd.sock").exists())  # fronts close first
        assert not place.logged("daemon.stopped")
        released.set()
    assert place.ask("SELECT state, outcome FROM attempt") == [("settled", "sent")]


async def test_a_send_that_outlasts_the_grace_stays_open_to_be_asked_about(place: Place) -> None:
    begun = trio.Event()
    async with living(place, place.settings('[daemon]\ngrace = "0"')) as client:
        place.channels["sms"].behaviours = [holding(place, trio.Event(), begun)]
        await launch(client, spec(SMS, window=ALWAYS), person(1))
        await begun.wait()
        began = trio.current_time()
        terminate()
    assert trio.current_time() - began < AT_ONCE
    assert place.ask("SELECT state, outcome FROM attempt") == [("open", None)]


async def test_nothing_new_begins_while_sends_in_progress_end(place: Place) -> None:
    begun, released = trio.Event(), trio.Event()
    settings = place.settings().channels["sms"]
    assert settings.concurrency > 1
    text = '[channel.sms]\nplugin = "fake"\nconcurrency = 1\n'
    (place.folder / "fluentsd.toml").write_text(text)
    async with living(place, load(place.folder / "fluentsd.toml", {})) as client:
        place.channels["sms"].behaviours = [holding(place, released, begun)]
        await launch(client, spec(SMS, window=ALWAYS), person(1), person(2), person(3))
        await begun.wait()
        terminate()
        await until(lambda: place.logged("daemon.stopping"))
        await trio.testing.wait_all_tasks_blocked()
        released.set()
    assert len(place.channels["sms"].accepted) == 1
    assert place.ask("SELECT count(*) FROM attempt") == [(1,)]
    assert place.ask("SELECT count(*) FROM waiting") == [(2,)]


async def test_a_call_that_only_rings_holds_nothing_up_and_is_asked_about_at_the_next_start(place: Place) -> None:
    async with living(place) as client:
        await launch(client, spec(CALL, window=ALWAYS), person(1))
        await until(lambda: place.channels["phone"].accepted)
        await until(lambda: place.ask("SELECT accepted_at FROM attempt") != [(None,)])
        began = trio.current_time()
        terminate()
    assert trio.current_time() - began < AT_ONCE
    assert place.ask("SELECT state, outcome FROM attempt") == [("open", None)]


# ── alone ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_second_daemon_is_refused_and_told_whom_to_ask(place: Place) -> None:
    async with living(place):
        with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"):
            await _run(Place(place.folder), place.settings(), lambda: None)
        with pytest.raises(AlreadyRunning):
            async with open_runtime(place.settings(), SystemClock(), place.plugins):
                pass
        async with connect(place.settings().socket) as other:
            assert (await other.ask("state"))["closing"] is False
    async with open_runtime(place.settings(), SystemClock(), place.plugins) as runtime:
        assert runtime.store.dialect == "sqlite"


@pytest.mark.parametrize("empty_database_url", ["postgresql"], indirect=True)
async def test_one_postgresql_database_has_one_daemon(place: Place, empty_database_url: str) -> None:
    settings = place.settings(f'[database]\nurl = "{empty_database_url}"')
    async with living(place, settings) as client:
        await launch(client, spec(SMS, window=ALWAYS), person(1))
        await until(lambda: place.logged("campaign.completed"))
        with pytest.raises(AlreadyRunning, match=f"process {os.getpid()} on {socket.gethostname()}"):
            async with open_runtime(settings, SystemClock(), place.plugins):
                pass
    async with open_runtime(settings, SystemClock(), place.plugins) as runtime:
        assert runtime.store.dialect == "postgresql"


async def test_every_channel_that_cannot_be_built_is_named_and_no_database_is_made(place: Place) -> None:
    class Picky(ValueError):
        mistakes = ("unused",)

        def __init__(self, *mistakes: str) -> None:
            self.mistakes = list(mistakes)  # type: ignore[assignment]

    def picky(config: Any, tools: Any) -> Any:
        raise Picky("host: is missing", "prot: is not a known key; did you mean 'port'?")

    def broken(config: Any, tools: Any) -> Any:
        raise OSError("no such device")

    settings = place.settings().path
    settings.write_text(
        "".join(f'[channel.{k}]\nplugin = "{p}"\n' for k, p in (("sms", "a"), ("email", "b"), ("phone", "c")))
    )
    with pytest.raises(Problems) as caught:
        await daemon.run(
            load(settings, {}), clock=SystemClock(), plugins=Plugins(channels={"a": picky, "b": broken}), log=_log()
        )
    assert caught.value.lines == [
        "channel.phone.plugin: no channel plugin is called 'c' (installed: a, b). Install its distribution, or correct "
        "the name in fluentsd.toml.",
        "channel.sms.host: is missing",
        "channel.sms.prot: is not a known key; did you mean 'port'?",
        "channel.email.plugin: 'b' refuses its settings: no such device",
    ]
    assert not (place.folder / "fluentsd.db").exists()


def _log() -> Any:
    import structlog

    return structlog.get_logger()


async def test_what_keeps_it_from_starting_is_one_clear_error(place: Place) -> None:
    run = partial(daemon.run, clock=SystemClock(), plugins=place.plugins, log=_log())
    with pytest.raises(Problems, match="none does not exist; create it"):
        await run(place.settings('[database]\npath = "none/f.db"'))
    with pytest.raises(ControlProblem, match="the limit is 107"):
        await run(place.settings(f'[daemon]\nsocket = "{"x" * 120}"'))
    assert [path.name for path in place.folder.iterdir()] == ["fluentsd.toml"]
    (place.folder / "fluentsd.db").write_text("Dear Dana, this is a letter")
    with pytest.raises(ForeignDatabase):
        await run(place.settings())
    assert (place.folder / "fluentsd.db").read_text() == "Dear Dana, this is a letter"


async def test_a_socket_that_cannot_be_opened_ends_the_start_with_nothing_left_behind(place: Place) -> None:
    (place.folder / "taken").mkdir()
    with pytest.raises(ControlProblem, match="not a socket"):
        await _run(place, place.settings('[daemon]\nsocket = "taken"'), lambda: None)
    async with living(place):
        pass


# ── reached from outside ─────────────────────────────────────────────────────────────────────────────────────────

WEB = '[http]\nlisten = "127.0.0.1:0"\n'


async def test_it_listens_when_it_is_told_to_and_says_where(place: Place) -> None:
    async with living(place, place.settings(WEB)) as client:
        where = (await client.ask("state"))["http"]
        [output] = place.logged("web.listening")
        assert output["socket"] == where
        async with httpx.AsyncClient(base_url=f"http://{where}", trust_env=False) as world:
            assert (await world.get("/healthz")).json()["ok"]
            await launch(client, spec(SMS, window=ALWAYS), person(1))
            await until(lambda: place.logged("campaign.completed"))
            token = place.channels["sms"].accepted[0][0].token
            assert (await world.post(f"/u/{token}")).status_code == 200
        assert place.ask("SELECT DISTINCT reason FROM suppression") == [("opted_out",)]
        began = trio.current_time()
    assert trio.current_time() - began < AT_ONCE
    assert not [entry for entry in place.logs if entry["log_level"] in ("error", "warning")]


async def test_without_http_it_listens_nowhere(place: Place) -> None:
    async with living(place) as client:
        assert (await client.ask("state"))["http"] is None
    assert not place.logged("web.listening")


async def test_a_port_that_is_taken_ends_the_start_before_anything_is_sent(place: Place) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        settings = place.settings(f'[http]\nlisten = "127.0.0.1:{port}"\n')
        with pytest.raises(Problems, match=f"http.listen: 127.0.0.1:{port} cannot be opened"):
            await _run(place, settings, lambda: None)
    assert not place.logged("daemon.ready")
    async with living(place, settings):
        pass


async def test_a_request_in_progress_is_answered_before_the_daemon_leaves(place: Place) -> None:
    async with living(place, place.settings(WEB)) as client:
        host, _, port = (await client.ask("state"))["http"].partition(":")
        stream = await trio.open_tcp_stream(host, int(port))
        await stream.send_all(b"POST /hooks/sms HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n[")
        await trio.testing.wait_all_tasks_blocked(0.02)
        terminate()
        await until(lambda: not (place.folder / "fluentsd.sock").exists())
        await stream.send_all(b"]")
        assert (await stream.receive_some(1000)).startswith(b"HTTP/1.1 204 ")
        await stream.aclose()


# ── told of ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def supervisor(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """systemd's end of the notify socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(place.folder / "notify"))
        sock.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(place.folder / "notify"))
        yield sock


def heard(sock: socket.socket) -> list[str]:
    lines = []
    while True:
        try:
            lines += sock.recv(4096).decode().splitlines()
        except BlockingIOError:
            return lines


async def test_systemd_hears_when_it_is_ready_alive_and_stopping(
    place: Place, supervisor: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "400000")  # seldom: ten datagrams wait unread, and the start takes a while
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    lines: list[str] = []
    async with living(place):
        while lines.count("WATCHDOG=1") < 3:
            lines += heard(supervisor)
            await trio.sleep(0.005)
    lines += heard(supervisor)
    assert [line for line in lines if line != "WATCHDOG=1"] == [
        "STATUS=opening the database",
        "READY=1",
        "STATUS=serving email, phone, sms",
        "STOPPING=1",
        "STATUS=waiting up to 20 s for sends in progress",
    ]


async def test_a_store_whose_thread_hangs_is_not_called_alive(place: Place, supervisor: socket.socket) -> None:
    environ = {"NOTIFY_SOCKET": str(place.folder / "notify"), "WATCHDOG_USEC": "2000"}
    async with open_store(f"sqlite+aiosqlite:///{place.folder}/f.db") as store, trio.open_nursery() as nursery:
        nursery.start_soon(Supervisor(environ).keep_pinging, store.wait_answer)
        await until(lambda: "WATCHDOG=1" in heard(supervisor))
        token, begun, released = trio.lowlevel.current_trio_token(), trio.Event(), threading.Event()

        def hang() -> None:
            token.run_sync_soon(begun.set)
            released.wait(10)

        store._loop.call_soon_threadsafe(hang)
        await begun.wait()
        await trio.sleep(0.01)
        heard(supervisor)  # what was answered before it hung
        await trio.sleep(0.03)
        assert heard(supervisor) == []
        released.set()
        await until(lambda: "WATCHDOG=1" in heard(supervisor))
        nursery.cancel_scope.cancel()


def test_an_abstract_socket_is_a_supervisor_too() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"\0fluentsd-test-{os.getpid()}")
        Supervisor({"NOTIFY_SOCKET": f"@fluentsd-test-{os.getpid()}"}).tell("READY=1", "STATUS=x")
        assert sock.recv(100) == b"READY=1\nSTATUS=x"


@pytest.mark.parametrize(
    ("environ", "every"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
    ],
)
async def test_signs_of_life_are_given_to_whom_asks(environ: dict[str, str], every: float | None) -> None:
    supervisor = Supervisor(environ)
    assert supervisor.ping_every == every
    supervisor.tell("READY=1")  # nobody listens, and that is fine
    Supervisor({"NOTIFY_SOCKET": "/nowhere/at/all"}).tell("READY=1")


# ── a database that cannot work ──────────────────────────────────────────────────────────────────────────────────


@contextmanager
def locked(place: Place) -> Iterator[None]:
    """Another program holds the write lock."""
    with closing(sqlite3.connect(place.folder / "fluentsd.db", isolation_level=None)) as conn:
        conn.execute("BEGIN IMMEDIATE")
        yield
        conn.execute("ROLLBACK")


async def test_a_verb_that_meets_a_lock_says_so_and_can_be_asked_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "open_store", partial(open_store, busy_after=0.05))
    async with living(place) as client:
        with locked(place), pytest.raises(DaemonFailed, match="locked by another program"):
            await client.ask("numbers add", {"number": "+12125550123"}, request_id="once")
        await client.ask("numbers add", {"number": "+12125550123"}, request_id="once")
        assert len((await client.ask("numbers list"))["numbers"]) == 1


async def test_a_lock_in_the_middle_of_a_campaign_is_said_once_and_nothing_is_lost(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "open_store", partial(open_store, busy_after=0.02))
    for module in ("dispatcher", "recorder"):
        monkeypatch.setattr(f"fluentsd.engine.dispatch.{module}.STORE_PAUSE", 10_000)
    begun, released = trio.Event(), trio.Event()
    async with living(place) as client:
        place.channels["sms"].behaviours = [holding(place, released, begun)]
        await launch(client, spec(SMS, SMS | {"id": "more"}, window=ALWAYS), person(1))
        await begun.wait()
        with locked(place):
            released.set()  # it is sent; the result cannot be written yet
            await until(lambda: place.logged("store.unavailable"))
            await trio.sleep(0.3)
            assert place.ask("SELECT state FROM attempt") == [("open",)]
        await until(lambda: place.logged("campaign.completed"))
    assert len(place.logged("store.unavailable")) == 1
    assert len(place.logged("store.recovered")) == 1
    assert place.ask("SELECT step, state, outcome FROM attempt ORDER BY id") == [
        ("text", "settled", "sent"), ("more", "settled", "sent"),
    ]  # fmt: skip
    assert max(place.channels["sms"].tokens().values()) == 1


async def test_a_full_disk_stops_the_claiming_is_said_once_and_recovers(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("dispatcher", "recorder"):
        monkeypatch.setattr(f"fluentsd.engine.dispatch.{module}.STORE_PAUSE", 10_000)
    runtimes = []
    real = daemon.open_runtime

    @asynccontextmanager
    async def spied(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        async with real(*args, **kwargs) as runtime:
            runtimes.append(runtime)
            yield runtime

    monkeypatch.setattr(daemon, "open_runtime", spied)
    async with living(place) as client:
        file = spec(SMS, window=ALWAYS)
        await client.ask("campaign apply", {"file": file})
        run = await client.ask("contacts begin-import", {"source": "people.csv", "ref": "test"})
        people = [person(n, note="x" * 200) for n in range(400)]
        await client.ask("contacts take", {"run": run, "people": people})
        await runtimes[0].store.run(lambda conn: _set_room(conn, 0))
        await client.ask("campaign start", {"ref": "test"})
        await until(lambda: place.logged("store.unavailable"))
        await trio.sleep(0.2)
        sent = len(place.channels["sms"].accepted)
        assert sent < 400
        await runtimes[0].store.run(lambda conn: _set_room(conn, 10_000))
        await until(lambda: place.logged("campaign.completed"))
    assert len(place.logged("store.unavailable")) == 1
    assert len(place.logged("store.recovered")) == 1
    assert len(place.channels["sms"].tokens()) == 400
    assert max(place.channels["sms"].tokens().values()) == 1


async def _set_room(conn: Any, more: int) -> None:
    """Let the database grow by this many pages and no more, as on a full disk."""
    pages = (await conn.execute(text("PRAGMA page_count"))).scalar()
    await conn.execute(text(f"PRAGMA max_page_count = {pages + more}"))


# ── a process of its own ─────────────────────────────────────────────────────────────────────────────────────────

CHILD = """
import sys, structlog, trio
from pathlib import Path
from sqlalchemy import text
from fluentsd import daemon
from fluentsd.clock import SystemClock
from fluentsd.config import load
from fluentsd.verbs import catalogue, operations
from fluentsd.plugins import Plugins
from tests.engine.stage import FakeChannel

async def heavy(runtime, call):
    endless = text("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c")
    print("heavy", flush=True)
    await runtime.store.read(lambda conn: conn.execute(endless))

async def hang(message, attempt):
    print("sending", flush=True)
    await trio.sleep_forever()

def build(config, tools):
    channel = FakeChannel(config["kind"], tools.clock)
    channel.always = hang
    return channel

operations.heavy = heavy
catalogue.VERBS["heavy"] = catalogue.Verb("heavy", "slow", "operations.heavy")
log = structlog.wrap_logger(structlog.PrintLogger(sys.stderr))
trio.run(lambda: daemon.run(load(Path(sys.argv[1]), {}), clock=SystemClock(), plugins=Plugins(channels={"fake": build}),
                            log=log, ready=lambda: print("ready", flush=True)))
print("left", flush=True)
"""


@contextmanager
def child(place: Place, settings: Settings) -> Iterator[subprocess.Popen[str]]:
    """A daemon in a process of its own, ready."""
    command = [sys.executable, "-c", CHILD, str(settings.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", process.communicate()[1]
            yield process
        finally:
            process.kill()


#: Seconds. It takes a tenth of a second on a quiet machine; on a busy one this is still less than any grace, and less
#: than the slow query and the lock would take.
AT_ONCE = 4.0


def leave(process: subprocess.Popen[str], *signals: signal.Signals) -> float:
    """Seconds from the last signal to the end."""
    for number in signals:
        time.sleep(0.05)
        began = time.monotonic()
        process.send_signal(number)
    assert process.wait(10) == 0, process.communicate()[1]
    return time.monotonic() - began


def ask(settings: Settings, verb: str, **arguments: Any) -> Any:
    """One request from outside, as a shell sends it."""

    async def put() -> Any:
        async with connect(settings.socket) as client:
            return await client.ask(verb, arguments)

    return trio.run(put)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_an_idle_process_at_once(place: Place, number: signal.Signals) -> None:
    settings = place.settings()
    with child(place, settings) as process:
        assert leave(process, number) < AT_ONCE
        assert process.communicate()[0] == "left\n"
    with pytest.raises(NoDaemon):
        ask(settings, "state")


def put(settings: Settings, verb: str, **arguments: Any) -> socket.socket:
    """Send a request without waiting for the answer."""
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(settings.socket))
    sock.sendall(json.dumps({"verb": verb, "arguments": arguments}).encode() + b"\n")
    return sock


@pytest.mark.slow
def test_what_speaks_http_is_not_carried_by_a_daemon_that_does_not(place: Place) -> None:
    code = "import sys, fluentsd.daemon, fluentsd.cli as c; print({'hypercorn', 'starlette'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.slow
def test_a_signal_ends_it_at_once_during_a_slow_query(place: Place) -> None:
    settings = place.settings()
    with child(place, settings) as process, put(settings, "heavy"):
        assert process.stdout is not None
        assert process.stdout.readline() == "heavy\n"
        assert leave(process, signal.SIGTERM) < AT_ONCE


@pytest.mark.slow
def test_a_signal_ends_it_at_once_while_another_program_locks_the_database(place: Place) -> None:
    settings = place.settings()
    with child(place, settings) as process, locked(place), put(settings, "numbers add", number="+12125550123"):
        assert leave(process, signal.SIGTERM) < AT_ONCE
    assert place.ask("SELECT count(*) FROM number") == [(0,)]


@pytest.mark.slow
def test_a_second_signal_ends_it_at_once_whatever_is_in_progress(place: Place) -> None:
    settings = place.settings('[daemon]\ngrace = "1 hour"')
    with child(place, settings) as process:
        ask(settings, "campaign apply", file=spec(SMS, window=ALWAYS))
        run = ask(settings, "contacts begin-import", source="people.csv", ref="test")
        ask(settings, "contacts take", run=run, people=[person(1)])
        ask(settings, "campaign start", ref="test")
        assert process.stdout is not None
        assert process.stdout.readline() == "sending\n"
        assert leave(process, signal.SIGTERM, signal.SIGTERM) < AT_ONCE
    assert place.ask("SELECT state, outcome FROM attempt") == [("open", None)]


@pytest.mark.slow
def test_after_a_kill_the_next_start_finds_no_lock_and_a_dead_socket_and_goes_on(place: Place) -> None:
    settings = place.settings()
    with child(place, settings) as process:
        process.kill()
        process.wait()
    assert settings.socket.exists()
    with child(place, settings) as process:
        assert ask(settings, "campaign list") == {"campaigns": []}
        assert leave(process, signal.SIGTERM) < AT_ONCE
