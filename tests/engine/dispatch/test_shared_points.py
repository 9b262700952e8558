"""Two people, one phone, two mailboxes: both are contacted, and the phone has one cap, one opt-out, one owner of a
reply."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.api import Attempt, Inbound, Message, Outcome, Receipt, Rejected, Unavailable
from fluentsd.verbs import Refused
from tests.engine.stage import DAY, HOUR, MINUTE, MONDAY, SMS, Stage, spec

PHONE, ANN_MAIL, BOB_MAIL = "+12125550101", "ann@example.com", "bob@example.com"
MAIL = {"id": "mail", "channel": "email", "subject": "s", "text": "Dear {{ first_name }}"}
ONCE_A_DAY = {"limits": {"per_contact": "1/day"}}


def someone(name: str, *points: str, key: str = "") -> dict[str, Any]:
    kinds = [["email" if "@" in point else "phone", point] for point in points]
    fields = {"first_name": name, "last_name": "Poe"}
    return {"key": key, "points": kinds, "zones": ["America/New_York"], "zone_basis": "field", "fields": fields}


ANN, BOB = someone("Ann", PHONE, ANN_MAIL), someone("Bob", PHONE, BOB_MAIL)


async def rows(stage: Stage, question: str) -> list[Any]:
    async def unit(conn: AsyncConnection) -> list[Any]:
        return [tuple(row) for row in await conn.execute(text(question))]

    return await stage.runtime.store.read(unit)


async def states(stage: Stage) -> dict[str, tuple[str, str]]:
    """Each person's state and reason, by first name."""
    found = (await stage.do("contacts find", words="poe"))["people"]
    return {p["fields"]["first_name"]: (c["state"], c["reason"]) for p in found for c in p["campaigns"]}


async def id_of(stage: Stage, name: str) -> str:
    found = (await stage.do("contacts find", words="poe"))["people"]
    return next(f"#{p['id']}" for p in found if p["fields"]["first_name"] == name)


async def test_both_are_enrolled_and_both_are_found_by_the_phone(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    answer = await stage.enroll(ANN, BOB)
    assert (answer["new"], answer["enrolled"], answer["duplicates"]) == (2, 2, 0)
    assert [kind for kind, _ in answer["shared"]] == ["phone"]
    found = (await stage.do("contacts find", words=PHONE))["people"]
    assert sorted((p["fields"]["first_name"], tuple(p["points"])) for p in found) == [
        ("Ann", (PHONE, ANN_MAIL)),
        ("Bob", (PHONE, BOB_MAIL)),
    ]


async def test_who_is_meant_is_asked_with_names_and_ids(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS))
    await stage.enroll(ANN, BOB)
    ann, bob = await id_of(stage, "Ann"), await id_of(stage, "Bob")
    for verb in ("contacts why", "contacts timeline", "contacts export"):
        with pytest.raises(Refused) as refused:
            await stage.do(verb, person=PHONE)
        question = f"{PHONE} belongs to 2 people: Ann Poe ('{ann}'), Bob Poe ('{bob}'); give an id, like '{ann}'"
        assert str(refused.value) == question
    assert (await stage.do("contacts export", person=bob))["records"][0]["fields"]["first_name"] == "Bob"
    assert (await stage.do("contacts why", person=ANN_MAIL))["campaigns"][0]["campaign"] == "test"
    with pytest.raises(Refused, match="no contact has the id #999"):
        await stage.do("contacts why", person="#999")


async def test_the_phone_is_not_contacted_for_both_beyond_its_cap_and_why_names_the_reason(stage: Stage) -> None:
    await stage.launch(spec(SMS, **ONCE_A_DAY), ANN, BOB)
    await stage.until(MONDAY + HOUR)
    assert [attempt.to for attempt, *_ in stage.sms.accepted] == [PHONE]
    (waits,) = [name for name, (state, _) in (await states(stage)).items() if state == "queued"]
    (entry,) = (await stage.do("contacts why", person=await id_of(stage, waits)))["campaigns"]
    assert entry["reason"] == "point_cap"
    assert f"their phone {PHONE} was contacted for another person at Mon 02 Mar 10:00" in entry["sentence"]
    assert entry["next_at"] == MONDAY + DAY
    counted = {r["reason"]: r["people"] for r in (await stage.do("campaign why", ref="test"))["reasons"]}
    assert counted == {"point_cap": 1, "completed": 1}
    await stage.until(MONDAY + DAY + HOUR)
    assert [at - MONDAY for _, _, at in stage.sms.accepted] == [0, DAY]
    assert (await stage.overview())["completed"] == 2


