"""An import as a user types it: a messy file, and columns mapped by hand."""

from __future__ import annotations

import os
from pathlib import Path

from tests.cli.shell import Person


def test_a_messy_file_is_taken_in_and_what_was_refused_is_kept_with_its_reason(person: Person) -> None:
    person.gets("campaign", "apply", "fair.toml")
    before = sorted(os.listdir())
    preview = person.gets("contacts", "import", "people.csv", "--preview")
    assert ["To Number", "phone", "name", "(212) 555-0111"] in preview.rows
    assert sorted(os.listdir()) == before
    typed = person.gets("contacts", "import", "people.csv", "--campaign", "fair")
    assert ["4", "2", "0", "1", "1", "2"] in typed.rows
    assert "1 × To Number: no number" in typed.out
    assert typed.out.endswith("next: fluentsd campaign check fair\n")
    rejects = Path("people.rejects.csv").read_text("utf-8-sig").splitlines()
    assert rejects[0] == "line,reason,First Name,To Number,Interest,E-mail"
    assert [line.split(",")[:2] for line in rejects[1:]] == [
        ["4", "To Number: no number"],
        ["5", "the same person as an earlier row"],
    ]
    again = person.asks("contacts", "import", "people.csv", "--campaign", "fair")
    assert (again["new"], again["updated"], again["enrolled"]) == (0, 2, 0)
    assert person.figures() == [2, 2, 0, 0, 0, 0]


def test_a_column_is_mapped_by_hand_and_refused_rows_go_where_they_are_wanted(person: Person) -> None:
    Path("odd.csv").write_text("wer;was\n0301234567;x\nnobody;y\n")
    person.gets("contacts", "import", "odd.csv", "--map", "phone=wer", "--region", "Germany", "--rejects", "no.csv")
    assert person.asks("contacts", "find", "+4930")["people"][0]["points"] == ["+49301234567"]
    assert "nobody" in Path("no.csv").read_text()
    assert not Path("odd.rejects.csv").exists()
