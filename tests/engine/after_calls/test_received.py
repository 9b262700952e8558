"""The work after a call that a person made to us, in the campaign that contacted them last."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from fluentsd.api import Disposition, Inbound, NeedsHuman, Outcome, Unavailable
from fluentsd.domain.subscriptions import AFTER_CALLS
from fluentsd.store import outbox
from tests.engine.after_calls.stage import AGENT, CALL, DETAILS, GOOD, Analyst
from tests.engine.calls.test_inbound_calls import CALLER, LATER, OURS, calls_us
from tests.engine.stage import DAY, HOUR, MINUTE, MONDAY, SMS, Stage, person, spec
from tests.engine.sync.fake_source import FakeCrm
from tests.test_injections import TEXTS

pytestmark = pytest.mark.slow
SAID = "agent: Hi\nperson: I got your text. How much is a roof?"


PLAIN = {key: AGENT[key] for key in ("name", "company", "prompt")}
#: A campaign whose only call comes after two hours, with follow-ups.
FLOW = (SMS, CALL | {"after": "2 hours"}, DETAILS)


async def rings(stage: Stage, analyst: Analyst, agent: Any = AGENT, flow: Any = (SMS, LATER), **more: Any) -> None:
    """A person who was texted calls, and the number's agent answers."""
    stage.phone.analyse = analyst.analyse  # type: ignore[attr-defined]
    stage.runtime.sources.setdefault("crm", FakeCrm(stage.clock))
    await stage.do("numbers add", number=OURS, tag=["us"])
    await stage.do("agents apply", file={"agent": [agent]})
    await stage.do("numbers inbound", number=OURS, agent="ava")
    await stage.launch(spec(*flow, **more), person(1), person(2))
    await stage.until(MONDAY + MINUTE)
    await calls_us(stage)


async def called_by(stage: Stage, analyst: Analyst, agent: Any = AGENT, flow: Any = (SMS, LATER)) -> dict[str, Any]:
    """The same, and the person hangs up; the call in the history."""
    await rings(stage, analyst, agent, flow)
    await ends(stage)
    return await the_call(stage)


async def leads(stage: Stage) -> list[dict[str, Any]]:
    return list((await stage.do("campaign leads"))["leads"])


async def ends(stage: Stage, outcome: Outcome = Outcome.answered, **more: Any) -> None:
    said = {"token": None, "ref": "CA1", "address": CALLER, "called_us": True, "transcript": SAID} | more
    await stage.inbox.take(Inbound(outcome, **said))
    await stage.until(stage.clock.now() + MINUTE)


async def the_call(stage: Stage) -> dict[str, Any]:
    [call] = (await stage.do("calls"))["calls"]
    return dict(call)


async def test_a_call_to_us_is_analysed_like_one_of_ours(stage: Stage) -> None:
    analyst = Analyst()
    call = await called_by(stage, analyst)
    assert (call["summary"], call["disposition"], call["outcome"]) == ("Wants a roof.", "interested", "answered")
    assert (call["analysis"], call["analysis_state"]) == ({"budget": 5000, "size": "large"}, "done")
    [asked] = analyst.asked
    assert (asked.transcript, asked.instructions, asked.outcome) == (SAID, "Find the budget.", Outcome.answered)
    await ends(stage)  # reported again
    await stage.until(MONDAY + 5 * HOUR)
    assert len(analyst.asked) == 1
    assert (await stage.overview())["held_people"] == {"called_back": 1}


async def test_an_opt_out_that_only_the_analysis_understood_counts(stage: Stage) -> None:
    call = await called_by(stage, Analyst(GOOD | {"disposition": "angry", "opted_out": True}))
    assert (call["outcome"], call["disposition"]) == ("opted_out", "angry")
    assert "as the analysis of the conversation understood" in call["reason"]
    assert CALLER in str((await stage.do("suppression list"))["entries"])
    await stage.until(MONDAY + DAY)
    assert [to.to for to, _, _ in stage.sms.accepted if to.step == "later"] == ["+12125550002"]


