"""Enrollments changed by hand: remove, call back, move to a new flow; and people who leave and rejoin lists."""

from __future__ import annotations

import pytest

from fluentsd.api import Inbound, Outcome, Receipt
from fluentsd.verbs import Refused
from tests.engine.stage import DAY, HOUR, MINUTE, MONDAY, SMS, Stage, person, spec

ANN, BEN = "+12125550001", "+12125550002"
TWO = SMS | {"id": "two", "after": "1 day"}


async def test_whoever_is_removed_leaves_and_nothing_more_is_sent(stage: Stage) -> None:
    await stage.launch(spec(SMS, TWO), person(1), person(2))
    await stage.until(MONDAY + MINUTE)
    answer = await stage.do("campaign remove", ref="test", person=ANN, because="asked by phone")
    assert (answer["was"], answer["step"]) == ("queued", "two")
    found = await stage.until_ended()
    assert found["exited_by_reason"] == {"removed": 1}
    assert sorted(a.to for a, *_ in stage.sms.accepted) == [ANN, BEN, BEN]
    with pytest.raises(Refused, match="has already left test"):
        await stage.do("campaign remove", ref="test", person=ANN)


async def test_a_promised_moment_goes_before_the_flow_and_waits_for_the_window(stage: Stage) -> None:
    await stage.launch(spec(SMS, SMS | {"id": "two", "after": "1 week"}), person(1))
    await stage.until(MONDAY + MINUTE)
    night = MONDAY + 12 * HOUR
    await stage.do("campaign callback", ref="test", person=ANN, at=night, channel="sms")
    await stage.until(MONDAY + DAY)
    assert [(a.step, at) for a, _, at in stage.sms.accepted][1:] == [("two", MONDAY + 23 * HOUR)]
    with pytest.raises(Refused, match="is in the past"):
        await stage.do("campaign callback", ref="test", person=ANN, at=MONDAY, channel="sms")


async def test_a_promise_to_somebody_whose_flow_has_ended_is_a_further_entry(stage: Stage) -> None:
    await stage.launch(spec({"id": "call", "channel": "phone", "agent": "a"}, TWO), person(1), person(2))
    await stage.until(MONDAY + MINUTE)
    for attempt, _, _ in list(stage.phone.accepted):
        await stage.inbox.take(Inbound(Outcome.answered, attempt.token), token_is_ours=True)
    await stage.until(MONDAY + HOUR)
    assert (await stage.overview())["state"] == "completed"
    found = await stage.do("campaign callback", ref="test", person=ANN, at=MONDAY + 3 * HOUR)
    assert (found["state"], found["step"]) == ("active", "call")
    await stage.until(MONDAY + 2 * HOUR)
    assert len(stage.phone.accepted) == 2
    await stage.until(MONDAY + 3 * HOUR + MINUTE)
    assert [a.to for a, _, _ in stage.phone.accepted][2:] == [ANN]
    await stage.do("campaign remove", ref="test", person=ANN)
    with pytest.raises(Refused, match="has already left test"):
        await stage.do("campaign callback", ref="test", person=ANN, at=MONDAY + 4 * HOUR)
    await stage.do("contacts take-over", person=BEN)
    with pytest.raises(Refused, match="is taken over by tester"):
        await stage.do("campaign callback", ref="test", person=BEN, at=MONDAY + 4 * HOUR)


async def test_a_further_entry_repeats_the_promised_step_alone(stage: Stage) -> None:
    mail = {"id": "mail", "channel": "email", "after": "1 hour", "subject": "s", "text": "t"}
    await stage.launch(spec(SMS, mail, TWO), person(1))
    assert (await stage.until_ended())["completed"] == 1
    found = await stage.do("campaign callback", ref="test", person=ANN, at=stage.clock.now() + HOUR, channel="email")
    assert found["step"] == "mail"
    assert (await stage.until_ended())["completed"] == 2
    assert stage.sms.steps() == [SMS["id"], "two"]
    assert [(a.step, a.try_no) for a, _, _ in stage.email.accepted] == [("mail", 1), ("mail", 2)]


async def test_people_follow_a_new_flow_only_when_they_are_moved_and_repeat_nothing(stage: Stage) -> None:
    await stage.launch(spec(SMS, TWO), person(1))
    await stage.until(MONDAY + MINUTE)
    three = TWO | {"id": "three", "text": "new"}
    applied = await stage.do("campaign apply", file=spec(three, SMS, TWO | {"text": "Two, again"}))
    assert applied["keep_their_flow"] == 1
    planned = await stage.do("campaign upgrade", ref="test", dry_run=True)
    assert (planned["moves"], planned["moved"]) == ([{"from": "two", "to": "two", "people": 1}], 0)
    assert (await stage.do("campaign upgrade", ref="test"))["moved"] == 1
    await stage.until_ended()
    assert [(a.step, m.text) for a, m, _ in stage.sms.accepted] == [("text", "Hello P1"), ("two", "Two, again")]


