"""What HubSpot documents: ends of pages, answers with status 207, refusals in part, answers in another form."""

from __future__ import annotations

import pytest

from fluentsd.api import Activity, InDoubt, Malformed, NeedsHuman, Rejected, Unavailable
from fluentsd.testing import Answer, change_pages, exercise_bad_answers, walk_pages

MEMBERS, SEARCH = "GET .*/memberships/join-order", "POST .*/deals/search"
HTML = Answer(200, b"<html>maintenance</html>", {"Content-Type": "text/html"})
STAGE = "stage:default/new"
FORBIDDEN = {"status": "error", "category": "MISSING_PERMISSION", "message": "One object may not be read"}


def refs(pages):
    return {ref for page in pages for ref in page.refs}


@pytest.fixture
def spring(hubspot):
    """A list with 300 members."""
    ref = hubspot.new_list("Spring fair")
    hubspot.join(ref, *(hubspot.contact() for _ in range(300)))
    hubspot.pass_time(600)
    return ref


def members(hubspot, ref, count, **more):
    ids = list(hubspot.lists[ref].members)[:count]
    return Answer(200, {"results": [{"recordId": one, "membershipTimestamp": None} for one in ids]} | more)


@pytest.mark.parametrize("count", [0, 120, 250])
async def test_a_list_that_ends_before_its_size_is_not_complete(hubspot, connect, spring, count):
    hubspot.fail(MEMBERS, members(hubspot, spring, count))
    [page] = await walk_pages(connect(), f"list:{spring}")
    assert (len(page.refs), page.complete) == (count, False)


@pytest.mark.parametrize(("count", "complete"), [(120, True), (250, False)])
async def test_without_a_size_only_a_page_that_is_not_full_is_the_last(hubspot, connect, spring, count, complete):
    found = {"listId": spring, "name": "Spring fair", "objectTypeId": "0-1", "additionalProperties": {}}
    hubspot.fail("POST .*lists/search", Answer(200, {"lists": [found], "hasMore": False, "offset": 1}), times=2)
    hubspot.fail(MEMBERS, members(hubspot, spring, count))
    [page] = await walk_pages(connect(), f"list:{spring}")
    assert page.complete is complete


async def test_a_page_that_goes_on_from_where_it_began_is_no_page(hubspot, connect, spring):
    source = connect()
    page = await source.walk(f"list:{spring}", None)
    after = hubspot.asked[-1].one("after")
    assert after == ""
    hubspot.fail(MEMBERS, members(hubspot, spring, 10, paging={"next": {"after": "9-9"}}), times=2)
    page = await source.walk(f"list:{spring}", page.next)
    with pytest.raises(Malformed, match="a page goes on from where it began"):
        await source.walk(f"list:{spring}", page.next)


@pytest.mark.parametrize("total", [None, 2])
async def test_a_search_of_deals_without_a_total_that_fits_is_not_complete(hubspot, connect, total):
    deal = hubspot.deal("new", hubspot.contact())
    body = {"results": [{"id": deal, "properties": {}}], "total": total}
    source = connect()
    for one in ({"results": [], "total": 2}, body, {"results": [], "total": 0}):
        hubspot.fail(SEARCH, Answer(200, one))
    assert not (await walk_pages(source, STAGE))[-1].complete
    hubspot.mend()
    assert (await walk_pages(source, STAGE))[-1].complete


async def test_a_search_without_paging_goes_on_to_its_total(hubspot, connect):
    people = {hubspot.contact() for _ in range(3)}
    deals = [hubspot.deal("new", ref) for ref in people]
    hubspot.fail(SEARCH, Answer(200, {"results": [{"id": deals[0], "properties": {}}], "total": 3}), skip=1)
    pages = await walk_pages(connect(), STAGE)
    assert refs(pages) == people
    assert pages[-1].complete


@pytest.mark.parametrize(
    ("error", "complete"),
    [
        ({"category": "OBJECT_NOT_FOUND", "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND"}, True),
        (FORBIDDEN, False),
    ],
)
async def test_a_deal_whose_contacts_are_not_told_makes_nobody_leave(hubspot, connect, error, complete):
    hubspot.deal("new", hubspot.contact())
    hubspot.deal("new")
    body = {"status": "COMPLETE", "results": [], "numErrors": 1, "errors": [error]}
    hubspot.fail("POST .*associations", Answer(207, body))
    assert (await walk_pages(connect(), STAGE))[-1].complete is complete


