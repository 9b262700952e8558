"""What GoHighLevel documents, and what it leaves open: incomplete pages, refusals in part, answers in another form."""

from __future__ import annotations

import pytest

from fluentsd.api import Activity, InDoubt, Malformed, NeedsHuman, Rejected, Unavailable
from fluentsd.testing import Answer, exercise_bad_answers, walk_pages
from plugins.crm_gohighlevel.tests.fake_gohighlevel import LOCATION

SEARCH, STAGE = "POST /contacts/search", "GET /opportunities/search"
HTML = Answer(200, b"<!doctype html><title>Maintenance</title>", {"Content-Type": "text/html"})


async def last_page(source, segment):
    return (await walk_pages(source, segment))[-1]


@pytest.mark.parametrize("meta", [None, {}, {"total": None}, {"total": 5}])
async def test_a_stage_without_a_total_that_fits_is_not_complete(crm, connect, meta):
    crm.deal("st1", crm.contact())
    body = {"opportunities": list(crm.opportunities.values()), "meta": meta}
    crm.fail(STAGE, Answer(200, body))
    assert not (await last_page(connect(), "stage:pl1/st1")).complete


async def test_a_full_page_of_a_stage_without_a_place_is_no_end(crm, connect):
    people = [crm.contact() for _ in range(100)]
    for ref in people:
        crm.deal("st1", ref)
    crm.fail(STAGE, Answer(200, {"opportunities": list(crm.opportunities.values()), "meta": {"total": 130}}))
    with pytest.raises(Malformed, match='a page has no "startAfterId", and there are more'):
        await connect().walk("stage:pl1/st1", None)


async def test_short_pages_of_a_stage_go_on_while_there_are_more(crm, connect):
    people = [crm.contact() for _ in range(3)]
    for ref in people:
        crm.deal("st1", ref)
    [first, *_] = crm.opportunities.values()
    crm.fail(STAGE, Answer(200, {"opportunities": [first], "meta": {"total": 3, "startAfterId": first["id"]}}))
    pages = await walk_pages(connect(), "stage:pl1/st1")
    assert {ref for page in pages for ref in page.refs} == set(people)
    assert pages[-1].complete


async def test_an_opportunity_of_another_stage_names_nobody(crm, connect):
    crm.deal("st1", crm.contact())
    other = crm.deal("st2", crm.contact())
    body = {"opportunities": list(crm.opportunities.values()), "meta": {"total": 2}}
    crm.fail(STAGE, Answer(200, body))
    page = await last_page(connect(), "stage:pl1/st1")
    assert crm.opportunities[other]["contactId"] not in page.refs


@pytest.mark.parametrize("total", [None, 2, "many"])
async def test_a_search_without_a_total_that_fits_is_not_complete(crm, connect, total):
    crm.contact("spring")
    crm.fail(SEARCH, Answer(200, {"contacts": list(crm.contacts.values()), "total": total}))
    assert not (await last_page(connect(), "tag:spring")).complete


async def test_a_page_that_goes_on_from_where_it_began_is_no_page(crm, connect):
    rows = [{"id": crm.contact("spring"), "tags": ["spring"], "searchAfter": [1, "x"]} for _ in range(500)]
    crm.fail(SEARCH, Answer(200, {"contacts": rows, "total": 2000}), times=2)
    source = connect()
    page = await source.walk("tag:spring", None)
    with pytest.raises(Malformed, match='goes on from the same "searchAfter"'):
        await source.walk("tag:spring", page.next)


async def test_a_contact_that_does_not_say_its_tags_has_not_left(crm, connect):
    ref = crm.contact("spring")
    source = connect()
    page = await last_page(source, "tag:spring")
    assert page.complete
    told = {key: value for key, value in crm.contacts[ref].items() if key != "tags"}
    crm.fail(SEARCH, Answer(200, {"contacts": [told], "total": 1}), times=2)
    changed = await source.changes("tag:spring", page.since)
    assert (changed.refs, changed.gone) == ([], [])
    assert not (await last_page(source, "tag:spring")).complete


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (HTML, "it is a web page, not JSON"),
        (Answer(200, b"{"), "it is not JSON"),
        (Answer(200, []), "it is a list, not an object"),
        (Answer(200, {"contacts": None}), '"contacts" is null, not a list'),
        (Answer(200, {"contacts": [{"tags": []}]}), 'an entry of "contacts" has no "id"'),
        (Answer(404, HTML.body, HTML.headers), "it is a web page, not JSON"),
    ],
)
async def test_a_malformed_search_is_told_in_plain_words(crm, connect, answer, words):
    crm.contact("spring")
    crm.fail(SEARCH, answer, times=9)
    with pytest.raises(Malformed) as caught:
        await connect().walk("tag:spring", None)
    assert str(caught.value).startswith(f"GoHighLevel's answer to POST /contacts/search cannot be used: {words}")