async def test_a_step_that_is_gone_needs_a_new_place_and_nothing_is_made_twice(stage: Stage) -> None:
    await stage.launch(spec(SMS, TWO), person(1), person(2))
    await stage.until(MONDAY + MINUTE)
    await stage.do("campaign apply", file=spec(SMS | {"id": "fresh"}, SMS | {"after": "2 days"}))
    with pytest.raises(Refused, match=r"deleted steps with people: two \(2\)"):
        await stage.do("campaign upgrade", ref="test")
    with pytest.raises(Refused, match="the flow has no step 'nope'"):
        await stage.do("campaign upgrade", ref="test", step=["two=nope"])
    assert (await stage.do("campaign upgrade", ref="test", step=["two=fresh"]))["moved"] == 2
    found = await stage.until_ended()
    assert sorted(stage.sms.steps()) == ["fresh", "fresh", "text", "text"]
    assert found["completed"] == 2


async def test_a_step_moved_to_another_channel_waits_in_that_lane(stage: Stage) -> None:
    await stage.launch(spec(SMS, TWO), person(1))
    await stage.until(MONDAY + MINUTE)
    await stage.do("campaign apply", file=spec(SMS, {"id": "two", "channel": "email", "subject": "s", "text": "t"}))
    await stage.do("campaign upgrade", ref="test")
    await stage.until_ended()
    assert stage.email.steps() == ["two"]


async def test_whoever_is_on_no_list_any_more_leaves_and_comes_again_as_the_policy_says(stage: Stage) -> None:
    exits = {"reenter": "after 2 days"}
    await stage.launch(spec(SMS, SMS | {"id": "two", "after": "1 week"}, exit=exits), person(1), person(2))
    await stage.until(MONDAY + MINUTE)

    async def listed(*people: dict) -> int:
        run = await stage.do("contacts begin-import", source="people.csv", ref="test")
        answer = await stage.do("contacts take", run=run, people=list(people))
        ended = await stage.do("contacts end-import", run=run, counts={}, whole=True)
        return ended["left"] * 10 + answer["enrolled"]

    assert await listed(person(1)) == 10
    assert (await stage.overview())["exited_by_reason"] == {"left_segment": 1}
    await stage.until(MONDAY + DAY)
    assert await listed(person(1), person(2)) == 0
    await stage.until(MONDAY + 3 * DAY)
    assert await listed(person(1), person(2)) == 1
    await stage.until(MONDAY + 3 * DAY + MINUTE)
    assert sorted(a.to for a, *_ in stage.sms.accepted) == [ANN, BEN, BEN]


async def test_a_file_that_lacks_most_people_lets_nobody_go_until_somebody_says_so(stage: Stage) -> None:
    people = [person(n) for n in range(30)]
    await stage.launch(spec(SMS | {"after": "1 week"}), *people)
    await stage.until(MONDAY + MINUTE)
    run = await stage.do("contacts begin-import", source="people.csv", ref="test")
    await stage.do("contacts take", run=run, people=people[:3])
    with pytest.raises(Refused, match="27 of 30 people of this list are missing from the file"):
        await stage.do("contacts end-import", run=run, counts={}, whole=True)
    assert (await stage.overview())["queued"] == 30
    assert (await stage.do("contacts end-import", run=run, counts={}, whole=True, yes=True))["left"] == 27


async def test_a_goal_ends_the_course_before_the_next_contact(stage: Stage) -> None:
    goal = {"goal": "stage == 'customer'"}
    await stage.launch(spec(SMS, TWO, exit=goal), person(1, stage="lead"), person(2, stage="lead"))
    await stage.until(MONDAY + MINUTE)
    await stage.enroll(person(1, stage="customer"), person(2, stage="lead"))
    found = await stage.until_ended()
    assert found["exited_by_reason"] == {"goal": 1}
    assert sorted(a.to for a, *_ in stage.sms.accepted) == [ANN, BEN, BEN]


async def test_somebody_on_the_phone_just_now_is_neither_called_back_nor_moved_but_may_be_removed(stage: Stage) -> None:
    call = {"id": "call", "channel": "phone", "agent": "a"}
    stage.phone.always = lambda message, attempt: Receipt("r", None)
    await stage.launch(spec(call, TWO), person(1))
    await stage.until(MONDAY + MINUTE)
    with pytest.raises(Refused, match="is in progress"):
        await stage.do("campaign callback", ref="test", person=ANN, at=MONDAY + HOUR, channel="sms")
    await stage.do("campaign apply", file=spec(call, TWO | {"text": "again"}))
    planned = await stage.do("campaign upgrade", ref="test")
    assert (planned["busy"], planned["moved"]) == (1, 0)
    assert (await stage.do("campaign remove", ref="test", person=ANN))["was"] == "active"
    assert (await stage.overview())["exited_by_reason"] == {"removed": 1}
