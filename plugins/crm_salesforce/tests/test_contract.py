"""What Salesforce documents: ends of queries, objects that the user may not read, refusals in part, other answers."""

from __future__ import annotations

import pytest

from fluentsd.api import Activity, InDoubt, Malformed, NeedsHuman, Rejected, Unavailable
from fluentsd.testing import Answer, change_pages, exercise_bad_answers, walk_pages

HTML = Answer(200, b"<html>maintenance</html>", {"Content-Type": "text/html"})


def refs(pages):
    return {ref for page in pages for ref in page.refs}


def error(status, code, words="no"):
    return Answer(status, [{"errorCode": code, "message": words}])


@pytest.fixture
def spring(salesforce):
    """A campaign with two leads and a contact, as `campaign:<id>`."""
    ref = salesforce.add("Campaign", Name="Spring")
    for person in (salesforce.add("Lead"), salesforce.add("Lead"), salesforce.add("Contact")):
        salesforce.join(ref, person)
    salesforce.pass_time(600)
    return f"campaign:{ref}"


@pytest.fixture
async def source(salesforce, connect, spring):
    made = connect()
    await made.catalogue()
    return made


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"totalSize": 0, "records": []}, 'it has no "done"'),
        ({"totalSize": 0, "done": None, "records": []}, '"done" is null, not true or false'),
        ({"totalSize": 3, "done": False, "records": []}, "it is not done and has no usable nextRecordsUrl"),
        ({"totalSize": 3, "done": False, "records": [], "nextRecordsUrl": "https://example.com/x"}, "no usable next"),
        ({"totalSize": 3, "done": True, "records": []}, "it has 0 of 3 records and says that it is done"),
        ({"done": True}, 'it has no "records"'),
        ({"done": True, "records": None}, '"records" is null, not a list'),
        ({"done": True, "records": [{"Id": None}]}, '"Id" is null, not an id'),
        ({"done": True, "records": [{"Id": "00v1"}]}, 'an entry of "records" has no "LeadId"'),
        ([1], "it is a list, not an object"),
        (None, "it is not JSON"),
        (5, "it is not JSON"),
    ],
)
async def test_a_query_that_is_not_whole_is_told_in_plain_words(salesforce, source, spring, body, words):
    salesforce.fail("GET .*/query$", Answer(200, body if body is not None else b""), times=9, skip=1)
    with pytest.raises(Malformed) as caught:
        await source.walk(spring, None)
    assert str(caught.value).startswith("Salesforce's answer to GET query cannot be used: ")
    assert words in str(caught.value)


async def test_a_web_page_is_no_missing_record(salesforce, source, spring):
    for answer in (HTML, Answer(404, HTML.body, HTML.headers)):
        salesforce.fail("GET .*/query$", answer, times=4, skip=1)
        with pytest.raises(Malformed, match="it is not JSON"):
            await source.walk(spring, None)


@pytest.mark.parametrize("answer", [error(400, "INVALID_QUERY_LOCATOR"), error(404, "NOT_FOUND")])
async def test_a_place_that_is_lost_only_needs_the_query_again(salesforce, source, spring, answer):
    salesforce.page = 2
    salesforce.fail("GET .*/query/", answer)
    [page] = await walk_pages(source, spring)
    assert (len(page.refs), page.complete) == (3, True)
    salesforce.fail("GET .*/query/", answer, times=9)
    with pytest.raises(Unavailable, match="loses the place of a query"):
        await source.walk(spring, None)


async def test_a_used_up_quota_leaves_questions_of_consent(salesforce, source, spring, given):
    [page] = await walk_pages(source, spring)
    salesforce.fail("GET", error(403, "REQUEST_LIMIT_EXCEEDED"))
    with pytest.raises(Unavailable, match="daily limit"):
        await source.walk(spring, None)
    with pytest.raises(Unavailable) as caught:
        await source.refresh(page.refs)
    assert caught.value.after <= 60
    await given.clock.sleep_until(given.clock.now() + 61_000_000)
    assert len(await source.refresh(page.refs)) == 3
    with pytest.raises(Unavailable) as caught:
        await source.walk(spring, None)
    assert caught.value.after > 3000


