"""The suppression list verbs."""

from __future__ import annotations

from typing import Any

import pytest

from fluentsd.store import suppression
from fluentsd.verbs import Call, Refused
from fluentsd.verbs.catalogue import current_name
from fluentsd.verbs.execute import execute
from tests.engine.stage import MINUTE, MONDAY, SMS, Stage, person, spec

ANN = "+12125550001"
TWO = SMS | {"id": "two", "after": "1 day"}


async def test_a_person_who_is_added_leaves_every_campaign_and_is_not_contacted_again(stage: Stage) -> None:
    await stage.launch(spec(SMS, TWO), person(1), person(2))
    await stage.until(MONDAY + MINUTE)
    answer = await stage.do("suppression add", point="(212) 555-0001", because="asked at the fair")
    assert answer["point"] == ANN
    found = await stage.until_ended()
    assert found["exited_by_reason"] == {"opted_out": 1}
    assert [a.to for a, *_ in stage.sms.accepted].count(ANN) == 1
    found = await stage.do("suppression why", point=ANN)
    assert found["sentence"] == f"{ANN} is on the suppression list for every channel"
    assert found["entries"][0]["evidence"] == {"said": "asked at the fair"}
    assert found["entries"][0]["by"] == "tester"


async def test_an_entry_for_one_channel_skips_only_its_steps(stage: Stage) -> None:
    mail = {"id": "mail", "channel": "email", "subject": "s", "text": "t"}
    await stage.do("suppression add", point=ANN, channel="sms", because="landline")
    await stage.launch(spec(SMS, mail), person(1))
    await stage.until_ended()
    assert (len(stage.sms.accepted), len(stage.email.accepted)) == (0, 1)


async def test_lifting_needs_a_reason_and_leaves_the_whole_story(stage: Stage) -> None:
    await stage.do("suppression add", point="Ann@Example.com", because="wrote to us")
    with pytest.raises(Refused, match="explain in a sentence"):
        await stage.do("suppression remove", point="ann@example.com", because="ok")
    await stage.do("suppression remove", point="ann@example.com", because="she asked to be put back, by letter")
    found = await stage.do("suppression why", point="ann@example.com")
    assert found["sentence"] == "ann@example.com was on the suppression list and is not now"
    assert found["entries"][0]["lifted_because"] == "she asked to be put back, by letter"
    with pytest.raises(Refused, match="is not on the suppression list"):
        await stage.do("suppression remove", point="ann@example.com", because="once more, to be sure")


async def test_somebody_who_was_erased_is_still_found_by_their_number_and_can_be_let_back(stage: Stage) -> None:
    await stage.launch(spec(SMS | {"after": "1 hour"}), person(1))
    await stage.do("suppression add", point=ANN, because="asked at the fair")
    await stage.until(MONDAY + MINUTE)
    await stage.do("contacts erase", person=ANN, because="asked by letter")
    found = await stage.do("suppression why", point=ANN)
    assert found["sentence"] == f"{ANN} is on the suppression list for every channel"
    assert {entry["value"] for entry in found["entries"]} == {ANN}
    await stage.do("suppression remove", point=ANN, because="they asked to be called again, by letter")
    assert (await stage.do("suppression why", point=ANN))[
        "sentence"
    ] == f"{ANN} was on the suppression list and is not now"
    await stage.do("campaign apply", file=spec(SMS, ref="again", name="Again"))
    await stage.enroll(person(1), ref="again")
    await stage.do("campaign start", ref="again")
    await stage.until(MONDAY + 2 * MINUTE)
    assert [a.to for a, *_ in stage.sms.accepted] == [ANN]


async def test_an_import_takes_every_format_once_and_names_what_it_cannot_read(stage: Stage) -> None:
    await stage.launch(spec(SMS, TWO), person(1), person(2))
    await stage.until(MONDAY + MINUTE)
    points = ["212-555-0001", "+1 (212) 555-0001", "b@example.com", "nobody@", "12"]
    answer = await stage.do("suppression take", points=points, because="the old system's list")
    assert (answer["added"], answer["known"]) == (2, 1)
    assert [bad["text"] for bad in answer["bad"]] == ["nobody@", "12"]
    assert (await stage.overview())["exited_by_reason"] == {"opted_out": 1}
    again = await stage.do("suppression take", points=points, because="the old system's list")
    assert again["added"] == 0
    assert len((await stage.do("suppression list"))["entries"]) == 2
    assert len((await stage.do("suppression list", words="555"))["entries"]) == 1


