"""Campaigns follow a segment: members are enrolled, leavers exit after a grace, and nobody leaves by mistake."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fluentsd.api import Malformed, NeedsHuman, Page, PluginError, Record, SegmentList, Unavailable
from fluentsd.store import leads
from fluentsd.verbs import Refused
from tests.engine.stage import HOUR, MINUTE, SMS
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


async def test_only_a_complete_walk_finds_a_silent_leaver(followed: Followed) -> None:
    for n in range(30):
        followed.crm.put(n)
    await followed.start(SMS | {"after": "5 days"})
    followed.crm.take_out(7, silently=True)
    await followed.pass_time(30 * MINUTE)
    assert (await followed.segment())["missing"] == 0
    await followed.pass_time(3 * HOUR)
    assert (await followed.stage.overview())["exited_by_reason"] == {"left_segment": 1}


@pytest.mark.parametrize(
    "error", [Unavailable("502", after=5), NeedsHuman("the token was revoked"), RuntimeError("a bug"), OSError("gone")]
)
async def test_a_walk_that_breaks_off_makes_nobody_leave(followed: Followed, error: Exception) -> None:
    for n in range(30):
        followed.crm.put(n)
    await followed.start(SMS | {"after": "5 days"})
    followed.crm.take_out(7, silently=True)
    await followed.stage.do("sync now", source="crm")
    followed.crm.fails = [error] * 3
    await followed.pass_time(10_000)
    [listed] = (await followed.stage.do("source list"))["sources"]
    known = isinstance(error, PluginError)
    assert (str(error) if known else "could not read an answer") in listed["problem"]
    assert known or str(error) not in listed["problem"]  # a bug's own words are in the log
    assert (await followed.segment())["missing"] == 0
    await followed.pass_time(4 * HOUR)  # it recovers alone
    assert (await followed.stage.overview())["exited_by_reason"] == {"left_segment": 1}
    assert (await followed.stage.do("source list"))["sources"][0]["problem"] == ""


async def test_a_walk_that_could_not_name_everybody_makes_nobody_leave(followed: Followed) -> None:
    for n in range(12):
        followed.crm.put(n)
    await followed.start(SMS | {"after": "5 days"})
    followed.crm.is_complete = False
    followed.crm.take_out(7, silently=True)
    await followed.pass_time(3 * HOUR)
    found = await followed.segment()
    assert (found["missing"], "nobody leaves" in found["problem"]) == (0, True)


async def test_an_expired_cursor_begins_the_walk_again(followed: Followed) -> None:
    for n in range(30):
        followed.crm.put(n)
    followed.crm.walks_gone = {"20"}
    await followed.start()
    assert (await followed.segment())["people"] == 30


async def test_a_cursor_that_is_never_good_leads_to_no_tight_loop(followed: Followed) -> None:
    for n in range(25):
        followed.crm.put(n)
    followed.crm.walks_are_short = True
    await followed.apply()
    await followed.pass_time(HOUR)
    assert 8 <= followed.crm.asked.count("walk") <= 24
    followed.crm.walks_are_short = False
    await followed.pass_time(HOUR)
    assert (await followed.segment())["people"] == 25


async def test_a_bug_of_a_plugin_is_no_lost_segment(followed: Followed) -> None:
    followed.crm.put(1)
    await followed.start()
    followed.crm.fails = [KeyError("properties")]
    await followed.stage.do("sync now", source="crm")
    await followed.pass_time(1_000_000)
    problem = (await followed.segment())["problem"]
    assert "could not read an answer (sync.error in the log); nobody leaves" in problem
    assert "KeyError" not in problem
    await followed.pass_time(HOUR)
    found = await followed.segment()
    assert (found["problem"], found["people"]) == ("", 1)


@pytest.mark.parametrize(
    "error", [Malformed('the answer to GET /x has no "results"'), NeedsHuman("grant Read on Lead", only_this=True)]
)
async def test_a_segment_that_cannot_be_read_stops_no_other_one(followed: Followed, error: Exception) -> None:
    followed.crm.members["list:2"], followed.crm.names["list:2"] = [], "Autumn fair"
    for n in range(3):
        followed.crm.put(n)
    followed.crm.put(9, segment="list:2")
    walk = followed.crm.walk

    async def refused(segment: str, cursor: str | None) -> Page:
        if segment == "list:1":
            raise error
        return await walk(segment, cursor)

    followed.crm.walk = refused  # type: ignore[method-assign]
    await followed.apply(segment=[SEGMENT, SEGMENT | {"segment": "list:Autumn fair"}])
    await followed.pass_time(HOUR)
    found = {one["segment"]: one for one in (await followed.stage.do("sync status"))["segments"]}
    assert found["Autumn fair"]["people"] == 1
    assert found["Autumn fair"]["problem"] == ""
    assert str(error) in found["Spring fair"]["problem"]
    assert (await followed.stage.do("source list"))["sources"][0]["problem"] == ""
    followed.crm.walk = walk  # type: ignore[method-assign]
    await followed.pass_time(HOUR)
    found = {one["segment"]: one for one in (await followed.stage.do("sync status"))["segments"]}
    assert (found["Spring fair"]["people"], found["Spring fair"]["problem"]) == (3, "")


async def test_a_record_that_cannot_be_read_leaves_nothing_and_is_not_contacted(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(3):
        followed.crm.put(n)
    await followed.start(SMS | {"after": "3 hours"})
    page_of, refresh = followed.crm.walk, followed.crm.refresh

    async def ids_only(segment: str, cursor: str | None) -> Page:
        return replace(await page_of(segment, cursor), records=None)

    async def not_all(ids: list[str]) -> list[Record]:
        return [Record.not_read("r1") if one.id == "r1" else one for one in await refresh(ids)]

    monkeypatch.setattr(followed.crm, "walk", ids_only)
    monkeypatch.setattr(followed.crm, "refresh", not_all)
    await followed.stage.do("sync now", source="crm")
    await followed.pass_time(5 * HOUR)
    assert (await followed.segment())["missing"] == 0
    assert (await followed.stage.overview())["exited"] == 0
    assert followed.texted() == ["+12125550000", "+12125550002"]
    monkeypatch.setattr(followed.crm, "refresh", refresh)
    await followed.pass_time(3 * HOUR)
    assert followed.texted() == ["+12125550000", "+12125550001", "+12125550002"]


async def test_changes_that_only_a_walk_can_tell_lead_to_no_tight_loop(followed: Followed) -> None:
    followed.crm.put(1)
    await followed.start(SMS | {"after": "5 days"})
    asked: list[str | None] = []

    async def changes(segment: str, since: str | None) -> Page:
        asked.append(since)
        raise ValueError("walk it")

    followed.crm.changes = changes  # type: ignore[method-assign]
    followed.crm.asked.clear()
    await followed.pass_time(24 * HOUR)
    assert 20 <= len(asked) <= 40
    assert len(asked) - 2 <= followed.crm.asked.count("walk") <= len(asked) + 26  # and the usual walk of each hour


async def test_a_kind_of_segment_that_may_not_be_listed_is_named(followed: Followed) -> None:
    segments = followed.crm.segments

    async def some() -> SegmentList:
        return SegmentList(await segments(), ["Campaigns cannot be listed: give the user Read on Campaign"])

    followed.crm.segments = some  # type: ignore[method-assign]
    await followed.apply(segment=[SEGMENT | {"segment": "campaign:Summer"}])
    await followed.pass_time(MINUTE)
    assert "give the user Read on Campaign" in (await followed.segment())["problem"]


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