@pytest.mark.parametrize(
    "answer",
    [
        Answer(400, {"statusCode": 400, "message": "Location not found"}),
        Answer(400, {"statusCode": 400, "message": "The user of this contact was not found"}),
        Answer(422, {"statusCode": 422, "message": ["contactId must be valid"]}),
    ],
)
async def test_only_an_answer_about_the_contact_says_that_it_is_gone(crm, connect, answer):
    one, other = crm.contact(), crm.contact()
    crm.fail(f"GET /contacts/{one}$", answer)
    found = {record.id: record for record in await connect().refresh([one, other])}
    assert found[one].unread
    assert not found[other].unread


@pytest.mark.parametrize("status", [400, 404])
async def test_a_contact_that_is_not_found_is_gone(crm, connect, status):
    crm.fail("GET /contacts/ct", Answer(status, {"statusCode": status, "message": "Contact not found"}))
    assert await connect().refresh([crm.contact()]) == []


async def test_one_contact_in_another_form_is_unread_and_all_of_them_are_a_fault(crm, connect):
    one, other = crm.contact(), crm.contact()
    crm.fail(f"GET /contacts/{one}$", Answer(200, {"contact": None}), times=9)
    found = {record.id: record for record in await connect().refresh([one, other])}
    assert (found[one].unread, found[other].unread) == (True, False)
    with pytest.raises(Malformed, match='"contact" is null, not an object'):
        await connect().refresh([one])


@pytest.mark.parametrize(
    ("said", "on", "unreadable"),
    [
        ({"dnd": False}, (), ()),
        ({"dnd": True}, ("dnd",), ()),
        ({"dnd": None}, (), ("opt_out",)),
        ({}, (), ("opt_out",)),
        ({"dnd": None, "dndSettings": None}, (), ("opt_out",)),
        ({"dnd": None, "dndSettings": {}}, (), ()),
        ({"dnd": None, "dndSettings": {"SMS": {"status": "active"}}}, ("dnd_sms",), ()),
        ({"dnd": False, "dndSettings": None}, (), ()),
        ({"dnd": False, "dndSettings": {"Call": {"status": "permanent"}}}, ("dnd_call",), ()),
        ({"dnd": False, "dndSettings": {"Call": {"status": "inactive"}, "Email": None}}, (), ()),
        ({"dnd": False, "dndSettings": {"Email": {"status": "paused"}}}, ("dnd_email",), ()),
        ({"dnd": False, "dndSettings": {"Email": {}}}, (), ("opt_out_email",)),
        ({"dnd": False, "dndSettings": {"SMS": {"status": None}}}, (), ("opt_out_sms",)),
        ({"dnd": False, "dndSettings": {"SMS": "active"}}, ("dnd_sms",), ()),
        ({"dnd": False, "dndSettings": []}, (), ("opt_out_email", "opt_out_phone", "opt_out_sms")),
        ({"dnd": False, "inboundDndSettings": {"all": {"status": "active"}}}, ("dnd",), ()),
        ({"dnd": False, "inboundDndSettings": {"all": {"status": "inactive"}}}, (), ()),
        ({"dnd": False, "unsubscribeEmail": True}, ("dnd_email",), ()),
        ({"unsubscribeEmail": True, "dndSettings": {"Email": {"status": "inactive"}}}, ("dnd_email",), ()),
        ({"dnd": False, "unsubscribeEmail": False}, (), ()),
    ],
)
async def test_do_not_disturb_is_read_as_it_is_documented(crm, connect, said, on, unreadable):
    ref = crm.contact()
    for name in ("dnd", "dndSettings"):
        del crm.contacts[ref][name]
    crm.contacts[ref] |= said
    [record] = await connect().refresh([ref])
    flags = ("dnd", "dnd_call", "dnd_sms", "dnd_email")
    assert tuple(name for name in flags if record.fields[name]) == on
    assert tuple(sorted(record.unreadable)) == unreadable


@pytest.mark.parametrize("said", [{}, {"dndSettings": None}])
async def test_a_channel_of_which_the_search_says_nothing_is_looked_up(crm, connect, said):
    ref = crm.contact("spring", dnd=False)
    crm.contacts[ref]["dndSettings"] = {"SMS": {"status": "permanent"}}
    crm.searched = lambda one: {key: value for key, value in one.items() if key != "dndSettings"} | said
    source = connect()
    page = await source.walk("tag:spring", None)
    crm.edit(ref)
    told = await source.changes("tag:spring", page.since)
    for record in [*page.records, *told.records]:
        assert record.unreadable == {"opt_out_phone", "opt_out_sms", "opt_out_email"}
    [record] = await source.refresh([ref])
    assert (record.fields["dnd_sms"], record.unreadable) == (True, set())


