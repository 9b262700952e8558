"""Segments, columns, writes, limits and settings; complaints as tests named after the failure; monday's own schema."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
import trio
from fluentsd_crm_monday.documents import ALL
from fluentsd_crm_monday.settings import read_settings

from fluentsd.api import Activity, ConfigProblem, NeedsHuman, Rejected, Unavailable
from fluentsd.testing import Answer, walk_pages
from plugins.crm_monday.tests.fake_monday import BOARD

LEADS = f"list:{BOARD}"
TOPICS = f"group:{BOARD}/topics"


def refs(pages):
    return {ref for page in pages for ref in page.refs}


async def test_boards_groups_and_statuses_are_segments(connect):
    found = await connect(boards=[int(BOARD)]).segments()
    assert [(one.id, one.name) for one in found] == [
        (LEADS, "Leads"), (TOPICS, "Leads: Leads"), (f"group:{BOARD}/done", "Leads: Done"),
        (f"status:{BOARD}/status/0", "Leads: Status: New"), (f"status:{BOARD}/status/1", "Leads: Status: Won"),
    ]  # fmt: skip


async def test_items_of_a_status_are_walked(crm, connect):
    crm.item()
    won = crm.item(status="Won")
    assert refs(await walk_pages(connect(), f"status:{BOARD}/status/1")) == {won}


async def test_items_come_in_another_order_and_are_lost(crm, connect):
    members = {crm.item() for _ in range(250)}
    pages = await walk_pages(connect(), LEADS)
    assert [len(page.refs) for page in pages] == [100, 100, 50]
    assert refs(pages) == members
    assert pages[-1].complete


async def test_a_cursor_that_ends_leads_to_an_endless_loop(crm, connect, given):
    for _ in range(150):
        crm.item()
    source = connect()
    first = await source.walk(LEADS, None)
    crm.pass_time(3601)
    with pytest.raises(ValueError, match="begin again"):
        await source.walk(LEADS, first.next)
    first = await source.walk(LEADS, None)
    before = crm.count()
    await given.clock.sleep_until(given.clock.now() + 3_400_000_000)
    with pytest.raises(ValueError, match="60 minutes"):
        await source.walk(LEADS, first.next)
    assert crm.count() == before  # known without a call


async def test_half_a_page_with_errors_is_taken_for_the_whole(crm, connect):
    crm.item()
    source = connect()
    await source.segments()
    error = {"message": "Internal server error", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}
    half = {"data": {"boards": [{"items_page": {"cursor": None, "items": []}}]}, "errors": [error]}
    crm.fail("POST /v2", Answer(200, half), times=9)
    with pytest.raises(Unavailable, match="Internal server error"):
        await source.walk(LEADS, None)


async def test_calls_run_out_before_noon(crm, connect, given):
    """Many segments of a board share one sweep, and a board is swept no more often than `every`."""
    for _ in range(20):
        crm.item()
    source = connect(every=900, boards=[int(BOARD)])
    segments = [one.id for one in await source.segments()]
    cursors = {one: (await source.changes(one, None)).since for one in segments}
    before = crm.count()
    for _ in range(10):
        for one in segments:
            page = await source.changes(one, cursors[one])
            cursors[one] = page.since
            assert page.requests == 0
    assert crm.count() == before
    await given.clock.sleep_until(given.clock.now() + 901_000_000)
    for one in segments:
        await source.changes(one, cursors[one])
    assert crm.count() == before + 1


async def test_a_sweep_names_an_item_once_until_the_next_one(crm, connect, given):
    """Each naming of an item is a call to read it, and the sweep is served for a quarter of an hour."""
    crm.item()
    crm.pass_time(600)
    source = connect(every=900)
    [page] = await walk_pages(source, TOPICS)
    crm.pass_time(5)
    comer = crm.item()
    told = await source.changes(TOPICS, page.since)
    assert list(told.refs) == [comer]
    for _ in range(3):
        told = await source.changes(TOPICS, told.since)
        assert (list(told.refs), list(told.gone), told.requests) == ([], [], 0)
    assert list((await source.changes(TOPICS, page.since)).refs) == [comer]  # a page that was lost on the way
    crm.edit(comer, text_1="x")
    await given.clock.sleep_until(given.clock.now() + 901_000_000)
    assert list((await source.changes(TOPICS, told.since)).refs) == [comer]


async def test_the_share_of_the_day_ends_in_an_error(crm, connect):
    source = connect(calls_per_day=10, daily_share=0.5)
    for _ in range(5):
        await source._boards.all(-1)
    with pytest.raises(Unavailable, match="5 of 5 requests of today") as caught:
        await source._boards.all(-1)
    assert caught.value.after > 3600
    again = connect(calls_per_day=10, daily_share=0.5)
    with pytest.raises(Unavailable, match="5 of 5"):
        await again.segments()
    assert crm.count() == 5


async def test_the_daily_limit_is_asked_again_and_again(crm, connect):
    crm.left = 0
    source = connect()
    for _ in range(3):
        with pytest.raises(Unavailable, match="daily limit") as caught:
            await source.segments()
        assert caught.value.after > 60
    assert crm.count() == 1


async def test_complexity_is_used_up_and_the_sync_never_ends(crm, connect, given):
    crm.item()
    limited = {"errors": [{"message": "Complexity budget exhausted", "extensions":
        {"code": "COMPLEXITY_BUDGET_EXHAUSTED", "retry_in_seconds": 31}}]}  # fmt: skip
    crm.fail("POST /v2", Answer(200, limited))
    began = given.clock.now()
    assert len(await connect().segments()) > 1
    assert 31_000_000 <= given.clock.now() - began < 60_000_000


async def test_a_deleted_item_stays_for_ever(crm, connect):
    members = [crm.item() for _ in range(3)]
    crm.pass_time(600)
    source = connect()
    [page] = await walk_pages(source, LEADS)
    first = await source.changes(LEADS, page.since)
    crm.edit(members[0], state="deleted")
    crm.edit(members[1], state="archived")
    told = await source.changes(LEADS, first.since)
    assert set(told.gone) == set(members[:2])
    assert [one.id for one in await source.refresh(members)] == members[2:]


async def test_a_moved_item_is_missed(crm, connect):
    members = [crm.item() for _ in range(3)]
    crm.pass_time(600)
    source = connect()
    [page] = await walk_pages(source, TOPICS)
    crm.edit(members[0], group="done")
    comer = crm.item()
    crm.pass_time(5)
    told = await source.changes(TOPICS, page.since)
    assert (list(told.refs), list(told.gone)) == ([comer], [members[0]])


async def test_a_removed_opt_out_column_is_taken_for_consent(crm, connect):
    ref = crm.item(boolean_1=True)
    [record] = await connect(opt_out={"phone": "Do not call"}).refresh([ref])
    assert (record.fields["opt_out_phone"], record.unreadable) == (True, frozenset())
    crm.columns = [one for one in crm.columns if one["id"] != "boolean_1"]
    source = connect(opt_out={"phone": "Do not call"}, boards=[int(BOARD)])
    [record] = await source.refresh([ref])
    assert record.unreadable == {"opt_out_phone"}
    assert any("nobody on it is contacted" in one.what for one in await source.check() if not one.ok)


async def test_a_lost_answer_writes_an_update_twice(crm, connect):
    ref = crm.item()
    call = Activity(ref, "call", crm.now, "Call <b>", outcome="answered")
    source = connect()
    crm.fail("POST /v2", None, after=True)
    with pytest.raises(Unavailable, match="answer to a write was lost"):
        await source.write(call, "k")
    assert [await connect().write(call, "k")] == list(crm.updates)
    assert "Call &lt;b&gt;" in crm.updates[next(iter(crm.updates))]["body"]


async def test_writes_at_once_corrupt_a_board(crm, connect):
    """A write waits for a second one to arrive; none does."""
    members = [crm.item() for _ in range(3)]
    source, respond = connect(), crm.respond
    running, second = [], threading.Event()

    def watched(request):
        if request.json["operationName"] not in ("CreateUpdate", "ChangeColumns"):
            return respond(request)
        running.append(request)
        if len(running) > 1:
            second.set()
        second.wait(0.02)
        running.remove(request)
        return respond(request)

    crm.respond = watched
    async with trio.open_nursery() as nursery:
        for n, ref in enumerate(members):
            nursery.start_soon(source.write, Activity(ref, "note", crm.now, fields={"Case": "x"}), f"k{n}")
    assert len(crm.updates) == 3
    assert not second.is_set()


async def test_values_are_written_by_the_type_of_their_column(crm, connect):
    ref = crm.item()
    source = connect(opt_out={"phone": "Do not call", "all": {"field": "Status", "values": ["Won"]}})
    await source.write(Activity(ref, "opt_out", crm.now, channels=("phone",), fields={"Case": "Crash"}), "k1")
    assert (crm.items[ref]["values"]["boolean_1"], crm.items[ref]["values"]["text_1"]) == (True, "Crash")
    assert crm.items[ref]["values"]["status"] == "New"
    await source.write(Activity(ref, "opt_out", crm.now), "k2")
    assert crm.items[ref]["values"]["status"] == "Won"


async def test_an_opt_out_does_not_wait_for_the_share_of_the_quota(crm, connect):
    ref = crm.item()
    source = connect(opt_out={"phone": "Do not call"}, calls_per_day=200, daily_share=0.01)
    await source.refresh([ref])
    await source.refresh([ref])
    with pytest.raises(Unavailable, match="daily_share"):
        await source.write(Activity(ref, "note", crm.now, "Hello"), "other")
    crm.fail("POST /v2", None, skip=2, after=True)  # the item and its column are answered, the update is not
    opt_out = Activity(ref, "opt_out", crm.now, channels=("phone",))
    with pytest.raises(Unavailable, match="answer to a write was lost"):
        await source.write(opt_out, "key")
    assert [await source.write(opt_out, "key")] == list(crm.updates)
    assert crm.items[ref]["values"]["boolean_1"] is True


async def test_a_label_that_is_missing_is_created_by_a_typing_error(crm, connect):
    ref = crm.item()
    with pytest.raises(Rejected, match="status label doesn't exist"):
        await connect().write(Activity(ref, "note", crm.now, fields={"Status": "Wno"}), "k")
    with pytest.raises(Rejected, match="no column 'Nonsense'"):
        await connect().write(Activity(ref, "note", crm.now, fields={"Nonsense": 1}), "k2")
    with pytest.raises(Rejected, match="Item not found"):
        await connect().write(Activity("5", "note", crm.now), "k3")


async def test_a_status_is_followed_when_its_label_is_renamed(crm, connect, given):
    """monday keeps the number of a label; a list by its name would be empty, and everybody would leave it."""
    won = crm.item(status="Won")
    crm.item()
    crm.pass_time(600)
    source, segment = connect(), f"status:{BOARD}/status/1"
    [page] = await walk_pages(source, segment)
    before = await source.changes(segment, page.since)
    crm.rename("status", "1", "Closed won")
    told = await source.changes(segment, before.since)
    assert list(told.gone) == []
    assert refs(await walk_pages(source, segment)) == {won}
    await given.clock.sleep_until(given.clock.now() + 61_000_000)
    assert "Leads: Status: Closed won" in [one.name for one in await source.segments()]
    assert refs(await walk_pages(source, segment)) == {won}


async def test_a_status_column_that_is_deleted_is_a_segment_that_is_not_there(crm, connect):
    crm.item(status="Won")
    source = connect()
    await source.segments()
    crm.columns = [one for one in crm.columns if one["id"] != "status"]
    with pytest.raises(LookupError, match="no segment 'status:9001/status/1' any more"):
        await source.walk(f"status:{BOARD}/status/1", None)


async def test_a_status_that_was_never_set_is_its_blank_label(crm, connect):
    crm.columns[3]["labels"] = {"0": "New", "1": "Won", "5": "Fresh"}
    ref = crm.item()
    crm.edit(ref, status=None)
    assert refs(await walk_pages(connect(), f"status:{BOARD}/status/5")) == {ref}


async def test_a_renamed_opt_out_label_is_taken_for_consent(crm, connect):
    """Whom a new label asks not to contact, only a person can say: nobody is contacted."""
    crm.columns[3]["labels"] = {"0": "New", "1": "Won", "2": "Do not contact"}
    out, other = crm.item(status="Do not contact"), crm.item()
    rule = {"all": {"field": "Status", "values": ["Do not contact"]}}
    source = connect(opt_out=rule, boards=[int(BOARD)])
    found = {one.id: one for one in await source.refresh([out, other])}
    assert [found[ref].fields["opt_out"] for ref in (out, other)] == [True, False]
    assert found[other].unreadable == frozenset()
    crm.rename("status", "2", "Blocked")
    for _ in range(2):  # by the boards as they were, then as they are
        found = {one.id: one for one in await source.refresh([out, other])}
        assert found[out].unreadable == {"opt_out"}
    assert found[other].unreadable == {"opt_out"}
    [wrong] = [one for one in await source.check() if not one.ok]
    assert "has no label 'Do not contact' in its column 'Status': nobody on it is contacted (all)" in wrong.what


async def test_a_label_that_no_board_tells_is_asked_for_once(crm, connect):
    ref = crm.item(status="Hidden")
    source = connect(opt_out={"all": {"field": "Status", "values": ["Won"]}})
    [record] = await source.refresh([ref])
    assert record.unreadable == {"opt_out"}
    for _ in range(3):
        [record] = await source.refresh([ref])
    assert (record.unreadable, record.fields["opt_out"]) == (frozenset(), False)
    assert [one.json["operationName"] for one in crm.asked].count("Boards") == 2


async def test_an_opt_out_label_with_a_comma_is_one_label(crm, connect):
    crm.columns[3]["labels"] = {"0": "New", "1": "Lost, do not contact"}
    ref = crm.item(status="Lost, do not contact")
    rule = {"all": {"field": "Status", "values": ["Lost, do not contact"]}}
    [record] = await connect(opt_out=rule).refresh([ref])
    assert record.fields["opt_out"] is True


async def test_a_new_group_is_found_within_a_minute(crm, connect, given):
    source = connect()
    await source.segments()
    crm.groups["fair"] = "Fair"
    ref = crm.item("fair")
    await given.clock.sleep_until(given.clock.now() + 61_000_000)
    assert refs(await walk_pages(source, f"group:{BOARD}/fair")) == {ref}
    assert f"group:{BOARD}/fair" in [one.id for one in await source.segments()]


async def test_documents_and_subitems_are_no_lists(crm, connect):
    crm.boards |= {"9003": "Handbook", "9004": "Subitems of Leads"}
    crm.kinds |= {"9003": "document", "9004": "sub_items_board"}
    boards = {one.name for one in await connect().segments() if one.kind == "list"}
    assert boards == {"Leads", "Other"}
    named = await connect(boards=[9003, 9004]).segments()
    assert {one.name for one in named if one.kind == "list"} == {"Subitems of Leads"}


async def test_boards_that_nobody_named_need_no_opt_out_column(crm, connect):
    found = await connect(opt_out={"phone": "Do not call"}).check()
    assert all(one.ok for one in found)
    crm.columns = [one for one in crm.columns if one["id"] != "boolean_1"]
    found = await connect(opt_out={"phone": "Do not call"}).check()
    assert sum(not one.ok for one in found) == 2


@pytest.mark.parametrize(
    ("kept", "number"),
    [
        (("12125550101", "US"), "+12125550101"),
        (("2125550101", "US"), "+12125550101"),
        (("07911 123456", "GB"), "+447911123456"),
        (("07911123456", "GB"), "+447911123456"),
        (("447911123456", "GB"), "+447911123456"),
        (("12125550101", "IL"), "+12125550101"),
        (("+1 212 555 0101", "US"), "+1 212 555 0101"),
        (("07911123456", ""), "07911123456"),
        (("212 555 0101 x5", "US"), "212 555 0101 x5"),
        (("call me", "US"), "call me"),
    ],
)
async def test_a_phone_is_read_with_its_country(crm, connect, kept, number):
    [record] = await connect().refresh([crm.item(phone_1=kept)])
    assert record.fields["Phone"] == number


async def test_a_phone_is_written_with_its_country(crm, connect):
    ref, source = crm.item(), connect()
    await source.write(Activity(ref, "note", crm.now, fields={"Phone": "+447400123456"}), "k1")
    assert crm.items[ref]["values"]["phone_1"] == ("+447400123456", "GB")
    with pytest.raises(Rejected, match=r"'Phone' takes a phone with its country's code, like \+1"):
        await source.write(Activity(ref, "note", crm.now, fields={"Phone": "5550101"}), "k2")


async def test_a_long_text_is_cut_to_what_monday_takes(crm, connect):
    crm.columns.append({"id": "long_1", "title": "Notes", "type": "long_text"})
    ref = crm.item()
    await connect().write(Activity(ref, "note", crm.now, fields={"Notes": "x" * 3000}), "k")
    assert crm.items[ref]["values"]["long_1"] == {"text": "x" * 2000}


async def test_phones_and_mailboxes_are_found_in_columns_of_text_and_in_mirrors(crm, connect):
    crm.columns = [
        crm.columns[0], {"id": "t", "title": "Mobile phone", "type": "text"},
        {"id": "m", "title": "Email", "type": "mirror"}, {"id": "s", "title": "Phone", "type": "people"},
    ]  # fmt: skip
    ref = crm.item(t="14155550001", m="ann@example.com")
    fields = {one.name: one.meaning for one in await connect().catalogue()}
    assert fields == {"Name": "name", "Mobile phone": "phone", "Email": "email", "Phone": ""}
    [record] = await connect().refresh([ref])
    assert (record.fields["Mobile phone"], record.fields["Email"]) == ("+14155550001", "ann@example.com")


async def test_a_phone_has_its_plus_and_an_item_its_address(crm, connect):
    ref = crm.item(phone_1="14155550001")
    [record] = await connect().refresh([ref, "nonsense"])
    assert record.fields["Phone"] == "+14155550001"
    assert record.url.endswith(f"/pulses/{ref}")
    assert "Case" not in record.fields


async def test_the_check_knows_a_wrong_token_and_a_wrong_board(connect):
    [wrong] = await connect(token="wrong").check()
    assert "refuses the token" in wrong.what
    with pytest.raises(NeedsHuman):
        await connect(token="wrong").segments()
    found = [one.what for one in await connect(boards=[5]).check() if not one.ok]
    assert found == ["monday: there is no active board 5"]


@pytest.mark.parametrize("segment", ["list:5", f"group:{BOARD}/x", f"status:{BOARD}/status/x", f"list:{BOARD}/x", "x"])
async def test_an_unknown_segment_is_a_lookup_error(connect, segment):
    with pytest.raises(LookupError):
        await connect().walk(segment, None)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({}, "token: is missing"),
        ({"token": "Bearer x"}, "without the word Bearer"),
        ({"token": "t", "boards": "Leads"}, "list of board numbers"),
        ({"token": "t", "calls_per_day": 0}, "200, 1000, 10000 or 25000"),
        ({"token": "t", "version": "2026-11"}, "not a version of monday's API"),
        ({"token": "t", "every": -1}, "should be seconds"),
        ({"token": "t", "fields": "x"}, "columns by title"),
        ({"token": "t", "base_url": "http://example.com"}, "http only on this machine"),
    ],
)
def test_a_mistake_in_the_settings_has_a_fix(table, words):
    with pytest.raises(ConfigProblem) as caught:
        read_settings(table)
    assert words in str(caught.value)


@pytest.mark.contract
@pytest.mark.slow
def test_every_document_is_in_the_schema():
    """Against monday's published schema (github.com/mondaycom/mcp, MIT)."""
    file = Path(os.environ.get("FLUENTSD_SPECS", "")) / "monday.graphql"
    if not os.environ.get("FLUENTSD_SPECS") or not file.exists():
        pytest.skip("monday's schema is not compared: FLUENTSD_SPECS does not name a folder with it.")
    from graphql import build_schema, parse, validate

    schema = build_schema(file.read_text("utf-8"), assume_valid_sdl=True)
    for name, document in ALL.items():
        assert [one.message for one in validate(schema, parse(document))] == [], name
    assert validate(schema, parse("query { boards { nonsense } }"))


async def test_the_summary_of_a_call_is_an_update_with_the_values_it_maps(crm, connect):
    ref = crm.item()
    note = Activity(ref, "note", crm.now, "Summary of the call", "Wants a lawyer", fields={"Case": "Crash"})
    for _ in range(2):
        await connect().write(note, "analysis:a1:1")
    [update] = crm.updates.values()
    assert "Wants a lawyer" in update["body"]
    assert crm.items[ref]["values"]["text_1"] == "Crash"
