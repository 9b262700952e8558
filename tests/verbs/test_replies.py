"""Replies of contacts, answers to them, and test messages."""

from __future__ import annotations

import pytest

from fluentsd.api import Inbound, Outcome, Unavailable
from fluentsd.verbs import Refused
from tests.engine.stage import DAY, HOUR, MINUTE, MONDAY, SMS, Stage, person, spec

ANN = "+12125550001"
TWO = SMS | {"id": "two", "after": "1 week"}


async def replied(stage: Stage, text: str = "Who is this?") -> None:
    await stage.launch(spec(SMS, TWO, limits={"per_contact": "1/day"}), person(1), person(2))
    await stage.until(MONDAY + MINUTE)
    await stage.sms.tell(Inbound(Outcome.replied, address=ANN, text=text))
    await stage.until(MONDAY + 2 * MINUTE)


async def test_a_reply_is_open_until_somebody_answers_and_the_answer_is_an_ordinary_attempt(stage: Stage) -> None:
    await replied(stage)
    (reply,) = (await stage.do("campaign replies", ref="test"))["replies"]
    assert (reply["person"], reply["text"], reply["channel"]) == (ANN, "Who is this?", "sms")
    result = await stage.do("campaign answer", ref="test", person=ANN, text="It is us, {{ first_name }}")
    assert result["channel"] == "sms"
    await stage.until(MONDAY + 3 * MINUTE)
    attempt, message, _ = stage.sms.accepted[-1]
    assert (attempt.to, message.text, attempt.try_no) == (ANN, "It is us, P1", 1)
    assert (await stage.do("campaign replies"))["replies"] == []
    rows = (await stage.do("contacts timeline", person=ANN))["attempts"]
    assert [(row["step"], row["outcome"]) for row in rows] == [("text", "replied"), ("@answer", "sent")]
    assert (await stage.overview())["exited_by_reason"] == {"replied": 1}
    await stage.sms.tell(Inbound(Outcome.replied, address=ANN, text="Thanks"))
    await stage.until(MONDAY + 4 * MINUTE)
    [reply] = (await stage.do("campaign replies", person=ANN))["replies"]
    assert reply["text"] == "Thanks"
    assert (await stage.do("campaign replies", person=f"#{reply['contact']}"))["replies"] == [reply]
    await stage.enroll(person(2))
    assert (await stage.do("campaign replies", person="+12125550002"))["replies"] == []
    await stage.do("campaign answer", ref="test", person=ANN, text="You are welcome")
    await stage.until(MONDAY + 5 * MINUTE)
    assert stage.sms.accepted[-1][0].try_no == 2


async def test_an_answer_by_mail_comes_from_whom_they_heard_and_is_about_what_they_heard(stage: Stage) -> None:
    mail = {"id": "mail", "channel": "email", "subject": "Your {{ car }}", "text": "t", "reply_to": "desk@example.com",
            "sender": "{{ owner }} <sales@example.com>"}  # fmt: skip
    await stage.launch(spec(mail, TWO), person(1, car="Beetle", owner="Dana"))
    await stage.until(MONDAY + MINUTE)
    for words, subject in (("How much?", ""), ("And now?", "Our price")):
        await stage.email.tell(Inbound(Outcome.replied, address="p1@example.com", text=words))
        await stage.until(stage.clock.now() + MINUTE)
        await stage.do("campaign answer", ref="test", person=ANN, text="Let us talk", subject=subject)
        await stage.until(stage.clock.now() + MINUTE)
    first, second = (message for attempt, message, _ in stage.email.accepted if attempt.step == "@answer")
    assert (first.subject, second.subject) == ("Re: Your Beetle", "Our price")
    assert {first.sender, second.sender} == {"Dana <sales@example.com>"}
    assert {first.reply_to, second.reply_to} == {"desk@example.com"}


