"""What users of comparable tools complain about, each as a test named after the failure."""

from __future__ import annotations

import pytest

from fluentsd.api import Activity, NeedsHuman, Rejected, Unavailable
from fluentsd.testing import Answer, change_pages, walk_pages

VIEW = "00B5g000000001AAA"


def refs(pages):
    return {ref for page in pages for ref in page.refs}


def gone(pages):
    return {ref for page in pages for ref in page.gone}


@pytest.fixture
def spring(salesforce):
    """A campaign with six members, leads and contacts in turn."""
    ref = salesforce.add("Campaign", Name="Spring fair")
    for n in range(6):
        salesforce.join(ref, salesforce.add("Lead" if n % 2 else "Contact", FirstName=f"P{n}"))
    salesforce.pass_time(600)
    return ref


async def test_deletes_never_arrive(salesforce, connect, spring):
    source = connect()
    [page] = await walk_pages(source, f"campaign:{spring}")
    salesforce.delete(page.refs[0])
    salesforce.leave(spring, page.refs[1])
    salesforce.pass_time(90)
    told = await change_pages(source, f"campaign:{spring}", page.since)
    assert {page.refs[0], page.refs[1]} <= gone(told)
    assert await source.refresh([page.refs[0]]) == []


@pytest.mark.parametrize("external_id", ["Fluentsd_Key__c", ""])
async def test_an_opt_out_waits_for_the_share_of_the_quota(salesforce, connect, external_id):
    """Walks and tasks have a share of the org's day; an opt-out may use the rest, also when it is in doubt."""
    ref = salesforce.add("Contact")
    source = connect(daily_share=0.00001, **({"external_id": external_id} if external_id else {}))
    salesforce.fail(r"(POST|PATCH) .*/Task", None, after=True)
    opt_out = Activity(ref, "opt_out", salesforce.now, "Said stop")
    with pytest.raises(Unavailable, match="answer to a write was lost"):
        await source.write(opt_out, "key")
    ref_of_task = await source.write(opt_out, "key")
    assert [one["Id"] for one in salesforce.tasks()] == [ref_of_task]
    assert salesforce.rows["Contact"][ref]["DoNotCall"] is True
    with pytest.raises(Unavailable, match="daily_share"):
        await source.write(Activity(ref, "note", salesforce.now, "Hello"), "other")


async def test_a_membership_that_is_deleted_for_good_stays(salesforce, connect, spring):
    """The recycle bin does not have it: a count of the older memberships asks for a walk, once."""
    segment, source = f"campaign:{spring}", connect()
    [page] = await walk_pages(source, segment)
    salesforce.leave_for_good(spring, page.refs[0])
    salesforce.join(spring, salesforce.add("Lead"))
    salesforce.leave(spring, page.refs[1])
    salesforce.pass_time(90)
    told = await change_pages(source, segment, page.since)
    assert any(one.walk_again for one in told)
    [page] = await walk_pages(source, segment)
    for _ in range(3):
        salesforce.pass_time(90)
        told = await change_pages(source, segment, told[-1].since)
        assert not any(one.walk_again for one in told)


async def test_memberships_in_the_recycle_bin_need_no_walk(salesforce, connect, spring):
    segment, source = f"campaign:{spring}", connect()
    [page] = await walk_pages(source, segment)
    since = page.since
    for one in page.refs[:3]:
        salesforce.pass_time(20)
        salesforce.leave(spring, one)
        salesforce.pass_time(20)
        told = await change_pages(source, segment, since)
        assert one in gone(told)
        assert not any(page.walk_again for page in told)
        since = told[-1].since


async def test_who_leaves_is_named_at_once_and_not_a_minute_later(salesforce, connect, spring):
    segment, source = f"campaign:{spring}", connect()
    [page] = await walk_pages(source, segment)
    salesforce.pass_time(30)
    salesforce.leave(spring, page.refs[0])
    comer = salesforce.add("Contact")
    salesforce.join(spring, comer)
    salesforce.pass_time(1)
    told = await change_pages(source, segment, page.since)
    assert page.refs[0] in gone(told)
    assert comer in refs(told)


