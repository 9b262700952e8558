"""Whole campaigns on a simulated clock: what is sent, when, and where people end."""

from __future__ import annotations

import pytest
import trio
from sqlalchemy import update

from fluentsd.api import Attempt, Inbound, Message, NeedsHuman, Outcome, Receipt, Rejected, Unavailable
from fluentsd.engine.campaigns.schedule import complete_finished
from fluentsd.store import tables
from fluentsd.verbs import Refused
from tests.engine.stage import DAY, HOUR, MINUTE, MONDAY, SMS, Stage, person, spec

CALL = {"id": "call", "channel": "phone", "agent": "sales"}


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


async def test_an_answered_call_ends_the_flow(stage: Stage) -> None:
    await stage.launch(spec(CALL, SMS), person(1))
    await stage.until(MONDAY + MINUTE)
    assert (await stage.overview())["active"] == 1
    token = stage.phone.accepted[0][0].token
    await stage.phone.tell(Inbound(Outcome.answered, token=token, duration_s=60, transcript="hello"))
    found = await stage.until_ended()
    assert found["exited_by_reason"] == {"answered": 1}
    assert not stage.sms.accepted
    call = (await stage.do("history", ref="test"))["calls"][0]
    assert (call["outcome"], call["duration_s"], call["transcript"]) == ("answered", 60, "hello")


async def test_a_condition_decides_by_the_last_outcome_and_a_skipped_step_goes_on(stage: Stage) -> None:
    sorry = SMS | {"id": "sorry", "when": "last.outcome == 'voicemail'"}
    await stage.launch(
        spec(CALL, sorry, {"id": "mail", "channel": "email", "subject": "Hi", "text": "Hi"}), person(1), person(2)
    )
    await stage.until(MONDAY + MINUTE)
    for (attempt, *_), outcome in zip(stage.phone.accepted, (Outcome.voicemail, Outcome.no_answer), strict=True):
        await stage.phone.tell(Inbound(outcome, token=attempt.token))
    await stage.until_ended()
    assert len(stage.sms.accepted) == 1
    assert len(stage.email.accepted) == 2


async def test_retries_follow_their_outcome_and_their_limit(stage: Stage) -> None:
    await stage.launch(spec(CALL | {"retry": {"busy": "30 min", "limit": 2}}), person(1))
    for n in range(3):
        await stage.until(MONDAY + n * 31 * MINUTE + MINUTE)
        await stage.phone.tell(Inbound(Outcome.busy, token=stage.phone.accepted[-1][0].token))
    await stage.until_ended()
    assert [a.try_no for a, *_ in stage.phone.accepted] == [1, 2, 3]


async def test_whoever_fails_three_times_in_a_row_is_unreachable(stage: Stage) -> None:
    steps = [SMS | {"id": f"s{n}", "after": "1 day"} for n in range(4)]
    stage.sms.always = _refuse
    await stage.launch(spec(*steps), person(1))
    found = await stage.until_ended()
    assert found["exited_by_reason"] == {"unreachable": 1}
    assert found["attempts"] == 3


async def test_failures_that_are_known_only_later_make_somebody_unreachable_too(stage: Stage) -> None:
    steps = [SMS | {"id": f"step{n}", "after": "1 day"} for n in range(5)]
    await stage.launch(spec(*steps), person(1), person(2))
    for n in range(1, 5):
        await stage.until(MONDAY + n * DAY + MINUTE)
        for attempt, *_ in stage.sms.accepted[-2:]:
            bad = attempt.to == "+12125550001" or n != 2  # the other one is reached in between
            outcome = Outcome.failed if bad else Outcome.delivered
            await stage.sms.tell(Inbound(outcome, token=attempt.token))
        await stage.until(MONDAY + n * DAY + 2 * MINUTE)
        if (await stage.overview())["exited_by_reason"]:
            break
    assert n == 3
    found = await stage.until_ended()
    assert (found["exited_by_reason"], found["completed"]) == ({"unreachable": 1}, 1)


