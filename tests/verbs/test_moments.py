"""Moments in arguments: in the campaign's zone, for a callback in the person's, or in a zone that is named."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from fluentsd.verbs import Refused
from tests.engine.stage import HOUR, MONDAY, SMS, Stage, person, spec

CALL = {"id": "call", "channel": "phone", "agent": "a"}
MAIL = {"id": "mail", "channel": "email", "subject": "s", "text": "t"}
PARIS = "Europe/Paris"


def at(zone: str, *when: int) -> int:
    return round(dt.datetime(*when, tzinfo=ZoneInfo(zone)).timestamp() * 1_000_000)  # type: ignore[arg-type]


STARTS = [
    ("2026-12-01T09:00", at(PARIS, 2026, 12, 1, 9)),
    ("2026-12-01 09:00", at(PARIS, 2026, 12, 1, 9)),
    ("2026-12-01", at(PARIS, 2026, 12, 1)),
    ("tomorrow", at(PARIS, 2026, 3, 3)),
    ("tomorrow 9am", at(PARIS, 2026, 3, 3, 9)),
    ("Tue 15:00", at(PARIS, 2026, 3, 3, 15)),
    ("2026-12-01T09:00-05:00", at("America/New_York", 2026, 12, 1, 9)),
    ("12/1 9am ET", at("America/New_York", 2026, 12, 1, 9)),
    ("2026-12-01 09:00 America/Los_Angeles", at("America/Los_Angeles", 2026, 12, 1, 9)),
    ("Tue 15:00 (UTC)", at("UTC", 2026, 3, 3, 15)),
]
REFUSED = [
    ("9am EST", "EST is not a zone here, because clocks change; write ET"),
    ("9am Europe/Pariss", "did you mean 'Europe/Paris'"),
    ("soon", "'soon' is not a moment; write it like"),
    ("2026-02-30T09:00", "is not a moment"),
    ("2026-03-01T09:00", "Sun Mar 1 2026, 09:00 Europe/Paris is in the past; nothing was changed"),
    ("Sun Mar 29 2026, 02:30", "02:30 does not exist on Mar 29 in Europe/Paris"),
    ("Mon Mar 31 2026 09:00", "Mar 31 2026 is a Tuesday"),
]


async def test_a_start_is_in_the_campaigns_zone_unless_a_zone_is_named(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS, window={"timezone": PARIS}))
    await stage.enroll(person(1))
    for words, starts_at in STARTS:
        answer = await stage.do("campaign schedule", ref="test", at=words, yes=True)
        assert (words, answer["starts_at"], answer["zone"]) == (words, starts_at, PARIS)
    for words, part in REFUSED:
        with pytest.raises(Refused, match=part):
            await stage.do("campaign schedule", ref="test", at=words, yes=True)


async def test_a_confirmation_repeats_the_moment_with_its_zone(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(CALL))
    await stage.enroll(person(1), person(2) | {"states": ["US-TX"]})
    with pytest.raises(Refused, match="was not scheduled for Tue Dec 1 2026, 09:00 America/New_York") as caught:
        await stage.do("campaign schedule", ref="test", at="2026-12-01T09:00")
    assert caught.value.suggestion is not None
    given = caught.value.suggestion.arguments
    assert given == {"ref": "test", "at": "2026-12-01T09:00:00-05:00", "yes": True}
    assert (await stage.do("campaign schedule", **given))["state"] == "scheduled"


async def test_a_callback_is_a_call_in_the_persons_zone(stage: Stage) -> None:
    await stage.launch(spec(CALL, SMS | {"after": "1 week"}, MAIL | {"after": "1 week"}, exit={"on": ["opted_out"]}),
                       person(1) | {"zones": ["America/Los_Angeles"]})  # fmt: skip
    await stage.until(MONDAY + 4 * HOUR)
    assert stage.phone.accepted
    token = stage.phone.accepted[0][0].token
    from fluentsd.api import Inbound, Outcome

    await stage.phone.tell(Inbound(Outcome.no_answer, token=token))
    answer = await stage.do("campaign callback", ref="test", person="+12125550001", at="tomorrow 3pm")
    assert (answer["step"], answer["channel"], answer["zone"]) == ("call", "phone", "America/Los_Angeles")
    assert answer["next_at"] == at("America/Los_Angeles", 2026, 3, 3, 15)
    await stage.until(answer["next_at"] + HOUR)
    assert [(a.step, a.try_no, when) for a, _, when in stage.phone.accepted][1:] == [("call", 2, answer["next_at"])]
    await stage.phone.tell(Inbound(Outcome.no_answer, token=stage.phone.accepted[1][0].token))
    await stage.until_ended()
    assert (stage.sms.steps(), stage.email.steps()) == (["text"], ["mail"])


async def test_a_callback_ahead_of_the_persons_place_says_which_steps_it_leaves_out(stage: Stage) -> None:
    await stage.launch(spec(SMS | {"after": "1 week"}, CALL), person(1))
    answer = await stage.do("campaign callback", ref="test", person="+12125550001", at="tomorrow 3pm")
    assert (answer["step"], answer["left_out"]) == ("call", ["text"])


async def test_a_callback_without_a_call_in_the_flow_names_the_channels_there_are(stage: Stage) -> None:
    await stage.launch(spec(SMS | {"after": "1 week"}), person(1))
    with pytest.raises(Refused, match="has no step by phone, so nothing was changed; its steps are by sms") as caught:
        await stage.do("campaign callback", ref="test", person="(212) 555-0001", at="tomorrow 3pm")
    assert caught.value.suggestion is not None
    assert caught.value.suggestion.arguments["channel"] == "sms"
    answer = await stage.do("campaign callback", **caught.value.suggestion.arguments)
    assert answer["step"] == "text"


async def test_the_forecast_of_a_scheduled_campaign_begins_with_its_start(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    await stage.enroll(person(1))
    await stage.do("campaign schedule", ref="test", at="2026-12-24T10:00", yes=True)
    ahead = await stage.do("forecast", ref="test")
    assert ahead["first"][0]["at"] == at("America/New_York", 2026, 12, 24, 10)
    assert ahead["zone"] == "America/New_York"
