"""What users of comparable tools complain about, each as a test named after the failure."""

from __future__ import annotations

import json

import pytest

from fluentsd.api import Activity, NeedsHuman, Rejected, Unavailable
from fluentsd.testing import Answer, change_pages, walk_pages

SPRING = "tag:spring"


def refs(pages):
    return {ref for page in pages for ref in page.refs}


async def test_a_tag_is_mixed_up_with_one_that_contains_it(crm, connect):
    mine = crm.contact("Spring")
    crm.contact("spring fair")
    crm.contact("spring")
    assert refs(await walk_pages(connect(), "tag:Spring")) >= {mine}
    [page] = await walk_pages(connect(), SPRING)
    assert len(page.refs) == 1  # GoHighLevel's tags are in lower case; its search is by parts
    assert page.complete


@pytest.mark.parametrize("tag", ["r&d", "spring (2026)", "50%", "café", "a/b: c"])
async def test_a_tag_with_special_characters_is_taken_for_empty(crm, connect, tag):
    mine = crm.contact(tag)
    crm.contact("spring")
    [page] = await walk_pages(connect(), f"tag:{tag}")
    assert (list(page.refs), page.complete) == ([mine], True)


async def test_a_deleted_contact_that_the_search_still_finds_is_contacted(crm, connect):
    gone, here = crm.contact("spring"), crm.contact("spring")
    crm.edit(gone, deleted=True)
    [page] = await walk_pages(connect(), SPRING)
    assert (list(page.refs), page.complete) == ([here], True)
    crm.pass_time(2)
    [told] = await change_pages(connect(), SPRING, page.since)
    assert list(told.gone) == [gone]


async def test_a_leaver_of_a_tag_is_missed(crm, connect):
    members = [crm.contact("spring") for _ in range(3)]
    crm.pass_time(600)
    source = connect()
    [page] = await walk_pages(source, SPRING)
    crm.untag(members[0], "spring")
    comer = crm.contact("spring")
    crm.pass_time(2)
    told = await change_pages(source, SPRING, page.since)
    assert refs(told) == {comer}
    assert {ref for one in told for ref in one.gone} == {members[0]}


async def test_a_delete_is_missed(crm, connect):
    members = [crm.contact("spring") for _ in range(3)]
    source = connect()
    del crm.contacts[members[0]]
    assert await source.refresh([members[0]]) == []
    assert refs(await walk_pages(source, SPRING)) == set(members[1:])


async def test_a_search_ends_after_ten_thousand_results(crm, connect):
    members = [crm.contact("spring") for _ in range(1203)]
    pages = await walk_pages(connect(), SPRING)
    assert [len(page.refs) for page in pages] == [500, 500, 203]
    assert refs(pages) == set(members)
    assert not any("page" in one.json for one in crm.asked if one.path == "/contacts/search")


async def test_an_empty_answer_is_taken_for_an_empty_tag(crm, connect):
    crm.contact("spring")
    crm.fail("POST /contacts/search", Answer(200, {}), times=9)
    with pytest.raises(Unavailable, match='POST /contacts/search cannot be used: it has no "contacts"'):
        await connect().walk(SPRING, None)


async def test_a_walk_that_saw_fewer_than_the_total_lets_people_leave(crm, connect):
    crm.contact("spring")
    short = Answer(200, {"contacts": [], "total": 1})
    crm.fail("POST /contacts/search", short)
    assert not (await connect().walk(SPRING, None)).complete


async def test_the_search_lags_and_a_change_is_missed(crm, connect):
    crm.contact("spring")
    crm.pass_time(600)
    source = connect()
    [page] = await walk_pages(source, SPRING)
    crm.lag = 5_000_000
    late = crm.contact("spring")
    crm.pass_time(3)
    first = await change_pages(source, SPRING, page.since)
    assert late not in refs(first)
    crm.pass_time(10)
    assert late in refs(await change_pages(source, SPRING, first[-1].since))


async def test_a_token_that_ends_during_a_walk_kills_it(crm, connect, given, tmp_path):
    oauth = {"token": None, "client_id": "c", "client_secret": "s", "refresh_token": "refresh-0"}
    for _ in range(501):
        crm.contact("spring")
    source = connect(**oauth)
    first = await source.walk(SPRING, None)
    crm.tokens.clear()
    second = await source.walk(SPRING, first.next)
    assert len(refs([first, second])) == 501
    assert crm.minted == 2