async def test_a_condition_sees_what_is_known_of_an_earlier_step_by_then(stage: Stage) -> None:
    mail = {"id": "mail", "channel": "email", "after": "1 day", "subject": "s", "text": "t"}
    by_last = mail | {"when": "last.outcome == 'failed'"}
    by_step = mail | {"id": "again", "when": "steps.text.outcome == 'delivered'"}
    await stage.launch(spec(SMS, by_last, by_step), person(1), person(2))
    await stage.until(MONDAY + MINUTE)
    for attempt, *_ in stage.sms.accepted:
        outcome = Outcome.failed if attempt.to == "+12125550001" else Outcome.delivered
        await stage.sms.tell(Inbound(outcome, token=attempt.token))
    assert (await stage.until_ended())["completed"] == 2
    assert [(a.to, a.step) for a, *_ in stage.email.accepted] == [
        ("p1@example.com", "mail"), ("p2@example.com", "again"),
    ]  # fmt: skip


def _refuse(*_: object) -> None:  # type: ignore[return]
    raise Rejected("no such number")


async def test_a_dead_number_is_not_tried_on_that_channel_again(stage: Stage) -> None:
    async def dead(*_: object) -> None:
        raise Rejected("landline", dead=True)

    stage.sms.behaviours = [dead]  # type: ignore[list-item]
    await stage.launch(spec(SMS, SMS | {"id": "two"}, CALL), person(1))
    await stage.until(MONDAY + MINUTE)
    assert not stage.sms.accepted
    assert len(stage.phone.accepted) == 1


async def test_what_the_provider_did_not_accept_is_tried_again_later_as_the_same_step(stage: Stage) -> None:
    async def busy(*_: object) -> None:
        raise Unavailable("throttled", after=60)

    stage.sms.behaviours = [busy, busy]  # type: ignore[list-item]
    await stage.launch(spec(SMS), person(1))
    found = await stage.until_ended()
    assert [a.try_no for a, *_ in stage.sms.accepted] == [3]
    assert stage.sms.accepted[0][2] == MONDAY + 2 * MINUTE
    assert found["attempts"] == 1  # what was not sent does not count


async def test_a_fault_that_needs_people_holds_the_channel_until_it_is_released(stage: Stage) -> None:
    async def login(*_: object) -> None:
        raise NeedsHuman("the password is wrong")

    stage.sms.behaviours = [login]  # type: ignore[list-item]
    await stage.launch(spec(SMS), person(1))
    await stage.until(MONDAY + HOUR)
    assert (await stage.overview())["holds"][0]["reason"] == "the password is wrong"
    assert not stage.sms.accepted
    await stage.do("release", scope="channel", target="sms")
    await stage.until_ended()
    assert len(stage.sms.accepted) == 1


async def test_a_lost_answer_is_looked_up_and_never_sent_again(stage: Stage) -> None:
    async def accept_then_fail(message: object, attempt: object) -> None:
        stage.sms.accept(message, attempt)  # type: ignore[arg-type]
        raise ConnectionError("reset by peer")

    stage.sms.behaviours = [accept_then_fail]  # type: ignore[list-item]
    await stage.launch(spec(SMS), person(1))
    found = await stage.until_ended()
    assert max(stage.sms.tokens().values()) == 1
    assert (found["completed"], found["unknown"]) == (1, 0)


async def test_proof_of_absence_allows_another_try_and_only_then(stage: Stage) -> None:
    async def fail(*_: object) -> None:
        raise ConnectionError("reset by peer")

    stage.sms.behaviours = [fail]  # type: ignore[list-item]
    await stage.launch(spec(SMS), person(1))
    await stage.until_ended()
    assert [a.try_no for a, *_ in stage.sms.accepted] == [2]


async def test_what_nobody_can_prove_is_unknown_and_the_flow_goes_on(stage: Stage) -> None:
    async def fail(*_: object) -> None:
        raise ConnectionError("reset by peer")

    stage.sms.behaviours, stage.sms.cannot_tell = [fail], True  # type: ignore[list-item]
    await stage.launch(spec(SMS, SMS | {"id": "two", "after": "1 day"}), person(1))
    found = await stage.until_ended()
    assert found["unknown"] == 1
    assert stage.sms.steps() == ["two"]
    assert (await stage.do("unknown list"))["calls"][0]["reason"] == "the provider is not answering"


async def test_a_send_without_an_answer_is_given_up_and_asked_about(stage: Stage) -> None:
    async def hang(message: object, attempt: object) -> None:
        stage.sms.accept(message, attempt)  # type: ignore[arg-type]
        await stage.clock.sleep_until(MONDAY + 30 * DAY)

    stage.sms.behaviours = [hang]  # type: ignore[list-item]
    await stage.launch(spec(SMS), person(1))
    found = await stage.until_ended()
    assert (found["completed"], len(stage.sms.accepted)) == (1, 1)