async def test_a_contact_with_another_error_is_asked_for_alone_and_stops_nobody(hubspot, connect):
    one, other, gone = hubspot.contact(), hubspot.contact(), hubspot.contact()
    source = connect()
    await source.refresh([one])
    hubspot.delete(gone)
    found = hubspot._resource(hubspot.contacts[other], ["email"])
    lost = {"category": "OBJECT_NOT_FOUND", "context": {"ids": [gone]}}
    both = Answer(207, {"status": "COMPLETE", "results": [found], "errors": [FORBIDDEN, lost]})
    hubspot.fail("POST .*contacts/batch/read", both)
    assert {record.id: record.unread for record in await source.refresh([one, other, gone])} == {
        one: False,
        other: False,
    }
    hubspot.fail("POST .*contacts/batch/read", both)
    hubspot.fail("POST .*contacts/batch/read", Answer(207, {"results": [], "errors": [FORBIDDEN]}))
    assert {record.id: record.unread for record in await source.refresh([one, other, gone])} == {
        one: True,
        other: False,
    }


async def test_a_contact_that_is_passed_over_is_not_deleted(hubspot, connect):
    ref, source = hubspot.contact(), connect()
    await source.refresh([ref])
    hubspot.fail("POST .*contacts/batch/read", Answer(200, {"status": "COMPLETE", "results": []}))
    [record] = await source.refresh([ref])
    assert record.unread


async def test_a_contact_without_properties_is_unread(hubspot, connect):
    ref, source = hubspot.contact(), connect()
    await source.refresh([ref])
    hubspot.fail("POST .*contacts/batch/read", Answer(200, {"results": [{"id": ref, "properties": None}]}))
    [record] = await source.refresh([ref])
    assert record.unread


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (HTML, "it is not JSON"),
        (Answer(404, HTML.body, HTML.headers), "it is a web page, not JSON"),
        (Answer(200, {}), 'it has no "results"'),
        (Answer(200, {"results": None}), '"results" is null, not a list'),
        (Answer(200, []), "it is a list, not an object"),
        (Answer(200, {"results": [{}]}), 'an entry of "results" has no "recordId"'),
        (Answer(200, {"results": [{"recordId": "x"}]}), '"recordId" is text, not the number of a record'),
        (Answer(200, {"results": [], "paging": []}), '"paging" is a list, not an object'),
    ],
)
async def test_a_malformed_page_is_told_in_plain_words(hubspot, connect, spring, answer, words):
    hubspot.fail(MEMBERS, answer, times=9)
    with pytest.raises(Malformed) as caught:
        await connect().walk(f"list:{spring}", None)
    assert str(caught.value).startswith(
        f"HubSpot's answer to GET /crm/v3/lists/{{list}}/memberships/join-order cannot be used: {words}"
    )


@pytest.mark.parametrize("path", ["lists/search", "properties/contacts", "pipelines/deals", "contacts/batch/read"])
@pytest.mark.parametrize("body", [None, [], {}, {"results": None, "lists": None}, {"results": [1], "lists": [1]}])
async def test_no_other_answer_leads_to_an_error_of_ours(hubspot, connect, path, body):
    ref = hubspot.new_list("L")
    contact = hubspot.contact()
    hubspot.fail(path, Answer(200, body), times=99)
    source = connect()
    told = []
    for ask in (
        source.segments(),
        source.walk(f"list:{ref}", None),
        source.walk(STAGE, None),
        source.refresh([contact]),
    ):
        try:
            await ask
        except Malformed as why:
            told.append(str(why))
    assert told
    assert all(path in one for one in told)


async def test_a_key_without_lists_has_stages_and_says_what_is_missing(hubspot, connect):
    hubspot.deal("new", hubspot.contact())
    hubspot.scopes.discard("crm.lists.read")
    source = connect()
    found = await source.segments()
    assert [one.kind for one in found] == ["stage", "stage"]
    assert "lists cannot be listed" in found.unlisted[0]
    assert "crm.lists.read" in found.unlisted[0]
    assert (await walk_pages(source, STAGE))[-1].complete
    with pytest.raises(NeedsHuman, match=r"crm\.lists\.read") as caught:
        await source.walk("list:5", None)
    assert caught.value.only_this