async def test_a_gap_holds_for_the_phone_across_campaigns_and_not_for_a_mailbox_of_their_own(stage: Stage) -> None:
    gap = {"limits": {"gap": "2 hours"}}
    await stage.launch(spec(SMS, **gap), ANN)
    await stage.until(MONDAY + MINUTE)
    await stage.launch(spec(SMS, **gap) | {"ref": "other", "name": "Other"}, BOB)
    await stage.launch(spec(MAIL, **gap) | {"ref": "mail", "name": "Mail"}, BOB)
    await stage.until(MONDAY + 2 * MINUTE)
    assert len(stage.sms.accepted) == 1
    assert [attempt.to for attempt, *_ in stage.email.accepted] == [BOB_MAIL]
    await stage.until(MONDAY + 3 * HOUR)
    assert [at for _, _, at in stage.sms.accepted][1] >= MONDAY + 2 * HOUR


async def test_an_attempt_that_was_not_made_does_not_count_for_the_others(stage: Stage) -> None:
    async def refuse(message: Message, attempt: Attempt) -> Receipt:
        raise Unavailable("busy", after=3600, only_this=True)

    stage.sms.behaviours.append(refuse)
    await stage.launch(spec(SMS, **ONCE_A_DAY), ANN)
    await stage.until(MONDAY + MINUTE)
    await stage.enroll(BOB)
    await stage.until(MONDAY + HOUR - MINUTE)
    assert [message.text for _, message, _ in stage.sms.accepted] == ["Hello Bob"]
    await stage.until(MONDAY + 2 * DAY)
    assert [message.text for _, message, _ in stage.sms.accepted] == ["Hello Bob", "Hello Ann"]
    assert stage.sms.accepted[1][2] >= MONDAY + DAY  # Bob's counts for the phone


async def test_a_dead_phone_is_dead_for_all_who_share_it(stage: Stage) -> None:
    async def dead(message: Message, attempt: Attempt) -> Receipt:
        raise Rejected("not in service", dead=True)

    stage.sms.always = dead
    await stage.launch(spec(SMS, MAIL), ANN)
    await stage.until(MONDAY + MINUTE)
    stage.sms.always = None
    await stage.enroll(BOB)
    await stage.until(MONDAY + HOUR)
    assert stage.sms.accepted == []
    assert sorted(attempt.to for attempt, *_ in stage.email.accepted) == [ANN_MAIL, BOB_MAIL]


@pytest.mark.parametrize("way", ["token", "address"])
async def test_an_opt_out_by_the_phone_stops_all_who_share_it_in_every_campaign(stage: Stage, way: str) -> None:
    await stage.launch(spec(SMS | {"after": "5 hours"}), BOB)
    await stage.launch(
        spec(MAIL | {"after": "5 hours"}) | {"ref": "mail", "name": "Mail"}, BOB, someone("Cy", "cy@example.com")
    )
    await stage.launch(spec(SMS, SMS | {"id": "two", "after": "1 day"}) | {"ref": "first", "name": "First"}, ANN)
    await stage.until(MONDAY + MINUTE)
    (sent,) = [attempt for attempt, *_ in stage.sms.accepted]
    said = {"token": sent.token} if way == "token" else {"address": PHONE}
    await stage.inbox.take(Inbound(Outcome.opted_out, text="STOP", **said))
    left = await rows(stage, "SELECT contact_id, state, reason FROM enrollment ORDER BY contact_id, id")
    assert [row[1:] for row in left].count(("exited", "opted_out")) == 3
    assert [row[1] for row in left].count("queued") == 1  # Cy
    listed = {entry["value"] for entry in (await stage.do("suppression list"))["entries"]}
    assert listed == {PHONE, ANN_MAIL}  # every point of the person who wrote, and no other
    await stage.until(MONDAY + DAY)
    assert len(stage.sms.accepted) == 1
    assert [attempt.to for attempt, *_ in stage.email.accepted] == ["cy@example.com"]
    for ref in ("test", "mail", "first"):
        assert (await stage.overview(ref))["queued"] == 0


async def test_an_opt_out_before_any_attempt_lists_the_phone_alone_when_several_share_it(stage: Stage) -> None:
    await stage.launch(spec(SMS | {"after": "5 hours"}), ANN, BOB)
    await stage.inbox.take(Inbound(Outcome.opted_out, address=PHONE, text="STOP"))
    assert {entry["value"] for entry in (await stage.do("suppression list"))["entries"]} == {PHONE}
    assert await states(stage) == {"Ann": ("exited", "opted_out"), "Bob": ("exited", "opted_out")}


