"""Files: anything is a list of people, rejects with reasons, or one clear error."""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from fluentsd.domain.contacts.mapping import CsvError
from fluentsd.domain.contacts.reader import Reject
from fluentsd.engine.ingest.batches import Batch, batches, mapping_of, previewed
from fluentsd.engine.ingest.csv_file import open_csv
from tests.fuzz.conftest import fuzz

HEADINGS = st.sampled_from(
    [
        "Phone",
        "Email",
        "First Name",
        "Last Name",
        "Name",
        "State",
        "ZIP",
        "Country",
        "Timezone",
        "Mobile",
        "E-Mail",
        "Telefon",
        "Vorname",
        "Do Not Call",
        "Notes",
        "",
        "phone",
        "Phone 2",
        "Company",
        "id",
        "Created At",
    ]
)
CELLS = st.one_of(
    st.sampled_from(
        ["(212) 555-0148", "+4915112345678", "2125550149 ext 12", "a@example.com", "Jane <j@example.com>", "Ann", "NY", "02134",
         '="02134"', "75201.0", "US", "Germany", "America/New_York", "1", "true", "N/A", "-", "=1+1", "a@b", "+", "'", '"', "\ufeff",
         "12/25/2026 3:00 PM", "\0", "x" * 3000, "\N{NO-BREAK SPACE}", "José", "0", "a@example.com; b@example.com"]
    ),
    st.text(max_size=12),
)  # fmt: skip
LINE_ENDS = st.sampled_from(["\n", "\r\n", "\r", "\n\n", "\u2028"])
DELIMITERS = st.sampled_from([",", ";", "\t", "|", ", ", "::"])
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "utf-32"])


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A file as some program might write it, or bytes of any kind."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=400))
    delimiter, end = draw(DELIMITERS), draw(LINE_ENDS)
    rows = draw(st.lists(st.lists(CELLS, min_size=1, max_size=6), max_size=8))
    if draw(st.booleans()):
        rows.insert(0, draw(st.lists(HEADINGS, min_size=1, max_size=6)))
    quoted = draw(st.sampled_from(["never", "always", "open"]))

    def cell(text: str) -> str:
        if quoted == "always":
            return '"' + text.replace('"', '""') + '"'
        return '"' + text if quoted == "open" and len(text) == 2 else text

    whole = end.join(delimiter.join(map(cell, row)) for row in rows)
    written = whole.encode(draw(ENCODINGS), "replace")
    cut = draw(st.integers(0, 5))
    return written[: len(written) - cut]


@fuzz(150)
@example(b'"id\n(212) 555-0148,"\r0', "phone", "US")  # a line break in rows that are quoted as a whole
@given(files(), st.sampled_from(["phone", "email", "any"]), st.sampled_from(["US", "DE", "GB", "RU"]))
def test_any_file_is_read_or_refused(content: bytes, need: Any, region: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.csv"
        path.write_bytes(content)
        with suppress(CsvError), open_csv(path) as file:
            mapping = mapping_of(file, {}, region, need)
            seen = previewed(file, mapping, region, need)
            assert len(seen.columns) == len(mapping.columns)
        with suppress(CsvError), open_csv(path) as file:
            for item in batches(file, mapping_of(file, {}, region, need), region, need):
                if isinstance(item, Reject):
                    assert item.reason
                else:
                    assert isinstance(item, Batch)
                    for person in item.people:
                        assert person.points, "a person without a phone and without an address"
                        assert "\0" not in "".join(json.loads(person.fields).values())
