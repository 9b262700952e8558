"""Whole campaigns on a simulated clock: what is sent, when, and where people end."""

from __future__ import annotations

import pytest
import trio
from sqlalchemy import update

from fluentsd.engine.campaigns.schedule import complete_finished
from fluentsd.store import holds, tables
from fluentsd.verbs import Refused
from tests.engine.stage import CALL, DAY, HOUR, MINUTE, MONDAY, SMS, TOMORROW, Stage, person, spec


async def test_a_message_goes_out_at_once_in_the_window_and_the_campaign_completes(stage: Stage) -> None:
    await stage.launch(spec(SMS), person(1), person(2))
    found = await stage.until_ended()
    assert (found["completed"], found["total"], found["attempts"]) == (2, 2, 2)
    assert sorted(m.text for _, m, _ in stage.sms.accepted) == ["Hello P1", "Hello P2"]
    assert {at for *_, at in stage.sms.accepted} == {MONDAY}


async def test_steps_wait_their_delay_in_local_days_and_skip_the_weekend(stage: Stage) -> None:
    second = SMS | {"id": "again", "after": "5 days"}
    await stage.launch(spec(SMS, second), person(1))
    await stage.until_ended()
    first, later = (at for *_, at in stage.sms.accepted)
    assert later - first == 7 * DAY - 2 * HOUR  # Saturday's turn waits for Monday, nine o'clock, in summer time by then


async def test_outside_the_window_everybody_waits_until_it_opens(stage: Stage) -> None:
    await stage.launch(spec(SMS, window={"hours": "12:00-13:00"}), person(1))
    await stage.until(MONDAY + HOUR)
    assert not stage.sms.accepted
    await stage.until(MONDAY + 3 * HOUR)
    assert [at for *_, at in stage.sms.accepted] == [MONDAY + 2 * HOUR]


async def test_pause_stops_marking_and_resume_goes_on(stage: Stage) -> None:
    await stage.launch(spec(SMS, SMS | {"id": "two", "after": "1 hour"}), person(1))
    await stage.until(MONDAY + MINUTE)
    assert (await stage.do("campaign pause", ref="test"))["state"] == "paused"
    await stage.until(MONDAY + DAY)
    assert len(stage.sms.accepted) == 1
    await stage.do("campaign resume", ref="test")
    await stage.until_ended()
    assert len(stage.sms.accepted) == 2


async def test_a_pause_withdraws_ringing_calls_and_the_step_is_made_after_resuming(stage: Stage) -> None:
    await stage.launch(spec(CALL), person(1))
    await stage.until(MONDAY + MINUTE)
    answer = await stage.do("campaign pause", ref="test")
    assert answer["withdrawn"] == 1
    assert (await stage.overview())["queued"] == 1
    await stage.do("campaign resume", ref="test")
    await stage.until(MONDAY + 2 * MINUTE)
    assert [a.try_no for a, *_ in stage.phone.accepted] == [1, 2]


async def test_values_are_never_templates(stage: Stage) -> None:
    await stage.launch(spec(SMS), person(1, first_name="{{ last }}{% assign x = 1 %}"))
    await stage.until_ended()
    assert stage.sms.accepted[0][1].text == "Hello {{ last }}{% assign x = 1 %}"


