"""The work after a call: analysis, what is kept of it, follow-ups; each once."""

from __future__ import annotations

from typing import Any

import pytest

from fluentsd.api import Disposition, Inbound, NeedsHuman, Outcome, Unavailable
from fluentsd.verbs import Refused
from tests.engine.after_calls.stage import AGENT, CALL, DETAILS, GOOD, INTERESTED, Analyst, called, ended
from tests.engine.stage import DAY, HOUR, MINUTE, MONDAY, SMS, Stage, person, spec
from tests.engine.sync.fake_source import FakeCrm

pytestmark = pytest.mark.slow


async def the_call(stage: Stage) -> dict[str, Any]:
    [call] = (await stage.do("calls"))["calls"]
    return call


async def test_an_analysis_is_kept_and_its_follow_up_goes_out_after_answered_has_ended_the_flow(stage: Stage) -> None:
    analyst = Analyst()
    await called(stage, SMS, DETAILS, analyst=analyst)
    await ended(stage)
    [asked] = analyst.asked
    assert (asked.transcript, asked.instructions) == ("agent: Hi\nperson: A roof, please.", "Find the budget.")
    assert set(asked.schema["properties"]["fields"]["properties"]) == {"budget", "size", "moves_on"}
    call = await the_call(stage)
    assert (call["summary"], call["disposition"], call["outcome"]) == ("Wants a roof.", "interested", "answered")
    assert (call["analysis"], call["analysis_state"]) == ({"budget": 5000, "size": "large"}, "done")
    found = await stage.overview()
    assert (found["exited"], found["total"], found["state"]) == (1, 1, "active")  # a follow-up is no further person
    await stage.until(MONDAY + 20 * MINUTE)
    assert stage.sms.steps() == ["details"]
    assert stage.sms.accepted[0][1].text == "The details."
    found = await stage.until_ended()
    assert (found["exited"], found["completed"], found["total"]) == (1, 0, 1)
    assert len(analyst.asked) == 1
    calls = (await stage.do("campaign report", ref="test"))["calls"]
    assert (calls["dispositions"], calls["analysed"], calls["failed"]) == ({"interested": 1}, 1, 0)


async def test_a_follow_up_waits_for_the_hours_and_caps_and_stops_for_an_opt_out(stage: Stage) -> None:
    late = DETAILS | {"after": "9 hours"}  # 19:00, after hours
    await called(stage, late, analyst=Analyst())
    await ended(stage)
    await stage.until(MONDAY + 12 * HOUR)
    assert stage.sms.steps() == []
    await stage.do("suppression add", point="+12125550001", because="a letter")
    await stage.until(MONDAY + 2 * DAY)
    assert stage.sms.steps() == []
    assert (await stage.until_ended())["total"] == 1


async def test_a_cap_delays_a_follow_up(stage: Stage) -> None:
    await called(stage, DETAILS, analyst=Analyst(), limits={"per_contact": "1/day"})
    await ended(stage)
    await stage.until(MONDAY + 5 * HOUR)
    assert stage.sms.steps() == []
    await stage.until(MONDAY + DAY + HOUR)
    assert stage.sms.steps() == ["details"]


@pytest.mark.parametrize("answer", [{"summary": "x", "fields": {"budget": "a lot"}}, RuntimeError("a bug")])
async def test_an_answer_without_use_is_a_failed_analysis_with_the_transcript_kept(stage: Stage, answer: Any) -> None:
    by_outcome = DETAILS | {"id": "thanks", "after_call": "answered"}
    attempt = await called(stage, DETAILS, by_outcome, analyst=Analyst(answer))
    await ended(stage)
    call = await the_call(stage)
    assert call["analysis_state"] == "failed"
    assert "budget must be of type number" in call["analysis_problem"] or "RuntimeError" in call["analysis_problem"]
    assert (call["transcript"], call["disposition"]) == ("agent: Hi\nperson: A roof, please.", None)
    [failed] = (await stage.do("campaign errors", ref="test"))["analyses"]
    assert (failed["attempt"], failed["problem"]) == (call["id"], call["analysis_problem"])
    await stage.until(MONDAY + HOUR)
    assert stage.sms.steps() == ["thanks"]  # it needs no analysis
    assert (await stage.do("campaign analyse", ref="test", attempt=attempt))["calls"] == 1
    await stage.until(MONDAY + 2 * HOUR)
    assert (await the_call(stage))["analysis_state"] == "done"
    assert stage.sms.steps() == ["thanks", "details"]


@pytest.mark.parametrize("trouble", [Unavailable("no answer", 5.0), NeedsHuman("no key"), ConnectionError("gone")])
async def test_a_model_that_does_not_answer_is_asked_again_and_the_campaign_waits(
    stage: Stage, trouble: Exception
) -> None:
    await called(stage, DETAILS, analyst=Analyst(trouble))
    await ended(stage, disposition=INTERESTED)
    assert stage.sms.steps() == []
    await stage.until(MONDAY + HOUR)
    assert stage.sms.steps() == ["details"]
    assert (await the_call(stage))["summary"] == "Wants a roof."