async def test_what_a_known_person_writes_before_any_attempt_is_shown(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    await stage.enroll(person(1))
    for _ in range(2):  # a provider may deliver it twice
        await stage.sms.tell(Inbound(Outcome.replied, address=ANN, text="Call me Monday", message_ref="SM1"))
    await stage.sms.tell(Inbound(Outcome.replied, address="+12125559999", text="Who are you?"))
    await stage.until(MONDAY + MINUTE)
    for ref in ({}, {"ref": "test"}):
        [reply] = (await stage.do("campaign replies", **ref))["replies"]
        assert (reply["person"], reply["text"], reply["ref"]) == (ANN, "Call me Monday", None)
    with pytest.raises(Refused, match="wrote before any attempt"):
        await stage.do("campaign answer", ref="test", person=ANN, text="Fine")
    await stage.do("campaign answer", ref="test", person=ANN, nothing=True)
    assert (await stage.do("campaign replies"))["replies"] == []
    assert (await stage.overview())["queued"] == 1


async def test_an_answer_that_cannot_be_made_says_so_in_its_own_words(stage: Stage) -> None:
    await replied(stage)
    for text, part in (("Hi {{ first_name", "not valid liquid"), ("Hi {{ car }}", "'car' is undefined")):
        with pytest.raises(Refused, match=f"^the answer was not sent: .*{part}") as caught:
            await stage.do("campaign answer", ref="test", person=ANN, text=text)
        assert "step" not in str(caught.value)
    assert len((await stage.do("campaign replies"))["replies"]) == 1


async def test_a_reply_may_be_seen_to_without_an_answer(stage: Stage) -> None:
    await replied(stage)
    await stage.do("campaign answer", ref="test", person=ANN, nothing=True)
    assert (await stage.do("campaign replies"))["replies"] == []
    assert len(stage.sms.accepted) == 2
    with pytest.raises(Refused, match="no open reply or lead in test"):
        await stage.do("campaign answer", ref="test", person=ANN, text="Hello?")


async def test_an_answer_keeps_the_window_and_the_stop_list(stage: Stage) -> None:
    await replied(stage)
    await stage.until(MONDAY + 12 * HOUR)
    with pytest.raises(Refused, match=r"not now: the contact window is closed; possible from 2026-03-03 14:00 UTC"):
        await stage.do("campaign answer", ref="test", person=ANN, text="Hello")
    await stage.until(MONDAY + DAY)
    await stage.sms.tell(Inbound(Outcome.opted_out, address=ANN, text="STOP"))
    await stage.until(MONDAY + DAY + MINUTE)
    with pytest.raises(Refused, match="the person is on the suppression list"):
        await stage.do("campaign answer", ref="test", person=ANN, text="Hello")
    assert len(stage.sms.accepted) == 2


async def test_a_step_can_be_sent_to_oneself_and_is_counted_nowhere(stage: Stage) -> None:
    mail = {"id": "mail", "channel": "email", "subject": "About {{ car }}", "text": "t"}
    await stage.do("campaign apply", file=spec(SMS, mail))
    await stage.enroll(person(1, car="T4"), person(2, car="Beetle"))
    result = await stage.do("campaign test", ref="test", to="(212) 555-0199")
    assert (result["step"], result["to"], stage.sms.accepted[0][1].text) == ("text", "+12125550199", "[Test] Hello P1")
    await stage.do("campaign test", ref="test", to="me@example.com", person="+12125550002")
    assert stage.email.accepted[0][1].subject == "[Test] About Beetle"
    found = await stage.overview()
    assert (found["attempts"], found["queued"]) == (0, 2)
    assert [e["verb"] for e in (await stage.do("log", target="test"))["entries"]][:2] == ["test", "test"]


async def test_what_stands_in_the_way_of_a_test_is_said(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS | {"text": "{{ car }}"}))
    with pytest.raises(Refused, match="the campaign has no people"):
        await stage.do("campaign test", ref="test", to=ANN)
    await stage.enroll(person(1))
    with pytest.raises(Refused, match="step text: 'car' is undefined"):
        await stage.do("campaign test", ref="test", to=ANN)
    with pytest.raises(Refused, match="no step for an e-mail address"):
        await stage.do("campaign test", ref="test", to="me@example.com")
    with pytest.raises(Refused, match="has no step 'nope'; it has: text"):
        await stage.do("campaign test", ref="test", to=ANN, step="nope")
    await stage.enroll(person(2, car="T4"))

    async def busy(*_: object) -> None:
        raise Unavailable("the line is down")

    stage.sms.behaviours = [busy]  # type: ignore[list-item]
    with pytest.raises(Refused, match="did not accept the message: the line is down"):
        await stage.do("campaign test", ref="test", to=ANN, person="+12125550002")
