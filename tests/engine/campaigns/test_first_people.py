"""A start with a few people first: the campaign is held after them, until a person releases it; and a pause with an
end."""

from __future__ import annotations

import pytest

from fluentsd.engine.dispatch.claim import FIRST_DONE
from fluentsd.verbs import Refused
from tests.engine.stage import DAY, HOUR, MINUTE, MONDAY, SMS, Stage, person, spec

LATER = {"id": "later", "channel": "sms", "after": "1 day", "text": "Again"}


async def begin(stage: Stage, people: int, first: int) -> None:
    await stage.do("campaign apply", file=spec(SMS, LATER))
    await stage.enroll(*(person(n) for n in range(people)))
    await stage.do("campaign start", ref="test", yes=True, first=first)
    await stage.until(stage.clock.now() + 2 * HOUR)


async def test_exactly_the_first_people_are_contacted(stage: Stage) -> None:
    await begin(stage, 10, 3)
    assert len(stage.sms.accepted) == 3
    assert [hold["reason"] for hold in (await stage.overview())["holds"]] == [FIRST_DONE]
    await stage.until(MONDAY + 3 * DAY)
    assert len(stage.sms.accepted) == 3  # their next step waits for the person's go, too


async def test_everybody_else_follows_after_the_release(stage: Stage) -> None:
    await begin(stage, 10, 3)
    await stage.do("release", scope="campaign", target="test")
    found = await stage.until_ended()
    assert found["completed"] == 10
    assert len(stage.sms.accepted) == 20


async def test_more_people_than_there_are_hold_nothing(stage: Stage) -> None:
    await begin(stage, 2, 5)
    assert (await stage.overview())["holds"] == []
    assert (await stage.until_ended())["completed"] == 2


@pytest.mark.parametrize("first", [0, -1])
async def test_a_start_with_nobody_is_refused(stage: Stage, first: int) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    with pytest.raises(Refused, match="the smallest is 1"):
        await stage.do("campaign start", ref="test", yes=True, first=first)


async def test_a_pause_ends_at_its_time(stage: Stage) -> None:
    await stage.launch(spec(SMS, LATER), person(1))
    await stage.until(MONDAY + MINUTE)
    await stage.do("campaign pause", ref="test", until=MONDAY + 2 * HOUR)
    await stage.until(MONDAY + 2 * HOUR - MINUTE)
    assert (await stage.overview())["state"] == "paused"
    await stage.until(MONDAY + 2 * HOUR + MINUTE)
    assert (await stage.overview())["state"] == "active"
    entry = (await stage.do("log", target="test"))["entries"][0]
    assert (entry["actor"], entry["verb"]) == ("fluentsd", "resume")


async def test_a_pause_that_a_person_ends_does_not_end_again(stage: Stage) -> None:
    await stage.launch(spec(SMS, LATER), person(1))
    await stage.until(MONDAY + MINUTE)
    await stage.do("campaign pause", ref="test", until=MONDAY + 2 * HOUR)
    await stage.do("campaign resume", ref="test")
    await stage.do("campaign pause", ref="test")
    await stage.until(MONDAY + 3 * HOUR)
    assert (await stage.overview())["state"] == "paused"


async def test_a_pause_does_not_end_in_the_past(stage: Stage) -> None:
    await stage.launch(spec(SMS, LATER), person(1))
    with pytest.raises(Refused, match="in the past"):
        await stage.do("campaign pause", ref="test", until=MONDAY - HOUR)