async def test_nonsense_is_refused(stage: Stage) -> None:
    with pytest.raises(Refused, match="neither a number nor an address"):
        await stage.do("suppression add", point="everybody", because="please")
    with pytest.raises(Refused, match="is not one of phone"):
        await stage.do("suppression add", point=ANN, channel="fax", because="please")
    with pytest.raises(Refused, match="give the reason"):
        await stage.do("suppression add", point=ANN)


async def test_the_old_name_of_a_verb_still_works(stage: Stage) -> None:
    assert (await stage.do("stop-list add", point=ANN, because="asked at the fair"))["point"] == ANN
    assert [entry["value"] for entry in (await stage.do("suppression list"))["entries"]] == [ANN]
    assert current_name("stop-list why") == "suppression why"
    assert current_name("campaign pause") == "campaign pause"


async def as_manager(stage: Stage, who: str, because: str = "I typed the wrong number") -> dict[str, Any]:
    call = Call(who, stage.clock.now(), role="manager")
    return dict(await execute(stage.runtime, "suppression undo", {"point": ANN, "because": because}, call))


async def test_a_user_takes_back_the_own_entry_of_the_last_day_with_a_reason(stage: Stage) -> None:
    await stage.launch(spec(SMS, TWO), person(1), person(2))
    await stage.do("suppression add", point=ANN, because="asked at the fair")
    with pytest.raises(Refused, match="explain in a sentence"):
        await as_manager(stage, "tester", because="oops")
    found = await as_manager(stage, "tester")
    assert (found["lifted"], found["still"]) == (1, [])
    assert found["notes"] == ["the person left 1 campaign by it and is not put back; another campaign may contact them"]
    with pytest.raises(Refused, match="is not on the suppression list; nothing was changed"):
        await as_manager(stage, "tester")


async def test_only_an_admin_takes_back_the_entry_of_another_user_or_an_old_one(stage: Stage) -> None:
    await stage.do("suppression add", point=ANN, because="asked at the fair")
    with pytest.raises(Refused, match=r"tester has entered .*; they or an admin take it back\. Nothing"):
        await as_manager(stage, "a colleague")
    await stage.until(stage.clock.now() + 25 * 60 * MINUTE)
    with pytest.raises(Refused, match="more than a day ago, so an admin takes it back"):
        await as_manager(stage, "tester")
    assert (await stage.do("suppression undo", point=ANN, because="it was the wrong number"))["lifted"] == 1


async def test_what_the_person_a_crm_or_a_list_said_stays(stage: Stage) -> None:
    await stage.do("suppression add", point=ANN, because="asked at the fair")

    async def unit(conn: Any) -> None:
        points, at = [("phone", ANN)], stage.clock.now()
        await suppression.add(conn, points, reason="opted_out", by="contact", at=at, channel="sms")
        await suppression.add(conn, points, reason="opted_out", by="source:hubspot", at=at)

    await stage.runtime.store.run(unit)
    found = await stage.do("suppression undo", point=ANN, because="it was the wrong number")
    assert (found["lifted"], found["still"]) == (1, ["*", "sms"])
    assert found["sentence"] == f"{ANN} stays on the suppression list for every channel: the person has asked for it"
    with pytest.raises(Refused, match="the person has asked for it, and that is not taken back as a mistake"):
        await stage.do("suppression undo", point=ANN, because="it was the wrong number")


async def test_a_user_of_slack_who_has_another_name_now_is_the_same(stage: Stage) -> None:
    call = Call("slack:U1 Dana", stage.clock.now(), role="manager")
    await execute(stage.runtime, "suppression add", {"point": ANN, "because": "asked"}, call)
    assert (await as_manager(stage, "slack:U1 Dana Cole"))["lifted"] == 1