async def test_tags_need_no_scope_of_opportunities(crm, connect):
    crm.contact("spring")
    crm.scopes.discard("opportunities.readonly")
    source = connect()
    found = await source.segments()
    assert [one.id for one in found] == ["tag:spring"]
    assert "pipeline stages cannot be listed" in found.unlisted[0]
    assert "the scope opportunities.readonly" in found.unlisted[0]
    assert (await last_page(source, "tag:spring")).complete
    with pytest.raises(NeedsHuman, match=r"the scope opportunities\.readonly") as caught:
        await source.walk("stage:pl1/st1", None)
    assert caught.value.only_this


async def test_stages_need_no_scope_of_tags_or_custom_fields(crm, connect):
    ref = crm.contact("spring")
    crm.deal("st1", ref)
    crm.scopes -= {"locations/tags.readonly", "locations/customFields.readonly"}
    source = connect(opt_out={"phone": "Consent"})
    assert (await last_page(source, "stage:pl1/st1")).refs == [ref]
    [record] = await source.refresh([ref])
    assert record.unreadable == {"opt_out_phone"}
    assert any("locations/customFields.readonly" in one.fix for one in await source.check())


async def test_a_field_that_is_refused_costs_neither_the_note_nor_the_opt_out(crm, connect):
    ref, source = crm.contact(), connect(opt_out={"phone": "nonsense", "all": {"field": "city", "values": ["Nowhere"]}})
    stop = Activity(ref, "opt_out", crm.now, "Said stop")
    for _ in range(2):
        with pytest.raises(Rejected, match="the note is written, but not all else: the field nonsense: GoHighLevel"):
            await source.write(stop, "k")
    assert crm.contacts[ref]["dnd"] is True
    assert crm.contacts[ref]["city"] == "Nowhere"
    assert len(crm.notes) == 1
    assert crm.count("PUT /contacts") == 5  # do not disturb, both, each alone, and the refused one again


async def test_a_call_with_a_field_that_is_refused_keeps_its_note(crm, connect):
    ref = crm.contact()
    with pytest.raises(Rejected, match="the field nonsense"):
        await connect().write(Activity(ref, "call", crm.now, "Call", fields={"nonsense": "x"}), "k")
    assert [one["contactId"] for one in crm.notes.values()] == [ref]


async def test_a_put_that_changed_nothing_is_no_success(crm, connect):
    ref = crm.contact()
    crm.fail("PUT /contacts", Answer(200, {"succeded": False}))
    with pytest.raises(Rejected, match="changed nothing"):
        await connect().write(Activity(ref, "opt_out", crm.now, "Stop"), "k")
    assert len(crm.notes) == 1


@pytest.mark.parametrize("answer", [HTML, Answer(201, {}), Answer(201, b"ok")])
async def test_a_note_whose_answer_cannot_be_read_is_looked_for(crm, connect, answer):
    ref, source = crm.contact(), connect()
    crm.fail("POST /contacts/.*/notes", answer, after=True)
    with pytest.raises(InDoubt):
        await source.write(Activity(ref, "note", crm.now, "Hello"), "k")
    assert await source.write(Activity(ref, "note", crm.now, "Hello"), "k") in crm.notes
    assert len(crm.notes) == 1


async def test_a_lock_is_waited_for(crm, connect):
    ref = crm.contact()
    crm.fail("POST /contacts/.*/notes", Answer(423, {"statusCode": 423, "message": "locked"}))
    with pytest.raises(Unavailable) as caught:
        await connect().write(Activity(ref, "note", crm.now, "Hello"), "k")
    assert caught.value.only_this
    assert f"/locations/{LOCATION}/tags" not in {one.path for one in crm.asked}


@pytest.mark.slow
@pytest.mark.parametrize("segment", ["tag:spring", "stage:pl1/st1"])
async def test_no_answer_that_is_spoilt_loses_anybody(crm, connect, segment):
    people = [crm.contact("spring") for _ in range(4)]
    for one in people:
        crm.deal("st1", one)
    crm.pass_time(3600)
    for seed in range(24):
        await exercise_bad_answers(seed, connect, crm, segment, people)


async def test_a_connection_that_fails_is_told_without_words_of_a_program(crm, connect):
    crm.fail("", None, times=9)
    with pytest.raises(Unavailable, match=r"GoHighLevel does not answer \(the connection (broke|was closed)\)"):
        await connect().walk("tag:spring", None)
    with pytest.raises(Unavailable, match=r"GoHighLevel does not answer \(it refuses the connection\)"):
        await connect(base_url="http://127.0.0.1:9").walk("tag:spring", None)
