"""Files from real programs are read as the rows they hold; other files are rejected with one clear message."""

from __future__ import annotations

import csv
import gzip
import io
import os
import random
import subprocess
import sys
import tempfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluentsd.domain.contacts.mapping import CsvError, suggest
from fluentsd.domain.contacts.reader import Person, Reject, read_row
from fluentsd.engine.ingest import csv_file
from fluentsd.engine.ingest.csv_file import open_csv, open_csv_bytes

PEOPLE = [
    ["First Name", "Last Name", "Mobile Phone", "Email", "Notes"],
    ["José", "Müller", "(212) 555-0123", "jose@example.com", "likes; semicolons, commas | bars"],
    ["Zoë", "O’Brien", "+1 415 555 0199", "zoe@example.com", 'said "call\r\nme later"'],
    ["Ann", "Smith", "310.555.0155", "", ""],
]


def table(rows=PEOPLE, *, encoding="utf-8", **dialect) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, **dialect).writerows(rows)
    return out.getvalue().encode(encoding)


def rows_of(path: Path, **options):
    with open_csv(path, **options) as file:
        return [list(file.header)] * bool(file.header) + [row for _, row in file]


@pytest.fixture
def write(tmp_path):
    def write(data: bytes, name: str = "people.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


EXPORTS = {
    "Excel, CSV UTF-8": (table(encoding="utf-8-sig"), "utf-8-sig", ","),
    "Excel, CSV": (table(encoding="cp1252"), "cp1252", ","),
    "Excel in Europe, CSV": (table(encoding="cp1252", delimiter=";"), "cp1252", ";"),
    "Excel in Europe, CSV UTF-8": (table(encoding="utf-8-sig", delimiter=";"), "utf-8-sig", ";"),
    "Excel, Unicode Text": (table(encoding="utf-16", delimiter="\t"), "utf-16", "\t"),
    "Excel on an old Mac": (table(encoding="mac_roman").replace(b"\r\n", b"\r"), "mac_roman", ","),
    "with Excel's own hint": (b"sep=;\r\n" + table(encoding="cp1252", delimiter=";"), "cp1252", ";"),
    "Google Sheets": (table().removesuffix(b"\r\n"), "utf-8", ","),
    "HubSpot": (table(quoting=csv.QUOTE_ALL, lineterminator="\n"), "utf-8", ","),
    "Salesforce": (table(encoding="cp1252", quoting=csv.QUOTE_ALL, lineterminator="\n"), "cp1252", ","),
    "PowerShell": (table(encoding="utf-16-le", quoting=csv.QUOTE_ALL), "utf-16-le", ","),
    "big-endian without a mark": (table(encoding="utf-16-be"), "utf-16-be", ","),
    "a database's pipes": (table(delimiter="|", lineterminator="\n"), "utf-8", "|"),
    "32 bits": (table(encoding="utf-32"), "utf-32", ","),
}


@pytest.mark.parametrize("export", EXPORTS)
def test_an_export_is_read_as_it_was_meant(export, write):
    data, encoding, delimiter = EXPORTS[export]
    path = write(data)
    with open_csv(path) as file:
        assert (file.encoding, file.delimiter) == (encoding, delimiter)
        assert list(file.header) == PEOPLE[0]
        rows = [row for _, row in file]
        assert file.position == file.size == len(data)
    one_line_end = [[cell.replace("\r\n", "\n").replace("\r", "\n") for cell in row] for row in PEOPLE[1:]]
    assert [[c.replace("\r\n", "\n").replace("\r", "\n") for c in row] for row in rows] == one_line_end


@pytest.mark.parametrize("export", EXPORTS)
def test_the_people_of_every_export_are_the_same_people(export, write):
    with open_csv(write(EXPORTS[export][0])) as file:
        mapping = suggest(file.header, file.sample)
        read = [read_row(mapping, row, line) for line, row in file]
    assert [p.phones[0].e164 for p in read if isinstance(p, Person)] == ["+12125550123", "+14155550199", "+13105550155"]
    assert [p.names.full for p in read if isinstance(p, Person)] == ["José Müller", "Zoë O’Brien", "Ann Smith"]


def test_a_report_s_footer_is_refused_line_by_line_and_harms_nobody(write):
    footer = b'"Confidential Information - Do Not Distribute"\r\n"Copyright (c) 2000-2026"\r\n'
    with open_csv(write(table(encoding="cp1252", quoting=csv.QUOTE_ALL) + b"\r\n" + footer)) as file:
        mapping = suggest(file.header, file.sample)
        read = [read_row(mapping, row, line) for line, row in file]
    assert [type(r).__name__ for r in read] == ["Person"] * 3 + ["NoneType"] + ["Reject"] * 2


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return out.getvalue()


WIDE = ",".join(f"c{i}" for i in range(10_000)).encode() + b"\n1\n"
BROKEN = {
    "empty": (b"", {}, "is empty"),
    "blank lines": (b"\r\n \r\n,,\r\n", {}, "is empty"),
    "a mark and nothing": (b"\xef\xbb\xbf", {}, "is empty"),
    "a header alone": (b"Name,Phone\r\n\r\n", {}, "has a header and no rows"),
    "a workbook": (zipped(), {}, "is an Excel workbook or a zip archive, not CSV.*save it as CSV"),
    "an old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), {}, "is an old Excel workbook"),
    "a PDF": (b"%PDF-1.7\n...", {}, "is a PDF, not CSV"),
    "gzip": (gzip.compress(b"Name,Phone\n"), {}, "is a gzip archive"),
    "a web page": (b"\n<!DOCTYPE html><html><body>Sign in</body></html>", {}, "is a web page, not CSV"),
    "a table saved as .xls": (b"<table><tr><td>Name</td></tr></table>", {}, "is a web page, not CSV"),
    "JSON": (b'[{"name": "Jane"}]', {}, "is JSON, not CSV"),
    "XML": (b'<?xml version="1.0"?><a/>', {}, "is XML, not CSV"),
    "a vCard": (b"BEGIN:VCARD\r\nFN:Jane\r\nEND:VCARD\r\n", {}, "is a vCard, not CSV"),
    "an image": (b"\x89PNG\r\n\x1a\n" + bytes(100), {}, "is an image, not CSV"),
    "noise": (random.Random(1).randbytes(5_000), {}, "is not text"),
    "ten thousand columns": (WIDE, {}, "has 10,000 columns; 2,000 are allowed"),
    "one endless line": (b"x" * 4_500_000, {}, "cannot be read at line 1: a line of more than 4 MB"),
    "a quote open in the header": (b'Name,"Phone\nJane,2125550123\n', {}, "line 1: a quote is opened and never closed"),
    "an unknown encoding": (b"a,b\n1,2\n", {"encoding": "klingon"}, 'There is no encoding "klingon"'),
    "a wrong encoding": (b"a,b\n1,2\n", {"encoding": "utf-16"}, "is not utf-16"),
    "a delimiter of two": (b"a,b\n1,2\n", {"delimiter": ",,"}, 'A delimiter is one character, not ",,"'),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_table_is_refused_with_one_clear_message(case, write):
    data, options, message = BROKEN[case]
    with pytest.raises(CsvError, match=message) as caught:
        open_csv(write(data), **options)
    assert "Nothing was imported." in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


def test_a_missing_file_a_directory_and_a_pipe_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name, message in (("none.csv", "There is no file"), ("", "is a directory"), ("pipe", "is not a regular file")):
        with pytest.raises(CsvError, match=message):
            open_csv(tmp_path / name)


def test_a_file_that_may_not_be_read_is_refused(write, monkeypatch):
    def forbidden(*_args):
        raise PermissionError(13, "Permission denied")

    path = write(table())
    monkeypatch.setattr(Path, "open", forbidden)  # root may read everything, so the mode alone proves nothing
    with pytest.raises(CsvError, match="is not readable by this user"):
        open_csv(path)


def test_line_numbers_are_the_file_s_own(write):
    data = b'sep=,\r\n\r\nName,Phone\r\n"Jane\r\nvan\r\nDoe",2125550123\r\n\r\nBob,4155550100\r\n'
    with open_csv(write(data)) as file:
        assert [(line, row) for line, row in file if row] == [
            (4, ["Jane\r\nvan\r\nDoe", "2125550123"]),
            (8, ["Bob", "4155550100"]),
        ]


def test_ragged_rows_pass_through(write):
    assert rows_of(write(b"Name,Phone\nJane\nBob,4155550100,x,y\n"))[1:] == [["Jane"], ["Bob", "4155550100", "x", "y"]]


def test_a_lone_quote_costs_its_own_line_and_not_the_people_below_it(write):
    data = b'Name,Phone\n"Jane,2125550123\nBob,4155550100\n"Al "Big" Doe",3105550155\nX,"7135550100\nY,7135550101\n'
    with open_csv(write(data)) as file:
        assert list(file) == [
            (2, Reject(2, "a quote is opened and never closed", ('"Jane,2125550123',))),
            (2 + 1, ["Bob", "4155550100"]),
            (4, ['Al Big" Doe"', "3105550155"]),
            (5, Reject(5, "a quote is opened and never closed", ('X,"7135550100',))),
            (6, ["Y", "7135550101"]),
        ]


def test_a_quote_inside_a_cell_is_a_character(write):
    assert rows_of(write(b'Name,Phone\nJane "JJ" Doe,2125550123\n6\'2" tall,4155550100\n'))[1:] == [
        ['Jane "JJ" Doe', "2125550123"],
        ["6'2\" tall", "4155550100"],
    ]


def test_a_file_without_headings_is_told_unless_the_user_has_said_so(write):
    path = write(b"Jane Doe,2125550123\nBob Roe,4155550100\n")
    with open_csv(path) as file:
        assert "there are no headings: the first line is a person" in file.notes[0]
    with open_csv(path, header=False) as file:
        assert file.notes == []


def test_zeros_are_taken_out_and_noted_once(write):
    with open_csv(write(b"Name,Phone\nJa\0ne,2125550123\nB\0ob,4155550100\n")) as file:
        assert [row[0] for _, row in file] == ["Jane", "Bob"]
        assert file.notes == ["NUL characters were removed"]


def test_an_accent_after_a_megabyte_of_plain_letters_is_read_and_noted(write):
    plain = b"Jane,2125550123\n" * 100_000
    data = b"Name,Phone\n" + plain + "José,4155550100\n".encode("cp1252") + "Zoë,4155550101\n".encode()
    with open_csv(write(data)) as file:
        *_, jose, zoe = (row for _, row in file)
        assert (jose[0], zoe[0]) == ("José", "Zoë")
        assert file.notes == ["from about line 100002 on, bytes that are not utf-8 were read as Windows-1252"]


def test_an_accent_in_the_middle_of_a_big_file_decides_its_encoding(write):
    plain = b"Jane,2125550123\n" * 10_000
    russian = "Иван Петров,4155550100\nМария Иванова,4155550101\nСергей Кузнецов,4155550102\n".encode("cp1251")
    with open_csv(write(b"Name,Phone\n" + plain + russian * 20 + plain)) as file:
        assert file.encoding == "cp1251"
        assert "Иван Петров" in {row[0] for _, row in file}
        assert "encoding guessed: " in file.notes[0]


def test_a_file_put_together_from_two_keeps_both_halves(write):
    data = table() + table(PEOPLE[1:], encoding="cp1252")
    assert [row[0] for row in rows_of(write(data))] == ["First Name", *["José", "Zoë", "Ann"] * 2]


@pytest.mark.slow
def test_a_cell_or_a_line_beyond_the_limit_is_a_reject_and_the_next_row_is_read(write):
    head, bob = b"Name,Phone,Notes\nJane,2125550123,", b"\nBob,4155550100,z\n"
    for size, reason in ((2_000_000, "a cell of more than 1 MB"), (4_500_000, "a line of more than 4 MB")):
        with open_csv(write(head + b"x" * size + bob)) as file:
            (line, reject), after = list(file)
        assert (line, reject.reason, after) == (2, reason, (3, ["Bob", "4155550100", "z"]))
        assert sum(map(len, reject.raw)) < 1_000


def test_what_is_said_is_not_detected(write):
    path = write(b"a;b,c\r\n1;2,3\r\n")
    assert rows_of(path, delimiter=",", header=False) == [["a;b", "c"], ["1;2", "3"]]
    assert rows_of(path, delimiter="semicolon", header=True) == [["a", "b,c"], ["1", "2,3"]]
    assert rows_of(write("Žaneta,1\n".encode("cp1250")), encoding="cp1250", header=False) == [["Žaneta", "1"]]


def test_one_column_and_one_row_are_enough(write):
    assert rows_of(write(b"phone\n2125550123\n")) == [["phone"], ["2125550123"]]
    with open_csv(write(b"2125550123")) as file:
        assert (file.header, file.sample, list(file)) == ((), [["2125550123"]], [(1, ["2125550123"])])


def test_looking_ahead_loses_no_row(write):
    rows = [["Name", "Phone"], *[[f"Jane {i}", f"212555{i:04d}"] for i in range(300)]]
    with open_csv(write(table(rows))) as file:
        assert len(file.sample) == csv_file.AHEAD
        assert [row for _, row in file] == rows[1:]


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_what_a_writer_wrote_is_read_back(data):
    encoding = data.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "utf-32"]))
    delimiter, newline = data.draw(st.sampled_from(",;\t|")), data.draw(st.sampled_from(["\r\n", "\n", "\r"]))
    quoting = csv.QUOTE_ALL if newline != "\r\n" else data.draw(st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
    letters = st.characters(codec="cp1252" if encoding == "cp1252" else "utf-8", exclude_categories=["Cc", "Cs", "Cf"])
    cell = st.text(letters | st.sampled_from('",;\t|\r\n '), max_size=8)
    rows = data.draw(st.lists(st.lists(cell, min_size=1, max_size=5), min_size=1, max_size=12))
    rows = [["Name", "Phone"], *rows, ["Jane", "2125550123"]]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.csv"
        path.write_bytes(table(rows, encoding=encoding, delimiter=delimiter, quoting=quoting, lineterminator=newline))
        assert rows_of(path, encoding=encoding, delimiter=delimiter, header=True) == rows


FIRST = st.sampled_from(["José", "Zoë", "Anna", "Françoise", "Jürgen", "Bob", "Ann-Marie", "D’Arcy"])
NOTES = st.sampled_from(["", "call, please", "one; two", "a|b", 'the "boss"', "two\r\nlines", "1,234.50", "–"])


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(FIRST, FIRST, st.integers(0, 99), NOTES), min_size=2, max_size=20),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]),
    st.sampled_from(",;\t|"),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.booleans(),
)
def test_lists_of_people_are_detected_in_every_encoding_and_dialect(people, encoding, delimiter, quoting, named):
    rows = [[first, last, f"(212) 555-01{n:02d}", f"p{n}@example.com", notes] for first, last, n, notes in people]
    rows = [PEOPLE[0], *rows] if named else rows
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.csv"
        path.write_bytes(table(rows, encoding=encoding, delimiter=delimiter, quoting=quoting))
        with open_csv(path) as file:
            assert bool(file.header) is named
            assert file.delimiter == delimiter
            assert [row for _, row in file] == rows[named:]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_break_the_reader(data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.csv"
        path.write_bytes(data)
        try:
            rows = rows_of(path)
        except CsvError:
            return
        assert rows


@pytest.mark.slow
def test_the_detecting_libraries_are_loaded_by_the_first_file_and_not_before():
    code = "import sys, fluentsd.engine.ingest.csv_file; print({'clevercsv', 'charset_normalizer'} & set(sys.modules))"
    root = Path(csv_file.__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "set()"


@pytest.mark.slow
def test_a_file_of_twelve_megabytes_is_read_in_constant_memory(tmp_path):
    path = tmp_path / "big.csv"
    block = table([["José", "Müller", f"21255501{i:02d}", "jose@example.com", 'likes "x",\r\ny'] for i in range(100)])
    with path.open("wb") as out:
        out.write(table(PEOPLE[:1]))
        for _ in range(12_000_000 // len(block)):
            out.write(block)
    with open_csv(path) as file:
        tracemalloc.start()
        try:
            count = sum(1 for _ in file)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert count == 12_000_000 // len(block) * 100
    assert peak < 4_000_000


def test_quotes_opened_on_many_lines_cost_each_its_own_line(write):
    lines = b"".join(b'"Jane,21255501%02d\n' % (i % 100) + b"Bob,4155550100\n" * 20 for i in range(500))
    with open_csv(write(b"Name,Phone\n" + lines)) as file:
        kinds = [isinstance(row, Reject) for _, row in file]
    assert (sum(kinds), len(kinds)) == (500, 500 * 21)


@pytest.mark.parametrize(
    ("text", "header", "rows"),
    [
        ("Lead report for Q4\n\nFirst Name,Phone\nAnn,212-555-0111\n", ("First Name", "Phone"), 1),
        ("Export;;\nGenerated today;;\nVorname;Telefon;Ort\nAnn;0151 12345678;Ulm\n", ("Vorname", "Telefon", "Ort"), 1),
        ("Jane Doe <jane@example.com>\nbob@example.com\nkim@example.com\n", None, 3),
        ("Name\nAnn\n", ("Name",), 1),
    ],
)  # fmt: skip
def test_the_header_is_found_below_a_title_and_a_person_is_none(text, header, rows):
    with open_csv_bytes(text.encode(), "list.csv") as file:
        assert (file.header or None) == header
        assert sum(1 for _, row in file if any(row)) == rows


def test_rows_that_are_quoted_as_a_whole_are_unwrapped(tmp_path: Path) -> None:
    path = tmp_path / "wrapped.csv"
    path.write_text('"First Name,Phone"\n"Ann,212-555-0111"\n"""Poe, Ben"",212-555-0112"\n')
    with open_csv(path) as file:
        assert file.header == ("First Name", "Phone")
        assert [row for _, row in file] == [["Ann", "212-555-0111"], ["Poe, Ben", "212-555-0112"]]
        assert any("quoted as a whole" in note for note in file.notes)
