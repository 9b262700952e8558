"""Files that are cut off, locked, moved, renamed or large; columns, ids and settings."""

from __future__ import annotations

import os

import pytest
from fluentsd_source_csv.rows import compare
from fluentsd_source_csv.settings import read_settings

from fluentsd.api import Activity, ConfigProblem, Malformed, NeedsHuman, Unavailable
from fluentsd.testing import Answer, change_pages
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
        lambda full: Answer(200, "id,Name,Phone\nr1,Zoë,1\nr2,Bo,Zoë".encode()[:-1]),  # in the middle of a letter
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
    assert list((await source.changes(LEADS, since)).refs) == ["Leads/r7"]


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
    assert refs == [f"Leads/r{n}" for n in range(7)]
    told = await connect().changes(LEADS, page.since)
    assert (list(told.refs), list(told.gone)) == ([], ["Leads/r0"])


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
        await source.refresh(["Leads/r1"])
    assert web.count() == 1
    await given.clock.sleep_until(given.clock.now() + 61_000_000)
    await source.refresh(["Leads/r1"])
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
        (b"sep=;\r\nid;Name;\r\nr1;Ann, Bob;\r\n", ["Ann, Bob"]),
        (b"\r\n,,\r\nid,Name,,Name\r\nr1,Ann,x,Bob\r\n", ["Ann"]),
        (b"id;Name\rr1;Ann, a,b,c,d\rr2;Cy\r", ["Ann, a,b,c,d", "Cy"]),
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
    assert record.id == "Leads/+1 415 555 0001"
    assert record.fields["opt_out_sms"] is True


async def test_two_files_that_count_from_one_are_different_people(connect, tmp_path):
    """One record for both would join two people."""
    (tmp_path / "a.csv").write_text("id,Name\n1,Ann\n")
    (tmp_path / "b.csv").write_text("id,Name\n1,Bob\n2,Cy\n")
    source = connect(files={"A": f"{tmp_path}/a.csv", "A/B": f"{tmp_path}/b.csv"})
    found = [(await source.walk(f"file:{name}", None)).records for name in ("A", "A/B")]
    assert [[(one.id, one.fields["Name"]) for one in records] for records in found] == [
        [("A/1", "Ann")], [("A/B/1", "Bob"), ("A/B/2", "Cy")],
    ]  # fmt: skip
    read = await source.refresh(["A/B/1", "A/1", "A/9", "1", "C/1"])
    assert {(one.id, one.fields["Name"]) for one in read} == {("A/1", "Ann"), ("A/B/1", "Bob")}


async def test_the_files_of_a_folder_are_found_by_their_ending(connect, tmp_path):
    lists = tmp_path / "lists"
    (lists / "old.csv").mkdir(parents=True)
    for name in ("a.csv", "B.CSV", "c.txt", "d.csv.tmp"):
        (lists / name).write_text("id,Name\n1,Ann\n")
    (lists / "gone.csv").symlink_to("nowhere")
    source = connect(files={"Named": f"{lists}/c.txt"}, folder=str(lists))
    listed = await source.segments()
    assert {one.name for one in listed} == {"Named", "a", "B"}
    assert [one.endswith("gone.csv") for one in listed.unlisted] == [True]
    assert [one.what for one in await source.check() if one.ok] == [
        "csv: 'Named' has 1 row", "csv: 'B' has 1 row", "csv: 'a' has 1 row",
    ]  # fmt: skip


async def test_a_broken_file_stops_no_other(connect, tmp_path):
    """Its own people are there, not read, and told when it is mended."""
    good, broken = tmp_path / "good.csv", tmp_path / "broken.csv"
    good.write_text("id,Name\n1,Ann\n")
    broken.write_text("id,Name,Do not call\n1,Bob,\n2,Cy,\n")
    source = connect(files={"Good": str(good), "Broken": str(broken)})
    since = (await source.walk("file:Broken", None)).since
    for content, error in (('id,Name\n1,"Bo', Malformed), ("Key,Name\n1,Bob\n", NeedsHuman)):
        broken.write_text(content)
        with pytest.raises(error) as caught:
            await source.walk("file:Broken", None)
        assert error is Malformed or caught.value.only_this
        assert (await source.walk("file:Good", None)).complete
        assert [one.name for one in await source.catalogue()] == ["id", "Name"]
        listed = await source.segments()
        assert ([one.name for one in listed], "'Broken'" in listed.unlisted[0]) == (["Good"], True)
        found = {one.id: one.unread for one in await source.refresh(["Good/1", "Broken/1"])}
        assert found == {"Good/1": False, "Broken/1": True}
        with pytest.raises((Unavailable, NeedsHuman)):
            await source.refresh(["Broken/1"])
    broken.write_text("id,Name,Do not call\n1,Bob,\n2,Cy,\n")
    told = await source.changes("file:Broken", since)
    assert list(told.refs) == ["Broken/1"]
    assert list((await source.changes("file:Broken", told.since)).refs) == []


