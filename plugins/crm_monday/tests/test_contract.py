"""What monday documents: errors that pass and those that do not, pages without a cursor, data beside errors."""

from __future__ import annotations

import pytest

from fluentsd.api import Activity, InDoubt, Malformed, NeedsHuman, Rejected, Unavailable
from fluentsd.testing import Answer, exercise_bad_answers, walk_pages
from plugins.crm_monday.tests.fake_monday import BOARD

LEADS, TOPICS = f"list:{BOARD}", f"group:{BOARD}/topics"


def error(words, code=None, status=200, **more):
    extensions = ({"code": code} if code else {}) | more
    return Answer(status, {"errors": [{"message": words, **({"extensions": extensions} if extensions else {})}]})


LOCKED = error("Resource is currently locked, please try again later", "ResourceLockedException", status_code=423)
PASSING = [
    LOCKED,
    error("Resource is currently locked, please try again later"),
    Answer(423, {"error_message": "Resource is currently locked, please try again later", "status_code": 423}),
    Answer(423, b"Locked"),
    error("Minute limit rate exceeded", "FIELD_MINUTE_RATE_LIMIT_EXCEEDED", retry_in_seconds=3),
    error("Concurrency limit exceeded for the field", "FIELD_LIMIT_EXCEEDED", error_data={"retry_in_seconds": 15}),
    error("Concurrency limit exceeded", "maxConcurrencyExceeded"),
    error("Complexity budget exhausted, query cost 1 budget remaining 0", "COMPLEXITY_BUDGET_EXHAUSTED"),
    error("Minute limit rate exceeded"),
    error("Complexity budget exhausted, query cost 1 budget remaining 0"),
    error("try again", "423"),
    error("try again", status_code="429"),
    error("Something that was never documented", "NewLimit", retry_in_seconds=7),
    Answer(200, {"error_code": "ComplexityException", "error_message": "Complexity budget exhausted",
                 "error_data": {"retry_in_seconds": 11}, "status_code": 429}),
    Answer(200, {"errors": ["Complexity budget exhausted, query cost 3 budget remaining 1 reset in 3 seconds"]}),
    Answer(429, b"Too many requests", {"Retry-After": "9"}),
]  # fmt: skip


@pytest.mark.parametrize("answer", PASSING)
async def test_an_error_that_passes_is_waited_for(crm, connect, answer):
    ref, source = crm.item(), connect(boards=[int(BOARD)])
    crm.fail("POST /v2", answer)
    assert (await source.refresh([ref]))[0].id == ref
    crm.fail("POST /v2", answer)
    with pytest.raises(Unavailable) as caught:
        await source.write(Activity(ref, "note", crm.now, "Hello"), "k")
    assert not isinstance(caught.value, InDoubt)
    assert await source.write(Activity(ref, "note", crm.now, "Hello"), "k") in crm.updates
    assert len(crm.updates) == 1


async def test_the_waits_that_monday_names_are_kept(crm, connect, given):
    answers = [
        error("Complexity budget exhausted, query cost 3 budget remaining 1 reset in 3 seconds"),
        error("Daily limit exceeded", "DAILY_LIMIT_EXCEEDED", retry_in_seconds=100),
    ]
    source, began = connect(), given.clock.now()
    crm.fail("POST /v2", answers[0])
    await source.segments()
    assert 3_000_000 <= given.clock.now() - began < 20_000_000
    crm.fail("POST /v2", answers[1])
    with pytest.raises(Unavailable, match="daily limit") as caught:
        await source.walk(LEADS, None)
    assert caught.value.after == 100
    with pytest.raises(Unavailable, match="daily limit"):
        await source.walk(LEADS, None)
    await given.clock.sleep_until(given.clock.now() + 101_000_000)
    assert (await source.walk(LEADS, None)).complete


async def test_a_lock_makes_only_its_item_wait(crm, connect):
    crm.fail("POST /v2", LOCKED)
    with pytest.raises(Unavailable) as caught:
        await connect().write(Activity(crm.item(), "note", crm.now, "Hello"), "k")
    assert caught.value.only_this


@pytest.mark.parametrize(
    "answer",
    [
        error("Internal server error", "INTERNAL_SERVER_ERROR", retry_in_seconds=5),
        Answer(500, {"error_message": "Internal server error", "status_code": 500}),
        Answer(502, b"<html>", {"Content-Type": "text/html"}),
        Answer(200, b"<html>", {"Content-Type": "text/html"}),
        Answer(200, {"data": None}),
        Answer(200, {"data": {"create_update": None}}),
        Answer(200, []),
    ],
)
async def test_a_write_without_a_usable_answer_is_looked_for(crm, connect, answer):
    ref, source = crm.item(), connect()
    crm.fail("POST /v2", answer, after=True)
    with pytest.raises(InDoubt):
        await source.write(Activity(ref, "note", crm.now, "Hello"), "k")
    assert await source.write(Activity(ref, "note", crm.now, "Hello"), "k") in crm.updates
    assert len(crm.updates) == 1


async def test_a_write_with_its_id_has_happened_beside_an_error(crm, connect):
    ref = crm.item()
    body = {"data": {"create_update": {"id": "77"}}, "errors": [{"message": "A notification was not sent"}]}
    crm.fail("POST /v2", Answer(200, body))
    assert await connect().write(Activity(ref, "note", crm.now, "Hello"), "k") == "77"


