"""Hot leads: calls after which somebody has to act, until it is said that they are handled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fluentsd.api import Disposition, Inbound, Outcome
from fluentsd.engine.recordings.folder import LINK_LASTS, Recordings
from fluentsd.verbs import Refused
from fluentsd.verbs.call import Call
from fluentsd.verbs.execute import execute
from tests.engine.after_calls.stage import AGENT, CALL, GOOD, Analyst, called, ended
from tests.engine.recordings.test_fetching import Tape, recorded
from tests.engine.stage import HOUR, MINUTE, MONDAY, SMS, Stage, person, spec

PLAIN = {name: value for name, value in AGENT.items() if name != "analysis"}


async def leads(stage: Stage) -> list[dict[str, Any]]:
    return list((await stage.do("campaign leads", ref="test"))["leads"])


async def test_an_analysed_lead_is_open_until_it_is_handled(stage: Stage) -> None:
    await called(stage, SMS | {"after": "1 day"}, analyst=Analyst())
    await ended(stage)
    [one] = await leads(stage)
    assert (one["disposition"], one["summary"], one["person"]) == ("interested", "Wants a roof.", "+12125550001")
    assert (one["outcome"], one["step"], one["recording"], one["record"]) == ("answered", "call", False, "")
    await stage.do("contacts take-over", person="+12125550001")
    assert (await leads(stage))[0]["taken_over_by"] == "tester"
    await stage.do("campaign answer", ref="test", person="+12125550001", nothing=True)
    assert await leads(stage) == []
    with pytest.raises(Refused, match="no open reply or lead"):
        await stage.do("campaign answer", ref="test", person="+12125550001", nothing=True)


@pytest.mark.parametrize(
    ("disposition", "is_lead"),
    [("interested", True), ("callback", True), ("angry", True), ("not_interested", False), ("wrong_number", False)],
)
async def test_what_a_conversation_came_to_decides_without_an_analysis(
    stage: Stage, disposition: str, is_lead: bool
) -> None:
    await called(stage, SMS | {"after": "1 day"}, agent=PLAIN)
    await ended(stage, disposition=Disposition(disposition))
    assert [one["disposition"] for one in await leads(stage)] == [disposition] * is_lead


async def test_a_report_without_a_transcript_does_not_take_the_analysis_away(stage: Stage) -> None:
    await called(stage, SMS | {"after": "1 day"}, analyst=Analyst(GOOD))
    await ended(stage, disposition=Disposition.interested, transcript="")
    assert await leads(stage) == []
    token = stage.phone.accepted[-1][0].token
    await stage.inbox.take(Inbound(Outcome.answered, token, transcript="person: yes"), token_is_ours=True)
    await stage.until(stage.clock.now() + MINUTE)
    assert (await leads(stage))[0]["summary"] == "Wants a roof."


async def test_a_lead_is_answered_in_writing_on_the_asked_channel(stage: Stage) -> None:
    await called(stage, SMS | {"after": "1 day"}, analyst=Analyst())
    await ended(stage)
    who = {"ref": "test", "person": "+12125550001"}
    assert (await stage.do("campaign answer", **who, text="The offer", channel="email"))["channel"] == "email"
    await stage.until(stage.clock.now() + MINUTE)
    assert stage.email.accepted[-1][1].text == "The offer"
    assert await leads(stage) == []


async def test_the_leads_of_one_person_are_found_by_id_and_by_number(stage: Stage) -> None:
    await called(stage, analyst=Analyst())
    await ended(stage)
    [lead] = await leads(stage)
    for whom in (f"#{lead['contact']}", "+12125550001", "(212) 555-0001"):
        assert (await stage.do("campaign leads", person=whom))["leads"] == [lead]
    await stage.enroll(person(7), ref="test")
    assert (await stage.do("campaign leads", person="+12125550007"))["leads"] == []
    with pytest.raises(Refused, match="no contact matches"):
        await stage.do("campaign leads", person="+12125550099")


async def test_a_recording_is_heard_by_who_may_and_the_log_keeps_who_asked(stage: Stage, tmp_path: Path) -> None:
    call = await recorded(stage, tmp_path, Tape())
    found = await stage.do("listen", attempt=call["id"])
    assert found["link"].startswith("https://calls.example/r/")
    assert found["until_at"] == stage.clock.now() + LINK_LASTS
    entry = (await stage.do("log", target=call["id"]))["entries"][0]
    assert (entry["actor"], entry["verb"]) == ("tester", "listen")
    viewer = Call("lee", stage.clock.now(), role="operator")
    with pytest.raises(Refused, match="needs the role manager"):
        await execute(stage.runtime, "listen", {"attempt": call["id"]}, viewer)
    [seen] = (await execute(stage.runtime, "calls", {}, viewer))["calls"]
    assert seen["recording"] is None
    stage.runtime.recordings = Recordings(tmp_path)  # without a public address
    found = await stage.do("listen", attempt=call["id"])
    assert (found["link"], found["file"].endswith(".mp3")) == (None, True)


async def test_a_call_without_a_recording_says_so(stage: Stage) -> None:
    await stage.launch(spec(CALL | {"agent": "a"}), person(1))
    await stage.until(MONDAY + HOUR)
    with pytest.raises(Refused, match="has no recording"):
        await stage.do("listen", attempt=stage.phone.accepted[0][0].token)
