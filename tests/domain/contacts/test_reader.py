"""Every row is a person, a reject or nothing, and is shown as such before an import."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluentsd.domain.contacts.mapping import CsvError, record_columns, suggest, with_asked
from fluentsd.domain.contacts.reader import (
    ContactReader,
    Person,
    Reject,
    UnknownCell,
    keys,
    preview,
    read_row,
    region_of,
)
from fluentsd.domain.contacts.upserts import contact_upsert
from fluentsd.domain.contacts.values import Value

MAPPING = suggest(["First Name", "Last Name", "Mobile", "Phone", "Email", "Country", "State", "Company Name", "Id"], [])


def person(*cells: str, **said: str) -> Person:
    read = read_row(MAPPING, cells, 2, **said)
    assert isinstance(read, Person), read
    return read


def test_a_row_becomes_a_person_with_points_names_and_every_variable():
    jane = person("JANE", "DOE", "(212) 555-0123", "415.555.0199", "Jane@Example.COM", "", "NY", "Acme", "17")
    assert [p.e164 for p in jane.phones] == ["+12125550123", "+14155550199"]
    assert (jane.emails, jane.names.full, jane.state, jane.external_id) == (
        ("Jane@example.com",),
        "Jane Doe",
        "NY",
        "17",
    )
    assert jane.fields == {
        "phone": "+12125550123",
        "email": "Jane@example.com",
        "first_name": "Jane",
        "last_name": "Doe",
        "full_name": "Jane Doe",
        "state": "NY",
        "external_id": "17",
        "mobile": "(212) 555-0123",
        "company_name": "Acme",
        "id": "17",
    }
    assert jane.notes == ()


def test_one_bad_point_beside_a_good_one_is_a_note_and_no_variable():
    jane = person("Jane", "Doe", "", "12345", "jane@example.com")
    assert jane.phones == ()
    assert "phone" not in jane.fields
    assert jane.notes[0].startswith("Phone: too few digits")


def test_who_has_only_an_address_is_refused_when_a_number_is_needed():
    cells = ("Jane", "Doe", "", "", "jane@example.com")
    assert isinstance(read_row(MAPPING, cells, 2, need="any"), Person)
    assert read_row(MAPPING, cells, 2, need="phone") == Reject(2, "no phone number", cells)


def test_a_reject_gives_a_reason_for_each_bad_cell_and_the_cells_as_they_stood():
    cells = ("Jane", "Doe", "1.21E+10", "none", " jane@ ")
    reject = read_row(MAPPING, cells, 7)
    assert isinstance(reject, Reject)
    assert (reject.line, reject.raw) == (7, cells)
    assert reject.reason.startswith("Mobile: the spreadsheet lost digits")
    assert reject.reason.endswith("Email: nothing after the @")


def test_a_row_without_any_point_says_so():
    assert read_row(MAPPING, ("Jane", "Doe"), 3) == Reject(
        3, "neither a phone number nor an e-mail address", ("Jane", "Doe")
    )


@pytest.mark.parametrize("cells", [(), ("",), ("", " ", "\t"), ("",) * 30])
def test_an_empty_row_is_nobody(cells):
    assert read_row(MAPPING, cells, 2) is None


def test_short_rows_are_filled_up_and_long_ones_refused_only_if_the_surplus_says_something():
    assert person("Jane", "Doe", "2125550123").names.full == "Jane Doe"
    full = ("Jane", "Doe", "2125550123", "", "", "", "", "", "")
    assert isinstance(read_row(MAPPING, (*full, "", " "), 2), Person)
    reject = read_row(MAPPING, (*full, "", "surplus"), 2)
    assert isinstance(reject, Reject)
    assert reject.reason == "11 cells but 9 columns; check the quotes"


def test_a_readers_own_reject_passes_through():
    reject = Reject(9, "a quote is opened and never closed", ('"Jane',))
    assert read_row(MAPPING, reject, 9) is reject


def test_numbers_without_a_country_code_are_the_countrys_of_the_row():
    assert person("", "", "020 7946 0018", "", "", "United Kingdom").phones[0].e164 == "+442079460018"
    assert person("", "", "0491 570 156", "", "", "AU").phones[0].e164 == "+61491570156"
    assert person("", "", "0491 570 156", region="AU").phones[0].e164 == "+61491570156"
    assert isinstance(read_row(MAPPING, ("", "", "0491 570 156"), 2), Reject)
    assert [region_of(c) for c in ("usa", "de", "Österreich", "Freedonia", "")] == ["US", "DE", "AT", None, None]


def test_the_same_point_twice_in_a_row_is_one_and_several_in_a_cell_count():
    jane = person("", "", "212-555-0123 / 415-555-0199", "+12125550123", "a@example.com; A@EXAMPLE.com, b@example.com")
    assert [p.e164 for p in jane.phones] == ["+12125550123", "+14155550199"]
    assert jane.emails == ("a@example.com", "b@example.com")
    assert jane.notes == ()
    kim = person("", "", "C: 212-555-0123 W: 212-555-9, 415-555-0199")
    assert [p.e164 for p in kim.phones] == ["+12125550123", "+14155550199"]


def test_an_apostrophe_put_against_formulas_is_taken_off_again():
    assert person("'=Jane", "'-", "'+12125550123").fields["first_name"] == "=Jane"


def test_two_rows_of_one_person_share_a_key_and_an_extension_is_no_part_of_it():
    one, other = person("", "", "(212) 555-0123", "", "Jane@Example.com"), person("", "", "", "", "jane@example.COM")
    assert set(keys(one)) & set(keys(other)) == {"mailto:jane@example.com"}
    assert keys(person("", "", "+1 212 555 0123")) == keys(person("", "", "2125550123.0"))
    assert keys(person("", "", "2125550123 x1")) == keys(person("", "", "2125550123"))
    assert person("", "", "2125550123 x1").fields["phone_extension"] == "1"


FIELDS = {
    "first_name": "first_name", "last_name": "last_name", "mobile": "phone", "phones": "phone", "mail": "email",
    "country": "country", "state": "state", "zip": "postal_code", "company": "", "employees": "", "since": "",
    "vip": "",
}  # fmt: skip
RECORD: dict[str, Value] = {
    "first_name": "JANE", "last_name": "DOE", "mobile": 12125550123, "phones": ["415.555.0199", None, "(212) 555-0123"],
    "mail": "Jane@Example.COM", "country": None, "state": "NY", "zip": 10001, "company": " Acme ", "employees": 25.0,
    "since": dt.date(2026, 11, 1), "vip": True, "not asked for": {"a": 1},
}  # fmt: skip
ROW = ("JANE", "DOE", "12125550123", "415.555.0199", "Jane@Example.COM", "", "NY", "10001", "Acme", "25", "2026-11-01",
       "true", "17")  # fmt: skip


def test_the_same_person_as_a_row_and_as_a_record_gives_the_same_contact():
    table = suggest([*FIELDS, "id"], [])
    asked = {"phone": "mobile", "email": "mail"}
    row = read_row(with_asked(table, asked), ROW, 2)
    record = ContactReader(record_columns({**FIELDS, "phones": ""})).read_record(
        "17", {**RECORD, "phones": "415.555.0199"}
    )
    assert isinstance(row, Person)
    assert isinstance(record, Person)
    assert contact_upsert(record) == contact_upsert(row)
    assert contact_upsert(record).key == "17"
    assert row.fields["since"] == "2026-11-01"


def test_a_record_has_typed_values_and_lists_of_points():
    jane = ContactReader(record_columns(FIELDS)).read_record("17", RECORD)
    assert isinstance(jane, Person)
    assert [p.e164 for p in jane.phones] == ["+12125550123", "+14155550199"]
    assert (jane.postal_code, jane.country, jane.external_id, jane.line) == ("10001", "", "17", 0)
    assert {name: jane.fields[name] for name in ("employees", "since", "vip", "company")} == {
        "employees": "25", "since": "2026-11-01", "vip": "true", "company": "Acme",
    }  # fmt: skip
    assert "not asked for" not in jane.fields


def test_a_record_is_a_person_or_a_reject_and_never_nothing():
    reader = ContactReader(record_columns(FIELDS))
    assert reader.read_record("9", {}) == Reject(
        0, "neither a phone number nor an e-mail address", (*[""] * len(FIELDS), "9")
    )
    bad = reader.read_record("9", {**RECORD, "company": {"name": "Acme"}})
    assert bad == UnknownCell(0, "company: a value of the type dict is not supported", ("9",))
    several = reader.read_record("9", {"phones": [True, "12"], "mail": ["nobody", "a@example.com"]})
    assert isinstance(several, Person)
    assert several.emails == ("a@example.com",)
    assert [note.split(":")[0] for note in several.notes] == ["phones", "phones", "mail"]


def test_an_unknown_meaning_of_a_field_is_refused():
    with pytest.raises(CsvError, match='"fone" is not a meaning of the field "mobile"'):
        record_columns({"mobile": "fone"})


def test_a_preview_shows_columns_people_and_rejects():
    rows = [("Jane", "Doe", "2125550123", "", "", "", "", "Acme"), ("Bob", "Roe", "12", "", "", "", "", "Initech")]
    read = [read_row(MAPPING, row, line) for line, row in enumerate(rows, 2)]
    shown = preview(MAPPING, [p for p in read if isinstance(p, Person)], [r for r in read if isinstance(r, Reject)])
    assert shown.columns[2:4] == (
        ("Mobile", "phone", "name", "2125550123"),
        ("Phone", "phone (2)", "name", "+12125550123"),
    )
    assert shown.columns[7] == ("Company Name", "{{ company_name }}", "", "Acme")
    assert shown.people == (("2", "+12125550123", "", "Jane Doe", ""),)
    assert [line for line, _ in shown.rejects] == ["3"]


@given(st.lists(st.text(max_size=20), max_size=12))
def test_every_row_is_a_person_a_reject_or_empty(cells):
    read = read_row(MAPPING, cells, 5)
    assert (read is None) == (not any(c.strip() for c in cells))
    if isinstance(read, Person):
        assert keys(read)
    elif isinstance(read, Reject):
        assert read.reason
        assert read.raw == tuple(cells)


@pytest.mark.parametrize(
    ("cell", "first"),
    [
        ("N/A", ""), ("NULL", ""), ("null", ""), ("-", ""), ("jane@example.net", ""), ("+12125550137", ""), ("nan", ""),
        ("{{first_name}}", ""), ("[First Name]", ""), ("#N/A", ""), ("https://example.com", ""), ("12345", ""),
        ('="Jane"', "Jane"), ("JosÃ©", "José"), ("O&#039;Hara", "O'Hara"), ("Ann &amp; Bob", "Ann & Bob"),
        ("MÃ¼ller", "Müller"), ("Oâ€™Hara", "O’Hara"), ("José", "José"), ("Ãngela", "Ãngela"), ("Nan", ""),
        ("Al", "Al"), ("Xi", "Xi"), ("Ñandú", "Ñandú"),
    ],
)  # fmt: skip
def test_a_first_name_is_a_name_or_nothing(cell, first):
    mapping = suggest(["First Name", "Email"], [[cell, "a@example.com"]])
    assert ContactReader(mapping).read([cell, "a@example.com"], 2).fields.get("first_name", "") == first


@pytest.mark.parametrize(
    ("header", "row", "region", "zones"),
    [
        ("Vorname;E-Mail-Adresse;PLZ;Land", "Jörg;joerg@example.de;80331;Deutschland", "US", ("Europe/Berlin",)),
        ("Vorname;E-Mail-Adresse;PLZ", "Jörg;joerg@example.de;80331", "US", ()),
        ("Prénom;Courriel;Code postal", "Zoé;zoe@example.fr;75001", "US", ()),
        ("Name;Email;ZIP", "Zoé;zoe@example.fr;75001", "FR", ()),
        ("Name;Email;ZIP", "Zoe;zoe@example.com;75201.0", "US", ("America/Chicago",)),
        ("Name;Email;ZIP", 'Zoe;zoe@example.com;="02134"', "US", ("America/New_York",)),
        ("Name;Email;Country", "Petr;petr@example.cz;Czech Republic", "US", ("Europe/Prague",)),
    ],
)
def test_five_digits_of_another_country_are_no_zip_code(header, row, region, zones):
    cells = row.split(";")
    person = ContactReader(suggest(header.split(";"), [cells]), region).read(cells, 2)
    assert contact_upsert(person).zones == zones


def test_a_number_in_a_list_of_germans_without_its_plus_is_no_stranger():
    mapping = suggest(["Name", "Phone", "Country"], [["Gerd", "4915112345678", "Germany"]])
    assert ContactReader(mapping).read(["Gerd", "4915112345678", "Germany"], 2).phones[0].e164 == "+4915112345678"
