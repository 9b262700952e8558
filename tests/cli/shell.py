"""A user at a shell: types commands in this process, in a folder with the files of a campaign, and starts daemons."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from fluentsd.cli.app import build
from tests.processes import Child, start

SETTINGS = """
[channel.phone]
plugin = "sandbox"
ring = "0.01 s"
talk = "0.01 s"
outcomes = { voicemail = 1 }
[channel.sms]
plugin = "sandbox"
delivery = "0.01 s"
outcomes = { delivered = 1 }
"""
#: Open at all hours and at once over: what a test can wait for.
CAMPAIGN = """
name = "Spring fair"
ref = "fair"

[window]
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
hours = "00:00-24:00"
fallback_timezone = "America/New_York"
blackout = [1999-12-24]
override = [{ date = 1999-12-31, hours = "9am-5pm" }]

[[step]]
id = "call"
channel = "phone"
agent = "sales"

[[step]]
id = "text"
channel = "sms"
text = "Hi {{ first_name }}, about {{ interest }}"

[law]
waive = [
    { rule = "US.hours", because = "a test runs at any hour", by = "the tests" },
    { rule = "NY.hours", because = "a test runs at any hour", by = "the tests" },
    { rule = "GA.auto-hours", because = "a test runs at any hour", by = "the tests" },
]
"""
#: What is said of the people's consent.
SAID = ("--basis", "written", "--given", "2026-11-01", "--scope", "phone,sms", "--by", "Front desk")
#: As a fair's lead scanner leaves it: semicolons, a quoted line break, a person twice, nobody at all.
PEOPLE = (
    "First Name;To Number;Interest;E-mail\r\n"
    'Echo;(212) 555-0111;"a roof\nor two";echo@example.com\r\n'
    "Kilo;call me;a porch;\r\n"
    "ECHO;+1 212 555 0111;a roof;\r\n"
    "Lima;303-555-0112;a heat pump;lima@example.com\r\n"
)
the_program = cache(build)


class Typed:
    """The result of one command."""

    def __init__(self, result: Any) -> None:
        self.status: int = result.exit_code
        self.out: str = result.stdout
        self.err: str = result.stderr
        error = result.exception
        assert error is None or isinstance(error, SystemExit), repr(error)
        assert "Traceback" not in self.out + self.err

    @property
    def rows(self) -> list[list[str]]:
        """Tab-separated records."""
        return [line.split("\t") for line in self.out.splitlines()]


class Person:
    """A user at a shell, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def types(self, *words: str, given: bytes | None = None) -> Typed:
        return Typed(CliRunner().invoke(the_program(), list(words), input=given))

    def gets(self, *words: str, given: bytes | None = None) -> Typed:
        """A command that succeeds and prints to standard output alone."""
        typed = self.types(*words, given=given)
        assert (typed.status, typed.err) == (0, ""), typed.err or typed.out
        return typed

    def asks(self, *words: str) -> Any:
        """The same answer as JSON."""
        return json.loads(self.gets(*words, "--json").out)

    def is_refused(self, *words: str, status: int = 1) -> str:
        """A command that fails: nothing on standard output, the reason on standard error."""
        typed = self.types(*words)
        assert (typed.status, typed.out) == (status, ""), typed.out
        return typed.err.strip()

    def figures(self) -> list[int]:
        status = self.asks("campaign", "status", "fair")
        return [status[key] for key in ("total", "queued", "active", "errored", "exited", "completed")]


def settled(folder: Path, patch: pytest.MonkeyPatch) -> Person:
    """A user in a folder with the files of a campaign."""
    patch.chdir(folder)
    patch.delenv("FLUENTSD_CONFIG", raising=False)
    (folder / "fluentsd.toml").write_text(SETTINGS)
    (folder / "fair.toml").write_text(CAMPAIGN)
    (folder / "people.csv").write_bytes(PEOPLE.encode("utf-8-sig"))
    return Person(folder)


@contextmanager
def daemon(folder: Path) -> Iterator[Child]:
    """`fluentsd run` as a supervisor starts it: entered once it is ready, left once it has ended without an error."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        address = str(folder / "notify")
        supervisor.bind(address)
        supervisor.settimeout(20)
        words = ("--config", str(folder / "fluentsd.toml"), "run")
        log = folder / "daemon.log"
        process = start("tests.processes:program", *words, output=log, folder=folder, NOTIFY_SOCKET=address)
        try:
            while b"READY=1" not in supervisor.recv(4096):
                pass
            yield process
        finally:
            process.terminate()
            status = process.wait(20)
        assert status == 0, log.read_text()
        assert "Traceback" not in log.read_text()


def until(person: Person, is_so: Callable[[], bool]) -> None:
    """Poll until true; a command of the shell takes longer than a sleep would."""
    give_up_at = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < give_up_at, person.gets("campaign", "status", "fair").out


WORDS = """
[[template]]
name = "hello"
channel = "sms"
text = "Hi {{ first_name }}, see you"
[[template]]
name = "offer"
channel = "email"
subject = "For {{ first_name }}"
html_file = "offer.html"
"""
