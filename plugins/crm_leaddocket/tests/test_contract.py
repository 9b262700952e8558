"""Pages that do not fit their counts, leads that say too little, refusals in part, answers in another form."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from fluentsd.api import Activity, InDoubt, Malformed, Rejected
from fluentsd.testing import Answer, change_pages, exercise_bad_answers, walk_pages
from plugins.crm_leaddocket.tests.fake_leaddocket import SECOND

NEW = "status:1"
HTML = Answer(200, b"<html><title>Sign in</title></html>", {"Content-Type": "text/html"})
CALL = {"outcome": "answered", "address": "+14155550001", "sender": "+12125550100", "duration_s": 61}


@pytest.fixture
def page(crm):
    """Builds a page of all leads; `more` replaces parts, None leaves one out."""

    def build(**more):
        rows = list(crm.leads.values())
        whole = {"Page": 1, "ItemsPerPage": 500, "TotalRecordCount": len(rows), "TotalPages": 1, "Records": rows}
        date = format_datetime(datetime.fromtimestamp(crm.now // SECOND, UTC), usegmt=True)
        return Answer(200, {key: value for key, value in (whole | more).items() if value is not None}, {"Date": date})

    return build


@pytest.mark.parametrize(
    "more",
    [
        {"TotalRecordCount": None},
        {"TotalRecordCount": None, "TotalPages": None},
        {"TotalRecordCount": 0},
        {"TotalRecordCount": 0, "TotalPages": 0},
    ],
)
async def test_a_page_whose_counts_do_not_fit_is_not_complete(crm, connect, page, more):
    crm.lead()
    crm.fail("GET /api/leads$", page(**more))
    [found] = await walk_pages(connect(), NEW)
    assert len(found.refs) == 1
    assert not found.complete


@pytest.mark.parametrize("pages", [None, 0, 1])
async def test_the_count_of_leads_tells_that_there_are_more(crm, connect, page, pages):
    members = {crm.lead() for _ in range(6)}
    crm.most = 3
    crm.pass_time(3600)
    rows = list(crm.leads.values())
    crm.fail("GET /api/leads$", page(Records=rows[:3], TotalPages=pages))
    found = await walk_pages(connect(), NEW)
    assert {ref for one in found for ref in one.refs} == members
    assert found[-1].complete


async def test_a_page_that_is_missing_makes_nobody_leave(crm, connect, page):
    crm.lead()
    crm.fail("GET /api/leads$", page(Records=[], TotalRecordCount=1))
    [found] = await walk_pages(connect(), NEW)
    assert (list(found.refs), found.complete) == ([], False)


async def test_an_empty_status_is_complete(connect):
    [found] = await walk_pages(connect(), NEW)
    assert (list(found.refs), found.complete) == ([], True)


async def test_a_page_number_that_is_ignored_is_no_page(crm, connect, page):
    for _ in range(6):
        crm.lead()
    crm.most = 3
    source = connect()
    first = await source.walk(NEW, None)
    crm.fail("GET /api/leads$", page(TotalPages=2))
    with pytest.raises(Malformed, match="it is page 1 instead of page 2"):
        await source.walk(NEW, first.next)


@pytest.mark.parametrize("status", [None, "missing"])
async def test_a_lead_that_does_not_say_its_status_has_not_left(crm, connect, status):
    ref = crm.lead()
    crm.pass_time(3600)
    source = connect()
    [before] = await walk_pages(source, NEW)
    assert before.complete
    crm.edit(ref, StatusId=None)
    if status == "missing":
        del crm.leads[int(ref)]["StatusId"]
    told = await source.changes(NEW, before.since)
    assert (list(told.refs), list(told.gone)) == ([], [])
    crm.ignores_filters = True
    assert not (await walk_pages(source, NEW))[-1].complete


async def test_a_lead_without_a_sub_status_is_not_in_one(crm, connect):
    ref = crm.lead()
    crm.pass_time(3600)
    source = connect()
    [before] = await walk_pages(source, "status:1/11")
    crm.move(ref, 1)
    assert list((await source.changes("status:1/11", before.since)).gone) == [ref]


@pytest.mark.parametrize("sub", ["missing", {}])
async def test_a_lead_that_does_not_say_its_sub_status_has_not_left_it(crm, connect, sub):
    ref = crm.lead()
    crm.pass_time(3600)
    source = connect()
    [before] = await walk_pages(source, "status:1/11")
    crm.edit(ref, SubStatusId=sub)
    if sub == "missing":
        del crm.leads[int(ref)]["SubStatusId"]
    assert list((await source.changes("status:1/11", before.since)).gone) == []
    crm.ignores_filters = True
    assert not (await walk_pages(source, "status:1/11"))[-1].complete


async def test_changes_of_which_some_are_missing_are_asked_again(crm, connect, page):
    crm.lead()
    source = connect()
    [before] = await walk_pages(source, NEW)
    crm.fail("GET .*lastupdatedsince", page(TotalRecordCount=2))
    crm.fail("GET .*lastupdatedsince", page(TotalRecordCount=2, Page=2, Records=[]))
    told = await change_pages(source, NEW, before.since)
    assert told[-1].since == before.since


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        (r"/api/contacts/\d+$", Answer(404, b"Not found")),
        (r"/api/contacts/\d+$", Answer(400, b"Bad request")),
        (r"/api/leads/basic/\d+$", Answer(400, b"Bad request")),
        (r"/api/leads/basic/\d+$", Answer(200, {"Id": 501001, "Contact": None})),
    ],
)
async def test_a_contact_that_cannot_be_read_does_not_delete_its_lead(crm, connect, path, answer):
    ref = crm.lead()
    crm.fail(f"GET {path}", answer, times=2)
    [record] = await connect().refresh([ref])
    assert (record.id, record.unread) == (ref, True)


async def test_a_lead_that_is_not_found_is_gone(connect):
    assert await connect().refresh(["999"]) == []


async def test_a_web_page_says_nothing_about_a_lead(crm, connect):
    ref = crm.lead()
    crm.fail("GET /api/leads/basic", Answer(404, HTML.body, HTML.headers), times=9)
    with pytest.raises(Malformed, match="it is a web page, not JSON"):
        await connect().refresh([ref])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (HTML, "it is a web page, not JSON"),
        (Answer(200, b"oops"), "it is not JSON"),
        (Answer(200, {"Records": None}), '"Records" is null, not a list'),
        (Answer(200, {"Records": [{"StatusId": 1}]}), 'an entry of "Records" has no "Id"'),
        (Answer(200, {"Records": [None]}), 'an entry of "Records" is null, not an object'),
    ],
)
async def test_a_malformed_page_is_told_in_plain_words(crm, connect, answer, words):
    crm.fail("GET /api/leads$", answer, times=9)
    with pytest.raises(Malformed) as caught:
        await connect().walk(NEW, None)
    assert str(caught.value).startswith(f"Lead Docket's answer to GET /api/leads cannot be used: {words}")


@pytest.mark.parametrize("body", [None, {}, {"Data": None}, [None], [{"Data": {"StatusName": "New"}}], "text"])
async def test_malformed_statuses_are_no_missing_status(crm, connect, body):
    crm.fail("GET /api/statuses", Answer(200, body), times=9)
    with pytest.raises(Malformed, match="GET /api/statuses cannot be used"):
        await connect().walk(NEW, None)


async def test_a_status_that_is_refused_costs_no_note(crm, connect):
    ref, source = crm.lead(), connect()
    note = Activity(ref, "note", crm.now, "Summary", "Wants a lawyer", fields={"Status": "Chase"})
    crm.fail("PATCH", Answer(400, b"Not now"), times=2)
    for _ in range(2):
        with pytest.raises(Rejected, match=r"not all else: the status \(Status\): Lead Docket refuses"):
            await source.write(note, "k")
    assert len(crm.notes[int(ref)]) == 1
    assert crm.count("PATCH") == 2


async def test_an_opt_out_is_marked_as_far_as_lead_docket_lets_it(crm, connect):
    ref = crm.lead()
    rules = {"phone": [{"field": "SubStatusName", "values": ["Do not contact"]}, {"field": "Tags", "values": ["DNC"]}]}
    crm.fail("PATCH .*/status/change", Answer(200, {"Success": False, "ErrorMessage": "no such sub-status"}))
    with pytest.raises(Rejected, match="no such sub-status"):
        await connect(opt_out=rules).write(Activity(ref, "opt_out", crm.now), "k")
    assert [one["TagText"] for one in crm.contacts[crm.leads[int(ref)]["ContactId"]]["Tags"]] == ["DNC"]
    assert len(crm.notes[int(ref)]) == 1


@pytest.mark.parametrize("which", ["start", "end"])
async def test_a_call_that_is_refused_becomes_a_note(crm, connect, which):
    ref, source = crm.lead(), connect()
    crm.fail(
        f"POST .*/externalcalls/{which}", Answer(200, {"Success": False, "ErrorMessage": "no lead has the number"})
    )
    for _ in range(2):
        await source.write(Activity(ref, "call", crm.now, "Called", **CALL), "k")
    [note] = crm.notes[int(ref)]
    assert "Not recorded as a call: Lead Docket refuses the write: no lead has the number" in note["Text"]
    assert crm.count("POST .*/notes") == 1


async def test_a_sign_in_page_is_no_success_of_a_write(crm, connect):
    ref, source = crm.lead(), connect()
    crm.fail("POST .*/notes", HTML)
    with pytest.raises(InDoubt, match="it is a web page"):
        await source.write(Activity(ref, "note", crm.now, "Hello"), "k")
    await source.write(Activity(ref, "note", crm.now, "Hello"), "k")
    assert len(crm.notes[int(ref)]) == 1


@pytest.mark.slow
async def test_no_answer_that_is_spoilt_loses_anybody(crm, connect):
    members = [crm.lead() for _ in range(4)]
    crm.most = 3
    crm.pass_time(3600)
    for seed in range(24):
        await exercise_bad_answers(seed, connect, crm, NEW, members)