async def test_an_opt_out_ends_every_campaign_and_every_channel(stage: Stage) -> None:
    await stage.launch(spec(SMS, SMS | {"id": "two", "after": "1 day"}), person(1), person(2))
    await stage.launch(spec(SMS | {"after": "2 hours"}, ref="other"), person(1))
    await stage.until(MONDAY + MINUTE)
    await stage.sms.tell(Inbound(Outcome.opted_out, address="+12125550001", text="STOP"))
    await stage.until(MONDAY + DAY + HOUR)
    assert sorted(a.to for a, *_ in stage.sms.accepted) == ["+12125550001", "+12125550002", "+12125550002"]
    assert (await stage.overview("other"))["exited_by_reason"] == {"opted_out": 1}
    await stage.enroll(person(1), ref="test")
    found = await stage.until_ended()
    assert found["exited_by_reason"] == {"opted_out": 1}


async def test_somebody_on_the_stop_list_leaves_at_the_gate(stage: Stage) -> None:
    await stage.sms.tell(Inbound(Outcome.opted_out, address="+12125550001"))  # an unknown address
    await stage.until(MONDAY + 1)  # the clock moves on only after it was recorded
    await stage.launch(spec(SMS), person(1), checked=False)
    found = await stage.until_ended()
    assert (found["exited_by_reason"], len(stage.sms.accepted)) == ({"opted_out": 1}, 0)


async def test_a_reply_ends_the_flow_and_is_kept_whole(stage: Stage) -> None:
    await stage.launch(spec(SMS, SMS | {"id": "two", "after": "1 day"}), person(1))
    await stage.until(MONDAY + MINUTE)
    await stage.sms.tell(Inbound(Outcome.replied, address="+12125550001", text="Call me on Tuesday"))
    found = await stage.until_ended()
    assert found["exited_by_reason"] == {"replied": 1}
    assert (await stage.do("history"))["calls"][0]["reply"] == "Call me on Tuesday"


async def test_the_same_news_twice_changes_nothing_more(stage: Stage) -> None:
    await stage.launch(spec(CALL), person(1))
    await stage.until(MONDAY + MINUTE)
    token = stage.phone.accepted[0][0].token
    for outcome in (Outcome.voicemail, Outcome.voicemail, Outcome.no_answer):
        await stage.phone.tell(Inbound(outcome, token=token))
    found = await stage.until_ended()
    assert (found["completed"], found["attempts"]) == (1, 1)
    assert (await stage.do("history"))["calls"][0]["outcome"] == "voicemail"


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


async def test_a_missing_variable_is_an_error_with_a_cause_that_can_be_mended(stage: Stage) -> None:
    await stage.launch(spec(SMS | {"text": "About your {{ model }}"}), person(1), person(2, model="T4"), checked=False)
    await stage.until(MONDAY + MINUTE)
    causes = (await stage.do("campaign errors", ref="test"))["causes"]
    assert [(c["people"], "model" in c["cause"]) for c in causes] == [(1, True)]
    await stage.enroll(person(1, model="T5"))
    assert (await stage.do("campaign retry", ref="test", cause="1"))["people"] == 1
    found = await stage.until_ended()
    assert found["completed"] == 2
    assert sorted(m.text for _, m, _ in stage.sms.accepted) == ["About your T4", "About your T5"]


async def test_a_retry_of_an_error_opens_a_completed_campaign_again(stage: Stage) -> None:
    await stage.launch(spec(SMS | {"text": "{{ model }}"}), person(1), checked=False)
    assert (await stage.until_ended())["errored"] == 1
    assert (await stage.do("campaign retry", ref="test"))["state"] == "active"
    assert (await stage.until_ended())["errored"] == 1  # nothing was fixed
    assert (await stage.do("campaign dismiss", ref="test", person="+12125550001"))["people"] == 1
    assert (await stage.overview())["exited_by_reason"] == {"removed": 1}


async def test_values_are_never_templates(stage: Stage) -> None:
    await stage.launch(spec(SMS), person(1, first_name="{{ last }}{% assign x = 1 %}"))
    await stage.until_ended()
    assert stage.sms.accepted[0][1].text == "Hello {{ last }}{% assign x = 1 %}"


async def test_a_cap_per_person_counts_all_campaigns(stage: Stage) -> None:
    limits = {"limits": {"per_contact": "1/day"}}
    await stage.launch(spec(SMS, **limits), person(1))
    await stage.launch(spec(SMS, ref="other", **limits), person(1))
    await stage.until_ended()
    await stage.until_ended("other")
    first, second = (at for *_, at in stage.sms.accepted)
    assert second - first == DAY


