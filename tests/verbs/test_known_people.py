"""Enrolling people who are known already: of an earlier file, or of another campaign by state."""

from __future__ import annotations

import pytest

from fluentsd.api import Inbound, Outcome
from fluentsd.verbs import Refused
from fluentsd.verbs.call import Call
from fluentsd.verbs.execute import execute
from tests.engine.stage import HOUR, MINUTE, MONDAY, SMS, Stage, person, spec

LATER = {"id": "later", "channel": "sms", "after": "1 day", "text": "Hello again"}


async def test_people_of_an_earlier_file_enter_once_and_are_contacted(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fluentsd.verbs.known_people.BATCH", 2)
    await stage.launch(spec(SMS), *map(person, range(5)))
    await stage.do("campaign apply", file=spec(SMS, ref="second", name="Second"))
    given = {"ref": "second", "source": "people.csv"}
    assert await stage.do("campaign enroll", **given, dry_run=True) == {
        "ref": "second", "people": 5, "enrolled": 5, "dry_run": True,
    }  # fmt: skip
    assert (await stage.overview("second"))["total"] == 0
    assert (await stage.do("campaign enroll", **given))["enrolled"] == 5
    assert (await stage.do("campaign enroll", **given))["enrolled"] == 0
    assert (await stage.overview("second"))["total"] == 5
    await stage.do("campaign start", ref="second", yes=True)
    await stage.until(MONDAY + HOUR)
    assert len(stage.sms.accepted) == 10
    [entry, _] = [
        one for one in (await stage.do("log", target="second"))["entries"] if one["verb"] == "campaign enroll"
    ]
    assert entry["details"] == {"source": "people.csv", "enrolled": 0}


async def test_people_of_another_campaign_enter_by_state_and_reason(stage: Stage) -> None:
    await stage.launch(spec(SMS, LATER), *map(person, range(4)))
    await stage.until(MONDAY + MINUTE)
    first, second, _, _ = (attempt.token for attempt, _, _ in stage.sms.accepted)
    await stage.inbox.take(Inbound(Outcome.replied, first, text="yes"), token_is_ours=True)
    await stage.inbox.take(Inbound(Outcome.opted_out, second, text="stop"), token_is_ours=True)
    await stage.until(MONDAY + 2 * MINUTE)
    await stage.do("campaign apply", file=spec(SMS, ref="second", name="Second"))
    given = {"ref": "second", "campaign": "test"}
    assert (await stage.do("campaign enroll", **given, reason="replied", dry_run=True))["people"] == 1
    assert (await stage.do("campaign enroll", **given, dry_run=True))["people"] == 2
    assert (await stage.do("campaign enroll", **given, state=["queued"]))["enrolled"] == 2
    assert (await stage.do("campaign enroll", **given))["enrolled"] == 2
    await stage.do("campaign start", ref="second", yes=True)
    found = await stage.until_ended("second")
    assert (found["completed"], found["exited_by_reason"]) == (3, {"opted_out": 1})  # the gate knows the opt-out


async def test_what_cannot_be_enrolled_changes_nothing(stage: Stage) -> None:
    await stage.launch(spec(SMS, LATER), person(1))
    for given, words in (
        ({}, "either a source"),
        ({"source": "people.csv", "campaign": "test"}, "either a source"),
        ({"source": "peopel.csv"}, "known sources: people.csv"),
        ({"source": "people.csv", "state": ["exited"]}, "name the campaign"),
        ({"campaign": "test"}, "in test already"),
        ({"campaign": "nope"}, "nope"),
    ):
        with pytest.raises(Refused, match=words):
            await stage.do("campaign enroll", ref="test", **given)
    await stage.do("campaign stop", ref="test")
    with pytest.raises(Refused, match="is stopped"):
        await stage.do("campaign enroll", ref="test", source="people.csv")


async def test_a_repeated_request_gets_the_same_answer(stage: Stage) -> None:
    await stage.launch(spec(SMS), person(1))
    await stage.do("campaign apply", file=spec(SMS, ref="second", name="Second"))
    call = Call("tester", stage.clock.now(), "one-request", role="admin")
    given = {"ref": "second", "source": "people.csv"}
    first = await execute(stage.runtime, "campaign enroll", given, call)
    assert await execute(stage.runtime, "campaign enroll", given, call) == first
    assert first["enrolled"] == 1
