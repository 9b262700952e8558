"""The daemon's shutdown: sends in progress end, calls that only ring are asked about later."""

from __future__ import annotations

import trio

from fluentsd.config import load
from tests.engine.stage import CALL, SMS, person, spec
from tests.installation import ALWAYS, AT_ONCE, Place, holding, launch, living, terminate, until


async def test_an_idle_daemon_leaves_at_once(place: Place) -> None:
    async with living(place):
        began = trio.current_time()
        terminate()
    assert trio.current_time() - began < AT_ONCE


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