async def test_a_refused_key_is_of_the_whole_account(connect):
    with pytest.raises(NeedsHuman) as caught:
        await connect(token="wrong").segments()
    assert not caught.value.only_this


async def test_a_property_that_is_refused_costs_neither_the_note_nor_the_unsubscribing(hubspot, connect):
    ref = hubspot.contact(email="ann@example.com")
    source = connect(opt_out={"phone": ["do_not_call", "no_such_property"]})
    for _ in range(2):
        with pytest.raises(Rejected, match=r'not all else: the property no_such_property: HubSpot refuses .*"no_such'):
            await source.write(Activity(ref, "opt_out", hubspot.now, "Said stop"), "k")
    assert hubspot.contacts[ref].properties["do_not_call"] == "true"
    assert hubspot.unsubscribed == ["ann@example.com"]
    assert [one["kind"] for one in hubspot.objects.values()] == ["notes"]
    assert hubspot.count("PATCH") == 4  # together, each alone, and the refused one again


async def test_an_unsubscribing_that_is_refused_is_named(hubspot, connect):
    ref = hubspot.contact(email="ann@example.com")
    hubspot.scopes.discard("communication_preferences.read_write")
    with pytest.raises(Rejected, match=r"unsubscribing from e-mail: .*communication_preferences\.read_write"):
        await connect().write(Activity(ref, "opt_out", hubspot.now, "Said stop"), "k")
    assert len(hubspot.objects) == 1
    words = {"status": "error", "category": "VALIDATION_ERROR", "message": "the contact is already unsubscribed"}
    hubspot.scopes.add("communication_preferences.read_write")
    hubspot.fail("POST .*unsubscribe-all", Answer(400, words))
    await connect().write(Activity(ref, "opt_out", hubspot.now, "Said stop"), "k")
    assert len(hubspot.objects) == 1


@pytest.mark.parametrize("answer", [HTML, Answer(201, {}), Answer(201, {"id": None}), Answer(201, b"{")])
async def test_a_write_whose_answer_cannot_be_read_is_looked_for(hubspot, connect, answer):
    ref, source = hubspot.contact(), connect()
    hubspot.fail("POST .*objects/notes$", answer, after=True)
    with pytest.raises(InDoubt):
        await source.write(Activity(ref, "note", hubspot.now, "Hello"), "k")
    assert [await source.write(Activity(ref, "note", hubspot.now, "Hello"), "k")] == list(hubspot.objects)


@pytest.mark.parametrize("status", [423, 477])
async def test_a_lock_is_waited_for(hubspot, connect, status):
    ref, source = hubspot.contact(), connect()
    hubspot.fail("POST .*batch/read", Answer(status, {"message": "locked"}))
    assert len(await source.refresh([ref])) == 1
    hubspot.fail("POST .*objects/notes$", Answer(status, {"message": "locked"}))
    with pytest.raises(Unavailable) as caught:
        await source.write(Activity(ref, "note", hubspot.now, "Hello"), "k")
    assert caught.value.only_this


async def test_changes_of_which_some_are_missing_are_asked_again(hubspot, connect, spring):
    source = connect()
    pages = await walk_pages(source, f"list:{spring}")
    ref = pages[0].refs[0]
    hubspot.edit(ref, firstname="New")
    hubspot.pass_time(5)
    hubspot.fail("POST .*records/memberships", Answer(207, {"results": [], "errors": [FORBIDDEN]}))
    first = await change_pages(source, f"list:{spring}", pages[-1].since)
    assert ref not in refs(first)
    assert ref in refs(await change_pages(source, f"list:{spring}", first[-1].since))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["list", "stage"])
async def test_no_answer_that_is_spoilt_loses_anybody(hubspot, connect, kind):
    ref, people = hubspot.new_list("L"), [hubspot.contact() for _ in range(4)]
    hubspot.join(ref, *people)
    for one in people:
        hubspot.deal("new", one)
    hubspot.pass_time(3600)
    for seed in range(24):
        await exercise_bad_answers(seed, connect, hubspot, f"list:{ref}" if kind == "list" else STAGE, people)
