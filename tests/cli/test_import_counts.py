"""An import from the shell: its preview has the same counts, and Ctrl-C says what is in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fluentsd.engine.ingest.batches import Batch
from fluentsd.engine.ingest.file_import import FileImport
from tests.cli.shell import Person


def test_preview_and_import_give_the_same_counts(person: Person) -> None:
    person.gets("campaign", "apply", "fair.toml")
    rows = "".join(f"P{n},{'call me' if n % 50 == 0 else f'+1212555{n:04d}'}\n" for n in range(1, 200))
    Path("many.csv").write_text("First Name,Phone\n" + rows + "P7,+12125550007\n")
    counts = person.asks("contacts", "import", "many.csv", "--campaign", "fair", "--preview")["counts"]
    done = person.asks("contacts", "import", "many.csv", "--campaign", "fair")
    assert counts == {"rows": 200, "people": 196, "duplicates": 1, "rejected": 3}
    assert (done["rows"], done["new"], done["duplicates"], done["rejected"]) == (200, 196, 1, 3)


def test_an_interrupted_import_says_what_is_in_and_how_to_go_on(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.gets("campaign", "apply", "fair.toml")
    Path("many.csv").write_text("First Name,Phone\n" + "".join(f"P{n},+1212555{n:04d}\n" for n in range(1, 1001)))
    stored, batches = FileImport._store_batch, iter(range(3))

    async def pressed(self: FileImport, batch: Batch) -> None:
        await stored(self, batch)
        if next(batches) == 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FileImport, "_store_batch", pressed)
        typed = person.types("contacts", "import", "many.csv", "--campaign", "fair")
    assert (typed.status, typed.out) == (130, "")
    counts = re.search(r"interrupted after ([\d,]+) rows: ([\d,]+) people are in", typed.err)
    assert counts is not None, typed.err
    assert "nobody has left. To go on, repeat the command; nobody is enrolled twice: fluentsd " in typed.err
    assert person.figures()[0] == int(counts[2].replace(",", "")) > 0


def test_an_import_interrupted_before_the_first_person_is_in_says_so(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def pressed(self: FileImport) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(FileImport, "carry_out", pressed)
    typed = person.types("contacts", "import", "people.csv")
    assert (typed.status, typed.err) == (130, "interrupted; nobody was imported\n")