async def test_the_operators_entry_ends_the_campaigns_of_all_who_share_the_number(stage: Stage) -> None:
    await stage.launch(spec(SMS | {"after": "5 hours"}), ANN, BOB)
    assert (await stage.do("suppression add", point=PHONE, channel="*", because="asked"))["campaigns"]
    assert await states(stage) == {"Ann": ("exited", "opted_out"), "Bob": ("exited", "opted_out")}


async def test_an_opt_in_by_the_phone_frees_all_who_share_it(stage: Stage) -> None:
    await stage.launch(spec(SMS), ANN)
    await stage.until(MONDAY + MINUTE)
    await stage.inbox.take(Inbound(Outcome.opted_out, address=PHONE, text="STOP"))
    await stage.until(MONDAY + 2 * MINUTE)
    await stage.inbox.take(Inbound(Outcome.replied, address=PHONE, text="START", resubscribed=True))
    await stage.launch(spec(SMS) | {"ref": "next", "name": "Next"}, BOB)
    await stage.until(MONDAY + HOUR)
    assert [attempt.to for attempt, *_ in stage.sms.accepted] == [PHONE, PHONE]


async def test_a_reply_belongs_to_the_latest_attempt_to_the_phone_and_can_be_answered(stage: Stage) -> None:
    two = SMS | {"id": "two", "after": "1 day"}
    on = {"exit": {"on": ["replied", "opted_out"]}}
    await stage.launch(spec(SMS, two, **on), ANN)
    await stage.until(MONDAY + HOUR)
    await stage.launch(spec(SMS, two, **on) | {"ref": "later", "name": "Later"}, BOB)
    await stage.until(MONDAY + 2 * HOUR)
    await stage.inbox.take(Inbound(Outcome.replied, address=PHONE, text="Who is this?"))
    assert await states(stage) == {"Ann": ("queued", ""), "Bob": ("exited", "replied")}
    (reply,) = (await stage.do("campaign replies"))["replies"]
    assert (reply["ref"], reply["person"], reply["text"]) == ("later", PHONE, "Who is this?")
    answer = await stage.do("campaign answer", ref="later", person=PHONE, text="It is us", subject="", nothing=False)
    assert answer["channel"] == "sms"
    await stage.until(MONDAY + 3 * HOUR)
    assert stage.sms.accepted[-1][1].text == "It is us"
    assert (await stage.do("campaign replies"))["replies"] == []


async def test_a_reply_from_another_number_of_the_person_is_theirs(stage: Stage) -> None:
    await stage.launch(
        spec(SMS, exit={"on": ["replied", "opted_out"]}),
        someone("Ann", PHONE, "+12125550109"),
        someone("Cy", "+12125550110"),
    )
    await stage.until(MONDAY + MINUTE)
    await stage.inbox.take(Inbound(Outcome.replied, address="+12125550109", text="Yes"))
    (reply,) = (await stage.do("campaign replies"))["replies"]
    assert reply["person"] == PHONE


async def test_erasing_one_leaves_the_others_with_their_phone_and_its_entries(stage: Stage) -> None:
    await stage.launch(spec(SMS | {"after": "5 hours"}), ANN, BOB)
    await stage.do("suppression add", point=PHONE, channel="phone", because="Ann Poe said so")
    erased = await stage.do("contacts erase", person=ANN_MAIL, because="asked by letter")
    assert erased["points"] == 2
    (entry,) = (await stage.do("suppression list"))["entries"]
    assert (entry["value"], entry["evidence"]) == (PHONE, {"said": "(erased)"})
    assert await states(stage) == {"Bob": ("queued", "")}
    assert [tuple(p["points"]) for p in (await stage.do("contacts find", words="poe"))["people"]] == [(PHONE, BOB_MAIL)]
    assert await rows(stage, f"SELECT id FROM point WHERE value = '{ANN_MAIL}'") == []
    await stage.until(MONDAY + DAY)
    assert [(attempt.to, message.text) for attempt, message, _ in stage.sms.accepted] == [(PHONE, "Hello Bob")]


async def test_an_export_has_nothing_that_another_person_with_the_same_phone_said(stage: Stage) -> None:
    await stage.launch(spec(SMS), ANN)
    await stage.until(MONDAY + MINUTE)
    await stage.inbox.take(Inbound(Outcome.opted_out, address=PHONE, text="STOP"))
    await stage.enroll(BOB)
    await stage.do("suppression add", point=PHONE, channel="phone", because="Ann Poe is ill")
    of_bob, of_ann = [await stage.do("contacts export", person=one) for one in (BOB_MAIL, ANN_MAIL)]
    assert [(entry["value"], entry["evidence"]) for entry in of_bob["stop_list"]] == [(PHONE, None), (PHONE, None)]
    assert "Ann" not in str(of_bob)
    said = [entry["evidence"] for entry in of_ann["stop_list"]]
    assert said[:2] == [{"attempt": stage.sms.accepted[0][0].token}] * 2  # the phone and the mailbox


