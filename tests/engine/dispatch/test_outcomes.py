"""What an outcome does to a person's course: the next step, a retry, an exit, a hold."""

from __future__ import annotations

from fluentsd.api import Inbound, NeedsHuman, Outcome, Rejected, Unavailable
from tests.engine.stage import CALL, DAY, HOUR, MINUTE, MONDAY, SMS, Stage, person, spec


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


async def test_three_failures_in_a_row_make_a_person_unreachable(stage: Stage) -> None:
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