async def test_an_org_that_does_not_count_memberships_is_followed(salesforce, connect, spring):
    segment, source = f"campaign:{spring}", connect()
    del salesforce.columns["CampaignMember"]["CreatedDate"]
    [page] = await walk_pages(source, segment)
    salesforce.leave(spring, page.refs[0])
    salesforce.pass_time(90)
    assert page.refs[0] in gone(await change_pages(source, segment, page.since))


async def test_a_deleted_campaign_makes_nobody_leave(salesforce, connect, spring):
    segment, source = f"campaign:{spring}", connect()
    [page] = await walk_pages(source, segment)
    for ref in page.refs:
        salesforce.leave_for_good(spring, ref)
    salesforce.edit(spring, IsDeleted=True)
    salesforce.pass_time(90)
    with pytest.raises(LookupError, match="no campaign"):
        await source.changes(segment, page.since)


async def test_a_record_that_leaves_a_filter_stays(salesforce, connect):
    hot = [salesforce.add("Lead", Rating="Hot") for _ in range(3)]
    salesforce.pass_time(600)
    source = connect(queries={"Hot leads": "SELECT Id FROM Lead WHERE Rating = 'Hot' OR Rating = 'Warm'"})
    [page] = await walk_pages(source, "query:Hot leads")
    assert list(page.refs) == hot
    salesforce.edit(hot[0], Rating="Cold")
    salesforce.edit(hot[1], Rating="Warm")
    comer = salesforce.add("Lead", Rating="Hot")
    salesforce.pass_time(90)
    told = await change_pages(source, "query:Hot leads", page.since)
    assert refs(told) == {hot[1], comer}
    assert gone(told) == {hot[0]}


async def test_a_stamp_below_the_cursor_is_missed(salesforce, connect, spring):
    """A transaction under way commits with an earlier stamp: the window ends a minute ago and reaches back."""
    source = connect()
    [page] = await walk_pages(source, f"campaign:{spring}")
    salesforce.pass_time(30)
    first = await change_pages(source, f"campaign:{spring}", page.since)
    late = salesforce.add("Lead", FirstName="Late")
    salesforce.now -= 20_000_000
    salesforce.join(spring, late)
    salesforce.pass_time(110)
    assert late in refs(await change_pages(source, f"campaign:{spring}", first[-1].since))


@pytest.mark.slow
async def test_equal_stamps_loop_for_ever(salesforce, connect):
    leads = [salesforce.add("Lead") for _ in range(4100)]
    source = connect(queries={"All": "SELECT Id FROM Lead"})
    pages = await walk_pages(source, "query:All")
    assert [len(page.refs) for page in pages] == [2000, 2000, 100]
    salesforce.pass_time(90)
    told = await change_pages(source, "query:All", pages[-1].since)
    assert refs(told) == set(leads)
    assert len(told) == 3


async def test_a_session_that_ends_during_a_walk_kills_it(salesforce, connect):
    for _ in range(2100):
        salesforce.add("Lead")
    source = connect(queries={"All": "SELECT Id FROM Lead"})
    first = await source.walk("query:All", None)
    salesforce.sessions.clear()
    second = await source.walk("query:All", first.next)
    assert len(refs([first, second])) == 2100
    assert salesforce.made == 2


async def test_a_session_that_is_always_refused_is_minted_for_ever(salesforce, connect, spring):
    source = connect()
    ended = Answer(401, [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}])
    salesforce.fail("GET /services/data", ended, times=99)
    with pytest.raises(NeedsHuman, match="refuses a new session"):
        await source.walk(f"campaign:{spring}", None)
    assert salesforce.count("GET") == 2


async def test_the_daily_limit_is_asked_again_and_again(salesforce, connect, spring):
    source = connect()
    salesforce.used = salesforce.daily
    for _ in range(3):
        with pytest.raises(Unavailable, match="daily limit") as caught:
            await source.walk(f"campaign:{spring}", None)
        assert caught.value.after > 3000
    assert salesforce.count("GET") == 1