async def test_after_an_erasure_another_import_brings_the_others_and_not_the_erased_person_anew(stage: Stage) -> None:
    await stage.launch(spec(SMS | {"after": "5 hours"}), ANN)
    await stage.do("campaign apply", file=spec(SMS) | {"ref": "other", "name": "Other"})
    await stage.enroll(BOB, ref="other")
    await stage.do("contacts erase", person=ANN_MAIL, because="asked by letter")
    await stage.until(MONDAY + MINUTE)
    answer = await stage.enroll(ANN, BOB, someone("Cy", PHONE, "cy@example.com"))
    assert (answer["new"], answer["updated"], answer["enrolled"]) == (2, 1, 2)  # Bob and Cy, not Ann
    where = {(name): state for name, (state, _) in (await states(stage)).items()}
    assert where["Cy"] == "queued"
    assert "Ann" not in where


async def test_attempts_to_the_erased_person_still_count_for_the_shared_phone(stage: Stage) -> None:
    await stage.launch(spec(SMS, **ONCE_A_DAY), ANN)
    await stage.until(MONDAY + MINUTE)
    await stage.enroll(BOB)
    await stage.do("contacts erase", person=ANN_MAIL, because="asked by letter")
    await stage.until(MONDAY + 2 * HOUR)
    assert len(stage.sms.accepted) == 1
    await stage.inbox.take(Inbound(Outcome.replied, address=PHONE, text="Ann here"))
    assert await rows(stage, "SELECT text FROM content WHERE kind = 'reply'") == []  # no attempt to Bob yet
    await stage.until(MONDAY + DAY + HOUR)
    assert [message.text for _, message, _ in stage.sms.accepted] == ["Hello Ann", "Hello Bob"]


NEW = "+12125550188"


async def passed_on(stage: Stage, *steps: Any, **file: Any) -> None:
    """Ann was contacted by a phone that her record gave by mistake; now it names another, and the phone is Bob's."""
    await stage.launch(spec(*steps or (SMS,), **file), someone("Ann", PHONE, ANN_MAIL, key="L1"))
    await stage.until(MONDAY + MINUTE)
    corrected = someone("Ann", NEW, ANN_MAIL, key="L1")
    corrected["fields"]["phone"] = NEW
    await stage.enroll(corrected, someone("Bob", PHONE, BOB_MAIL, key="L2"))


async def waiting_from(stage: Stage) -> list[tuple[str, Any, str]]:
    found = (await stage.do("campaign replies"))["replies"]
    people = {p["id"]: p["fields"]["first_name"] for p in (await stage.do("contacts find", words="poe"))["people"]}
    return [(people[reply["contact"]], reply["ref"], reply["text"]) for reply in found]


async def test_words_from_a_passed_on_phone_are_those_of_who_has_it_now(stage: Stage) -> None:
    later = SMS | {"after": "1 day"}
    await passed_on(stage, SMS | {"id": "now"}, later, exit={"on": ["replied", "opted_out"]})
    await stage.inbox.take(Inbound(Outcome.replied, address=PHONE, text="Call me Monday"))
    assert await waiting_from(stage) == [("Bob", None, "Call me Monday")]
    assert (await states(stage))["Ann"] == ("queued", "")


async def test_words_from_a_former_phone_that_nobody_has_are_still_the_persons(stage: Stage) -> None:
    await passed_on(stage)
    await stage.do("contacts erase", person=BOB_MAIL, because="asked by letter")
    await stage.inbox.take(Inbound(Outcome.replied, address=PHONE, text="My old phone"))
    assert await waiting_from(stage) == [("Ann", "test", "My old phone")]


async def test_an_opt_out_from_a_passed_on_phone_lists_every_point_of_who_has_it_now(stage: Stage) -> None:
    await passed_on(stage, SMS, SMS | {"id": "two", "after": "1 day"})
    await stage.inbox.take(Inbound(Outcome.opted_out, address=PHONE, text="STOP"))
    assert {entry["value"] for entry in (await stage.do("suppression list"))["entries"]} == {PHONE, BOB_MAIL}
    await stage.until(MONDAY + 2 * DAY)
    assert [attempt.to for attempt, *_ in stage.sms.accepted if attempt.to == PHONE] == [PHONE]  # before it