async def test_a_used_refresh_token_locks_the_installation_out(crm, connect, given, tmp_path):
    """The new refresh token is on disk before its access token is used: a kill in between loses nothing."""
    oauth = {"token": None, "client_id": "c", "client_secret": "s", "refresh_token": "refresh-0"}
    crm.contact("spring")
    crm.fail("GET /locations", None, times=9)
    with pytest.raises(Unavailable):
        await connect(**oauth).walk(SPRING, None)
    kept = json.loads(await given.secrets.load("oauth"))
    assert kept["refresh"] == "refresh-1"
    sealed = tmp_path / "oauth.sealed"
    assert b"refresh-1" not in sealed.read_bytes()
    assert sealed.stat().st_mode & 0o077 == 0
    crm.mend()
    crm.tokens.clear()
    assert (await connect(**oauth).walk(SPRING, None)).refs
    assert crm.minted == 2


async def test_many_tasks_refresh_at_once(crm, connect):
    oauth = {"token": None, "client_id": "c", "client_secret": "s", "refresh_token": "refresh-0"}
    members = [crm.contact("spring") for _ in range(8)]
    assert len(await connect(**oauth).refresh(members)) == 8
    assert crm.minted == 1


async def test_do_not_disturb_is_overlooked(crm, connect):
    both = {"SMS": {"status": "active"}, "Email": {"status": "permanent"}, "Call": {"status": "inactive"}}
    one = crm.contact(dndSettings=both)
    two = crm.contact(dnd=True)
    three = crm.contact(inboundDndSettings={"all": {"status": "active"}})
    found = {record.id: record.fields for record in await connect().refresh([one, two, three])}
    flags = ("dnd", "dnd_call", "dnd_sms", "dnd_email")
    assert [found[one][name] for name in flags] == [False, False, True, True]
    assert found[two]["dnd"] is True
    assert found[three]["dnd"] is True


async def test_an_answer_without_do_not_disturb_is_taken_for_consent(crm, connect):
    ref = crm.contact("spring")
    del crm.contacts[ref]["dnd"], crm.contacts[ref]["dndSettings"]
    [record] = await connect(opt_out={"sms": "Gone"}).refresh([ref])
    assert record.unreadable == {"opt_out", "opt_out_sms"}


async def test_a_lost_answer_writes_a_note_twice(crm, connect):
    note = Activity(crm.contact(), "call", crm.now, "Call")
    crm.fail("POST .*/notes", None, after=True)
    with pytest.raises(Unavailable, match="answer to a write was lost"):
        await connect().write(note, "key")
    assert [await connect().write(note, "key")] == list(crm.notes)


async def test_a_missing_scope_is_reported_as_a_wrong_token(crm, connect):
    crm.scopes.discard("locations/tags.readonly")
    with pytest.raises(NeedsHuman, match=r"not authorized for this scope.*the scope locations/tags\.readonly"):
        await connect().walk(SPRING, None)
    wrong = [one for one in await connect().check() if not one.ok]
    assert [one.fix for one in wrong] == ["give it the scope locations/tags.readonly"]


async def test_the_daily_limit_is_asked_again_and_again(crm, connect):
    limited = Answer(429, {"message": "Too many requests"}, {"X-RateLimit-Daily-Remaining": "0"})
    crm.fail("", limited)
    source = connect()
    for _ in range(3):
        with pytest.raises(Unavailable, match="daily limit"):
            await source.segments()
    assert crm.count() == 1


async def test_a_contact_in_a_stage_leaves_unseen(crm, connect):
    ann = crm.contact()
    deals = [crm.deal("st1", ann), crm.deal("st1", crm.contact())]
    for _ in range(120):
        crm.deal("st1", crm.contact())
    source = connect()
    pages = await walk_pages(source, "stage:pl1/st1")
    assert len(refs(pages)) == 122
    assert pages[-1].complete
    assert not (await source.changes("stage:pl1/st1", pages[-1].since)).walk_again
    crm.opportunities[deals[0]]["pipelineStageId"] = "st2"
    assert (await source.changes("stage:pl1/st1", pages[-1].since)).walk_again
    assert ann not in refs(await walk_pages(source, "stage:pl1/st1"))


async def test_a_write_that_is_refused_is_repeated_for_ever(crm, connect):
    with pytest.raises(Rejected, match="should not exist"):
        await connect().write(Activity(crm.contact(), "note", crm.now, fields={"nonsense": 1}), "k")
    with pytest.raises(Rejected, match="not found"):
        await connect().write(Activity("nobody99", "note", crm.now), "k2")
