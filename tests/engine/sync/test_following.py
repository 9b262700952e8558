"""Campaigns follow a segment: members are enrolled, leavers exit after a grace, and nobody leaves by mistake."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fluentsd.api import Page, Unavailable
from fluentsd.store import leads
from fluentsd.verbs import Refused
from tests.engine.stage import DAY, HOUR, MINUTE, SMS
from tests.engine.sync.conftest import SEGMENT, Followed
from tests.engine.sync.fake_source import FIELDS

LATER = {"id": "later", "channel": "sms", "text": "Still there?", "after": "4 hours"}


async def test_members_are_enrolled_and_contacted(followed: Followed) -> None:
    for n in range(25):
        followed.crm.put(n)
    await followed.start()
    assert (await followed.stage.overview())["total"] == 25
    await followed.pass_time(HOUR)
    assert len(followed.texted()) == len(set(followed.texted())) == 25
    found = await followed.segment()
    assert (found["segment"], found["people"], found["missing"], found["campaigns"]) == ("Spring fair", 25, 0, ["test"])


async def test_who_joins_later_is_enrolled_within_minutes(followed: Followed) -> None:
    followed.crm.put(1)
    await followed.start()
    followed.crm.put(2)
    await followed.pass_time(20 * MINUTE)
    assert followed.texted() == ["+12125550001", "+12125550002"]


async def test_the_campaign_stays_active_while_nobody_waits(followed: Followed) -> None:
    followed.crm.put(1)
    await followed.start()
    await followed.pass_time(5 * HOUR)
    found = await followed.stage.overview()
    assert (found["state"], found["completed"]) == ("active", 1)


async def test_who_leaves_is_not_contacted_and_exits_after_the_grace(followed: Followed) -> None:
    for n in (1, 2):
        followed.crm.put(n)
    await followed.start(SMS | {"after": "2 hours"})
    followed.crm.take_out(1)
    await followed.pass_time(30 * MINUTE)
    assert (await followed.segment())["missing"] == 1
    assert (await followed.stage.overview())["exited"] == 0
    await followed.pass_time(HOUR)
    found = await followed.stage.overview()
    assert (found["exited"], found["exited_by_reason"]) == (1, {"left_segment": 1})
    await followed.pass_time(3 * HOUR)
    assert followed.texted() == ["+12125550002"]


async def test_who_is_missing_when_due_waits_and_goes_on_when_back(followed: Followed) -> None:
    followed.crm.put(1)
    await followed.start(SMS | {"after": "30 min"}, segment=[SEGMENT | {"leaves": "exit after 2 days"}])
    followed.crm.take_out(1)
    await followed.pass_time(2 * HOUR)
    assert followed.texted() == []
    why = await followed.stage.do("contacts why", person="+12125550001")
    assert "none of the segments" in str(why)
    followed.crm.put(1)
    await followed.pass_time(20 * MINUTE)
    assert followed.texted() == ["+12125550001"]


async def test_a_flapping_member_stays_enrolled(followed: Followed) -> None:
    followed.crm.put(1)
    await followed.start(SMS, LATER)
    for _ in range(3):
        followed.crm.take_out(1)
        await followed.pass_time(20 * MINUTE)
        followed.crm.put(1)
        await followed.pass_time(20 * MINUTE)
    await followed.pass_time(3 * HOUR)
    found = await followed.stage.overview()
    assert (found["total"], found["completed"], len(followed.texted())) == (1, 1, 2)


async def test_a_large_change_is_held_until_a_person_releases_it(followed: Followed) -> None:
    for n in range(60):
        followed.crm.put(n)
    await followed.start(SMS | {"after": "5 days"})
    for n in range(40):
        followed.crm.take_out(n, silently=True)
    await followed.pass_time(3 * HOUR)
    found = await followed.segment()
    assert found["held"] == "would remove 40 of 60 people at once"
    assert (await followed.stage.overview())["exited"] == 0
    answer = await followed.stage.do("sync release", source="crm")
    assert answer["changes"] == [{"segment": "Spring fair", "change": "would remove 40 of 60 people at once"}]
    await followed.pass_time(20 * MINUTE)
    assert (await followed.stage.overview())["exited"] == 40
    assert (await followed.segment())["held"] == ""


async def test_many_joins_at_once_are_held_too(followed: Followed) -> None:
    followed.crm.put(1)
    await followed.start()
    for n in range(2, 60):
        followed.crm.put(n)
    await followed.pass_time(20 * MINUTE)
    assert (await followed.segment())["held"] == "would add 58 of 1 people at once"
    assert (await followed.stage.overview())["total"] == 1
    await followed.stage.do("sync release", source="crm")
    await followed.pass_time(20 * MINUTE)
    assert (await followed.stage.overview())["total"] == 59


async def test_a_source_that_cannot_be_reached_says_when_it_is_tried_again(followed: Followed) -> None:
    followed.crm.put(1)
    await followed.start()
    followed.crm.fails = [Unavailable("the day's requests are used", after=2 * 3600)]
    await followed.pass_time(20 * MINUTE)
    found = await followed.segment()
    [listed] = (await followed.stage.do("source list"))["sources"]
    assert found["problem"] == listed["problem"] == "the day's requests are used"
    assert found["next_try_at"] == listed["next_try_at"] == listed["problem_since_at"] + 2 * HOUR
    await followed.pass_time(3 * HOUR)
    found = await followed.segment()
    assert (found["problem"], found["next_try_at"]) == ("", None)


async def test_a_held_source_is_not_asked(followed: Followed) -> None:
    followed.crm.put(1)
    await followed.start()
    await followed.stage.do("sync hold", source="crm", because="the list is being cleaned")
    await followed.pass_time(20 * MINUTE)
    before = len(followed.crm.asked)
    await followed.pass_time(3 * HOUR)
    assert len(followed.crm.asked) == before
    await followed.stage.do("sync release", source="crm")
    await followed.pass_time(MINUTE)
    assert len(followed.crm.asked) > before


async def test_a_segment_is_named_by_its_id_or_its_name(followed: Followed) -> None:
    followed.crm.put(1)
    for name in ("list:1", "Spring fair", "list:spring  FAIR"):
        await followed.apply(
            ref=name.replace(":", "-").replace(" ", "-").lower(), segment=[SEGMENT | {"segment": name}]
        )
    await followed.pass_time(MINUTE)
    found = (await followed.stage.do("sync status"))["segments"]
    assert [(one["id"], one["people"]) for one in found] == [("list:1", 1)] * 3


async def test_a_segment_nobody_has_is_said_with_similar_names(followed: Followed) -> None:
    await followed.apply(segment=[SEGMENT | {"segment": "list:Sprign fair"}])
    await followed.pass_time(MINUTE)
    assert (await followed.segment())["problem"] == "no segment is called 'list:Sprign fair'; similar: list:Spring fair"


async def test_an_unknown_source_is_refused(followed: Followed) -> None:
    with pytest.raises(Refused, match="no source is called 'crn'; did you mean crm"):
        await followed.apply(segment=[SEGMENT | {"source": "crn"}])
    assert (await followed.stage.do("campaign list"))["campaigns"] == []


async def test_a_segment_that_vanishes_makes_nobody_leave(followed: Followed) -> None:
    for n in range(5):
        followed.crm.put(n)
    await followed.start(SMS | {"after": "5 days"})
    members = followed.crm.members.pop("list:1")
    await followed.pass_time(3 * HOUR)
    assert (await followed.stage.overview())["exited"] == 0
    assert "no segment" in (await followed.segment())["problem"]
    followed.crm.members["list:1"] = members
    await followed.pass_time(HOUR)
    assert (await followed.segment())["problem"] == ""


async def test_leaving_one_of_two_segments_is_not_leaving_the_campaign(followed: Followed) -> None:
    followed.crm.members["list:2"], followed.crm.names["list:2"] = [], "Webinar"
    followed.crm.put(1)
    followed.crm.put(1, segment="list:2")
    await followed.start(SMS | {"after": "5 days"}, segment=[SEGMENT, SEGMENT | {"segment": "Webinar"}])
    followed.crm.take_out(1)
    await followed.pass_time(4 * HOUR)
    assert (await followed.stage.overview())["exited"] == 0
    followed.crm.take_out(1, segment="list:2")
    await followed.pass_time(4 * HOUR)
    assert (await followed.stage.overview())["exited"] == 1


async def test_who_comes_back_enters_again_only_by_the_policy(followed: Followed) -> None:
    followed.crm.put(1)
    await followed.start(SMS, segment=[SEGMENT | {"reenter": "always"}])
    followed.crm.take_out(1)
    await followed.pass_time(4 * HOUR)
    followed.crm.put(1)
    await followed.pass_time(20 * MINUTE)
    assert followed.texted() == ["+12125550001"] * 2


async def test_a_person_of_two_sources_is_enrolled_once(followed: Followed) -> None:
    await followed.apply()
    await followed.stage.enroll(
        {
            "key": "",
            "points": [["phone", "+12125550001"]],
            "zones": ["America/New_York"],
            "fields": {"first_name": "P1"},
        }
    )
    followed.crm.put(1)
    await followed.pass_time(20 * MINUTE)
    assert (await followed.stage.overview())["total"] == 1


async def test_the_launch_shows_which_field_feeds_what_and_asks(followed: Followed) -> None:
    followed.crm.put(1)
    await followed.apply()
    await followed.pass_time(MINUTE)
    checked = await followed.stage.do("campaign check", ref="test")
    [told] = [one for one in checked["warnings"] if one.startswith("fields of crm")]
    assert told == (
        "fields of crm for 'list:Spring fair': phone: mobile; email: mail; first name: firstname; time zone: zone; "
        "never contacted: do_not_call; never texted: no_texts"
    )
    assert checked["suggestions"][told] == {"verb": "source fields", "arguments": {"source": "crm"}}
    with pytest.raises(Refused, match="confirm it\n  fields of crm"):
        await followed.stage.do("campaign start", ref="test")
    await followed.stage.do("campaign start", ref="test", yes=True)


@pytest.mark.parametrize(("leaves", "is_told"), [("exit after 1 hour", True), ("stay", False)])
async def test_leavers_who_would_stay_in_the_campaign_are_part_of_what_is_confirmed(
    followed: Followed, leaves: str, is_told: bool
) -> None:
    followed.crm.put(1)
    await followed.apply(exit={"on": ["opted_out", "answered"]}, segment=[SEGMENT | {"leaves": leaves}])
    await followed.pass_time(MINUTE)
    checked = await followed.stage.do("campaign check", ref="test")
    [fields] = [one for one in checked["warnings"] if one.startswith("fields of crm")]
    assert ("stay in the campaign: exit.on has no left_segment" in fields) is is_told


async def test_an_attestation_is_part_of_what_is_confirmed(followed: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.engine.sync.fake_source.FIELDS", FIELDS[:4])
    followed.crm.put(1)
    await followed.apply(segment=[SEGMENT | {"no_opt_out_field": "Dana Cole"}])
    await followed.pass_time(MINUTE)
    with pytest.raises(Refused, match="Dana Cole attests that there is nobody whom we must not text"):
        await followed.stage.do("campaign start", ref="test")


async def test_a_source_without_a_phone_cannot_be_called(followed: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.engine.sync.fake_source.FIELDS", FIELDS[1:])
    followed.crm.put(1)
    await followed.apply()
    await followed.pass_time(MINUTE)
    with pytest.raises(Refused, match=r"no field of crm is a phone number; map one in \[source\.crm\.map\]"):
        await followed.stage.do("campaign start", ref="test", yes=True)


async def test_the_status_tells_the_progress_of_a_walk_and_its_news(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(25):
        followed.crm.put(n)
    walk = followed.crm.walk

    async def breaks_off(segment: str, cursor: str | None) -> Page:
        if cursor is not None and not followed.crm.fails:
            followed.crm.fails = [Unavailable("502", after=60)]
        return await walk(segment, cursor)

    monkeypatch.setattr(followed.crm, "walk", breaks_off)
    await followed.apply()
    await followed.pass_time(MINUTE // 2)
    monkeypatch.undo()
    first = await followed.segment()
    assert (first["is_walking"], first["named"], first["size"], first["walked_at"]) == (True, 10, 25, None)
    await followed.pass_time(2 * MINUTE)
    assert ((await followed.segment())["joined"], (await followed.segment())["left"]) == (0, 0)
    for n in (30, 31):
        followed.crm.put(n)
    followed.crm.take_out(3)
    await followed.pass_time(16 * MINUTE)
    found = await followed.segment()
    assert (found["people"], found["joined"], found["left"], found["is_walking"]) == (26, 2, 1, False)


async def test_the_address_of_a_record_in_its_crm_is_kept_and_follows_a_change(followed: Followed) -> None:
    stage, crm = followed.stage, followed.crm
    key = crm.put(1)
    crm.records[key] = replace(crm.records[key], url="https://crm.example/contacts/1")
    crm.put(2)
    other = crm.put(3)
    crm.records[other] = replace(crm.records[other], url="javascript:alert(1)")
    await followed.start()
    [first, second, third] = [
        (await stage.do("contacts find", words=f"+1212555{n:04d}"))["people"][0]["id"] for n in (1, 2, 3)
    ]
    everybody = [first, second, third]
    assert await stage.runtime.store.read(leads.addresses, everybody) == {first: "https://crm.example/contacts/1"}
    crm.put(1, firstname="Ann")
    crm.records[key] = replace(crm.records[key], url="https://crm.example/contacts/one")
    await followed.pass_time(HOUR)
    assert await stage.runtime.store.read(leads.addresses, everybody) == {first: "https://crm.example/contacts/one"}


NEXT_DAY = {**SMS, "id": "later", "after": "1 day"}


@pytest.mark.parametrize("now", [None, "", "wrong number", "+1212555019"])
async def test_a_number_that_the_crm_takes_away_is_not_texted_any_more(followed: Followed, now: str | None) -> None:
    changed = {n: f"{now}{n}" if now and now.startswith("+") else now for n in (1, 2)}
    for n in (1, 2):
        followed.crm.put(n, mail=f"p{n}@example.com" if n == 2 else "")  # the second stays a person without a number
    await followed.start(SMS, NEXT_DAY)
    await followed.pass_time(HOUR)
    before = followed.texted()
    assert before == ["+12125550001", "+12125550002"]
    for n in (1, 2):
        followed.crm.put(n, mail=f"p{n}@example.com" if n == 2 else "", mobile=changed[n])
    await followed.pass_time(2 * DAY)
    assert followed.texted() == before + [value for value in changed.values() if value and value.startswith("+")]


async def test_a_number_that_comes_back_is_texted_again(followed: Followed) -> None:
    followed.crm.put(1)
    await followed.start(SMS, NEXT_DAY)
    await followed.pass_time(HOUR)
    followed.crm.put(1, mobile="")
    await followed.pass_time(HOUR)
    found = await followed.stage.do("contacts find", words="P1")
    assert (found["people"][0]["points"], found["people"][0]["former"]) == ([], ["+12125550001"])
    followed.crm.put(1)
    await followed.pass_time(2 * DAY)
    assert followed.texted() == ["+12125550001", "+12125550001"]


async def test_a_number_that_another_record_names_stays(followed: Followed) -> None:
    followed.crm.put(1, mail="ann@example.com")
    followed.crm.put(2, mobile="+12125550001", firstname="P1", mail="ann@example.com")
    await followed.start(SMS, NEXT_DAY)
    await followed.pass_time(HOUR)
    followed.crm.put(1, mobile="", mail="ann@example.com")
    await followed.pass_time(2 * DAY)
    assert followed.texted() == ["+12125550001", "+12125550001"]
