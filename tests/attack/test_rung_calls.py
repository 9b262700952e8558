"""Attack: pause while calls ring, resume, twice. A phone that may have rung is a call."""

from __future__ import annotations

from pathlib import Path

import pytest

from fluentsd.api import Attempt, Cancelled, Inbound, Message, Outcome, Receipt
from tests.attack.scene import SECOND, Provider, opened, started
from tests.attack.test_handover import outcomes
from tests.engine.stage import HOUR, MINUTE, Stage, person, spec

CALL = {"id": "call", "channel": "phone", "agent": "a", "retry": {"no_answer": "2 hours", "limit": 2}}


@pytest.mark.parametrize("proof", [True, Cancelled.may_have_rung])
async def test_a_withdrawn_call_that_may_have_rung_counts_and_is_not_made_again_at_once(
    database_url: str, tmp_path: Path, proof: bool | Cancelled
) -> None:
    async with opened(database_url) as (store, clock):
        phone = Provider("phone", clock, cancels=proof)
        async with started(store, clock, tmp_path, phone=phone) as stage:
            await stage.launch(spec(CALL), *[person(n) for n in range(13)])
            for _ in range(2):
                await stage.until(clock.now() + 20 * SECOND)
                await stage.do("campaign pause", ref="test")
                await stage.until(clock.now() + SECOND)
                await stage.do("campaign resume", ref="test")
            await stage.until(clock.now() + 10 * MINUTE)
            assert set(phone.counts().values()) == {1}
            assert await outcomes(stage) == {"no_answer": 13}
            assert (await stage.do("campaign replies"))["replies"] == []


async def test_a_call_that_was_still_queued_is_made_when_the_campaign_goes_on(
    database_url: str, tmp_path: Path
) -> None:
    async with opened(database_url) as (store, clock):
        phone = Provider("phone", clock, cancels=Cancelled.before_ringing)
        async with started(store, clock, tmp_path, phone=phone) as stage:
            await stage.launch(spec(CALL), person(1))
            await stage.until(clock.now() + 20 * SECOND)
            await stage.do("campaign pause", ref="test")
            await stage.until(clock.now() + SECOND)
            await stage.do("campaign resume", ref="test")
            await stage.until(clock.now() + MINUTE)
            assert len(phone.messages) == 2


async def reasons(stage: Stage) -> list[str]:
    rows = await stage.runtime.store.read(
        lambda conn: conn.exec_driver_sql("SELECT outcome, reason FROM attempt WHERE channel = 'phone' ORDER BY id")
    )
    return [f"{outcome}: {reason}" for outcome, reason in rows]


async def test_a_call_that_rings_at_the_end_of_the_window_is_withdrawn(database_url: str, tmp_path: Path) -> None:
    hours = {"hours": "10:00-10:05"}  # it is ten o'clock
    async with opened(database_url) as (store, clock):
        phone = Provider("phone", clock, cancels=Cancelled.may_have_rung)
        async with started(store, clock, tmp_path, phone=phone) as stage:
            await stage.launch(spec(CALL, window=hours), person(1), person(2))
            await stage.until(clock.now() + 4 * MINUTE)
            assert await outcomes(stage) == {None: 2}
            await stage.until(clock.now() + 2 * MINUTE)
            assert (
                await reasons(stage) == ["no_answer: withdrawn by the end of the contact window; it may have rung"] * 2
            )
            await stage.until(clock.now() + 5 * HOUR)
            assert len(phone.messages) == 2  # the next try waits for the next day


@pytest.mark.parametrize("way", ["webhook", "verb"])
async def test_a_call_that_rings_when_its_person_opts_out_is_withdrawn(
    database_url: str, tmp_path: Path, way: str
) -> None:
    async with opened(database_url) as (store, clock):
        phone = Provider("phone", clock, cancels=Cancelled.may_have_rung)
        async with started(store, clock, tmp_path, phone=phone) as stage:
            await stage.launch(spec(CALL), person(1), person(2))
            await stage.until(clock.now() + 20 * SECOND)
            if way == "webhook":
                await stage.inbox.take(Inbound(Outcome.opted_out, address="p1@example.com", text="STOP"))
            else:
                await stage.do("suppression add", point="+12125550001", because="asked us")
            await stage.until(clock.now() + SECOND)
            assert sorted(await reasons(stage)) == [
                "None: ",
                "no_answer: withdrawn by the person's opt-out; it may have rung",
            ]


async def test_a_conversation_goes_on_past_the_window_and_is_asked_about_once(
    database_url: str, tmp_path: Path
) -> None:
    async with opened(database_url) as (store, clock):
        phone = Provider("phone", clock, cancels=False)
        asked: list[str] = []

        async def too_late(attempt: Attempt) -> bool:
            asked.append(attempt.token)
            return False

        phone.cancel = too_late  # type: ignore[method-assign]
        async with started(store, clock, tmp_path, phone=phone) as stage:
            await stage.launch(spec(CALL, window={"hours": "10:00-10:05"}), person(1))
            await stage.until(clock.now() + 30 * MINUTE)
            await stage.do("suppression add", point="+12125550009", because="asked us")
            await stage.until(clock.now() + MINUTE)
            assert len(asked) == 1
            assert await outcomes(stage) == {None: 1}


@pytest.mark.parametrize("way", ["pause", "stop", "remove", "opt-out", "window"])
async def test_a_call_that_is_being_created_is_withdrawn_as_soon_as_its_provider_has_it(
    database_url: str, tmp_path: Path, way: str
) -> None:
    async with opened(database_url) as (store, clock):
        phone = Provider("phone", clock, cancels=Cancelled.may_have_rung)
        create = phone.send

        async def send(message: Message, attempt: Attempt) -> Receipt:
            receipt = await create(message, attempt)
            await clock.sleep_until(clock.now() + 4 * SECOND)  # the answer is on its way
            return receipt

        phone.send = send  # type: ignore[method-assign]
        async with started(store, clock, tmp_path, phone=phone) as stage:
            await stage.do("campaign apply", file=spec(CALL, window={"hours": "10:00-10:05"}))
            await stage.enroll(person(1))
            await stage.until(clock.now() + 5 * MINUTE - 3 * SECOND)
            await stage.do("campaign start", ref="test", yes=True)
            await stage.until(clock.now() + SECOND)
            assert len(phone.begun) == 1
            if way == "opt-out":
                await stage.inbox.take(Inbound(Outcome.opted_out, address="p1@example.com", text="STOP"))
            elif way == "remove":
                await stage.do("campaign remove", ref="test", person="+12125550001")
            elif way != "window":
                await stage.do(f"campaign {way}", ref="test")
            await stage.until(clock.now() + 6 * SECOND)
            [reason] = await reasons(stage)
            assert reason.startswith("no_answer: withdrawn by ")
            assert len(phone.messages) == 1
