"""The daemon: ready, alone, and clear about what keeps it from starting."""

from __future__ import annotations

import os
import socket
import sqlite3
from contextlib import closing
from functools import partial
from typing import Any

import pytest

from fluentsd import daemon
from fluentsd.bootstrap import open_runtime
from fluentsd.clock import SystemClock
from fluentsd.config import load
from fluentsd.fronts.control.client import connect
from fluentsd.fronts.control.protocol import ControlProblem
from fluentsd.plugins import Plugins
from fluentsd.store.db.lock import AlreadyRunning
from fluentsd.store.db.upgrade import ForeignDatabase
from fluentsd.validation import Problems
from tests.engine.stage import SMS, person, spec
from tests.installation import ALWAYS, Place, launch, living, run_daemon, until


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


# ── alone ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_second_daemon_is_refused_and_told_whom_to_ask(place: Place) -> None:
    async with living(place):
        with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"):
            await run_daemon(Place(place.folder), place.settings(), lambda: None)
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
        await run_daemon(place, place.settings('[daemon]\nsocket = "taken"'), lambda: None)
    async with living(place):
        pass
