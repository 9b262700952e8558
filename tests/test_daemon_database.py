"""The daemon on a database that is locked or has no room."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from typing import Any

import pytest
import trio
from sqlalchemy import text

from fluentsd import bootstrap, daemon
from fluentsd.fronts.control.protocol import DaemonFailed
from fluentsd.store.db.bridge import open_store
from tests.engine.stage import SMS, person, spec
from tests.installation import ALWAYS, Place, holding, launch, living, locked, terminate, until


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


@pytest.mark.parametrize("comes_back", [True, False])
async def test_a_stop_while_the_database_is_locked_waits_for_it_within_the_grace(
    place: Place, monkeypatch: pytest.MonkeyPatch, comes_back: bool
) -> None:
    monkeypatch.setattr(bootstrap, "open_store", partial(open_store, busy_after=0.02))
    for module in ("dispatcher", "recorder"):
        monkeypatch.setattr(f"fluentsd.engine.dispatch.{module}.STORE_PAUSE", 10_000)
    begun, released = trio.Event(), trio.Event()
    grace = "20 s" if comes_back else "1 s"
    with ExitStack() as stack:
        async with living(place, place.settings(f'[daemon]\ngrace = "{grace}"\n')) as client:
            place.channels["sms"].behaviours = [holding(place, released, begun)]
            await launch(client, spec(SMS, window=ALWAYS), person(1))
            await begun.wait()
            lock = stack.enter_context(ExitStack())
            lock.enter_context(locked(place))
            released.set()  # it is sent; the result cannot be written yet
            await until(lambda: place.logged("store.unavailable"))
            terminate()
            await until(lambda: place.logged("daemon.stopping"))
            await trio.sleep(0.1)
            if comes_back:
                lock.close()
    assert place.logged("daemon.stopped")
    assert place.ask("SELECT state, outcome FROM attempt") == [("settled", "sent") if comes_back else ("open", None)]
    assert [one["attempts"] for one in place.logged("outcomes.not_written")] == ([] if comes_back else [1])


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
