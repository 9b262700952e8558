"""Uploads in the wizard: what a file's columns mean, what is refused, and the same import as on the shell."""

from __future__ import annotations

import inspect

import pytest

from fluentsd.cli.import_csv import import_file
from fluentsd.fronts.slack.wizard import csv
from tests.engine.stage import SMS, spec
from tests.fronts.slack.conftest import Office
from tests.fronts.slack.modals import Person

LIST = (
    b"First Name,Mobile,Email,Do Not Call,Colour\n"
    b"Jane,+12125550101,jane@example.com,,red\n"
    b"Lee,+12125550102,lee@example.com,yes,blue\n"
    b"Jane,+12125550101,jane@example.com,,green\n"
    b"Bad,123,nothing,,<!channel> *bold* :smile:\n"
)


async def at_upload(office: Office, name: str, content: bytes, mimetype: str = "text/csv") -> Person:
    """A person whose upload form holds a file."""
    await office.stage.do("campaign apply", file=spec(SMS, ref="spring", name="Spring fair"))
    await office.stage.do("campaign owner", ref="spring", owner="@sales")
    dana = Person(office.slack)
    await dana.say("edit spring contacts")
    await dana.shows("Who is contacted?")
    await dana.press("Upload a CSV")
    await dana.until(lambda: dana.page == "upload")
    return dana.upload(name, content, mimetype)


async def test_columns_are_shown_corrected_and_imported(office: Office) -> None:
    dana = await at_upload(office, "people.csv", LIST)
    assert await dana.submit() == {}
    assert dana.page == "columns"
    assert "• First Name → first name\\n• Mobile → phone\\n• Email → email" in dana.text
    assert "column." not in str([one.get("block_id") for one in dana.view["blocks"]])
    await dana.more()
    values = {block: next(iter(one.values())).get("selected_option") for block, one in dana.state()["values"].items()}
    meanings = {block: chosen["value"] for block, chosen in values.items() if block.startswith("column.")}
    assert list(meanings.values()) == ["first_name", "phone", "email", "opt_out", "variable"]
    assert "1 person of the first rows opted out" in dana.text
    assert "<!channel>" not in dana.mrkdwn
    assert await dana.fill(column__2__0="ignore", column__4__0="timezone").submit() == {}
    assert "✅ *2 of 4 people added* · 1 left out: Mobile: too few digits" in dana.text
    assert "(line 5) · 1 row" in dana.text
    assert "about somebody who is in the file already" in dana.text
    assert "entered the suppression list" in dana.text
    assert "<!channel>" not in dana.mrkdwn
    assert await dana.submit() == {}
    assert "2 people enrolled so far" in dana.text
    jane = (await office.stage.do("contacts find", words="Jane"))["people"][0]
    assert jane["points"] == ["+12125550101"]
    entries = (await office.stage.do("log", target="spring"))["entries"]
    assert ("import", "slack:U1 Dana") in {(one["verb"], one["actor"]) for one in entries}


async def test_consent_that_does_not_cover_the_flow_says_what_happens_then(office: Office) -> None:
    dana = await at_upload(office, "people.csv", LIST)
    await dana.submit()
    lacks = "Written consent to texts is not confirmed here. People in the US of whom none is on record get no texts: "
    lacks += "they wait before the step `text`"
    assert lacks in dana.text
    dana.fill(csv__basis="written", csv__given="2026-02-01", csv__by="Dana Roe")
    await dana.change("csv.scope", ["sms"])
    await dana.shows("This covers the texts of the flow to people in the US")
    await dana.change("csv.basis", "express")
    await dana.shows(lacks)
    assert dana.state()["values"]["csv.given"]["csv.given"]["selected_date"] == "2026-02-01"
    assert set(await dana.fill(csv__given="2099-02-01").submit()) == {"csv.given"}
    assert await dana.fill(csv__given="2026-02-01").submit() == {}
    assert "of 4 people added" in dana.text
    assert lacks in dana.text
    assert await dana.submit() == {}
    await dana.choose("wizard:goto", "Review")
    await dana.shows("*0 people* of 2 would be contacted")  # the gate says the same
    assert "the consent required by the law of the person's place is not on record" in dana.text


async def test_one_meaning_for_two_columns_is_refused_beside_the_second(office: Office) -> None:
    dana = await at_upload(office, "people.csv", LIST)
    await dana.submit()
    await dana.more()
    errors = await dana.fill(column__4__0="first_name").submit()
    assert errors == {"column.4.0": "First Name is the first name already; let it be a variable first."}


async def test_a_file_without_a_header_is_read_again_as_one(office: Office) -> None:
    dana = await at_upload(office, "people.csv", LIST)
    await dana.submit()
    await dana.fill(csv__by="Dana Roe").more()
    await dana.change("csv.header", "no")
    await dana.shows("column.0.1")
    assert "line 1: First Name" in dana.text
    assert "Choose it below" in dana.text
    assert dana.state()["values"]["csv.by"]["csv.by"]["value"] == "Dana Roe"
    assert "Name the column of the numbers" in (await dana.submit())["csv.header"]
    await dana.change("csv.delimiter", ";;")
    await dana.shows("A delimiter is one character")
    await dana.change("csv.delimiter", "|")
    await dana.change("csv.delimiter", ",")
    await dana.shows("column.4.")
    await dana.change("csv.region", "Atlantis")
    await dana.shows("is not a country")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("people.csv", b"%PDF-1.7 hello", '"people.csv" is a PDF, not CSV. Nothing was imported.'),
        ("people.xlsx", b"PK\x03\x04", "is an Excel workbook"),
        ("people.csv", b"", "is empty"),
        ("people.csv", b"x" * (10 * 1024 * 1024 + 1), "more than 10 MB"),
    ],
)
async def test_what_is_no_list_is_refused_beside_the_file(
    office: Office, name: str, content: bytes, words: str
) -> None:
    dana = await at_upload(office, name, content)
    errors = await dana.submit()
    assert words in errors["csv.file"]
    assert dana.page == "upload"