async def test_a_model_that_is_gone_for_a_day_is_given_up(stage: Stage) -> None:
    await called(stage, DETAILS, analyst=Analyst(*[Unavailable("no answer")] * 200))
    await ended(stage, disposition=INTERESTED)
    await stage.until(MONDAY + 2 * DAY)
    assert "no analysis in time: no answer" in (await the_call(stage))["analysis_problem"]
    assert stage.sms.steps() == ["details"]  # the conversation's own disposition counts


async def test_an_analysis_adds_an_opt_out_and_nothing_follows(stage: Stage) -> None:
    always = DETAILS | {"id": "thanks", "after_call": ["answered", "interested"]}
    await called(stage, always, analyst=Analyst(GOOD | {"opted_out": True}))
    await ended(stage)
    assert (await the_call(stage))["outcome"] == "opted_out"
    assert (await stage.do("suppression list"))["entries"]
    await stage.until(MONDAY + DAY)
    assert stage.sms.steps() == []


async def test_an_analysis_lifts_no_opt_out(stage: Stage) -> None:
    await called(stage, DETAILS, analyst=Analyst(GOOD | {"opted_out": False}))
    await ended(stage, Outcome.opted_out, text="stop", transcript="person: stop")
    assert (await the_call(stage))["outcome"] == "opted_out"
    assert (await the_call(stage))["summary"] == "Wants a roof."
    await stage.until(MONDAY + DAY)
    assert stage.sms.steps() == []


async def test_what_a_skill_has_proved_stays(stage: Stage) -> None:
    await called(stage, analyst=Analyst(GOOD))
    await ended(stage, disposition=Disposition.transferred)
    assert (await the_call(stage))["disposition"] == "transferred"


async def test_the_same_report_twice_is_one_analysis_and_one_follow_up(stage: Stage) -> None:
    analyst = Analyst()
    await called(stage, DETAILS, analyst=analyst)
    for _ in range(3):
        await ended(stage)
    await stage.until(MONDAY + HOUR)
    assert (len(analyst.asked), stage.sms.steps()) == (1, ["details"])


async def test_a_follow_up_is_taken_once_however_many_calls_ask_for_it(stage: Stage) -> None:
    missed = DETAILS | {"id": "missed", "after_call": ["no_answer", "voicemail"], "after": "0"}
    again = CALL | {"retry": {"no_answer": "1 hour", "limit": 2}}
    await stage.do("agents apply", file={"agent": [{**AGENT, "analysis": {}}]})
    await stage.launch(spec(again, missed), person(1))
    await stage.until(MONDAY + MINUTE)
    await ended(stage, Outcome.no_answer)
    assert stage.sms.steps() == ["missed"]
    await stage.until(MONDAY + HOUR + 2 * MINUTE)
    assert len(stage.phone.accepted) == 2
    await ended(stage, Outcome.voicemail)
    await stage.until(MONDAY + DAY)
    assert stage.sms.steps() == ["missed"]


async def test_a_condition_reads_the_fields_of_the_analysis(stage: Stage) -> None:
    rich = DETAILS | {"id": "rich", "after_call": "call.fields.budget > 4000 and contact.first_name == 'P1'"}
    poor = DETAILS | {"id": "poor", "after_call": "call.fields.budget < 4000"}
    odd = DETAILS | {"id": "odd", "after_call": "call.fields.size > 3"}
    await called(stage, rich, poor, odd, analyst=Analyst())
    await ended(stage)
    await stage.until(MONDAY + HOUR)
    assert stage.sms.steps() == ["rich"]


async def test_a_reply_to_a_follow_up_ends_the_flow_too(stage: Stage) -> None:
    """The call did not end the flow; the answer to its follow-up does."""
    more = {"exit": {"on": ["opted_out", "replied"]}}
    await called(stage, SMS | {"after": "3 days"}, DETAILS, analyst=Analyst(), **more)
    await ended(stage)
    await stage.until(MONDAY + HOUR)
    assert stage.sms.steps() == ["details"]
    token = stage.sms.accepted[0][0].token
    await stage.inbox.take(Inbound(Outcome.replied, token, text="yes"), token_is_ours=True)
    found = await stage.until_ended()
    assert (found["exited"], found["total"]) == (1, 1)
    assert stage.sms.steps() == ["details"]


async def test_a_campaign_that_was_completed_by_hand_sends_nothing_more(stage: Stage) -> None:
    analyst = Analyst(Unavailable("no answer", 600.0))
    await called(stage, DETAILS, analyst=analyst, exit={"on": ["answered", "opted_out"]})
    await ended(stage)
    await stage.do("campaign stop", ref="test")
    await stage.until(MONDAY + DAY)
    assert len(analyst.asked) == 2
    assert stage.sms.steps() == []


async def test_a_source_that_is_not_there_is_refused_with_its_neighbour(stage: Stage) -> None:
    stage.runtime.sources["crm"] = FakeCrm(stage.clock)
    wrong = AGENT | {"analysis": {"field": [{"name": "budget", "write_to": {"crn": "annual_budget"}}]}}
    with pytest.raises(Refused, match="names the source 'crn'; did you mean 'crm'"):
        await stage.do("agents apply", file={"agent": [wrong]})
