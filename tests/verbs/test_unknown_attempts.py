"""Unknown attempts: shown, never repeated automatically, retried when a user decides so."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fluentsd.api import Attempt, Inbound, Message, Outcome, Receipt
from fluentsd.clock import SimClock
from fluentsd.verbs import Refused
from tests.databases import open_whole
from tests.engine.stage import DAY, HOUR, MINUTE, MONDAY, SMS, Stage, person, spec, staged

TWO = SMS | {"id": "two", "after": "1 day"}
ANN, BEN = "+12125550001", "+12125550002"


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[Stage]:
    """Nothing can be looked up, so an attempt with a lost answer stays unknown."""
    clock = SimClock(MONDAY)
    async with open_whole(database_url, busy=clock.busy) as store, staged(store, clock) as stage:
        stage.sms.cannot_tell = True
        yield stage


def lost(stage: Stage, *first: str) -> None:
    """The answers to the first messages to these people are lost."""
    waiting = set(first)

    async def behave(message: Message, attempt: Attempt) -> Receipt:
        stage.sms.accept(message, attempt)
        if message.to in waiting:
            waiting.remove(message.to)
            raise OSError("the line went dead")
        return Receipt(f"ref-{attempt.token}", Outcome.sent)

    stage.sms.always = behave


async def shown(stage: Stage) -> list[str]:
    return sorted(call["to"] for call in (await stage.do("unknown list"))["calls"])


async def test_only_who_is_named_gets_the_step_once_more_and_the_flow_goes_on_from_there(stage: Stage) -> None:
    lost(stage, ANN, BEN)
    await stage.launch(spec(SMS, TWO), person(1), person(2))
    await stage.until(MONDAY + 2 * HOUR)
    assert await shown(stage) == [ANN, BEN]
    assert (await stage.overview())["unknown"] == 2
    answer = await stage.do("unknown retry", ref="test", person=ANN)
    assert (answer["people"], answer["left_alone"]) == (1, [])
    await stage.until(MONDAY + 3 * HOUR)
    assert [(a.to, a.step, a.try_no) for a, *_ in stage.sms.accepted][2:] == [(ANN, "text", 2)]
    assert await shown(stage) == [BEN]
    await stage.do("unknown dismiss", ref="test")
    assert (await shown(stage), (await stage.overview())["unknown"]) == ([], 0)
    found = await stage.until_ended()
    assert found["completed"] == 2
    steps = [(a.to, a.step) for a, *_ in stage.sms.accepted]
    assert sorted(steps) == [(ANN, "text"), (ANN, "text"), (ANN, "two"), (BEN, "text"), (BEN, "two")]
    outcomes = {call["try_no"]: call["outcome"] for call in (await stage.do("history", person=ANN))["calls"]
                if call["step"] == "text"}  # fmt: skip
    assert outcomes == {1: "unknown", 2: "sent"}


async def test_after_the_last_step_the_campaign_opens_again(stage: Stage) -> None:
    lost(stage, ANN)
    await stage.launch(spec(SMS), person(1), person(2))
    assert (await stage.until_ended())["completed"] == 2
    answer = await stage.do("unknown retry", ref="test")
    assert (answer["people"], answer["state"]) == (1, "active")
    assert (await stage.until_ended())["completed"] == 2
    assert [a.to for a, *_ in stage.sms.accepted].count(ANN) == 2


async def test_who_has_gone_on_or_left_is_named_and_left_alone(stage: Stage) -> None:
    lost(stage, ANN, BEN)
    await stage.launch(spec(SMS, TWO, SMS | {"id": "three", "after": "1 week"}), person(1), person(2))
    await stage.until(MONDAY + 2 * HOUR)
    await stage.do("campaign remove", ref="test", person=BEN, because="moved away")
    await stage.until(MONDAY + DAY + 2 * HOUR)
    answer = await stage.do("unknown retry", ref="test")
    assert answer["people"] == 0
    assert {left["person"]: left["why"] for left in answer["left_alone"]} == {
        ANN: "the next step, three, has begun", BEN: "has left the campaign (removed)",
    }  # fmt: skip
    assert await shown(stage) == [ANN, BEN]


async def test_what_is_proved_later_is_not_open_any_more(stage: Stage) -> None:
    lost(stage, ANN)
    await stage.launch(spec(SMS, TWO), person(1))
    await stage.until(MONDAY + 2 * HOUR)
    [attempt] = stage.sms.tokens()
    await stage.sms.tell(Inbound(Outcome.delivered, token=attempt))
    await stage.until(MONDAY + 2 * HOUR + MINUTE)
    with pytest.raises(Refused, match="test has no unknown attempt"):
        await stage.do("unknown retry", ref="test")


async def test_nonsense_is_refused_and_a_stopped_campaign_has_to_be_opened_first(stage: Stage) -> None:
    lost(stage, ANN)
    await stage.launch(spec(SMS, TWO), person(1), person(2))
    await stage.until(MONDAY + 2 * HOUR)
    with pytest.raises(Refused, match=f"no unknown attempt for {BEN.replace('+', '.')}"):
        await stage.do("unknown retry", ref="test", person=BEN)
    with pytest.raises(Refused, match="no unknown attempt with the id x"):
        await stage.do("unknown dismiss", ref="test", attempt="x")
    await stage.do("campaign stop", ref="test")
    with pytest.raises(Refused, match="test is stopped; reopen it first"):
        await stage.do("unknown retry", ref="test")
    assert await shown(stage) == [ANN]