@pytest.mark.parametrize("hidden", ["Campaign", "Lead", "Contact", "Report"])
async def test_an_object_that_may_not_be_read_stops_no_other(salesforce, connect, spring, hidden):
    salesforce.views["00B000000000001"] = {"object": "Contact", "label": "Mine", "query": "SELECT Id FROM Contact"}
    salesforce.views["00B000000000002"] = {"object": "Lead", "label": "Ours", "query": "SELECT Id FROM Lead"}
    salesforce.add("Report", Name="People", Format="Tabular")
    whole = {one.kind for one in await connect().segments()}
    assert whole == {"campaign", "view", "report"}
    del salesforce.columns[hidden]
    salesforce.fail(f"GET .*sobjects/{hidden}/listviews", error(404, "NOT_FOUND"), times=9)
    source = connect()
    found = await source.segments()
    assert {one.kind for one in found} >= whole - {hidden.casefold()}
    [said] = found.unlisted
    assert "cannot be listed" in said
    assert "permission set" in said or f"Read on {hidden}s" in said
    assert await source.catalogue()
    ask = {"Campaign": source.walk(spring, None), "Report": source._reports.segments()}
    asked = ask.pop(hidden, None) or source._records.described(hidden)
    for other in ask.values():
        other.close()
    with pytest.raises(NeedsHuman) as caught:
        await asked
    assert caught.value.only_this
    assert "permission set" in str(caught.value)


async def test_members_of_an_object_that_may_not_be_read_are_unread(salesforce, connect, spring):
    del salesforce.columns["Lead"]
    source = connect()
    [page] = await walk_pages(source, spring)
    assert page.complete
    found = await source.refresh(page.refs)
    assert sorted((record.id[:3], record.unread) for record in found) == [
        ("003", False), ("00Q", True), ("00Q", True),
    ]  # fmt: skip
    salesforce.pass_time(600)
    told = await change_pages(source, spring, page.since)
    assert told[-1].since is not None


async def test_an_opt_out_that_a_row_does_not_have_is_unreadable(salesforce, source):
    ref = salesforce.add("Contact")
    [record] = await source.refresh([ref])
    assert not record.unreadable
    row = {key: value for key, value in salesforce.rows["Contact"][ref].items() if key != "DoNotCall"}
    salesforce.fail("GET .*/queryAll", Answer(200, {"totalSize": 1, "done": True, "records": [row]}))
    [record] = await source.refresh([ref])
    assert record.unreadable == {"opt_out_phone"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"factMap": {}}, '"factMap" has no "T!T"'),
        ({"factMap": {"T!T": {}}}, '"T!T" has no "rows"'),
        ({"factMap": {"T!T": {"rows": None}}}, '"rows" is null, not a list'),
        ({"factMap": {"T!T": {"rows": [{"dataCells": [{}]}, {"dataCells": []}]}}}, "the same number of cells"),
        ({"factMap": {"T!T": {"rows": [], "aggregates": [{"label": "2", "value": 2}]}}}, "it has 0 of 2 rows"),
        ({"allData": None}, '"allData" is null'),
        ({"reportMetadata": None}, '"reportMetadata" is null'),
    ],
)
async def test_a_malformed_report_is_no_empty_one(salesforce, connect, change, words):
    body = {
        "allData": True,
        "reportMetadata": {"name": "R", "reportFormat": "TABULAR", "aggregates": ["RowCount"]},
        "factMap": {"T!T": {"rows": []}},
    }
    salesforce.fail("GET .*analytics", Answer(200, body | change))
    with pytest.raises(Malformed) as caught:
        await connect().walk("report:00O000000000001", None)
    assert words in str(caught.value)
    salesforce.fail("GET .*analytics", Answer(200, body))
    assert (await connect().walk("report:00O000000000001", None)).complete


async def test_a_report_with_groups_stops_no_other_segment(salesforce, connect):
    salesforce.reports["00O000000000001"] = {"name": "R", "people": [], "format": "SUMMARY"}
    with pytest.raises(NeedsHuman, match="has groups") as caught:
        await connect().walk("report:00O000000000001", None)
    assert caught.value.only_this


async def test_a_field_that_is_refused_costs_neither_the_others_nor_the_task(salesforce, connect):
    ref = salesforce.add("Lead")
    source = connect(opt_out={"sms": "No_Text__c"})
    await source.catalogue()
    salesforce.columns["Lead"].pop("No_Text__c")  # hidden since the description was read
    for _ in range(2):
        with pytest.raises(Rejected, match=r"not all else: the field No_Text__c: Salesforce refuses .*No such column"):
            await source.write(Activity(ref, "opt_out", salesforce.now, "Said stop"), "k")
    lead = salesforce.rows["Lead"][ref]
    assert (lead["DoNotCall"], lead["HasOptedOutOfEmail"]) == (True, True)
    assert len(salesforce.tasks()) == 1
    assert salesforce.count("PATCH") == 5  # together, each alone, and the refused one again


