"""People call back: matched, answered, held, in the history; an opt-out in such a call counts."""

from __future__ import annotations

from typing import Any

import pytest

from fluentsd.api import Inbound, Outcome, Pickup, PickupVerdict
from fluentsd.engine.calls.pickups import decide
from fluentsd.verbs import Refused
from tests.engine.stage import DAY, HOUR, MINUTE, MONDAY, SMS, Stage, person, spec

pytestmark = pytest.mark.slow
OURS, CALLER = "+12125550199", "+12125550001"
AGENT = {
    "name": "ava", "company": "Acme",
    "prompt": "Help {{ first_name | default: 'the caller' }}{{ caller_may_be | default: '' }}.",
    "greeting": "Hi {{ first_name | default: 'there' }}.",
}  # fmt: skip
LATER = SMS | {"id": "later", "after": "2 hours"}


class Conversing:
    """The abilities of a channel that converses."""

    async def serve_call(self, socket: Any, call: Any) -> None: ...

    def unsupported(self, agent: Any) -> list[str]:
        return []

    def webhook(self, request: Any) -> Any: ...

    def answer(self, pickup: Any, verdict: Any) -> Any: ...


async def calls_us(stage: Stage, caller: str = "(212) 555-0001", ref: str = "CA1") -> PickupVerdict:
    for name in ("serve_call", "unsupported", "webhook", "answer"):
        setattr(stage.phone, name, getattr(Conversing(), name))
    stage.resolve("phone")
    pickup = Pickup(ref, None, caller, to=OURS)
    return await decide(
        stage.runtime, stage.inbox.report, stage.runtime.channels["phone"], pickup, "https://calls.example"
    )


async def ready(stage: Stage, **how: Any) -> None:
    await stage.do("numbers add", number=OURS, tag=["us"])
    await stage.do("agents apply", file={"agent": [AGENT]})
    if how:
        await stage.do("numbers inbound", number=OURS, **how)
    await stage.launch(spec(SMS, LATER), person(1), person(2))
    await stage.until(MONDAY + MINUTE)


async def test_the_numbers_agent_answers_the_person_by_name_and_their_steps_wait(stage: Stage) -> None:
    await ready(stage, agent="ava")
    verdict = await calls_us(stage)
    assert verdict.go
    assert verdict.relay_url is not None
    assert verdict.message is not None
    settings = verdict.message.settings
    assert settings is not None
    assert settings.opening.startswith("Hello, this is the automated assistant of Acme. To stop these calls, press 9.")
    assert settings.opening.endswith("Hi P1.")
    assert "«P1»" in settings.prompt
    assert (verdict.message.to, verdict.message.timezone) == (CALLER, "America/New_York")
    said = {"outcome": Outcome.answered, "ref": "CA1", "address": CALLER, "called_us": True}
    await stage.inbox.take(Inbound(**said, transcript="person: Hi", summary="Asks for a quote.", duration_s=30))
    await stage.inbox.take(Inbound(Outcome.unknown, None, "CA1", CALLER, recording="https://r/1", called_us=True))
    [call] = (await stage.do("calls"))["calls"]
    assert (call["direction"], call["to"], call["sender"], call["agent"]) == ("in", CALLER, OURS, "ava")
    assert (call["outcome"], call["duration_s"], call["transcript"]) == ("answered", 30, "person: Hi")
    assert (call["summary"], call["recording"]) == ("Asks for a quote.", "https://r/1")
    assert (await stage.do("calls", attempt=call["id"]))["whole"]
    assert (await stage.do("contacts timeline", person=CALLER))["attempts"][-1]["id"] == call["id"]
    await stage.until(MONDAY + 5 * HOUR)
    assert [to.to for to, _, _ in stage.sms.accepted if to.step == "later"] == ["+12125550002"]
    found = await stage.overview()
    assert found["held_people"] == {"called_back": 1}
    assert "has called us" in (await stage.do("contacts why", person=CALLER))["campaigns"][0]["sentence"]
    assert (await stage.do("contacts resume", person=CALLER))["released"] == 1
    await stage.until(MONDAY + DAY)
    assert stage.sms.steps().count("later") == 2
    with pytest.raises(Refused, match="has not called"):
        await stage.do("contacts resume", person=CALLER)


async def test_a_request_that_comes_twice_is_one_call(stage: Stage) -> None:
    await ready(stage, agent="ava")
    first, again = await calls_us(stage), await calls_us(stage)
    assert first.message == again.message
    assert len((await stage.do("calls"))["calls"]) == 1


async def test_who_shares_a_number_is_asked_and_all_of_them_are_held(stage: Stage) -> None:
    await ready(stage, agent="ava")
    shared = person(3, last_name="Elm") | {"points": [["phone", CALLER], ["email", "p3@example.com"]]}
    await stage.enroll(shared)
    verdict = await calls_us(stage)
    assert verdict.message is not None
    assert set(verdict.message.variables) == {"caller_may_be"}
    assert "P1" in verdict.message.variables["caller_may_be"]
    assert "P3" in verdict.message.variables["caller_may_be"]
    assert "«P1; P3" in verdict.message.settings.prompt  # type: ignore[union-attr]
    await stage.until(MONDAY + 5 * HOUR)
    assert (await stage.overview())["held_people"] == {"called_back": 2}