async def test_the_quota_of_the_whole_org_is_used_up(salesforce, connect, spring):
    source = connect()
    salesforce.used = 81_000
    with pytest.raises(Unavailable, match="80 % of its 100000"):
        await walk_pages(source, f"campaign:{spring}")
    assert salesforce.used < 81_003


async def test_a_hidden_opt_out_field_is_taken_for_consent(salesforce, connect, spring):
    source = connect()
    [page] = await walk_pages(source, f"campaign:{spring}")
    [record] = await source.refresh(page.refs[:1])
    assert record.fields["DoNotCall"] is False
    assert not record.unreadable
    salesforce.hide("DoNotCall")  # the source has described the objects before
    [record] = await source.refresh(page.refs[:1])
    assert "DoNotCall" not in record.fields
    assert record.unreadable == {"opt_out_phone"}


async def test_a_merged_person_is_contacted_twice(salesforce, connect):
    one, two, three = (salesforce.add("Contact", FirstName=f"P{n}") for n in range(3))
    salesforce.merge_people(one, two)
    salesforce.merge_people(two, three)
    [record] = await connect().refresh([one, three])
    assert record.id == three
    assert set(record.aliases) == {one, two}


async def test_a_converted_lead_is_a_second_person(salesforce, connect, spring):
    source = connect()
    [page] = await walk_pages(source, f"campaign:{spring}")
    lead = next(ref for ref in page.refs if ref.startswith("00Q"))
    contact = salesforce.convert(lead)
    [record] = await source.refresh([lead])
    assert (record.id, record.aliases, record.object) == (contact, (lead,), "contact")


@pytest.mark.parametrize("external_id", [{}, {"external_id": "Fluentsd_Key__c"}])
async def test_a_lost_answer_writes_a_task_twice(salesforce, connect, external_id):
    ref = salesforce.add("Contact")
    call = Activity(ref, "call", salesforce.now, "Call", outcome="answered")
    salesforce.fail(r"(POST|PATCH) .*/sobjects/Task", None, after=True)
    with pytest.raises(Unavailable, match="answer to a write was lost"):
        await connect(**external_id).write(call, "key")
    written = await connect(**external_id).write(call, "key")
    assert [one["Id"] for one in salesforce.tasks()] == [written]


@pytest.mark.slow
async def test_a_report_is_cut_at_two_thousand_rows(salesforce, connect):
    people = [salesforce.add("Lead") for _ in range(2001)]
    salesforce.add("Report", Name="Leads", Format="Tabular")
    salesforce.reports["00O5g0000000001AAA"] = {"name": "Leads", "people": people}
    source = connect()
    with pytest.raises(NeedsHuman, match=r"more than 2000 rows.*narrow it"):
        await source.walk("report:00O5g0000000001AAA", None)
    del people[3]
    page = await source.walk("report:00O5g0000000001AAA", None)
    assert page.complete
    assert set(page.refs) == set(people)
    assert not (await source.changes("report:00O5g0000000001AAA", page.since)).walk_again
    del people[3]
    assert (await source.changes("report:00O5g0000000001AAA", page.since)).walk_again


async def test_a_write_to_a_deleted_person_is_repeated_for_ever(salesforce, connect):
    ref = salesforce.add("Lead")
    salesforce.delete(ref)
    with pytest.raises(Rejected, match="ENTITY_IS_DELETED"):
        await connect().write(Activity(ref, "note", salesforce.now), "k")


async def test_an_outage_is_taken_for_an_empty_campaign(salesforce, connect, spring):
    source = connect()
    salesforce.fail(
        "GET /services/data", Answer(503, [{"errorCode": "SERVER_UNAVAILABLE", "message": "busy"}]), times=3
    )
    [page] = await walk_pages(source, f"campaign:{spring}")
    assert len(page.refs) == 6
    salesforce.fail("GET /services/data", Answer(200, b"<html>maintenance</html>"), times=99)
    with pytest.raises(Unavailable, match="GET query cannot be used: it is not JSON"):
        await walk_pages(source, f"campaign:{spring}")
