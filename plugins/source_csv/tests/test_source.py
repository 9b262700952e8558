"""Files that are cut off, locked, moved, renamed or large; columns, ids and settings."""

from __future__ import annotations

import pytest
from fluentsd_source_csv.settings import read_settings

from fluentsd.api import Activity, ConfigProblem, NeedsHuman, Unavailable
from fluentsd.testing import Answer
from plugins.source_csv.tests.fake_web import as_csv

LEADS = "file:Leads"


async def whole(source):
    page = await source.walk(LEADS, None)
    refs = list(page.refs)
    while page.next:
        page = await source.walk(LEADS, page.next)
        refs += page.refs
    assert page.complete
    return refs, page.since


@pytest.mark.parametrize(
    "cut",
    [
        lambda full: Answer(200, full[:40], {"Content-Length": str(len(full))}),  # the connection ends early
        lambda full: Answer(200, b'id,Name\nr1,"Ann'),  # in the middle of a quote
        lambda full: Answer(200, b"id,Name,Phone\nr1,Ann,1\nr2,Bo"),  # in the middle of a line
        lambda full: Answer(200, b""),
        lambda full: Answer(500, b"oops"),
        lambda full: None,
    ],
)
async def test_an_incomplete_download_means_that_people_left(web, connect, cut, given):
    source = connect()
    _, since = await whole(source)
    web.fail("GET /leads", cut(as_csv(list(web.rows.values()))), times=2)
    web.rows["r7"] = {"id": "r7"}
    for call in (source.changes(LEADS, since), source.walk(LEADS, None)):
        with pytest.raises(Unavailable):
            await call
    assert list((await source.changes(LEADS, since)).refs) == ["r7"]


async def test_a_login_page_means_that_people_left(web, connect):
    source = connect()
    await whole(source)
    web.content = b"<!DOCTYPE html><html>Sign in"
    with pytest.raises(NeedsHuman, match="share it with the link"):
        await source.walk(LEADS, None)
    web.content = None
    web.fail("", Answer(403, b"no"))
    with pytest.raises(NeedsHuman, match="everyone with the link"):
        await source.walk(LEADS, None)


async def test_a_walk_keeps_to_one_content_also_after_a_restart(web, connect):
    page = await connect().walk(LEADS, None)
    del web.rows["r0"]
    refs = list(page.refs)
    while page.next:
        page = await connect().walk(LEADS, page.next)
        refs += page.refs
    assert refs == [f"r{n}" for n in range(7)]
    told = await connect().changes(LEADS, page.since)
    assert (list(told.refs), list(told.gone)) == ([], ["r0"])


async def test_contents_that_are_too_old_begin_a_walk(web, connect):
    source = connect()
    page = await source.walk(LEADS, None)
    for n in range(6):
        web.rows[f"x{n}"] = {"id": f"x{n}"}
        await source.changes(LEADS, None)
    with pytest.raises(ValueError, match="begin again"):
        await connect().walk(LEADS, page.next)


async def test_an_unchanged_file_is_not_sent_again(web, connect):
    source = connect()
    await source.walk(LEADS, None)
    page = await connect().changes(LEADS, (await connect().changes(LEADS, None)).since)
    assert page.requests == 1
    assert {one.headers.get("if-none-match", "")[:1] for one in web.asked[1:]} == {'"'}


async def test_an_address_is_asked_no_more_often_than_set(web, connect, given):
    source = connect(every=60)
    for _ in range(5):
        await source.refresh(["r1"])
    assert web.count() == 1
    await given.clock.sleep_until(given.clock.now() + 61_000_000)
    await source.refresh(["r1"])
    assert web.count() == 2


async def test_a_redirect_is_followed_and_a_loop_is_not(web, connect):
    assert (await connect(files={"Leads": f"{web.url}/moved.csv"}).walk(LEADS, None)).refs
    web.fail("", Answer(302, None, {"Location": "/leads.csv"}), times=99)
    with pytest.raises(NeedsHuman, match="redirects more than 5 times"):
        await connect().walk(LEADS, None)


