"""Attack: the provider answers 5xx, HTML or nonsense to everything. It must not use up the list."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest
import structlog
import trio

from fluentsd.engine.channel_state import ChannelState
from fluentsd.engine.nursery import running
from fluentsd.engine.runtime import Runtime
from tests.attack.scene import SECOND, Provider, opened, started
from tests.engine.stage import MINUTE, SMS, Stage, person, spec


async def test_a_provider_that_answers_nonsense_is_held_with_the_reason_and_goes_on_by_itself(
    database_url: str, tmp_path: Path
) -> None:
    async with opened(database_url) as (store, clock):
        sms = Provider("sms", clock, capacity=5)
        async with started(store, clock, tmp_path, sms=sms) as stage:
            await stage.launch(spec(SMS), *[person(n) for n in range(5)])
            await stage.until(clock.now() + 5 * SECOND)
            sms.is_down, sms.script = True, lambda message, attempt: "lost before"
            await stage.launch(spec(SMS, ref="more", name="More"), *[person(n) for n in range(100, 300)])
            await stage.until(clock.now() + 10 * MINUTE)
            assert len(sms.begun) - 5 <= 10
            [hold] = (await stage.do("holds"))["holds"]
            assert (hold["scope"], hold["target"], hold["by"]) == ("channel", "sms", "fluentsd")
            assert hold["reason"].startswith("the provider gives no readable answers (a mistake in the plugin (Lost)")
            sms.is_down, sms.script = False, lambda message, attempt: "ok"
            back_at = clock.now()
            while len(sms.messages) < 100:
                await stage.until(clock.now() + SECOND)
                assert clock.now() - back_at < 30 * SECOND
            assert (await stage.do("holds"))["holds"] == []
            await stage.until(clock.now() + 5 * MINUTE)
            assert set(sms.counts().values()) == {1}


async def test_one_accident_slows_nothing_down(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url) as (store, clock):
        script = iter(["ok", "lost before", "ok"])
        sms = Provider("sms", clock, script=lambda message, attempt: next(script, "ok"))
        async with started(store, clock, tmp_path, sms=sms) as stage:
            await stage.launch(spec(SMS), *[person(n) for n in range(200)])
            await stage.until(clock.now() + SECOND)
            assert len(sms.messages) == 199


async def test_a_suspension_left_by_an_earlier_run_is_tried_again(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url) as (store, clock):
        sms = Provider("sms", clock, capacity=2, is_down=True, script=lambda message, attempt: "lost before")
        async with started(store, clock, tmp_path, sms=sms) as stage:
            await stage.launch(spec(SMS), *[person(n) for n in range(20)])
            await stage.until(clock.now() + MINUTE)
            assert (await stage.do("holds"))["holds"]
        sms.is_down, sms.script = False, lambda message, attempt: "ok"
        async with started(store, clock, tmp_path, sms=sms) as stage:
            await stage.until(clock.now() + 10 * SECOND)
            assert (await stage.do("holds"))["holds"] == []
            assert len(sms.messages) >= 13


async def test_an_orderly_stop_does_not_wait_for_a_suspended_channel(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url) as (store, clock):
        sms = Provider("sms", clock, capacity=2, is_down=True, script=lambda message, attempt: "lost before")
        states = {"sms": ChannelState("sms", sms, timeout=5 * SECOND)}
        runtime = Runtime(store, clock, states, log=structlog.wrap_logger(structlog.ReturnLogger()))  # type: ignore[arg-type]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(clock.run)
            with trio.fail_after(30):
                async with running(runtime, grace=0.1) as inbox:
                    stage = Stage(runtime, clock, {"sms": sms}, inbox)  # type: ignore[dict-item]
                    await stage.launch(spec(SMS), *[person(n) for n in range(20)])
                    await stage.until(clock.now() + MINUTE)
                    assert (await stage.do("holds"))["holds"]
            nursery.cancel_scope.cancel()


async def test_a_check_that_is_well_does_not_let_messages_burn_people(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url) as (store, clock):
        sms = Provider("sms", clock, capacity=5, script=lambda message, attempt: "lost before")
        async with started(store, clock, tmp_path, sms=sms) as stage:
            await stage.launch(spec(SMS), *[person(n) for n in range(100)])
            await stage.until(clock.now() + MINUTE)
            [hold] = (await stage.do("holds"))["holds"]
            assert "its check is well, so one message is tried in " in hold["reason"]
            await stage.until(clock.now() + 20 * MINUTE)
            assert len(sms.begun) <= 15
            sms.script = lambda message, attempt: "ok"
            await stage.do("release", scope="channel", target="sms")  # or within five minutes by itself
            await stage.until(clock.now() + 30 * SECOND)
            assert len(sms.messages) >= 80


@pytest.mark.parametrize("every", [2, 3])
async def test_a_provider_that_fails_every_other_time_is_suspended(
    database_url: str, tmp_path: Path, every: int
) -> None:
    async with opened(database_url) as (store, clock):
        turn = count()
        sms = Provider("sms", clock, capacity=5)
        sms.script = lambda message, attempt: "ok" if next(turn) % every else "lost before"
        async with started(store, clock, tmp_path, sms=sms) as stage:
            await stage.launch(spec(SMS), *[person(n) for n in range(200)])
            await stage.until(clock.now() + 5 * MINUTE)
            assert len(sms.begun) == 200 if every == 3 else len(sms.begun) < 40