async def test_a_field_that_may_not_be_edited_is_named(salesforce, connect):
    ref = salesforce.add("Contact")
    salesforce.columns["Contact"].pop("DoNotCall")
    with pytest.raises(Rejected, match="the field DoNotCall: the user of the app may not edit it on Contacts"):
        await connect().write(Activity(ref, "opt_out", salesforce.now, "Said stop", channels=("phone",)), "k")
    assert len(salesforce.tasks()) == 1


async def test_a_field_of_leads_alone_is_not_missed_on_a_contact(salesforce, connect):
    ref = salesforce.add("Contact")
    await connect(opt_out={"sms": "Rating"}).write(Activity(ref, "opt_out", salesforce.now, channels=("sms",)), "k")
    assert len(salesforce.tasks()) == 1


async def test_an_object_that_cannot_be_described_costs_no_task(salesforce, connect):
    ref = salesforce.add("Contact")
    salesforce.fail("GET .*Contact/describe", error(404, "NOT_FOUND"))
    with pytest.raises(Rejected, match="not all else: Salesforce has no Contact for the user"):
        await connect().write(Activity(ref, "opt_out", salesforce.now, "Said stop"), "k")
    assert len(salesforce.tasks()) == 1


@pytest.mark.parametrize("answer", [HTML, Answer(201, {}), Answer(201, {"id": None, "success": True})])
async def test_a_task_whose_answer_cannot_be_read_is_looked_for(salesforce, source, answer):
    ref = salesforce.add("Lead")
    salesforce.fail("POST .*Task", answer, after=True)
    with pytest.raises(InDoubt):
        await source.write(Activity(ref, "note", salesforce.now, "Hello"), "k")
    assert await source.write(Activity(ref, "note", salesforce.now, "Hello"), "k") == salesforce.tasks()[0]["Id"]
    assert len(salesforce.tasks()) == 1


async def test_an_answer_without_success_is_a_refusal(salesforce, source):
    ref = salesforce.add("Lead")
    failed = {"id": None, "success": False, "errors": [{"statusCode": "REQUIRED_FIELD_MISSING"}]}
    salesforce.fail("POST .*Task", Answer(201, failed))
    with pytest.raises(Rejected, match="REQUIRED_FIELD_MISSING"):
        await source.write(Activity(ref, "note", salesforce.now, "Hello"), "k")


async def test_a_locked_row_makes_only_itself_wait(salesforce, source):
    salesforce.fail("POST .*Task", error(400, "UNABLE_TO_LOCK_ROW"))
    with pytest.raises(Unavailable) as caught:
        await source.write(Activity(salesforce.add("Lead"), "note", salesforce.now, "Hello"), "k")
    assert caught.value.only_this


@pytest.mark.parametrize("body", [[], "x", None, {"error": None}])
async def test_a_sign_in_in_another_form_is_tried_again(salesforce, connect, spring, body):
    salesforce.fail("POST /services/oauth2/token", Answer(200, body))
    with pytest.raises(Unavailable, match="answers without a token"):
        await connect().walk(spring, None)
    salesforce.fail("POST /services/oauth2/token", Answer(400, body))
    with pytest.raises(NeedsHuman, match="refuses the sign-in"):
        await connect().walk(spring, None)
    assert refs(await walk_pages(connect(), spring))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["campaign", "view", "report"])
async def test_no_answer_that_is_spoilt_loses_anybody(salesforce, connect, kind):
    people = [salesforce.add("Contact") for _ in range(3)]
    ref = salesforce.add("Campaign", Name="Spring")
    for one in people:
        salesforce.join(ref, one)
    salesforce.views["00B000000000001"] = {"object": "Contact", "label": "All", "query": "SELECT Id FROM Contact"}
    salesforce.reports["00O000000000001"] = {"name": "R", "people": people}
    segments = {
        "campaign": f"campaign:{ref}",
        "view": "view:Contact/00B000000000001",
        "report": "report:00O000000000001",
    }
    salesforce.pass_time(3600)
    for seed in range(24):
        await exercise_bad_answers(seed, connect, salesforce, segments[kind], people)