async def test_a_pace_spreads_starts_evenly_and_leaves_the_others_untouched(stage: Stage) -> None:
    await stage.launch(spec(SMS, limits={"pace": "6/hour"}), *(person(n) for n in range(5)))
    await stage.until_ended()
    assert [at - MONDAY for *_, at in stage.sms.accepted] == [n * 10 * MINUTE for n in range(5)]


async def test_caller_ids_prefer_the_area_code_and_keep_their_pace(stage: Stage) -> None:
    for number in ("+14155550199", "+12125550199"):
        await stage.do("numbers add", number=number, tag=["us"])
    await stage.launch(spec(SMS, numbers={"tags": ["us"], "pace": "2/hour"}), *(person(n) for n in range(3)))
    await stage.until_ended()
    used = sorted(((at - MONDAY) // MINUTE, a.sender) for a, _, at in stage.sms.accepted)
    assert used == [(0, "+12125550199"), (0, "+14155550199"), (30, "+12125550199")]


async def test_a_budget_ends_the_day(stage: Stage) -> None:
    await stage.launch(spec(SMS, limits={"budget": "1 USD/day", "cost": {"sms": 0.5}}), *(person(n) for n in range(3)))
    await stage.until(MONDAY + 5 * HOUR)
    assert len(stage.sms.accepted) == 2
    await stage.until_ended()
    assert len(stage.sms.accepted) == 3


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


async def test_a_channel_that_is_not_configured_refuses_the_start(stage: Stage) -> None:
    del stage.runtime.channels["sms"]
    await stage.do("campaign apply", file=spec(SMS))
    with pytest.raises(Refused, match=r"nobody is enrolled[\s\S]*no channel serves sms"):
        await stage.do("campaign start", ref="test")


async def test_illegal_verbs_say_what_is_possible(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    with pytest.raises(Refused, match="cannot resume a campaign that is draft; possible now: schedule, start"):
        await stage.do("campaign resume", ref="test")
    with pytest.raises(Refused, match="did you mean test"):
        await stage.do("campaign start", ref="tst")


async def test_nothing_due_means_no_passes(stage: Stage) -> None:
    await stage.launch(spec(SMS, SMS | {"id": "two", "after": "14 days"}), person(1))
    await stage.until(MONDAY + HOUR)
    before = stage.runtime.wakeups
    await stage.until(MONDAY + 13 * DAY)
    assert stage.runtime.wakeups == before


async def test_a_pause_under_load_lets_nothing_more_begin(stage: Stage) -> None:
    async def slowly(message: Message, attempt: Attempt) -> Receipt:
        stage.sms.accept(message, attempt)
        await stage.clock.sleep_until(stage.clock.now() + 1_000_000)
        return Receipt(f"ref-{attempt.token}", Outcome.sent)

    stage.sms.always = slowly
    stage.runtime.channels["sms"].concurrency = 10
    await stage.launch(spec(SMS), *(person(n) for n in range(100)))
    await stage.until(MONDAY + 3_500_000)
    await stage.do("campaign pause", ref="test")
    begun = len(stage.sms.accepted)
    assert 0 < begun < 100
    await stage.until(MONDAY + HOUR)
    assert len(stage.sms.accepted) == begun
    found = await stage.overview()
    assert (found["active"], found["queued"] + found["completed"]) == (0, 100)
    await stage.do("campaign resume", ref="test")
    await stage.until_ended()
    assert max(stage.sms.tokens().values()) == 1
    assert len({a.to for a, *_ in stage.sms.accepted}) == len(stage.sms.accepted) == 100


async def test_lanes_take_turns(stage: Stage) -> None:
    stage.runtime.channels["sms"].concurrency = 4
    for ref in ("one", "two"):
        await stage.do("campaign apply", file=spec(SMS, ref=ref))
    await stage.enroll(*(person(n) for n in range(40)), ref="one")
    await stage.enroll(*(person(n) for n in range(40, 60)), ref="two")
    for ref in ("one", "two"):
        await stage.do("campaign start", ref=ref)
    await stage.until(MONDAY + HOUR)
    assert len(stage.sms.accepted) == 60
    early = [int(a.to[-4:]) for a, *_ in stage.sms.accepted[:40]]
    assert len([n for n in early if n >= 40]) >= 8  # the later campaign does not wait for the larger one


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
