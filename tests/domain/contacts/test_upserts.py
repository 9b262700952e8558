"""A person of a record as the store takes them: what no database stores is cleaned where the record is read."""

from __future__ import annotations

import json
import subprocess
import sys

from fluentsd.domain.contacts.mapping import record_columns
from fluentsd.domain.contacts.reader import ContactReader, Person
from fluentsd.domain.contacts.upserts import ContactUpsert, contact_upsert

COLUMNS = {"first_name": "first_name", "phone": "phone", "mail": "email", "note": "", "tongue": "language"}


def of_record(key: str = "17", **values: str) -> ContactUpsert:
    found = ContactReader(record_columns(COLUMNS)).read_record(key, {"phone": "212 555 0123", **values})
    assert isinstance(found, Person)
    return contact_upsert(found)


def test_texts_of_a_record_that_no_database_stores_are_cleaned() -> None:
    assert json.loads(of_record(note="a\0b\ud800").fields)["note"] == "a�b�"
    assert of_record("1\0").key == "1�"
    assert json.loads(of_record(note="as typed: \\u0000").fields)["note"] == "as typed: \\u0000"


def test_a_person_is_stored_with_place_points_and_fields() -> None:
    ann = of_record(first_name="Ann", mail="Ann@Example.com", tongue="en-US, as spoken in Maine")
    assert ann.points == [("phone", "+12125550123"), ("email", "ann@example.com")]
    assert (ann.zones, ann.zone_basis, ann.states) == (("America/New_York",), "number", ("US-NY",))
    assert (ann.language, ann.conflict, ann.opt_outs) == ("en-US, as spoken", False, ())
    assert json.loads(ann.fields)["first_name"] == "Ann"


def test_a_process_that_only_reads_loads_no_database_and_no_checks() -> None:
    code = "import sys, fluentsd.engine.ingest.import_process; print({'pydantic', 'sqlalchemy'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
