"""Attack: the same words to the same number from another try or campaign. A message belongs to one attempt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.attack.scene import Provider, opened, started
from tests.attack.test_handover import outcomes
from tests.engine.stage import HOUR, MINUTE, person, spec

WORDS = {"channel": "sms", "text": "Hello"}
TWICE = spec({"id": "one", **WORDS}, {"id": "two", "after": "1 hour", **WORDS})


def by_step(**steps: str) -> Any:
    return lambda message, attempt: steps[attempt.step]


async def refs(stage: Any) -> list[str]:
    found = await stage.runtime.store.read(
        lambda conn: conn.exec_driver_sql("SELECT provider_ref FROM attempt WHERE provider_ref IS NOT NULL")
    )
    return [ref for (ref,) in found]


async def test_a_message_of_an_earlier_step_is_not_taken_for_one_that_was_never_sent(
    database_url: str, tmp_path: Path
) -> None:
    async with opened(database_url) as (store, clock):
        sms = Provider("sms", clock, script=by_step(one="ok", two="lost before"))
        async with started(store, clock, tmp_path, sms=sms) as stage:
            await stage.launch(TWICE, person(1))
            await stage.until(clock.now() + 3 * HOUR)
            assert await outcomes(stage) == {"sent": 1, "unknown": 1}
            assert await refs(stage) == ["SM0"]
        assert len(sms.messages) == 1


async def test_two_lost_answers_with_the_same_words_prove_nothing_of_either(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url) as (store, clock):
        sms = Provider("sms", clock, script=by_step(one="lost before", two="lost before"))
        async with started(store, clock, tmp_path, sms=sms) as stage:
            await stage.launch(TWICE, person(1))
            await stage.until(clock.now() + 30 * MINUTE)
            sms.messages.append(("SM9", "+12125550001", "Hello", clock.now()))  # the first one, listed very late
            await stage.until(clock.now() + 3 * HOUR)
            assert await outcomes(stage) == {"unknown": 2}
            assert await refs(stage) == []


async def test_the_same_words_of_another_campaign_are_not_adopted(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url) as (store, clock):
        sms = Provider("sms", clock)
        async with started(store, clock, tmp_path, sms=sms) as stage:
            await stage.launch(spec({"id": "one", **WORDS}, ref="first", name="First"), person(1))
            await stage.until(clock.now() + MINUTE)
            sms.script = by_step(one="lost before")
            await stage.launch(spec({"id": "one", **WORDS}), person(1))
            await stage.until(clock.now() + HOUR)
            assert await outcomes(stage) == {"unknown": 1}


async def test_a_reference_that_another_attempt_owns_proves_nothing(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url) as (store, clock):
        sms = Provider("sms", clock, same_ref="SMSAME")
        async with started(store, clock, tmp_path, sms=sms) as stage:
            await stage.launch(spec({"id": "one", **WORDS}), person(1), person(2))
            await stage.until(clock.now() + HOUR)
            assert await refs(stage) == ["SMSAME"]
            assert await outcomes(stage) == {"sent": 1, "unknown": 1}


async def test_a_lost_answer_alone_is_found(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url) as (store, clock):
        sms = Provider("sms", clock, script=by_step(one="lost", two="ok"))
        async with started(store, clock, tmp_path, sms=sms) as stage:
            await stage.launch(TWICE, person(1))
            await stage.until(clock.now() + 3 * HOUR)
            assert await outcomes(stage) == {"delivered": 1, "sent": 1}
            assert sorted(await refs(stage)) == ["SM0", "SM1"]