async def test_a_file_that_is_too_large_is_refused_before_it_is_read_whole(web, connect):
    web.content = b"id,Name\n" + b"".join(b"r%d,%s\n" % (n, b"x" * 1000) for n in range(1100))
    with pytest.raises(NeedsHuman, match="more than 1 MB"):
        await connect(max_size=1).walk(LEADS, None)


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("id;Name\nr1;Zoë\n".encode("cp1252"), ["Zoë"]),
        ("\ufeffid,Name\nr1,Zoë\n".encode(), ["Zoë"]),
        ("id\tName\nr1\tZoë\n".encode("utf-16"), ["Zoë"]),
        (b'id,Name\r\nr1,"Ann, the\nsecond"\r\nr1,Other\r\n,Nobody\r\n', ["Ann, the\nsecond"]),
    ],
)
async def test_spreadsheets_of_all_kinds_are_read(web, connect, content, names):
    web.content = content
    page = await connect().walk(LEADS, None)
    assert [one.fields["Name"] for one in page.records] == names


async def test_a_phone_can_be_the_id_and_headings_have_meanings(web, connect):
    web.content = b"Cell Phone,E-mail Address,DNC,Consent\n+1 415 555 0001,ann@example.com,yes,No texts\n"
    source = connect(id="cell phone", opt_out={"sms": {"field": "consent", "values": ["No texts"]}})
    meanings = {one.name: one.meaning for one in await source.catalogue()}
    assert meanings == {
        "Cell Phone": "phone", "E-mail Address": "email", "DNC": "opt_out_phone", "Consent": "",
        "opt_out_sms": "opt_out_sms",
    }  # fmt: skip
    [record] = (await source.walk(LEADS, None)).records
    assert record.id == "+1 415 555 0001"
    assert record.fields["opt_out_sms"] is True


async def test_a_column_that_is_gone_is_taken_for_consent(web, connect):
    [record, *_] = (await connect(opt_out={"phone": "Stop"}).walk(LEADS, None)).records
    assert record.unreadable == {"opt_out_phone"}
    wrong = [one for one in await connect(opt_out={"phone": "Stop"}).check() if not one.ok]
    assert "no column 'Stop'" in wrong[0].what


async def test_a_missing_id_column_says_which_there_are(web, connect):
    with pytest.raises(NeedsHuman, match="set id to one of its columns: id, Name, Phone"):
        await connect(id="Key").walk(LEADS, None)


async def test_an_activity_is_a_line_and_written_once(connect, given, tmp_path):
    note = Activity("r1", "note", 5, "Hello")
    assert await connect().write(note, "k") == await connect().write(note, "k")
    [line] = (tmp_path / "activities.jsonl").read_text().splitlines()
    assert '"summary": "Hello"' in line


def test_a_google_sheet_is_read_by_its_export():
    sheet = "https://docs.google.com/spreadsheets/d/1AbC_d-e/edit?usp=sharing#gid=42"
    settings = read_settings({"files": {"Leads": sheet}})
    assert settings.files["Leads"] == "https://docs.google.com/spreadsheets/d/1AbC_d-e/export?format=csv&gid=42"


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({}, "files: is missing"),
        ({"files": "https://example.com/a.csv"}, "should be a table of names"),
        ({"files": {"A": "http://example.com/a.csv"}}, "does not travel over http"),
        ({"files": {"A": "a.csv"}}, "neither an https address nor a path"),
        ({"folder": "/nonexistent"}, "is not a folder"),
        ({"files": {"A": "/a.csv"}, "id": 5}, "should be the heading"),
        ({"files": {"A": "/a.csv"}, "every": -1}, "should be seconds"),
        ({"files": {"A": "/a.csv"}, "max_size": "5MB"}, "should be megabytes"),
    ],
)
def test_a_mistake_in_the_settings_has_a_fix(table, words):
    with pytest.raises(ConfigProblem) as caught:
        read_settings(table)
    assert words in str(caught.value)
