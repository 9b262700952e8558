"""What users of comparable tools complain about, each as a test named after the failure."""

from __future__ import annotations

import pytest

from fluentsd.api import Activity, NeedsHuman, Unavailable
from fluentsd.testing import Answer, change_pages, walk_pages
from plugins.crm_hubspot.tests.fake_hubspot import SECOND

LIMITED = {"status": "error", "errorType": "RATE_LIMIT", "message": "You have reached your limit."}


def refs(pages):
    return {ref for page in pages for ref in page.refs}


@pytest.fixture
def spring(hubspot):
    """A list with ten members, as `list:<id>`."""
    ref = hubspot.new_list("Spring fair")
    hubspot.join(ref, *(hubspot.contact(firstname=f"P{n}") for n in range(10)))
    hubspot.pass_time(600)
    return ref


async def test_deletes_never_arrive(hubspot, connect, spring):
    source = connect()
    [page] = await walk_pages(source, f"list:{spring}")
    hubspot.delete(page.refs[3])
    told = await change_pages(source, f"list:{spring}", page.since)
    assert told[0].walk_again
    assert await source.refresh([page.refs[3]]) == []
    assert page.refs[3] not in refs(await walk_pages(source, f"list:{spring}"))


async def test_list_membership_is_not_incremental(hubspot, connect, spring):
    source = connect()
    [page] = await walk_pages(source, f"list:{spring}")
    comers = [hubspot.contact(firstname=f"N{n}") for n in range(100)]
    hubspot.join(spring, *comers)
    hubspot.pass_time(2)
    await source.catalogue()
    before = hubspot.count()
    told = await change_pages(source, f"list:{spring}", page.since)
    await source.refresh(comers)
    assert set(comers) <= refs(told)
    assert not any(page.walk_again for page in told)
    assert hubspot.count() - before <= 6  # five, and once the account's address


@pytest.mark.slow
async def test_a_search_ends_after_ten_thousand_results(hubspot, connect, spring):
    source = connect()
    [page] = await walk_pages(source, f"list:{spring}")
    hubspot.most_results = 400  # 10,000 at HubSpot
    members = [hubspot.contact() for _ in range(900)]
    hubspot.join(spring, *members)
    others = hubspot.count(r"POST .*contacts/search")
    hubspot.pass_time(2)
    told = await change_pages(source, f"list:{spring}", page.since)
    assert set(members) <= {record.id for page in told for record in page.records or ()}
    assert hubspot.count(r"POST .*contacts/search") - others == 5


async def test_equal_stamps_loop_for_ever_or_lose_records(hubspot, connect, spring):
    source = connect()
    [page] = await walk_pages(source, f"list:{spring}")
    for ref in page.refs:
        hubspot.edit(ref, jobtitle="Boss")
    others = [hubspot.contact() for _ in range(400)]  # the same stamp, and not in the list
    hubspot.pass_time(2)
    told = await change_pages(source, f"list:{spring}", page.since)
    assert refs(told) == set(page.refs)
    assert len(told) == 3
    assert not refs(told) & set(others)


async def test_records_are_missed_while_the_search_index_lags(hubspot, connect, spring):
    source = connect()
    [page] = await walk_pages(source, f"list:{spring}")
    hubspot.lag = 60 * SECOND
    hubspot.edit(page.refs[0], firstname="Late")
    hubspot.pass_time(30)
    first = await change_pages(source, f"list:{spring}", page.since)
    assert page.refs[0] not in refs(first)
    hubspot.pass_time(60)
    second = await change_pages(source, f"list:{spring}", first[-1].since)
    assert page.refs[0] in refs(second)


async def test_a_key_that_expires_during_a_walk_costs_the_walk(hubspot, connect):
    ref = hubspot.new_list("Long")
    hubspot.join(ref, *(hubspot.contact() for _ in range(600)))
    source = connect()
    first = await source.walk(f"list:{ref}", None)
    hubspot.tokens = {"new-key"}
    with pytest.raises(NeedsHuman, match=r"refuses the key.*Nothing was changed"):
        await source.walk(f"list:{ref}", first.next)
    again = connect(token="new-key")
    second = await again.walk(f"list:{ref}", first.next)
    third = await again.walk(f"list:{ref}", second.next)
    assert len(refs([first, second, third])) == 600
    assert third.complete


