"""Rejected rows are written so that they can be opened safely, corrected and imported again."""

from __future__ import annotations

import csv

import pytest

from fluentsd.csv_output import escape_formula
from fluentsd.domain.contacts.mapping import CsvError, suggest
from fluentsd.domain.contacts.reader import Person, Reject, read_row
from fluentsd.engine.ingest.csv_file import open_csv
from fluentsd.engine.ingest.rejects import RejectFile


def test_rejects_are_written_inert_and_only_when_there_are_any(tmp_path):
    path = tmp_path / "rejects.csv"
    with RejectFile(path, ["Name", "=Phone"]) as rejects:
        assert not path.exists()
        rejects.write(Reject(7, "Phone: no area code", ("=cmd|' /C calc'!A0", "+5550123", "a\nb")))
        assert rejects.written == 1
    assert path.stat().st_mode & 0o777 == 0o600
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [
            ["line", "reason", "Name", "'=Phone"],
            ["7", "Phone: no area code", "'=cmd|' /C calc'!A0", "'+5550123", "a\nb"],
        ]


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\tx", "\rx", "＝1", "＋1"])
def test_a_cell_that_could_start_a_formula_gets_an_apostrophe(cell):
    assert escape_formula(cell) == "'" + cell


@pytest.mark.parametrize("cell", ["", "a=1", "Jane", "'x", "2125550123", "−1"])
def test_other_cells_stay_as_they_are(cell):
    assert escape_formula(cell) == cell


def test_a_corrected_reject_file_is_a_list_of_people(tmp_path):
    path = tmp_path / "rejects.csv"
    with RejectFile(path, ["First Name", "Phone"]) as rejects:
        rejects.write(Reject(7, "Phone: no such number", ("Jane", "+1 999")))
    path.write_text(path.read_text("utf-8-sig").replace("+1 999", "+1 212 555 0123"), "utf-8")
    with open_csv(path) as file:
        mapping = suggest(file.header, file.sample)
        (jane,) = (read_row(mapping, row, line) for line, row in file)
    assert isinstance(jane, Person)
    assert (jane.phones[0].e164, jane.names.first, jane.fields["line"]) == ("+12125550123", "Jane", "7")


def test_a_reject_file_that_cannot_be_written_says_so(tmp_path):
    with (
        RejectFile(tmp_path / "no" / "rejects.csv") as rejects,
        pytest.raises(CsvError, match="Rejects cannot be written"),
    ):
        rejects.write(Reject(1, "x", ()))
