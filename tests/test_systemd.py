"""What systemd hears of the daemon: ready, alive, stopping."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator

import pytest
import structlog
import trio

from fluentsd import daemon
from fluentsd.clock import SystemClock
from fluentsd.store.db.bridge import open_store
from fluentsd.systemd import Supervisor
from tests.installation import Place, living, until


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


async def test_a_reload_is_not_told_as_an_end(place: Place, supervisor: socket.socket) -> None:
    """After STOPPING=1 systemd kills the process once `TimeoutStopSec` is over."""
    settings, ready = place.settings(), trio.Event()
    following: list[object] = []

    async def live() -> None:
        log = structlog.get_logger()
        common = {"clock": SystemClock(), "plugins": place.plugins, "log": log}
        following.append(await daemon.run(settings, ready=ready.set, read=place.settings, **common))  # type: ignore[arg-type]

    async with trio.open_nursery() as nursery:
        nursery.start_soon(live)
        await ready.wait()
        os.kill(os.getpid(), signal.SIGHUP)
    lines = heard(supervisor)
    assert following[0] is not None
    assert "RELOADING=1" in lines
    assert "STOPPING=1" not in lines


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
