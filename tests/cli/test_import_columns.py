"""What was said of a file's columns is kept with its source, and used again for the next file of the same shape."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_import_opt_outs import LIST, entries, folder, typed

__all__ = ["folder"]
pytestmark = pytest.mark.slow
ASIDE = ("--only-a-field", "Do Not Call", "--ignore", "Unsubscribed from all email", "--map", "phone=Phone")


def test_choices_are_used_again_and_said_so_until_the_columns_are_read_as_new(folder: Path) -> None:
    first, later = str(folder / "list.csv"), str(folder / "december.csv")
    Path(later).write_text(LIST, "utf-8")
    assert typed(folder, "contacts", "import", first, *ASIDE)["read_as"]["notes"] == []
    told = (
        "the columns are read as in list.csv: --map phone=Phone --ignore 'Unsubscribed from all email' "
        "--only-a-field 'Do Not Call'; without that: --as-new"
    )
    seen = typed(folder, "contacts", "import", later, "--preview")
    assert (seen["notes"], seen["opted_out"]) == ([told], 0)
    answer = typed(folder, "contacts", "import", later)
    assert (answer["read_as"]["notes"], answer["opted_out"], entries(folder)) == ([told], 0, set())
    assert typed(folder, "contacts", "reread", "--dry-run")["counts"]["suppression"] == 0
    assert typed(folder, "contacts", "import", later, "--preview", "--as-new")["opted_out"] == 1
    assert typed(folder, "contacts", "import", later, "--as-new")["opted_out"] == 1
    assert len(entries(folder)) == 3


def test_a_file_with_other_headings_is_read_for_itself(folder: Path) -> None:
    typed(folder, "contacts", "import", str(folder / "list.csv"), *ASIDE)
    (folder / "other.csv").write_text(LIST.replace("Email,Phone", "Mail,Phone"), "utf-8")
    answer = typed(folder, "contacts", "import", str(folder / "other.csv"))
    assert (answer["read_as"]["notes"], answer["opted_out"]) == ([], 1)