async def test_an_analysis_lifts_no_opt_out(stage: Stage) -> None:
    await rings(stage, Analyst(GOOD | {"opted_out": False}))
    await ends(stage, Outcome.opted_out, text="stop", reason="asked to stop, in words", transcript="")
    await ends(stage, Outcome.opted_out)
    call = await the_call(stage)
    assert (call["outcome"], call["summary"]) == ("opted_out", "Wants a roof.")
    assert CALLER in str((await stage.do("suppression list"))["entries"])


async def test_a_model_that_is_away_is_asked_again_and_given_up_within_minutes(stage: Stage) -> None:
    analyst = Analyst(Unavailable("later", 60.0), NeedsHuman("the key"))
    call = await called_by(stage, analyst)
    assert call["analysis_state"] == "pending"
    await stage.until(MONDAY + 14 * MINUTE)
    assert (await the_call(stage))["analysis_state"] == "done"
    assert len(analyst.asked) == 3


async def test_a_model_that_stays_away_delays_the_news_for_minutes_only(stage: Stage) -> None:
    await called_by(stage, Analyst(*[Unavailable("gone", 60.0)] * 100))
    await stage.until(MONDAY + 30 * MINUTE)
    call = await the_call(stage)
    assert call["analysis_state"] == "failed"
    assert "no analysis in time: gone" in call["analysis_problem"]


async def test_without_an_analysis_in_the_agents_file_nothing_is_asked(stage: Stage) -> None:
    analyst = Analyst()
    call = await called_by(stage, analyst, agent=PLAIN)
    assert (call["analysis_state"], analyst.asked) == (None, [])


async def test_a_person_who_is_erased_meanwhile_is_not_analysed(stage: Stage) -> None:
    analyst = Analyst(Unavailable("later", 600.0))
    await called_by(stage, analyst)
    await stage.do("contacts erase", person=CALLER, because="asked")
    await stage.until(MONDAY + HOUR)
    assert len(analyst.asked) == 1


async def test_a_hot_lead_and_its_follow_up_come_of_a_call_to_us(stage: Stage) -> None:
    analyst = Analyst()
    call = await called_by(stage, analyst, flow=FLOW)
    [lead] = await leads(stage)
    assert (lead["attempt"], lead["ref"], lead["called_us"]) == (call["id"], "test", True)
    assert (lead["person"], lead["disposition"], lead["summary"]) == (CALLER, "interested", "Wants a roof.")
    await stage.until(MONDAY + HOUR)
    assert stage.sms.steps() == ["text", "text", "details"]  # though the call holds the person's steps
    assert stage.sms.accepted[-1][0].to == CALLER
    await stage.until(MONDAY + 5 * HOUR)
    assert [attempt.to for attempt, _, _ in stage.phone.accepted] == ["+12125550002"]  # held, until somebody decides
    assert (await stage.do("campaign answer", ref="test", person=CALLER, nothing=True))["seen"] == 1
    assert await leads(stage) == []
    await calls_us(stage, ref="CA2")
    await ends(stage, ref="CA2")
    assert stage.sms.steps().count("details") == 1  # taken once, however many calls ask for it
    assert len(await leads(stage)) == 1
    assert (await stage.do("campaign answer", ref="test", person=CALLER, text="On my way."))["channel"] == "sms"
    await stage.until(stage.clock.now() + MINUTE)
    assert stage.sms.accepted[-1][1].text == "On my way."
    assert await leads(stage) == []


async def test_nothing_follows_an_opt_out_in_a_call_to_us_nor_silence(stage: Stage) -> None:
    followed = DETAILS | {"after_call": ["interested", "angry", "no_answer", "answered"]}
    await rings(stage, Analyst(), PLAIN, (SMS, CALL | {"after": "2 hours"}, followed))
    await ends(stage, Outcome.opted_out, transcript="", text="stop")
    await ends(stage, Outcome.opted_out, disposition=Disposition.angry, text="stop")
    await calls_us(stage, "+12125550002", ref="CA2")
    await ends(stage, Outcome.no_answer, ref="CA2", address="+12125550002", transcript="agent: Hi")
    await stage.until(MONDAY + HOUR)
    assert stage.sms.steps() == ["text", "text"]
    assert [one["outcome"] for one in await leads(stage)] == ["opted_out"]  # somebody may want to know