async def test_a_file_that_slack_does_not_hand_over_names_the_scope(office: Office) -> None:
    dana = await at_upload(office, "people.csv", LIST)
    office.slack.files.clear()
    assert "files:read" in (await dana.submit())["csv.file"]


async def test_an_upload_goes_on_after_a_restart(office: Office) -> None:
    """The bytes are kept in memory only; Slack has them still."""
    dana = await at_upload(office, "people.csv", LIST)
    await dana.submit()
    office.front._services.wizard.uploads.forget(
        dana.view["private_metadata"].partition('"file":"')[2].partition('"')[0]
    )
    assert await dana.submit() == {}
    assert office.slack.calls["files.info"] == 1
    assert "*2 of 4 people added*" in dana.text


async def test_many_rows_that_were_not_taken_come_as_a_file(office: Office) -> None:
    rows = "".join(f"P{n},{n},=1+{n}\n" for n in range(40))
    dana = await at_upload(office, "spring.csv", f"First Name,Mobile,Note\nJane,+12125550101,x\n{rows}".encode())
    await dana.submit()
    assert await dana.submit() == {}
    assert "and 20 more lines" in dana.text
    await office.slack.wait_shown("40 rows were not taken of spring.csv spring.rejects.csv")
    name, content = next(
        (one["name"], content) for one, content in office.slack.files.values() if "rejects" in one["name"]
    )
    lines = content.decode("utf-8-sig").splitlines()
    assert (name, len(lines), lines[0]) == ("spring.rejects.csv", 41, "line,reason,First Name,Mobile,Note")
    assert lines[1].startswith("3,")
    assert lines[1].endswith("P0,0,'=1+0")


async def test_rows_that_cannot_be_sent_as_a_file_are_said_to_be_missing(office: Office) -> None:
    office.slack.fail("files.getUploadURLExternal", "storage_limit_reached")
    rows = "".join(f"P{n},{n}\n" for n in range(40))
    dana = await at_upload(office, "spring.csv", f"First Name,Mobile\nJane,+12125550101\n{rows}".encode())
    await dana.submit()
    assert await dana.submit() == {}
    said = await office.slack.wait_shown("40 rows were not taken of spring.csv: no file was sent")
    assert (said.channel, "storage_limit_reached" in said.whole) == ("DU1", True)


@pytest.mark.slow
async def test_ten_megabytes_are_imported_while_the_person_is_told_to_wait(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows with long texts: ten megabytes of them are few people, so that the test is quick."""
    monkeypatch.setattr("fluentsd.fronts.slack.router.ACK_WITHIN", 0.02)
    row = "P{0},+1212{1},p{0}@example.com," + "🦊 *x* " * 1100 + "\n"
    rows = (row.format(n, 5550100 + n) for n in range(950))
    content = ("First Name,Mobile,Email,Note\n" + "".join(rows)).encode()
    assert 9_000_000 < len(content) <= 10 * 1024 * 1024
    dana = await at_upload(office, "people.csv", content)
    await dana.submit()
    await dana.until(lambda: dana.page == "columns")
    await dana.submit()
    await dana.shows("Working on it")
    await dana.shows("*950 of 950 people added*")


async def test_a_column_that_is_read_with_a_doubt_is_asked_about_and_told_of(office: Office) -> None:
    rows = b"First Name,Mobile,Born\nJane,+12125550101,03/04/1990\nLee,+12125550102,05/06/1991\n"
    dana = await at_upload(office, "people.csv", rows)
    assert await dana.submit() == {}
    asked = [one["block_id"] for one in dana.view["blocks"] if str(one.get("block_id")).startswith("column.")]
    assert asked == ["column.2.0"]
    assert "please check: dates, month first, as in US" in dana.text
    assert await dana.submit() == {}
    assert "Born: dates, month first, as in US" in dana.text


async def test_a_list_with_many_columns_fits_into_a_form(office: Office) -> None:
    heads = [f"Extra {n}" for n in range(80)]
    row = ",".join("x" for _ in heads)
    rows = f"First Name,Mobile,{','.join(heads)}\nJane,+12125550101,{row}\n"
    dana = await at_upload(office, "wide.csv", rows.encode())
    assert await dana.submit() == {}
    await dana.more()
    assert len(dana.view["blocks"]) <= 100
    assert "22 more columns are read as variables" in dana.text
    assert await dana.fill(column__0__0="ignore").submit() == {}
    assert "✅ *1 of 1 person added*" in dana.text


def test_every_option_of_the_shells_import_has_an_input() -> None:
    options = set(inspect.signature(import_file).parameters) - {"context", "file"}
    inputs = {field.path.removeprefix("csv.") for field in (*csv.UPLOAD, *csv.READING, *csv.TAKING)}
    named = {"no_header": "header", "day_first": "dates", "month_first": "dates"}
    assert {one for one in options if named.get(one, one) not in inputs} == set(csv.WITHOUT_INPUT)
