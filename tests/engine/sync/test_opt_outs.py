"""Opt-outs of a CRM: they enter the suppression list, are read again before a contact, and only a person lifts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fluentsd.api import NeedsHuman, Page, Record, Unavailable
from tests.engine.stage import HOUR, MINUTE, SMS
from tests.engine.sync.conftest import Followed
from tests.engine.sync.fake_source import FIELDS

MAIL = {"id": "mail", "channel": "email", "subject": "s", "text": "t"}


def leave_opt_outs_out_of_walks(followed: Followed) -> None:
    """From now on only a look-up reads the opt-out of a record."""
    original = followed.crm.walk

    async def poor(segment: str, cursor: str | None) -> Page:
        page = await original(segment, cursor)
        bare = [replace(one, fields={**one.fields, "do_not_call": None}) for one in page.records or ()]
        return replace(page, records=[replace(one, unreadable=frozenset({"opt_out"})) for one in bare])

    followed.crm.walk = poor  # type: ignore[method-assign]


async def test_an_opt_out_of_the_crm_stops_all_channels(followed: Followed) -> None:
    followed.crm.put(1, do_not_call=True)
    followed.crm.put(2)
    await followed.start()
    await followed.pass_time(HOUR)
    assert followed.texted() == ["+12125550002"]
    [entry] = (await followed.stage.do("suppression why", point="+12125550001"))["entries"]
    assert (entry["reason"], entry["by"]) == ("opted out in crm", "source:crm")
    assert entry["evidence"] == {"source": "crm", "record": "r1", "fields": ["opt_out"]}


async def test_an_opt_out_of_one_channel_stops_that_alone(followed: Followed) -> None:
    followed.crm.put(1, no_texts="yes", mail="p1@example.com")
    await followed.start(SMS, MAIL)
    await followed.pass_time(HOUR)
    assert followed.texted() == []
    assert len(followed.stage.email.accepted) == 1


async def test_a_field_for_opt_outs_that_is_new_counts_at_once(followed: Followed) -> None:
    """A column of a file that a colleague has just added; the catalogue is read once a day otherwise."""
    followed.crm.fields = [one for one in FIELDS if one.name != "do_not_call"]
    for n in (1, 2, 3):
        followed.crm.put(n, nonsense="a field that the catalogue never has")
    await followed.start(SMS | {"after": "2 hours"})
    read = followed.crm.asked.count("catalogue")
    followed.crm.fields = FIELDS
    followed.crm.put(1, do_not_call=True)
    await followed.pass_time(3 * HOUR)
    assert followed.texted() == ["+12125550002", "+12125550003"]
    assert followed.crm.asked.count("catalogue") == read + 1


async def test_opt_outs_are_read_again_before_each_contact(followed: Followed) -> None:
    followed.crm.put(1)
    followed.crm.put(2)
    await followed.start(SMS | {"after": "2 hours"})
    record = followed.crm.records["r1"]  # the CRM tells nobody of this change
    followed.crm.records["r1"] = replace(record, fields={**record.fields, "do_not_call": "true"})
    await followed.pass_time(3 * HOUR)
    assert followed.texted() == ["+12125550002"]


async def test_while_a_crm_is_down_only_its_people_wait(followed: Followed) -> None:
    followed.crm.put(1)
    await followed.start(SMS | {"after": "2 hours"})
    await followed.stage.enroll(
        {"key": "k9", "points": [["phone", "+12125550009"]], "zones": ["America/New_York"], "fields": {}}
    )
    followed.crm.fails = [Unavailable("503", after=60)] * 300
    await followed.pass_time(4 * HOUR)
    assert followed.texted() == ["+12125550009"]
    why = await followed.stage.do("contacts why", person="+12125550001")
    assert "have to be read again" in str(why)
    followed.crm.fails = []
    await followed.pass_time(20 * MINUTE)
    assert followed.texted() == ["+12125550001", "+12125550009"]


async def test_a_crm_that_a_person_has_mended_lets_its_people_go_on_at_once(followed: Followed) -> None:
    followed.crm.put(1)
    leave_opt_outs_out_of_walks(followed)
    await followed.start(SMS | {"after": "2 hours"})
    await followed.pass_time(2 * HOUR - 2 * MINUTE)
    followed.crm.fails = [NeedsHuman("the key is revoked")] * 300
    await followed.pass_time(3 * MINUTE)  # the person is due, and the CRM refuses to tell the opt-outs
    assert followed.texted() == []
    followed.crm.fails = []
    await followed.stage.do("sync now", source="crm")
    await followed.pass_time(2 * MINUTE)
    assert followed.texted() == ["+12125550001"]


async def test_who_leaves_while_many_opt_outs_are_read_is_not_contacted(followed: Followed) -> None:
    for n in range(1, 41):
        followed.crm.put(n)
    crm, original = followed.crm, followed.crm.refresh

    async def slow(ids: Sequence[str]) -> Sequence[Record]:
        await crm.clock.sleep_until(crm.clock.now() + 10 * MINUTE)
        return await original(ids)

    await followed.start(SMS | {"after": "2 hours"})
    await followed.pass_time(2 * HOUR - MINUTE)
    crm.refresh = slow  # type: ignore[method-assign]
    await followed.pass_time(5 * MINUTE)
    followed.crm.take_out(40)
    await followed.pass_time(3 * HOUR)
    assert len(followed.texted()) == 39
    assert "+12125550040" not in followed.texted()


async def test_a_quota_that_is_used_up_for_walks_keeps_no_opt_out_from_being_read(followed: Followed) -> None:
    followed.crm.put(1)
    followed.crm.put(2)
    await followed.start(SMS | {"after": "2 hours"})
    record = followed.crm.records["r1"]  # the CRM tells nobody of this change
    followed.crm.records["r1"] = replace(record, fields={**record.fields, "do_not_call": "true"})

    async def used_up(segment: str, cursor: str | None) -> Page:
        raise Unavailable("the daily limit is reached", after=6 * 3600)

    followed.crm.walk = followed.crm.changes = used_up  # type: ignore[assignment]
    await followed.pass_time(3 * HOUR)
    assert (await followed.stage.do("source list"))["sources"][0]["problem"] == "the daily limit is reached"
    assert followed.texted() == ["+12125550002"]


async def test_a_lifted_opt_out_is_not_entered_again_while_the_crm_still_says_it(followed: Followed) -> None:
    followed.crm.put(1, do_not_call=True)
    followed.crm.put(9)
    await followed.start(SMS | {"after": "4 hours"})
    await followed.stage.do("suppression remove", point="+12125550001", because="they signed a new agreement today")
    await followed.pass_time(5 * HOUR)
    entries = (await followed.stage.do("suppression why", point="+12125550001"))["entries"]
    assert [bool(entry["lifted_at"]) for entry in entries] == [True]
    followed.crm.put(1, do_not_call=False)
    await followed.pass_time(20 * MINUTE)
    followed.crm.put(1, do_not_call=True)  # said again
    await followed.pass_time(20 * MINUTE)
    entries = (await followed.stage.do("suppression why", point="+12125550001"))["entries"]
    assert sorted(bool(entry["lifted_at"]) for entry in entries) == [False, True]


async def test_a_no_of_the_crm_lifts_nothing(followed: Followed) -> None:
    followed.crm.put(1, do_not_call=True)
    followed.crm.put(9)
    await followed.start()
    followed.crm.put(1, do_not_call=False)
    await followed.pass_time(2 * HOUR)
    assert followed.texted() == ["+12125550009"]


async def test_a_field_that_walks_leave_out_is_looked_up_before_a_contact(followed: Followed) -> None:
    for n, answer in ((1, True), (2, False)):
        followed.crm.put(n, do_not_call=answer)
    leave_opt_outs_out_of_walks(followed)
    await followed.start()
    await followed.pass_time(HOUR)
    assert followed.texted() == ["+12125550002"]


async def test_nobody_is_contacted_whose_opt_out_cannot_be_read(followed: Followed) -> None:
    followed.crm.put(1)
    followed.crm.records["r1"] = replace(followed.crm.records["r1"], unreadable=frozenset({"opt_out_sms"}))
    followed.crm.put(9)
    await followed.start()
    await followed.pass_time(2 * HOUR)
    assert followed.texted() == ["+12125550009"]
    assert "cannot be read" in str(await followed.stage.do("contacts why", person="+12125550001"))


async def test_a_record_that_is_deleted_is_not_contacted(followed: Followed) -> None:
    followed.crm.put(1)
    await followed.start(SMS | {"after": "2 hours"})
    del followed.crm.records["r1"]
    followed.crm.members["list:1"].clear()
    await followed.pass_time(5 * HOUR)
    assert followed.texted() == []
    assert (await followed.stage.overview())["exited_by_reason"] == {"left_segment": 1}


async def test_a_merge_keeps_the_further_enrollment(followed: Followed) -> None:
    followed.crm.put(1)
    await followed.start(SMS, SMS | {"id": "two", "after": "4 hours"})
    await followed.pass_time(20 * MINUTE)
    followed.crm.put(2)
    await followed.pass_time(20 * MINUTE)
    assert len(followed.texted()) == 2
    followed.crm.merge(winner=2, loser=1)
    await followed.pass_time(20 * MINUTE)
    found = await followed.stage.overview()
    assert found["exited_by_reason"] == {"merged": 1}
    await followed.pass_time(5 * HOUR)
    assert len(followed.texted()) == 3