async def test_importing_again_enrolls_nobody_twice(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    assert (await stage.enroll(person(1), person(2)))["enrolled"] == 2
    await stage.until(MONDAY + MINUTE)
    answer = await stage.enroll(person(2), person(3))
    assert (answer["enrolled"], answer["new"], answer["updated"]) == (1, 1, 1)
    assert (await stage.overview())["total"] == 3


async def test_one_person_in_two_formats_is_one_person(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    twin = person(1) | {"key": "other", "points": [["email", "p1@example.com"]]}
    answer = await stage.enroll(person(1), twin)
    assert (answer["enrolled"], answer["duplicates"], answer["duplicate_rows"]) == (1, 1, [1])


async def test_a_scheduled_campaign_starts_at_its_moment(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    await stage.enroll(person(1))
    await stage.do("campaign schedule", ref="test", at=MONDAY + 2 * HOUR)
    await stage.until_ended()
    assert stage.sms.accepted[0][2] == MONDAY + 2 * HOUR


async def test_an_unknown_zone_uses_the_fallback_or_holds_as_the_campaign_says(stage: Stage) -> None:
    nowhere = person(1) | {"zones": []}
    await stage.launch(spec(SMS), nowhere)
    await stage.until_ended()
    strict = spec(SMS, ref="strict", window={"unknown_timezone": "hold"})
    await stage.launch(strict, nowhere, checked=False)
    await stage.until(MONDAY + DAY)
    assert (await stage.overview("strict"))["held_people"] == {"zone_unknown": 1}
    assert len(stage.sms.accepted) == 1


@pytest.mark.parametrize(("scope", "target", "held"), [
    ("campaign", "test", [True, False]), ("installation", "all", [True, False]), ("channel", "sms", [False, False]),
])  # fmt: skip
async def test_the_list_says_which_campaigns_are_held(stage: Stage, scope: str, target: str, held: list[bool]) -> None:
    await stage.do("campaign apply", file=spec(SMS, ref="draft"))
    await stage.launch(spec(TOMORROW), person(1), checked=False)
    await stage.runtime.store.run(holds.place, scope, target, reason="a test", by="fluentsd", at=stage.clock.now())
    found = {one["ref"]: one for one in (await stage.do("campaign list"))["campaigns"]}
    assert [found[ref]["held"] for ref in ("test", "draft")] == held
    assert found["test"]["state"] == "active"


async def test_a_channel_that_is_not_configured_refuses_the_start(stage: Stage) -> None:
    del stage.runtime.channels["sms"]
    await stage.do("campaign apply", file=spec(SMS))
    with pytest.raises(Refused, match=r"nobody is enrolled[\s\S]*no channel serves sms"):
        await stage.do("campaign start", ref="test")


async def test_illegal_verbs_say_what_is_possible(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    with pytest.raises(Refused, match=r"cannot resume a campaign that is draft; possible now: schedule, start$"):
        await stage.do("campaign resume", ref="test")
    with pytest.raises(Refused, match="did you mean test"):
        await stage.do("campaign start", ref="tst")


async def test_an_edit_counts_at_once_for_the_window_and_later_for_the_flow(stage: Stage) -> None:
    later = SMS | {"id": "two", "after": "1 day"}
    await stage.launch(spec(SMS, later), person(1))
    await stage.until(MONDAY + MINUTE)
    changed = spec(SMS | {"text": "new"}, later | {"text": "new two"}, window={"hours": "11:00-12:00"})
    answer = await stage.do("campaign apply", file=changed, dry_run=True)
    assert {c["path"] for c in answer["changes"]} >= {"step.two.text", "window.hours"}
    assert (await stage.do("campaign show", ref="test"))["revision"] == 2
    await stage.do("campaign apply", file=changed)
    await stage.enroll(person(2))
    await stage.until_ended()
    texts = {(a.to[-1], a.step): (m.text, (at - MONDAY) // HOUR) for a, m, at in stage.sms.accepted}
    assert texts["1", "two"] == ("Hello P1", 25)  # the flow they entered with, in the new window
    assert texts["2", "text"][0] == "new"


async def test_people_held_for_a_fact_come_back_when_it_changes(stage: Stage) -> None:
    await stage.launch(spec(SMS, window={"unknown_timezone": "hold"}), person(1) | {"zones": []}, checked=False)
    await stage.until(MONDAY + MINUTE)
    assert (await stage.overview())["held_people"] == {"zone_unknown": 1}
    await stage.enroll(person(1))  # the next import knows the zone
    found = await stage.until_ended()
    assert (found["completed"], found["held_people"]) == (1, {})


async def test_a_number_that_is_added_brings_back_who_waited_for_one(stage: Stage) -> None:
    await stage.do("numbers add", number="+12125550199", tag=["us"])
    await stage.do("campaign apply", file=spec(SMS, numbers={"tags": ["us"]}))
    await stage.enroll(person(1))
    await stage.do("campaign start", ref="test")
    await stage.do("numbers remove", number="+12125550199")
    await stage.enroll(person(2))
    await stage.until(MONDAY + MINUTE)
    held = (await stage.overview())["held_people"].get("no_number", 0)
    assert held >= 1
    await stage.do("numbers add", number="+12125550199", tag=["us"])
    assert (await stage.until_ended())["completed"] == 2


async def test_an_edit_brings_back_whom_the_old_window_could_never_serve(stage: Stage) -> None:
    never = SMS | {"hours": "20:00-21:00"}
    await stage.launch(spec(never), person(1), checked=False)
    await stage.until(MONDAY + MINUTE)
    assert (await stage.overview())["held_people"] == {"never_opens": 1}
    await stage.do("campaign apply", file=spec(never, window={"hours": "09:00-22:00"}))
    assert (await stage.until_ended())["completed"] == 1


async def test_a_campaign_whose_last_end_was_the_last_act_of_a_dying_process_is_completed_by_the_next(
    stage: Stage,
) -> None:
    await stage.launch(spec(SMS), person(1))
    await stage.until_ended()
    as_it_died = update(tables.campaign).values(state="active", ended_at=None)
    await stage.runtime.store.run(lambda conn: conn.execute(as_it_died))
    async with trio.open_nursery() as nursery:
        await nursery.start(complete_finished, stage.runtime)
        assert (await stage.until_ended())["completed"] == 1
        nursery.cancel_scope.cancel()