async def test_what_follows_keeps_caps_and_the_suppression_list(stage: Stage) -> None:
    await rings(stage, Analyst(), flow=FLOW, limits={"per_contact": "1/day"})
    await ends(stage)
    await stage.until(MONDAY + 5 * HOUR)
    assert "details" not in stage.sms.steps()
    await stage.do("suppression add", point=CALLER, because="a letter")
    await stage.until(MONDAY + 3 * DAY)
    assert "details" not in stage.sms.steps()


async def test_a_callback_that_was_promised_in_a_call_to_us_is_made_at_its_time(stage: Stage) -> None:
    await rings(stage, Analyst(), PLAIN, FLOW)
    at = MONDAY + 3 * HOUR
    for _ in range(2):  # reported twice
        await ends(stage, disposition=Disposition.callback, callback_at=at)
    [lead] = await leads(stage)
    assert (lead["disposition"], lead["callback_at"]) == ("callback", at)
    assert (await the_call(stage))["callback_at"] == at
    await stage.until(at - MINUTE)
    assert CALLER not in [attempt.to for attempt, _, _ in stage.phone.accepted]
    await stage.until(at + MINUTE)
    made = [attempt for attempt, _, _ in stage.phone.accepted if attempt.to == CALLER]
    assert [(attempt.step, attempt.try_no) for attempt in made] == [("call", 1)]


async def test_a_callback_is_promised_after_the_flow_has_ended_and_in_no_campaign_that_has(stage: Stage) -> None:
    await rings(stage, Analyst(), PLAIN, (CALL, LATER))
    first = next(attempt for attempt, _, _ in stage.phone.accepted if attempt.to == CALLER)
    await stage.inbox.take(Inbound(Outcome.answered, first.token), token_is_ours=True)
    at = MONDAY + 3 * HOUR
    await ends(stage, disposition=Disposition.callback, callback_at=at)
    await stage.until(at + MINUTE)
    made = [attempt for attempt, _, _ in stage.phone.accepted if attempt.to == CALLER]
    assert [(one.step, one.try_no) for one in made] == [("call", 1), ("call", 2)]
    await stage.do("campaign stop", ref="test")
    await calls_us(stage, ref="CA2")
    await ends(stage, ref="CA2", disposition=Disposition.callback, callback_at=at + HOUR)
    await stage.until(at + 2 * HOUR)
    assert len([attempt for attempt, _, _ in stage.phone.accepted if attempt.to == CALLER]) == 2
    assert len(await leads(stage)) == 2


@pytest.mark.parametrize(("has_numbers", "belongs_to"), [(True, "test"), (False, "other")])
async def test_a_call_belongs_to_the_campaign_that_used_the_number_else_to_the_latest(
    stage: Stage, has_numbers: bool, belongs_to: str
) -> None:
    second = "+12125550198"
    await stage.do("numbers add", number=second)
    await rings(stage, Analyst(), PLAIN, **({"numbers": {"numbers": [OURS]}} if has_numbers else {}))
    await ends(stage)
    await stage.do("contacts resume", person=CALLER)
    other = {"numbers": {"numbers": [second]}} if has_numbers else {}
    await stage.launch(spec(SMS | {"id": "hello"}, ref="other", name="Other", **other), person(1))
    await stage.until(stage.clock.now() + HOUR)
    assert "hello" in stage.sms.steps()
    await calls_us(stage, ref="CA2")
    await ends(stage, ref="CA2", disposition=Disposition.angry)
    assert [(one["ref"], one["disposition"]) for one in await leads(stage)] == [(belongs_to, "angry")]