async def test_a_429_is_ignored_on_searches(hubspot, connect, spring):
    source = connect()
    [page] = await walk_pages(source, f"list:{spring}")
    limited = Answer(429, LIMITED | {"policyName": "SECONDLY"}, {"Retry-After": "1"})
    hubspot.fail("POST /crm/v3/objects/contacts/search", limited, times=2)
    hubspot.edit(page.refs[0], firstname="New")
    hubspot.pass_time(2)
    assert page.refs[0] in refs(await change_pages(source, f"list:{spring}", page.since))


async def test_the_daily_limit_is_asked_again_and_again(hubspot, connect, spring, given):
    source = connect()
    hubspot.fail("POST", Answer(429, LIMITED | {"policyName": "DAILY"}))
    for _ in range(3):
        with pytest.raises(Unavailable, match="daily limit") as caught:
            await source.walk(f"list:{spring}", None)
        assert caught.value.after > 3600
    assert hubspot.count() == 1


async def test_the_quota_of_the_whole_account_is_used_up(hubspot, connect, spring):
    source = connect()
    hubspot.daily_left = 40_000
    await source.catalogue()
    with pytest.raises(Unavailable, match=r"80 % of its 250000 requests"):
        await source.walk(f"list:{spring}", None)
    assert hubspot.count() == 1
    assert len(await source.refresh(["1"])) == 0  # questions about consent go on


async def test_a_server_error_is_taken_for_an_empty_list(hubspot, connect, spring):
    source = connect()
    hubspot.fail("GET .*memberships", Answer(502, b"<html>Bad gateway</html>"), times=3)
    [page] = await walk_pages(source, f"list:{spring}")
    assert len(page.refs) == 10
    hubspot.fail("GET .*memberships", Answer(200, b"<html>maintenance</html>"), times=9)
    with pytest.raises(Unavailable, match="not JSON"):
        await walk_pages(source, f"list:{spring}")


async def test_lost_permission_is_taken_for_an_empty_list(hubspot, connect, spring):
    source = connect()
    hubspot.scopes.discard("crm.lists.read")
    with pytest.raises(NeedsHuman, match=r"Give the key the scopes crm\.lists\.read"):
        await walk_pages(source, f"list:{spring}")


async def test_a_page_slips_while_somebody_leaves(hubspot, connect):
    """A walk that named fewer than the list has, while somebody left, proves nothing about leavers."""
    ref = hubspot.new_list("Shaky")
    members = [hubspot.contact() for _ in range(300)]
    hubspot.join(ref, *members)
    source = connect()
    first = await source.walk(f"list:{ref}", None)
    hubspot.pass_time(1)
    hubspot.leave(ref, members[0])
    hubspot.lists[ref].members |= dict.fromkeys((hubspot.contact() for _ in range(5)), 0)  # behind the walk
    last = await source.walk(f"list:{ref}", first.next)
    assert last.next is None
    assert not last.complete


async def test_a_merged_contact_is_contacted_twice(hubspot, connect, spring):
    source = connect()
    [page] = await walk_pages(source, f"list:{spring}")
    loser, winner = page.refs[:2]
    hubspot.merge_contacts(loser, winner)
    [record] = await source.refresh([loser])
    assert (record.id, record.aliases) == (winner, (loser,))


async def test_an_opt_out_property_that_is_hidden_is_taken_for_consent(hubspot, connect, spring, given):
    source = connect(opt_out={"phone": "do_not_call"})
    [page] = await walk_pages(source, f"list:{spring}")
    hubspot.edit(page.refs[0], do_not_call="true")
    [record] = await source.refresh([page.refs[0]])
    assert record.fields["opt_out_phone"] is True
    assert not record.unreadable
    del hubspot.properties["do_not_call"]
    [record] = await connect(opt_out={"phone": "do_not_call"}).refresh([page.refs[0]])
    assert record.unreadable == {"opt_out_phone"}


