"""Taking a person over: every campaign waits until somebody says that they go on."""

from __future__ import annotations

import pytest

from fluentsd.api import Inbound, Outcome
from fluentsd.verbs import Refused
from fluentsd.verbs.call import Call
from fluentsd.verbs.execute import execute
from tests.engine.stage import HOUR, MINUTE, MONDAY, SMS, Stage, person, spec

LATER = {"id": "later", "channel": "sms", "after": "1 hour", "text": "Hello again"}
CALL = {"id": "call", "channel": "phone", "agent": "sales"}


async def why(stage: Stage, who: str = "+12125550001") -> str:
    return str((await stage.do("contacts why", person=who))["campaigns"][0]["sentence"])


async def test_every_campaign_waits_for_a_person_who_is_taken_over_until_it_goes_on(stage: Stage) -> None:
    await stage.launch(spec(SMS, LATER), person(1), person(2))
    await stage.launch(spec(LATER, ref="second", name="Second"), person(1))
    await stage.until(MONDAY + 10 * MINUTE)
    taken = await stage.do("contacts take-over", person="+12125550001", because="I know her")
    [hold] = (await stage.do("holds"))["holds"]
    assert (hold["scope"], hold["target"], hold["by"], hold["reason"]) == (
        "contact", f"#{taken['contact']}", "tester", "I know her",
    )  # fmt: skip
    await stage.until(MONDAY + 3 * HOUR)
    assert sorted(to.step for to, _, _ in stage.sms.accepted) == ["later", "text", "text"]
    assert (await stage.overview())["held_people"] == {"taken_over": 1}
    assert (await stage.overview("second"))["held_people"] == {"taken_over": 1}
    assert "a colleague has taken the person over (tester: I know her)" in await why(stage)
    assert (await stage.do("contacts resume", person=f"#{taken['contact']}"))["released"] == 2
    assert (await stage.do("holds"))["holds"] == []
    await stage.until(MONDAY + 4 * HOUR)
    assert stage.sms.steps().count("later") == 3
    with pytest.raises(Refused, match="not taken over"):
        await stage.do("contacts resume", person="+12125550001")


async def test_release_lifts_the_hold_on_a_person_too(stage: Stage) -> None:
    await stage.launch(spec(LATER), person(1))
    taken = await stage.do("contacts take-over", person="+12125550001")
    await stage.do("release", scope="contact", target=f"#{taken['contact']}")
    assert (await stage.do("holds"))["holds"] == []


async def test_a_second_colleague_is_told_who_has_taken_the_person_over(stage: Stage) -> None:
    await stage.launch(spec(LATER), person(1))
    await stage.do("contacts take-over", person="+12125550001")
    with pytest.raises(Refused, match="is taken over by tester already"):
        await stage.do("contacts take-over", person="+12125550001")


async def test_a_colleague_answers_by_hand_who_has_taken_the_person_over(stage: Stage) -> None:
    await stage.launch(spec(SMS, LATER), person(1))
    await stage.until(MONDAY + MINUTE)
    [(attempt, _, _)] = stage.sms.accepted
    await stage.inbox.take(Inbound(Outcome.replied, attempt.token, text="Who is this?"), token_is_ours=True)
    await stage.do("contacts take-over", person="+12125550001")
    await stage.do("campaign answer", ref="test", person="+12125550001", text="It is me")
    await stage.until(MONDAY + 2 * MINUTE)
    assert stage.sms.accepted[-1][1].text == "It is me"


async def test_a_call_that_rings_is_withdrawn(stage: Stage) -> None:
    await stage.launch(spec(CALL), person(1))
    await stage.until(MONDAY + MINUTE)
    [(attempt, _, _)] = stage.phone.accepted
    await stage.do("contacts take-over", person="+12125550001")
    await stage.until(MONDAY + 2 * MINUTE)
    assert stage.phone.cancelled == [attempt.token]


async def test_a_viewer_takes_nobody_over(stage: Stage) -> None:
    await stage.launch(spec(LATER), person(1))
    call = Call("lee", stage.clock.now(), role="operator")
    with pytest.raises(Refused, match="needs the role manager"):
        await execute(stage.runtime, "contacts take-over", {"person": "+12125550001"}, call)


async def test_an_erasure_ends_the_hold_and_its_words(stage: Stage) -> None:
    await stage.launch(spec(LATER), person(1))
    await stage.do("contacts take-over", person="+12125550001", because="Her number is +12125550001")
    await stage.do("contacts erase", person="+12125550001", because="asked by letter")
    assert (await stage.do("holds"))["holds"] == []
