"""The daemon in a process of its own: signals, a kill, and the next start."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import trio

from fluentsd.config import Settings
from fluentsd.fronts.control.client import connect
from fluentsd.fronts.control.protocol import NoDaemon
from tests.engine.stage import SMS, person, spec
from tests.installation import ALWAYS, AT_ONCE, Place, locked
from tests.processes import Child, start


@contextmanager
def child(place: Place, settings: Settings) -> Iterator[Child]:
    """A daemon in a process of its own, ready."""
    output = place.folder / f"{time.monotonic_ns()}.log"
    process = start("tests.daemon_child:live", str(settings.path), output=output, folder=place.folder)
    try:
        process.wait_printed("ready")
        yield process
    finally:
        process.kill()
        process.wait()


def leave(process: Child, *signals: signal.Signals) -> float:
    """Seconds from the last signal to the end."""
    for number in signals:
        time.sleep(0.05)
        began = time.monotonic()
        process.send_signal(number)
    assert process.wait(10) == 0, process.output.read_text()
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
        assert process.output.read_text().splitlines()[-1] == "left"
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
        process.wait_printed("heavy")
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
        process.wait_printed("sending")
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
