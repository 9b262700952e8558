"""The launch check: people in and out by reason; errors, warnings, notes and duties."""

from __future__ import annotations

import pytest

from fluentsd.verbs import Refused, Suggestion
from tests.engine.stage import MINUTE, MONDAY, SMS, Stage, person, spec

CALL = {"id": "call", "channel": "phone", "agent": "sales"}
MAIL = {"id": "mail", "channel": "email", "after": "1 day", "subject": "s", "text": "Dear {{ first_name }}"}
TEXAN = {"states": ["US-TX"], "zones": ["America/Chicago"]}
SAID = {"basis": "written", "given": "2026-02-01", "scope": ["phone", "sms"], "by": "the desk"}


async def checked(stage: Stage, ref: str = "test") -> dict:
    found = await stage.do("campaign check", ref=ref)
    assert found["ready"] + sum(out["people"] for out in found["out"]) == found["people"]
    return found


async def test_everybody_who_can_be_contacted_is_ready_and_each_step_counts_for_itself(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS, MAIL))
    no_mail = person(2) | {"points": [["phone", "+12125550002"]]}
    await stage.enroll(person(1), no_mail)
    found = await checked(stage)
    assert (found["errors"], found["warnings"], found["ready"]) == ([], [], 2)
    assert found["steps"] == [
        {"step": "text", "people": {"ready": 2}},
        {"step": "mail", "people": {"ready": 1, "no_email": 1}},
    ]
    assert found["samples"]["text"]["text"] == "Hello P1"


async def test_a_missing_variable_stops_the_start_and_names_step_field_and_people(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS | {"text": "About {{ car }}"}))
    await stage.enroll(person(1), person(2, car="T4"), person(3))
    with pytest.raises(Refused, match=r"step text: 'car' is undefined; 2 people, among them \+12125550001"):
        await stage.do("campaign start", ref="test", yes=True)
    assert (await stage.overview())["state"] == "draft"


async def test_people_without_consent_are_a_warning_and_if_nobody_is_left_an_error(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(CALL))
    await stage.enroll(person(1) | TEXAN)
    with pytest.raises(Refused, match="nobody could be contacted"):
        await stage.do("campaign start", ref="test", yes=True)
    await stage.enroll(person(2))
    with pytest.raises(Refused, match="confirm it") as caught:
        await stage.do("campaign start", ref="test")
    assert caught.value.suggestion == Suggestion("campaign start", {"ref": "test", "yes": True})
    started = await stage.do("campaign start", ref="test", yes=True)
    assert "US.consent" in started["warnings"][0]
    assert started["suggestions"][started["warnings"][0]] == {
        "verb": "contacts attest",
        "arguments": {"campaign": "test", "basis": "written", "scope": ["phone"]},
    }
    await stage.until(MONDAY + MINUTE)
    assert [a.to for a, *_ in stage.phone.accepted] == ["+12125550002"]
    answer = (await stage.do("contacts why", person="+12125550001"))["campaigns"][0]
    assert (answer["reason"], answer["rule"]) == ("no_consent", "US.consent")
    assert answer["law"]["cite"]
    answer = await stage.do("contacts attest", campaign="test", **SAID)
    assert answer["people"] == 2
    await stage.until(MONDAY + 2 * MINUTE)
    assert [a.to for a, *_ in stage.phone.accepted] == ["+12125550002", "+12125550001"]


async def test_a_scheduled_start_is_checked_when_it_is_scheduled(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS | {"text": "{{ car }}"}))
    await stage.enroll(person(1))
    with pytest.raises(Refused, match="'car' is undefined"):
        await stage.do("campaign schedule", ref="test", at=MONDAY + MINUTE)


async def test_people_in_other_running_campaigns_are_named(stage: Stage) -> None:
    await stage.launch(spec(SMS, SMS | {"id": "two", "after": "1 week"}), person(1))
    await stage.do("campaign apply", file=spec(SMS, ref="other"))
    await stage.enroll(person(1), person(2), ref="other")
    assert (await checked(stage, "other"))["warnings"] == ["1 person also enrolled in test"]


async def test_places_that_are_unknown_disagree_or_have_no_rules_are_noted(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    torn = person(2) | {"conflict": True}
    foreign = person(3) | {"points": [["phone", "+442079460958"]], "zones": ["Europe/London"]}
    await stage.enroll(person(1) | {"zones": []}, torn, foreign)
    notes = " | ".join((await checked(stage))["notes"])
    assert "time zone unknown for 1 person: the fallback America/New_York is used" in notes
    assert "conflicting places for 1 person" in notes
    assert "no local contact rules are built in for 1 person outside the US" in notes


async def test_consent_that_no_rule_asks_for_is_told_and_keeps_nobody(stage: Stage) -> None:
    """An attestation whose scope leaves the e-mails out."""
    await stage.do("campaign apply", file=spec(SMS, MAIL))
    await stage.enroll(person(1) | TEXAN, person(2) | TEXAN)
    await stage.do("contacts attest", campaign="test", **SAID)
    found = await checked(stage)
    told = "2 people without recorded consent to e-mails get them all the same: no rule of their places asks for it"
    assert told in found["notes"]
    await stage.do("campaign remove", ref="test", person="+12125550002", because="moved")
    told = "1 person without recorded consent to e-mails gets them all the same: no rule of their place asks for it"
    assert told in (await checked(stage))["notes"]
    assert "consent to texts" not in " ".join(found["notes"])
    assert found["steps"][1] == {"step": "mail", "people": {"ready": 2}}
    ahead = {one["channel"]: one["contacts"] for one in found["forecast"]["channels"]}
    assert ahead["email"] == 2


async def test_a_waived_rule_is_told_with_its_reason_and_not_applied(stage: Stage) -> None:
    waived = {"rule": "US.consent", "because": "informational calls our counsel cleared", "by": "legal"}
    law = {"waive": [waived, waived | {"rule": "US.dnc"}]}
    await stage.do("campaign apply", file=spec(CALL, law=law))
    await stage.enroll(person(1) | TEXAN)
    found = await checked(stage)
    assert found["ready"] == 1
    assert "US.consent is waived by legal: informational calls our counsel cleared" in found["notes"]


async def test_duties_nobody_can_check_are_listed_for_the_states_reached(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(CALL))
    await stage.enroll(person(1) | TEXAN)
    duties = (await checked(stage))["duties"]
    assert any("Texas" in duty["says"] for duty in duties)
    assert not any("Florida" in duty["says"] for duty in duties)


async def test_people_on_the_suppression_list_are_counted_by_channel_and_by_where_they_came_from(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS, MAIL))
    assert (await checked(stage))["opt_outs"] == {"people": 0, "by_list": 0, "channels": {}}
    await stage.enroll(person(1) | {"opt_outs": [["sms", "DNC"], ["phone", "DNC"]]}, person(2), person(3), person(4))
    await stage.do("suppression add", point="p2@example.com", because="asked us to")
    await stage.do("suppression add", point="+12125550003", channel="sms", because="asked us to")
    found = await checked(stage)
    assert found["opt_outs"] == {"people": 3, "by_list": 1, "channels": {"*": 1, "phone": 1, "sms": 2}}
    await stage.do("suppression remove", point="+12125550003", because="they have asked to be texted again")
    assert (await checked(stage))["opt_outs"]["people"] == 2
