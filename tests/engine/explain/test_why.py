"""Why a person was contacted or not: the sentence agrees with what the engine then does."""

from __future__ import annotations

import pytest

from fluentsd.api import Inbound, NeedsHuman, Outcome
from fluentsd.verbs import Refused
from tests.engine.stage import DAY, HOUR, MINUTE, MONDAY, SMS, Stage, person, spec

ANN = "+12125550001"
TUESDAY_EVENING = MONDAY + DAY + 10 * HOUR


async def reason(stage: Stage, who: str = ANN) -> tuple[str, int | None]:
    answer = (await stage.do("contacts why", person=who))["campaigns"][0]
    assert answer["sentence"]
    return answer["reason"], answer.get("next_at")


async def test_a_draft_contacts_nobody_and_says_so(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    await stage.enroll(person(1))
    assert await reason(stage) == ("campaign_draft", None)


async def test_whoever_waits_is_told_the_moment_at_which_the_contact_is_made(stage: Stage) -> None:
    await stage.launch(spec(SMS, SMS | {"id": "two", "after": "1 day"}), person(1))
    await stage.until(MONDAY + MINUTE)
    word, next_at = await reason(stage)
    assert word == "not_due"
    assert next_at is not None
    await stage.until(next_at + MINUTE)
    assert stage.sms.accepted[-1][2] == next_at


async def test_a_shut_window_a_cap_and_a_pause_have_their_own_words(stage: Stage) -> None:
    await stage.launch(spec(SMS, SMS | {"id": "two"}, limits={"per_contact": "1/day"}), person(1))
    await stage.until(MONDAY + MINUTE)
    assert await reason(stage) == ("contact_cap", MONDAY + DAY)
    await stage.do("campaign pause", ref="test")
    assert (await reason(stage))[0] == "campaign_paused"
    await stage.do("campaign resume", ref="test")
    capped = {"limits": {"per_contact": "1/day"}}
    await stage.do("campaign apply", file=spec(SMS, SMS | {"id": "two"}, window={"hours": "20:00-21:00"}, **capped))
    await stage.until(MONDAY + 2 * MINUTE)  # due times are recomputed, and the limit defers them again
    assert await reason(stage) == ("contact_cap", TUESDAY_EVENING)
    await stage.do("campaign apply", file=spec(SMS, SMS | {"id": "two"}, window={"hours": "20:00-21:00"}))
    await stage.until(MONDAY + 3 * MINUTE)
    assert await reason(stage) == ("window", TUESDAY_EVENING - DAY)
    await stage.until(TUESDAY_EVENING - DAY + MINUTE)
    assert stage.sms.accepted[-1][2] == TUESDAY_EVENING - DAY


async def test_a_hold_is_named_with_its_reason(stage: Stage) -> None:
    async def login(*_: object) -> None:
        raise NeedsHuman("the password is wrong")

    stage.sms.behaviours = [login]  # type: ignore[list-item]
    await stage.launch(spec(SMS), person(1))
    await stage.until(MONDAY + HOUR)
    answer = (await stage.do("contacts why", person=ANN))["campaigns"][0]
    assert "the password is wrong" in answer["sentence"]


async def test_whoever_left_or_failed_is_told_the_cause(stage: Stage) -> None:
    await stage.launch(spec(SMS | {"text": "{{ car }}"}), person(1), person(2, car="T4"), checked=False)
    await stage.until(MONDAY + MINUTE)
    assert (await reason(stage))[0] == "errored"
    await stage.sms.tell(Inbound(Outcome.opted_out, address=ANN))
    await stage.until(MONDAY + 2 * MINUTE)
    assert (await reason(stage))[0] == "opted_out"
    assert (await reason(stage, "+12125550002"))[0] == "completed"


async def test_the_timeline_has_everything_in_order(stage: Stage) -> None:
    await stage.launch(spec(SMS, SMS | {"id": "two", "after": "1 day"}), person(1))
    await stage.until_ended()
    answer = await stage.do("contacts timeline", person="p1@example.com")
    assert [a["step"] for a in answer["attempts"]] == ["text", "two"]


async def test_people_without_a_campaign_and_strangers_are_answered_too(stage: Stage) -> None:
    run = await stage.do("contacts begin-import", source="people.csv")
    await stage.do("contacts take", run=run, people=[person(1)])
    assert "never enrolled" in (await stage.do("contacts why", person=ANN))["sentence"]
    with pytest.raises(Refused, match="no contact matches"):
        await stage.do("contacts why", person="+12125559999")