async def test_a_file_that_is_written_slowly_means_that_people_left(connect, tmp_path, given):
    file, now = tmp_path / "a.csv", given.clock.now()

    def write(content, ago):
        file.write_text(content)
        os.utime(file, ns=((now - ago) * 1000, (now - ago) * 1000))

    write("id,Name\n1,Ann\n2,Bob\n", 60_000_000)
    source = connect(files={"A": str(file)})
    since = (await source.walk("file:A", None)).since
    for half in ("id,Name\n1,Ann\n", "id,Name\n1,Ann\n2,Bob\n3,C"):
        write(half, 2_000_000)
        with pytest.raises(Malformed, match="may still be being written"):
            await source.changes("file:A", since)
    write("id,Name\n1,Ann\n2,Bob\n3,Cy\n", 1_000_000)  # whole, and nobody is missing
    told = await source.changes("file:A", since)
    assert (list(told.refs), list(told.gone)) == (["A/3"], [])
    write("id,Name\n1,Ann\n3,Cy\n", 11_000_000)
    told = await source.changes("file:A", told.since)
    assert list(told.gone) == ["A/2"]
    file.rename(tmp_path / "before.csv")
    write("id,Name\n1,Ann\n", 1_000_000)  # another file at the same name, as after a rename
    assert list((await source.changes("file:A", told.since)).gone) == ["A/3"]


async def test_a_disk_that_is_full_is_said(connect, monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fluentsd_source_csv.fetching._replace", full)
    with pytest.raises(Unavailable, match=r"cannot be kept in .*No space left on device.*make room"):
        await connect().walk(LEADS, None)


async def test_do_not_call_means_texts_too(web, connect):
    """As in an import of the same file."""
    web.content = b"id,Name,Do not call\nr1,Ann,yes\nr2,Bob,no\n"
    source = connect()
    assert {one.meaning for one in await source.catalogue()} >= {"opt_out_phone", "opt_out_sms"}
    records = (await source.walk(LEADS, None)).records
    assert [one.fields["opt_out_sms"] for one in records] == [True, False]


async def test_a_heading_for_opt_outs_that_vanishes_is_taken_for_consent(web, connect):
    web.content = b"id,Name,DNC\nr1,Ann,\n"
    [record] = (await connect().walk(LEADS, None)).records
    assert record.unreadable == frozenset()
    for content, lost in (
        (b"id,Name\nr1,Ann\n", {"opt_out_phone", "opt_out_sms"}),
        (b"id,Do not call\nr1,yes\n", set()),
    ):
        web.content = content
        [record] = (await connect().walk(LEADS, None)).records  # as after a restart
        assert record.unreadable == lost
        wrong = [one.what for one in await connect().check() if not one.ok]
        assert len(wrong) == len(lost)
    web.content = b"id,Name\nr1,Ann\n"
    [record] = (await connect(opt_out={"phone": "Name", "sms": "Name"}).walk(LEADS, None)).records
    assert record.unreadable == frozenset()  # other columns tell it now


async def test_many_changes_are_compared_once(connect, tmp_path, monkeypatch):
    file, compared = tmp_path / "a.csv", []
    write = lambda name: file.write_text("id,Name\n" + "".join(f"{n},{name}\n" for n in range(9)))  # noqa: E731
    write("Ann")
    source = connect(files={"A": str(file)})
    cursor = (await source.changes("file:A", None)).since
    write("Beth")
    monkeypatch.setattr(
        "fluentsd_source_csv.source.compare", lambda old, new: compared.append(new) or compare(old, new)
    )
    refs = [ref for page in await change_pages(source, "file:A", cursor) for ref in page.refs]
    assert (refs, len(compared)) == ([f"A/{n}" for n in range(9)], 1)


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