async def test_a_number_that_was_corrected_and_is_another_persons_now_is_theirs_alone(stage: Stage) -> None:
    await ready(stage, agent="ava")
    corrected = person(1, phone="+12125550188") | {"points": [["phone", "+12125550188"], ["email", "p1@example.com"]]}
    bob = person(3, last_name="Elm") | {"points": [["phone", CALLER], ["email", "p3@example.com"]]}
    await stage.enroll(corrected, bob)
    verdict = await calls_us(stage)
    assert verdict.message is not None
    assert verdict.message.variables["first_name"] == "P3"
    await stage.until(MONDAY + 5 * HOUR)
    assert (await stage.overview())["held_people"] == {"called_back": 1}
    assert "+12125550188" in [attempt.to for attempt, *_ in stage.sms.accepted]


@pytest.mark.parametrize("caller", ["+13105550123", "anonymous", ""])
async def test_a_stranger_is_answered_and_leaves_no_words(stage: Stage, caller: str) -> None:
    await ready(stage, agent="ava")
    verdict = await calls_us(stage, caller)
    assert verdict.message is not None
    assert verdict.message.settings.opening.endswith("Hi there.")  # type: ignore[union-attr]
    await stage.inbox.take(Inbound(Outcome.answered, None, "CA1", caller, transcript="secret", called_us=True))
    [call] = (await stage.do("calls"))["calls"]
    assert (call["to"], call["transcript"], call["outcome"]) == (None, None, "answered")


async def test_a_call_goes_on_to_a_colleague_or_hears_an_announcement(stage: Stage) -> None:
    await ready(stage)
    verdict = await calls_us(stage)
    assert (verdict.go, verdict.message, verdict.forward_to, verdict.relay_url) == (True, None, "", None)
    await stage.do("numbers inbound", number=OURS, forward="+12125550177")
    assert (await calls_us(stage, ref="CA2")).forward_to == "+12125550177"
    await stage.do("numbers inbound", number=OURS, announce=True)
    assert (await calls_us(stage, ref="CA3")).forward_to == ""
    answered = [call["answered_by"] for call in (await stage.do("calls"))["calls"]]
    assert sorted(answered) == ["announcement", "announcement", "forward"]


async def test_an_opt_out_in_such_a_call_counts_everywhere(stage: Stage) -> None:
    await ready(stage, agent="ava")
    await calls_us(stage)
    how = {"text": "never call again", "reason": "asked to stop, in words", "called_us": True}
    await stage.inbox.take(Inbound(Outcome.opted_out, None, "CA1", CALLER, **how))
    assert (await stage.do("suppression list", words=CALLER))["entries"]
    assert (await stage.overview())["exited"] == 1
    [call] = (await stage.do("calls", outcome="opted_out"))["calls"]
    assert (call["reply"], call["reason"]) == ("never call again", "asked to stop, in words")
    unknown = Inbound(Outcome.opted_out, None, "CA9", "+13105550123", called_us=True)
    await stage.inbox.take(unknown)  # a stranger, in a call that is not known either
    assert (await stage.do("suppression list", words="+13105550123"))["entries"]


async def test_a_person_who_called_is_erased_with_their_calls(stage: Stage) -> None:
    await ready(stage, agent="ava")
    await calls_us(stage)
    await stage.inbox.take(Inbound(Outcome.answered, None, "CA1", CALLER, transcript="my words", called_us=True))
    await stage.do("contacts erase", person=CALLER, because="asked")
    [call] = (await stage.do("calls"))["calls"]
    assert (call["to"], call["transcript"], call["provider_ref"]) == (None, None, None)


async def test_what_cannot_answer_is_refused_when_it_is_set(stage: Stage) -> None:
    await stage.do("numbers add", number=OURS, tag=["us"])
    needy = AGENT | {"name": "needy", "greeting": "Hi {{ first_name }}."}
    await stage.do("agents apply", file={"agent": [AGENT, needy]})
    for wrong, why in (
        ({"agent": "needy"}, "cannot speak with a caller whom nobody knows"),
        ({"agent": "eva"}, "no agent 'eva'"),
        ({"agent": "ava", "announce": True}, "give one of"),
        ({}, "give one of"),
    ):
        with pytest.raises(Refused, match=why):
            await stage.do("numbers inbound", number=OURS, **wrong)
    with pytest.raises(Refused, match="is not a caller ID"):
        await stage.do("numbers inbound", number="+13105550123", announce=True)


async def test_a_call_whose_conversation_a_restart_lost_is_told_as_unknown(stage: Stage) -> None:
    await ready(stage, agent="ava")
    await calls_us(stage)
    lost = Inbound(Outcome.unknown, None, "CA1", CALLER, reason="picked up for 40 s", duration_s=40, called_us=True)
    await stage.inbox.take(lost)
    [call] = (await stage.do("calls"))["calls"]
    assert (call["outcome"], call["reason"], call["duration_s"]) == ("unknown", "picked up for 40 s", 40)
    await stage.inbox.take(Inbound(Outcome.opted_out, None, "CA1", CALLER, reason="a key", called_us=True))
    [call] = (await stage.do("calls"))["calls"]
    assert call["outcome"] == "opted_out"