async def test_a_caller_who_is_in_no_campaign_is_analysed_and_told_but_no_lead(stage: Stage) -> None:
    analyst = Analyst(GOOD)
    await rings(stage, analyst)
    await stage.do("campaign remove", ref="test", person="+12125550002")
    run = await stage.do("contacts begin-import", source="walk-ins.csv")
    guest = {"key": "g", "points": [["phone", "+12125550009"]], "zones": ["America/New_York"]}
    await stage.do("contacts take", run=run.get("run", run), people=[guest])
    await calls_us(stage, "+12125550009", ref="CA9")
    await ends(stage, ref="CA9", address="+12125550009")
    call = next(one for one in (await stage.do("calls"))["calls"] if one["to"] == "+12125550009")
    assert (call["summary"], call["analysis_state"], call["ref"]) == ("Wants a roof.", "done", "")
    assert await leads(stage) == []


async def test_of_a_number_that_several_share_nobody_is_said_to_have_called(stage: Stage) -> None:
    analyst = Analyst()
    await rings(stage, analyst, flow=FLOW)
    shared = person(3, last_name="Elm") | {"points": [["phone", "+12125550002"], ["email", "p3@example.com"]]}
    await stage.enroll(shared)
    await calls_us(stage, "+12125550002", ref="CA2")
    at = MONDAY + 3 * HOUR
    callback = {"disposition": Disposition.callback, "callback_at": at}
    await ends(stage, ref="CA2", address="+12125550002", **callback)
    assert (analyst.asked, await leads(stage)) == ([], [])
    await stage.until(at + HOUR)
    assert stage.phone.accepted == []  # all of them are held


async def test_a_failed_analysis_of_a_call_to_us_is_listed_and_asked_again(stage: Stage) -> None:
    call = await called_by(stage, Analyst({"summary": "x", "fields": {"budget": "a lot"}}), flow=FLOW)
    assert (call["analysis_state"], call["outcome"], call["transcript"]) == ("failed", "answered", SAID)
    assert "budget must be of type number" in call["analysis_problem"]
    assert [one["attempt"] for one in (await stage.do("campaign errors", ref="test"))["analyses"]] == [call["id"]]
    assert (await stage.do("campaign analyse", ref="test"))["calls"] == 1
    await stage.until(MONDAY + HOUR)
    assert (await the_call(stage))["analysis_state"] == "done"
    assert stage.sms.steps() == ["text", "text", "details"]
    assert not [one for one in await stage.runtime.store.read(outbox.counts) if one[0] == AFTER_CALLS]


async def test_no_words_in_a_call_to_us_do_more_than_the_schema_allows(stage: Stage) -> None:
    analyst = Analyst()
    await rings(stage, analyst, flow=(SMS, CALL | {"after": "2 days"}, DETAILS))
    await ends(stage, Outcome.opted_out, text="stop", transcript="")
    for n, text in enumerate(TEXTS[::25]):  # a model that obeys: what the schema has, and what it has not
        answers = [GOOD | {"summary": text[:300] + "x"}, GOOD | {"lift": text}, GOOD | {"fields": {"OwnerId": text}}]
        analyst.answers += answers
        for part in range(len(answers)):
            await calls_us(stage, ref=f"CA{n}-{part}")
            said = Inbound(Outcome.answered, None, f"CA{n}-{part}", CALLER, called_us=True)
            await stage.inbox.take(replace(said, transcript=f"agent: Hi\nperson: {text}"))
    await stage.until(stage.clock.now() + MINUTE)
    assert len(analyst.asked) == 3 * len(TEXTS[::25])
    calls = [one for one in (await stage.do("calls", most=1000))["calls"] if one["provider_ref"] != "CA1"]
    assert Counter(one["analysis_state"] for one in calls) == {"done": len(calls) / 3, "failed": 2 * len(calls) / 3}
    assert {tuple(one["analysis"].items()) for one in calls} == {(), (("budget", 5000), ("size", "large"))}
    stopped = (await stage.do("suppression list"))["entries"]
    assert [one["value"] for one in stopped if one["kind"] == "phone"] == [CALLER]
    assert stage.phone.accepted == []
    assert stage.sms.steps() == ["text", "text"]  # nothing follows, to nobody