async def test_a_lost_answer_writes_a_call_twice(hubspot, connect, spring):
    [page] = await walk_pages(connect(), f"list:{spring}")
    call = Activity(page.refs[0], "call", hubspot.now, "Call", outcome="answered", duration_s=61, sender="+14155550100")
    hubspot.fail("POST /crm/v3/objects/calls$", None, after=True)
    with pytest.raises(Unavailable, match="answer to a write was lost"):
        await connect().write(call, "key")
    ref = await connect().write(call, "key")
    assert list(hubspot.objects) == [ref]
    assert await connect().write(call, "key") == ref


async def test_a_list_that_is_deleted_in_the_midst_of_a_walk_says_so(hubspot, connect):
    ref = hubspot.new_list("Long")
    hubspot.join(ref, *(hubspot.contact() for _ in range(251)))
    source = connect()
    page = await source.walk(f"list:{ref}", None)
    del hubspot.lists[ref]
    with pytest.raises(LookupError, match=f"HubSpot has no list of contacts with the id {ref}"):
        await source.walk(f"list:{ref}", page.next)


async def test_an_opt_out_waits_for_the_share_of_the_quota(hubspot, connect):
    """Walks and notes have a share of the account's day; an opt-out may use the rest, also when it is in doubt."""
    ref = hubspot.contact(email="ann@example.org")
    source = connect(daily_share=0.000001, opt_out={"phone": "do_not_call"})
    hubspot.fail("POST /crm/v3/objects/notes$", None, after=True)
    opt_out = Activity(ref, "opt_out", hubspot.now, "Said stop")
    with pytest.raises(Unavailable, match="answer to a write was lost"):
        await source.write(opt_out, "key")
    assert [await source.write(opt_out, "key")] == list(hubspot.objects)
    assert hubspot.contacts[ref].properties["do_not_call"] == "true"
    assert hubspot.unsubscribed == ["ann@example.org"]
    with pytest.raises(Unavailable, match="daily_share"):
        await source.write(Activity(ref, "note", hubspot.now, "Hello"), "other")


async def test_a_dropped_connection_before_a_write_loses_it(hubspot, connect, spring):
    [page] = await walk_pages(connect(), f"list:{spring}")
    hubspot.fail("POST /crm/v3/objects/notes$", None)
    note = Activity(page.refs[0], "note", hubspot.now, "Hello")
    with pytest.raises(Unavailable):
        await connect().write(note, "key")
    assert [await connect().write(note, "key")] == list(hubspot.objects)


async def test_a_contact_in_two_deals_is_two_members(hubspot, connect):
    ann, bob = hubspot.contact(firstname="Ann"), hubspot.contact(firstname="Bob")
    hubspot.deal("new", ann)
    second = hubspot.deal("new", ann, bob)
    hubspot.deal("won", hubspot.contact())
    hubspot.pass_time(600)
    source = connect()
    [page] = await walk_pages(source, "stage:default/new")
    assert sorted(page.refs) == [ann, bob]
    assert page.complete
    assert not (await change_pages(source, "stage:default/new", page.since))[0].walk_again
    hubspot.move(second, "won")
    hubspot.pass_time(2)
    told = await change_pages(source, "stage:default/new", page.since)
    assert told[0].walk_again
    assert refs(await walk_pages(source, "stage:default/new")) == {ann}


OAUTH = {"token": None, "client_id": "c", "client_secret": "s", "refresh_token": "refresh-0"}


async def test_an_access_token_that_ends_after_half_an_hour_kills_the_walk(hubspot, connect):
    members = [hubspot.contact() for _ in range(251)]
    ref = hubspot.new_list("Spring")
    hubspot.join(ref, *members)
    source = connect(**OAUTH)
    first = await source.walk(f"list:{ref}", None)
    hubspot.tokens.clear()
    second = await source.walk(f"list:{ref}", first.next)
    assert {*first.refs, *second.refs} == set(members)
    assert hubspot.minted == 2


async def test_an_access_token_is_asked_for_at_every_start(hubspot, connect):
    ref = hubspot.contact()
    assert [await connect(**OAUTH).refresh([ref]) for _ in range(2)]
    assert hubspot.minted == 1


async def test_a_refused_refresh_token_is_asked_again_and_again(hubspot, connect):
    with pytest.raises(NeedsHuman, match="install the app in the account again") as caught:
        await connect(**OAUTH | {"refresh_token": "gone"}).refresh(["1"])
    assert "gone" not in str(caught.value)
    assert len(hubspot.asked) == 1
