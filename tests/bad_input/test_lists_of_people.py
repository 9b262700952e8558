"""Broken lists of people."""

# ruff: noqa: E501 - one case a line reads best

from __future__ import annotations

import pytest

from tests.bad_input.installation import CAMPAIGN, Installation

_HEAD, _ROW = "First Name,To Number\n", "Echo,+12125550111\n"
_SAVE = "save it as CSV (UTF-8)"
#: content, further words, what is said
PEOPLE: dict[str, tuple[str | bytes, list[str], list[str]]] = {
    "empty": ("", [], ["is empty", "Export the list again"]),
    "only blank lines": ("\n \r\n\n", [], ["is empty"]),
    "only a header": (_HEAD, [], ["has a header and no rows"]),
    "a header and blank rows": (_HEAD + ",\n ,\n", [], ["has a header and no rows"]),
    "a workbook": (b"PK\x03\x04" + b"\0" * 60, [], ["an Excel workbook or a zip archive, not CSV", _SAVE]),
    "an old workbook": (b"\xd0\xcf\x11\xe0" + b"\0" * 60, [], ["an old Excel workbook", _SAVE]),
    "a PDF": (b"%PDF-1.7\n", [], ["is a PDF, not CSV", _SAVE]),
    "a gzip archive": (b"\x1f\x8b\x08\x00", [], ["is a gzip archive"]),
    "a picture": (b"\x89PNG\r\n\x1a\n", [], ["is an image"]),
    "a web page": ("<!DOCTYPE html><html><table>", [], ["is a web page", _SAVE]),
    "JSON": ('[{"phone": "+12125550111"}]', [], ["is JSON"]),
    "a vCard": ("BEGIN:VCARD\nFN:Echo\n", [], ["is a vCard"]),
    "no text at all": (bytes(range(256)) * 20, [], ["is not text"]),
    "UTF-16 cut in its header": ("First Name,To N".encode("utf-16")[:-1], [], ["has a header and no rows"]),
    "no column with numbers": ("First Name,E-mail\nEcho,echo@example.com\n", [], ["No column holds phone numbers", '--map phone="To Number"']),
    "a letter": ("To whom it may concern,\nI am writing to you.\n", [], ["No column holds phone numbers"]),
    "a campaign file": (CAMPAIGN, [], ["No column holds phone numbers"]),
    "ten thousand columns": (",".join(f"c{n}" for n in range(10_000)) + "\n" + "1," * 9_999 + "1\n", [], ["10,000 columns; 2,000 are allowed", "delimiter"]),
    "a line without end": ("x" * (5 << 20), [], ["line 1", "a line of more than 4 MB"]),
    "a quote in the header that is not closed": ('"First Name,To Number\n' + _ROW, [], ["at line 1", "never closed"]),
    "every row broken": (_HEAD + "Kilo,call me\nLima,123\nPapa,\n", [], ["has 3 rows, and none is valid", "1 × To Number: no number", "line 2"]),
    "one row, and broken": (_HEAD + '"Echo,+12125550111\n', [], ["has 1 row", "a quote is opened and never closed"]),
    "a column by a name that is none": (_HEAD + _ROW, ["--map", "phone=Mobile"], ['No column is called "Mobile"', '"To Number"']),
    "a meaning that is none": (_HEAD + _ROW, ["--map", "fone=To Number"], ['"fone" is not a mapping target', "phone, email, first_name"]),
    "the wrong column": (_HEAD + _ROW, ["--map", "phone=First Name"], ["none is valid", "First Name: no number"]),
    "an encoding that is none": (_HEAD + _ROW, ["--encoding", "utf-99"], ['no encoding "utf-99"', "leave it out"]),
    "the wrong encoding": (_HEAD + _ROW, ["--encoding", "utf-16"], ["is not utf-16", "Leave the encoding out"]),
    "a delimiter of two": (_HEAD + _ROW, ["--delimiter", "::"], ["A delimiter is one character"]),
    "the wrong delimiter": (_HEAD + _ROW, ["--delimiter", ";"], ["No column holds phone numbers"]),
    "refused rows over the file itself": (_HEAD + _ROW, ["--rejects", "bad.csv"], ["would overwrite the file that is read"]),
    "refused rows into nowhere": (_HEAD + _ROW, ["--rejects", "nope/x.csv"], ["cannot be written", "writable folder for the rejects"]),
    "a campaign that is none": (_HEAD + _ROW, ["--campaign", "fiar"], ["no campaign is called 'fiar'; did you mean fair?"]),
}  # fmt: skip


@pytest.mark.parametrize(("content", "words", "parts"), PEOPLE.values(), ids=PEOPLE.keys())
def test_a_broken_list_of_people(
    installation: Installation,
    content: str | bytes,
    words: list[str],
    parts: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(installation.desk)
    installation.given("bad.csv", content)
    message = installation.refuses("contacts", "import", "bad.csv", "--campaign", "fair", *words)
    assert message.count("\n") == 1
    assert "Nothing was imported." in message or "--campaign" in words
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("name", "part"),
    [("nope.csv", "There is no file"), (".", "is a directory"), ("/dev/null", "is not a regular file")],
)
def test_a_list_of_people_that_is_no_file(installation: Installation, name: str, part: str) -> None:
    message = installation.refuses("contacts", "import", str(installation.desk / name), "--campaign", "fair")
    assert part in message
    assert "Nothing was imported." in message
    assert message.count("\n") == 1


@pytest.mark.slow
def test_a_list_of_more_broken_rows_than_memory_should_hold_names_the_file_they_are_in(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fluentsd.engine.ingest.file_import.KEPT_AT_MOST", 100)
    path = installation.given("bad.csv", _HEAD + "Kilo,call me\n" * 300)
    figures = {name: content for name, content in installation.contents().items() if "/home/" in name}
    message = installation.types("contacts", "import", str(path), "--campaign", "fair")
    assert "300 rows, and none is valid: 300 × To Number: no number" in message
    assert str(installation.desk / "bad.rejects.csv") in message
    assert {name: content for name, content in installation.contents().items() if "/home/" in name} == figures


def test_a_row_that_is_broken_harms_only_itself(installation: Installation) -> None:
    """The other side of the rule: valid rows are imported."""
    path = installation.given("half.csv", _HEAD + 'Kilo,call me\nEcho,+12125550111\n"Papa,+14045550113\n')
    installation.types("contacts", "import", str(path), "--campaign", "fair", status=0)
    rejects = path.with_name("half.rejects.csv").read_text("utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in rejects] == ["line", "2", "4"]


def test_there_are_enough_of_them() -> None:
    assert len(PEOPLE) >= 14
