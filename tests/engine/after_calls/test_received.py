"""The work after a call that a person made to us: analysed once, told once, an opt-out that it understood counts."""

from __future__ import annotations

from typing import Any

import pytest

from fluentsd.api import Inbound, NeedsHuman, Outcome, Unavailable
from tests.engine.after_calls.stage import AGENT, GOOD, Analyst
from tests.engine.calls.test_inbound_calls import CALLER, LATER, OURS, calls_us
from tests.engine.stage import DAY, HOUR, MINUTE, MONDAY, SMS, Stage, person, spec
from tests.engine.sync.fake_source import FakeCrm

pytestmark = pytest.mark.slow
SAID = "agent: Hi\nperson: I got your text. How much is a roof?"


async def rings(stage: Stage, analyst: Analyst, agent: Any = AGENT) -> None:
    """A person who was texted calls, and the number's agent answers."""
    stage.phone.analyse = analyst.analyse  # type: ignore[attr-defined]
    stage.runtime.sources.setdefault("crm", FakeCrm(stage.clock))
    await stage.do("numbers add", number=OURS, tag=["us"])
    await stage.do("agents apply", file={"agent": [agent]})
    await stage.do("numbers inbound", number=OURS, agent="ava")
    await stage.launch(spec(SMS, LATER), person(1), person(2))
    await stage.until(MONDAY + MINUTE)
    await calls_us(stage)


async def called_by(stage: Stage, analyst: Analyst, agent: Any = AGENT) -> dict[str, Any]:
    """The same, and the person hangs up; the call in the history."""
    await rings(stage, analyst, agent)
    await ends(stage)
    return await the_call(stage)


async def ends(stage: Stage, outcome: Outcome = Outcome.answered, **more: Any) -> None:
    said = {"transcript": SAID} | more
    await stage.inbox.take(Inbound(outcome, None, "CA1", CALLER, called_us=True, **said))
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


async def test_an_answer_without_use_is_a_failed_analysis_and_the_call_is_told(stage: Stage) -> None:
    call = await called_by(stage, Analyst({"summary": "x", "fields": {"budget": "a lot"}}))
    assert (call["analysis_state"], call["outcome"], call["transcript"]) == ("failed", "answered", SAID)
    assert "budget must be of type number" in call["analysis_problem"]


async def test_a_model_that_is_away_is_asked_again_and_given_up_within_minutes(stage: Stage) -> None:
    analyst = Analyst(Unavailable("later", 60.0), NeedsHuman("the key"))
    call = await called_by(stage, analyst)
    assert call["analysis_state"] is None
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
    call = await called_by(stage, analyst, agent={key: AGENT[key] for key in ("name", "company", "prompt")})
    assert (call["analysis_state"], analyst.asked) == (None, [])


async def test_a_person_who_is_erased_meanwhile_is_not_analysed(stage: Stage) -> None:
    analyst = Analyst(Unavailable("later", 600.0))
    await called_by(stage, analyst)
    await stage.do("contacts erase", person=CALLER, because="asked")
    await stage.until(MONDAY + HOUR)
    assert len(analyst.asked) == 1
