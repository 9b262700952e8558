"""Two processes that reach one database by different ways: one of them works, and nobody is contacted twice."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
import structlog
import trio
from structlog.testing import capture_logs

from fluentsd import bootstrap
from fluentsd.bootstrap import open_runtime
from fluentsd.cli.runner import unwrapped
from fluentsd.clock import SystemClock
from fluentsd.config import Settings
from fluentsd.engine import heartbeat
from fluentsd.engine.nursery import running
from fluentsd.engine.runtime import Runtime
from fluentsd.store import nodes
from fluentsd.store.db import lock, server_lock
from fluentsd.store.db.bridge import open_store
from fluentsd.store.db.lock import AlreadyRunning, LinkedFile, file_to_itself
from fluentsd.store.nodes import Fenced
from fluentsd.verbs import Call
from fluentsd.verbs.execute import execute
from tests.engine.stage import SMS, person, spec
from tests.installation import ALWAYS, Place, launch, living, until

OFD = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has locks of an open file")


async def refused(place: Place, path: str, kind: type[Exception], match: str) -> None:
    """A second daemon with another configuration of the same database."""
    settings = place.settings(f'[database]\npath = "{path}"\n')
    with pytest.raises(kind, match=match):
        async with open_runtime(settings, SystemClock(), Place(place.folder).plugins):
            pass


async def test_a_hard_link_is_refused_with_a_sentence(place: Place) -> None:
    async with living(place):
        os.link(place.folder / "fluentsd.db", place.folder / "other.db")
        await refused(place, "other.db", LinkedFile, "has 2 names .hard links.*nothing was changed.*-samefile")
    await refused(place, "fluentsd.db", LinkedFile, "has 2 names")
    (place.folder / "other.db").unlink()
    place.logs.clear()
    async with living(place):
        pass


async def test_a_symlink_meets_the_same_lock(place: Place) -> None:
    (place.folder / "elsewhere").mkdir()
    link = place.folder / "elsewhere" / "link.db"
    async with living(place):
        link.symlink_to(place.folder / "fluentsd.db")
        await refused(place, "elsewhere/link.db", AlreadyRunning, f"process {os.getpid()}")


async def test_a_daemon_behind_a_symlink_is_met_by_the_real_name(place: Place) -> None:
    (place.folder / "elsewhere").mkdir()
    (place.folder / "elsewhere" / "link.db").symlink_to(place.folder / "fluentsd.db")
    async with living(place, place.settings('[database]\npath = "elsewhere/link.db"\n')):
        await refused(place, "fluentsd.db", AlreadyRunning, f"process {os.getpid()}")


@OFD
async def test_a_deleted_lock_file_lets_nobody_in(place: Place) -> None:
    async with living(place) as client:
        (place.folder / "fluentsd.db.lock").unlink()
        await refused(place, "fluentsd.db", AlreadyRunning, "another fluentsd")
        await launch(client, spec(SMS, window=ALWAYS), person(1))
        await until(lambda: place.logged("campaign.completed"))


@OFD
async def test_the_lock_lasts_as_long_as_the_store_and_not_longer(place: Place) -> None:
    async with open_runtime(place.settings(), SystemClock(), place.plugins):
        with pytest.raises(AlreadyRunning), file_to_itself(place.folder / "fluentsd.db"):
            pass
    with file_to_itself(place.folder / "fluentsd.db"):
        pass


def test_a_system_without_such_locks_relies_on_the_other_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "somewhere")
    with file_to_itself(tmp_path / "a.db"), file_to_itself(tmp_path / "a.db"):
        assert (tmp_path / "a.db").stat().st_mode & 0o777 == 0o600


async def test_a_process_that_got_past_every_lock_is_fenced(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[Fenced] = []
    ready = trio.Event()

    async def first() -> None:
        try:
            with unwrapped():
                async with opened(place, place.settings()):
                    ready.set()
                    await trio.sleep(10)
        except Fenced as why:
            ended.append(why)

    with capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(first)
            await ready.wait()
            monkeypatch.setattr(bootstrap, "file_to_itself", lambda _: nullcontext())
            monkeypatch.setattr(lock, "_locked", lambda *_: nullcontext())
            other = Place(place.folder)
            async with opened(other, place.settings()) as runtime:
                await launched(runtime, 20)
                await until(lambda: len(other.channels["sms"].accepted) == 20)
            nursery.cancel_scope.deadline = trio.current_time() + 2
    assert place.channels["sms"].accepted == []
    assert [entry["event"] for entry in logs].count("daemon.fenced") == len(ended)


# ── on a server ──────────────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def opened(place: Place, settings: Settings) -> AsyncIterator[Runtime]:
    """The engine without fronts."""
    async with (
        open_runtime(settings, SystemClock(), place.plugins, log=structlog.get_logger()) as runtime,
        running(runtime, grace=0.1),
    ):
        yield runtime


async def launched(runtime: Runtime, people: int) -> None:
    async def ask(verb: str, **arguments: Any) -> Any:
        return await execute(runtime, verb, arguments, Call("tester", runtime.clock.now(), role="admin"))

    await ask("campaign apply", file=spec(SMS, window=ALWAYS))
    run = await ask("contacts begin-import", source="people.csv", ref="test")
    await ask("contacts take", run=run, people=[person(n) for n in range(1, people + 1)])
    await ask("campaign start", ref="test", yes=True)


on_a_server = pytest.mark.parametrize("empty_database_url", ["postgresql"], indirect=True)


def at_server(place: Place, url: str) -> Settings:
    return place.settings(f'[database]\nurl = "{url}"')


async def cut(url: str) -> int:
    """End the session that has the lock, as a lost connection does; how many there were."""
    statement = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    async with open_store(url) as store:
        return int((await store.run(lambda conn: conn.exec_driver_sql(statement))).scalar_one())


@on_a_server
async def test_a_lost_lock_is_noticed_and_taken_again(
    place: Place, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_EVERY", 0.1)
    settings = at_server(place, empty_database_url)
    async with opened(place, settings) as runtime:
        assert await cut(empty_database_url) == 1
        await trio.sleep(1)
        assert await cut(empty_database_url) == 1  # it was taken again
        await trio.sleep(1)
        with pytest.raises(AlreadyRunning):
            async with open_runtime(settings, SystemClock(), Place(place.folder).plugins):
                pass
        await launched(runtime, 5)
        await until(lambda: len(place.channels["sms"].accepted) == 5)


@on_a_server
async def test_who_lost_the_lock_to_another_process_is_fenced_and_contacts_nobody(
    place: Place, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_EVERY", 2.0)
    settings, other = at_server(place, empty_database_url), Place(place.folder)

    async def both() -> None:
        async with opened(place, settings):
            await trio.sleep(0.2)
            assert await cut(empty_database_url) == 1
            async with opened(other, settings) as runtime:
                await launched(runtime, 20)
                await until(lambda: len(other.channels["sms"].accepted) == 20)
                assert place.channels["sms"].accepted == []
            await trio.sleep(3)

    with pytest.raises(Fenced), unwrapped():
        await both()
    assert place.channels["sms"].accepted == []


@on_a_server
async def test_a_claim_of_a_replaced_process_is_rolled_back(place: Place, empty_database_url: str) -> None:
    async def replaced() -> None:
        async with opened(place, at_server(place, empty_database_url)) as runtime:
            await runtime.store.run(nodes.take_over, "another:1")
            await launched(runtime, 3)
            await trio.sleep(3)

    with pytest.raises(Fenced), unwrapped():
        await replaced()
    async with open_store(empty_database_url) as store:
        assert (await store.read(lambda conn: conn.exec_driver_sql("SELECT count(*) FROM attempt"))).scalar() == 0
    assert place.channels["sms"].accepted == []


@on_a_server
async def test_another_host_waits_until_the_last_beat_is_old(
    place: Place, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = at_server(place, empty_database_url)
    async with opened(place, settings):
        pass
    async with open_store(empty_database_url) as store:
        await store.run(nodes.take_over, "another:1")  # it beat just now, and has no lock
    monkeypatch.setattr(server_lock, "STALE_AFTER", 1.5)
    began = trio.current_time()
    async with opened(place, settings):
        assert 1.0 < trio.current_time() - began < 15


@on_a_server
async def test_a_holder_that_no_longer_beats_loses_the_lock(
    place: Place, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_EVERY", 100.0)
    settings, other = at_server(place, empty_database_url), Place(place.folder)
    async with opened(place, settings):
        await trio.sleep(1)
        with pytest.raises(AlreadyRunning):
            async with opened(other, settings):
                pass
        monkeypatch.setattr(server_lock, "STALE_AFTER", 0.5)
        async with opened(other, settings):
            pass


@on_a_server
async def test_without_a_young_beat_nothing_is_claimed(
    place: Place, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(place, at_server(place, empty_database_url)) as runtime:
        monkeypatch.setattr(server_lock, "CLAIMS_STOP_AFTER", 0.0)
        await launched(runtime, 5)
        await trio.sleep(1.5)
        assert place.channels["sms"].accepted == []
        monkeypatch.undo()
        await until(lambda: len(place.channels["sms"].accepted) == 5)


@on_a_server
async def test_a_pooler_is_refused(place: Place, empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncpg

    monkeypatch.setattr(asyncpg.Connection, "get_server_pid", lambda _: 1)
    with pytest.raises(server_lock.PooledConnection, match="pooler"):
        async with open_runtime(at_server(place, empty_database_url), SystemClock(), place.plugins):
            pass


@on_a_server
async def test_a_restart_after_an_orderly_end_waits_for_nobody(place: Place, empty_database_url: str) -> None:
    for _ in range(2):
        began = trio.current_time()
        async with opened(place, at_server(place, empty_database_url)):
            assert trio.current_time() - began < 5


@on_a_server
async def test_an_orderly_end_while_the_server_only_reads_is_one(place: Place, empty_database_url: str) -> None:
    async def only_read(conn: Any) -> None:
        await conn.exec_driver_sql("SET default_transaction_read_only = on")

    with capture_logs() as logs:
        async with opened(place, at_server(place, empty_database_url)) as runtime:
            for _ in range(8):  # each of the pool's connections
                await runtime.store.run(only_read)
    noted = [entry["event"] for entry in logs if entry["event"].endswith("not_noted")]
    assert noted == ["daemon.leaving_not_noted", "daemon.end_not_noted"]