@pytest.mark.parametrize(
    "answer",
    [
        error("User unauthorized to perform action", "UserUnauthorizedException", status_code=403),
        error("Field 'xxx' doesn't exist on type 'Item'", "undefinedField"),
        error("This status label doesn't exist", "ColumnValueException"),
    ],
)
async def test_a_refusal_is_of_the_board_and_not_of_the_account(crm, connect, answer):
    ref, source = crm.item(), connect()
    await source.segments()
    crm.fail("POST /v2", answer)
    with pytest.raises(NeedsHuman) as caught:
        await source.walk(LEADS, None)
    assert caught.value.only_this
    crm.fail("POST /v2", answer)
    with pytest.raises(Rejected):
        await source.write(Activity(ref, "note", crm.now, "Hello"), "k")


async def test_a_refused_token_is_of_the_account(crm, connect):
    for answer in (Answer(401, {"errors": [{"message": "Not Authenticated"}]}), Answer(401, b"no")):
        crm.fail("POST /v2", answer)
        with pytest.raises(NeedsHuman, match="refuses the token") as caught:
            await connect().segments()
        assert not caught.value.only_this


def first(page, **more):
    return Answer(200, {"data": {"boards": [{"items_page": page} | more]}})


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (first({"items": []}), '"items_page" has no "cursor"'),
        (first({"cursor": None, "items": None}), '"items" is null, not a list'),
        (first({"cursor": None, "items": [{"name": "x"}]}), 'an entry of "items" has no "id"'),
        (first(None), '"items_page" is null, not an object'),
        (Answer(200, {"data": {}}), 'the data has no "boards"'),
        (Answer(200, {"data": None}), "it has no data"),
        (Answer(200, []), "it is no object"),
        (Answer(200, b"<html>", {"Content-Type": "text/html"}), "it is not JSON"),
    ],
)
async def test_a_malformed_page_is_told_in_plain_words(crm, connect, answer, words):
    source = connect()
    await source.segments()
    crm.fail("POST /v2", answer, times=9)
    with pytest.raises(Malformed) as caught:
        await source.walk(LEADS, None)
    assert "monday.com's answer to the query FirstPage cannot be used: " in str(caught.value)
    assert words in str(caught.value)


async def test_a_board_with_more_items_than_it_named_is_not_complete(crm, connect):
    crm.item()
    source = connect()
    await source.segments()
    crm.fail("POST /v2", first({"cursor": None, "items": []}, items_count=1))
    [page] = await walk_pages(source, LEADS)
    assert not page.complete
    assert (await walk_pages(source, LEADS))[-1].complete


async def test_a_cursor_that_leads_to_itself_is_no_page(crm, connect):
    for _ in range(150):
        crm.item()
    source = connect()
    page = await source.walk(LEADS, None)
    crm.fail("POST /v2", Answer(200, {"data": {"next_items_page": {"cursor": "cursor-0", "items": []}}}))
    with pytest.raises(Malformed, match="its cursor is the one that was asked for"):
        await source.walk(LEADS, page.next)


async def test_an_item_that_does_not_say_its_group_has_not_left(crm, connect):
    ref = crm.item()
    crm.pass_time(600)
    source = connect(boards=[int(BOARD)], every=0)
    [page] = await walk_pages(source, TOPICS)
    before = await source.changes(TOPICS, page.since)
    item = crm._item(ref, []) | {"group": None}
    crm.fail("POST /v2", first({"cursor": None, "items": [item]}), times=2)
    told = await source.changes(TOPICS, before.since)
    assert (list(told.refs), list(told.gone)) == ([], [])
    assert not (await walk_pages(source, TOPICS))[-1].complete


async def test_an_item_that_a_sweep_forgot_is_looked_up_before_it_is_gone(crm, connect):
    stays, goes = crm.item(), crm.item()
    crm.pass_time(600)
    source = connect(boards=[int(BOARD)], every=0)
    [page] = await walk_pages(source, LEADS)
    before = await source.changes(LEADS, page.since)
    crm.edit(goes, state="deleted")
    crm.fail("POST /v2", first({"cursor": None, "items": []}))
    told = await source.changes(LEADS, before.since)
    assert list(told.gone) == [goes]
    after = await source.changes(LEADS, told.since)
    assert (list(after.gone), stays in {one.id for one in await source.refresh([stays])}) == ([], True)


async def test_a_column_that_is_refused_costs_neither_the_others_nor_the_update(crm, connect):
    ref, source = crm.item(), connect(opt_out={"phone": "Do not call", "all": {"field": "Status", "values": ["Stop"]}})
    for _ in range(2):
        with pytest.raises(Rejected, match=r"not all else: the column Status: .*status label doesn't exist"):
            await source.write(Activity(ref, "opt_out", crm.now, "Said stop"), "k")
    assert crm.items[ref]["values"]["boolean_1"] is True
    assert len(crm.updates) == 1
    changes = [one for one in crm.asked if one.json["operationName"] == "ChangeColumns"]
    assert len(changes) == 4  # together, each alone, and the refused one again


@pytest.mark.slow
@pytest.mark.parametrize("segment", [LEADS, TOPICS, f"status:{BOARD}/status/0"])
async def test_no_answer_that_is_spoilt_loses_anybody(crm, connect, segment):
    members = [crm.item() for _ in range(4)]
    crm.left = 1_000_000
    crm.pass_time(3600)
    for seed in range(24):
        await exercise_bad_answers(seed, lambda: connect(every=0, calls_per_day=1_000_000), crm, segment, members)
