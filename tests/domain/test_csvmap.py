"""Columns are known by their names, then by their cells; every row is a person, a reject or nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluentsd.domain.csvmap import (
    CsvError,
    Person,
    Reject,
    Target,
    has_header,
    keys,
    preview,
    read_row,
    region_of,
    require,
    suggest,
    with_asked,
)

T = Target

EXPORTS = {
    "hubspot": (
        "Record ID - Contact,First Name,Last Name,Email,Phone Number,Mobile Phone Number,Contact owner,Lead Status,"
        "Marketing contact status,Create Date,State/Region,Country/Region,Postal Code,Time Zone,Preferred language,"
        "Company Name,Last Activity Date,Email Domain,First marketing email open date",
        {
            T.PHONE: ["Mobile Phone Number", "Phone Number"],
            T.EMAIL: ["Email"],
            T.FIRST_NAME: ["First Name"],
            T.LAST_NAME: ["Last Name"],
            T.TIMEZONE: ["Time Zone"],
            T.STATE: ["State/Region"],
            T.COUNTRY: ["Country/Region"],
            T.POSTAL_CODE: ["Postal Code"],
            T.LANGUAGE: ["Preferred language"],
            T.EXTERNAL_ID: ["Record ID - Contact"],
        },
    ),
    "salesforce report": (
        "Salutation,First Name,Last Name,Title,Account Name,Mailing Street,Mailing City,Mailing State/Province,"
        "Mailing Zip/Postal Code,Mailing Country,Phone,Fax,Mobile,Email,Contact Owner,Contact ID,Email Opt Out,"
        "Do Not Call,Asst. Phone,Home Phone,Other Phone,Account Phone",
        {
            T.PHONE: ["Mobile", "Phone", "Home Phone", "Other Phone"],
            T.EMAIL: ["Email"],
            T.FIRST_NAME: ["First Name"],
            T.LAST_NAME: ["Last Name"],
            T.STATE: ["Mailing State/Province"],
            T.COUNTRY: ["Mailing Country"],
            T.POSTAL_CODE: ["Mailing Zip/Postal Code"],
            T.EXTERNAL_ID: ["Contact ID"],
        },
    ),
    "salesforce data export": (
        "Id,FirstName,LastName,MobilePhone,HomePhone,AssistantPhone,Email,HasOptedOutOfEmail,MailingState,Cell_2__c",
        {
            T.PHONE: ["MobilePhone", "Cell_2__c", "HomePhone"],
            T.EMAIL: ["Email"],
            T.FIRST_NAME: ["FirstName"],
            T.LAST_NAME: ["LastName"],
            T.STATE: ["MailingState"],
            T.EXTERNAL_ID: ["Id"],
        },
    ),
    "google contacts": (
        "First Name,Middle Name,Last Name,Labels,E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Value,Phone 1 - Label,"
        "Phone 1 - Value,Phone 2 - Value,Address 1 - Region,Address 1 - Postal Code,Organization Name",
        {
            T.PHONE: ["Phone 1 - Value", "Phone 2 - Value"],
            T.EMAIL: ["E-mail 1 - Value", "E-mail 2 - Value"],
            T.FIRST_NAME: ["First Name"],
            T.LAST_NAME: ["Last Name"],
            T.STATE: ["Address 1 - Region"],
            T.POSTAL_CODE: ["Address 1 - Postal Code"],
        },
    ),
    "outlook": (
        "First Name,Last Name,Company,Business State,Home State,Business Fax,Business Phone,Company Main Phone,"
        "Home Phone,Mobile Phone,Other Phone,Primary Phone,Assistant's Phone,E-mail Address,E-mail Type,"
        "E-mail Display Name,E-mail 2 Address,Language",
        {
            T.PHONE: ["Mobile Phone", "Primary Phone", "Home Phone", "Business Phone", "Other Phone"],
            T.EMAIL: ["E-mail Address", "E-mail 2 Address"],
            T.FIRST_NAME: ["First Name"],
            T.LAST_NAME: ["Last Name"],
            T.STATE: ["Home State", "Business State"],
            T.LANGUAGE: ["Language"],
        },
    ),
    "fluents": ("To Number,from_number,agent_id,Company Name", {T.PHONE: ["To Number"]}),
    "fluents, older": ("to_number,from_number,agent_id,mobile", {T.PHONE: ["to_number", "mobile"]}),
    "german": (
        "Name,Vorname,Firma,Telefon,Handy,E-Mail,PLZ,Ort,Bundesland",
        {
            T.PHONE: ["Handy", "Telefon"],
            T.EMAIL: ["E-Mail"],
            T.FIRST_NAME: ["Vorname"],
            T.LAST_NAME: ["Name"],
            T.STATE: ["Bundesland"],
            T.POSTAL_CODE: ["PLZ"],
        },
    ),
    "french": (
        "Nom,Prénom,Téléphone portable,Courriel,Pays",
        {
            T.PHONE: ["Téléphone portable"],
            T.EMAIL: ["Courriel"],
            T.FIRST_NAME: ["Prénom"],
            T.LAST_NAME: ["Nom"],
            T.COUNTRY: ["Pays"],
        },
    ),
    "spanish": (
        "Nombre,Apellidos,Móvil,Correo electrónico",
        {T.PHONE: ["Móvil"], T.EMAIL: ["Correo electrónico"], T.FIRST_NAME: ["Nombre"], T.LAST_NAME: ["Apellidos"]},
    ),
    "a company's number alone": ("Name,Company Phone", {T.PHONE: ["Company Phone"], T.FULL_NAME: ["Name"]}),
}


@pytest.mark.parametrize("export", EXPORTS)
def test_the_columns_of_a_real_export_are_known_by_name(export):
    header, expected = EXPORTS[export]
    mapping = suggest(header.split(","), [])
    assert {t: [mapping.columns[i].name for i in ix] for t, ix in mapping.order.items() if ix} == expected


def test_other_columns_become_variables_with_distinct_names():
    header = ["Company Name", "Company-Name", "Step", "2nd choice", "会社名", "", "Größe", "Do Not Call"]
    assert [c.slug for c in suggest(header, []).columns] == [
        "company_name",
        "company_name_2",
        "column_step",
        "column_2nd_choice",
        "会社名",
        "column_6",
        "grosse",
        "do_not_call",
    ]


@given(st.lists(st.text(max_size=12), min_size=1, max_size=12))
def test_variables_are_distinct_whatever_the_headings(header):
    slugs = [c.slug for c in suggest(header, []).columns]
    assert len(set(slugs)) == len(header)
    assert all(slug and not slug[0].isdigit() for slug in slugs)


def test_a_flag_column_is_not_a_number_though_its_heading_says_mobile():
    mapping = suggest(["Name", "Mobile", "Phone"], [["Jane", "yes", "2125550123"], ["Bob", "no", "4155550100"]])
    assert mapping.order[T.PHONE] == (2,)


def test_a_vague_heading_counts_only_with_numbers_below_it():
    assert suggest(["Contact", "Number"], [["Jane", "(212) 555-0123"]]).order[T.PHONE] == (1,)
    assert suggest(["Contact", "Number"], [["Jane", "17"]]).order[T.PHONE] == ()


def test_without_a_header_columns_are_known_by_their_cells():
    rows = [["Jane", "4155550123", "(212) 555-0123", "jane@example.com"], ["Bob", "4155550124", "212 555 0100", ""]]
    mapping = suggest([], rows)
    assert (mapping.has_header, mapping.order[T.PHONE], mapping.order[T.EMAIL]) == (False, (2,), (3,))
    assert [c.slug for c in mapping.columns] == ["column_1", "column_2", "column_3", "column_4"]
    assert {c.how for c in mapping.columns} == {"", "content"}


def test_bare_digits_under_a_strange_heading_are_never_dialled():
    rows = [["3105550101", "+1 310 555 0101"]]
    assert suggest(["Case", "Reach"], rows).order[T.PHONE] == (1,)
    assert suggest(["Case"], [["3105550101"], ["3105550102"]]).order[T.PHONE] == ()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["Name,Phone", "Jane,2125550123"], True),
        (["Foo,Bar", "Jane,2125550123"], True),
        (["Foo,Bar", "1,2"], True),
        (["to_number"], True),
        (["Jane,2125550123", "Bob,4155550100"], False),
        (["Jane,", "Bob,4155550100"], False),
        (["jane@example.com,Jane"], False),
        (["'+12125550123,Jane"], False),
        ([], False),
    ],
)
def test_a_first_row_with_a_point_of_its_own_is_no_header(rows, expected):
    assert has_header([r.split(",") for r in rows]) is expected


def test_a_person_overrules_the_suggestion():
    mapping = with_asked(suggest(["Mobile Phone", "Phone", "Email"], []), {"phone": "phone"})
    assert mapping.order[T.PHONE] == (1,)
    assert [(c.slug, c.how) for c in mapping.columns] == [("mobile_phone", ""), ("phone", "asked"), ("email", "name")]
    assert with_asked(suggest([], [["a", "b"]]), {"phone": "2"}).order[T.PHONE] == (1,)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"phone": "Mobil"}, r'No column is called "Mobil". Nothing was imported. Near it: .*"Mobile Phone"'),
        ({"phone": "zzz"}, r'No column is called "zzz". .*The columns are: "Mobile Phone", "E-mail"'),
        ({"fone": "Mobile Phone"}, r'"fone" is not something .* Use one of: phone, email'),
    ],
)
def test_an_override_that_fits_nothing_names_what_is_near(asked, message):
    with pytest.raises(CsvError, match=message):
        with_asked(suggest(["Mobile Phone", "E-mail"], []), asked)


def test_a_table_without_the_needed_column_is_refused_before_its_rows():
    with pytest.raises(CsvError, match=r'No column holds phone numbers \(columns: "Name", "Email"\).*--map phone='):
        require(suggest(["Name", "Email"], []), "phone")
    require(suggest(["Name", "Email"], []), "any")


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
    assert reject.reason == "11 cells but 9 columns: quoting is broken?"


def test_a_readers_own_reject_passes_through():
    reject = Reject(9, "a quote is opened and never closed", ('"Jane',))
    assert read_row(MAPPING, reject, 9) is reject


def test_numbers_without_a_country_code_are_the_countrys_of_the_row():
    assert person("", "", "020 7946 0018", "", "", "United Kingdom").phones[0].e164 == "+442079460018"
    assert person("", "", "0491 570 156", "", "", "AU").phones[0].e164 == "+61491570156"
    assert person("", "", "0491 570 156", region="AU").phones[0].e164 == "+61491570156"
    assert isinstance(read_row(MAPPING, ("", "", "0491 570 156"), 2), Reject)
    assert [region_of(c) for c in ("usa", "de", "Österreich", "Freedonia", "")] == ["US", "DE", "AT", None, None]


def test_the_same_point_twice_in_a_row_is_one_and_several_in_a_cell_are_told():
    jane = person("", "", "212-555-0123 / 415-555-0199", "+12125550123", "a@example.com; A@EXAMPLE.com, b@example.com")
    assert [p.e164 for p in jane.phones] == ["+12125550123"]
    assert jane.emails == ("a@example.com", "b@example.com")
    assert jane.notes == ("Mobile: 2 numbers, only the first valid one is used",)


def test_an_apostrophe_put_against_formulas_is_taken_off_again():
    assert person("'=Jane", "'-", "'+12125550123").fields["first_name"] == "=Jane"


def test_two_rows_of_one_person_share_a_key_and_an_extension_tells_people_apart():
    one, other = person("", "", "(212) 555-0123", "", "Jane@Example.com"), person("", "", "", "", "jane@example.COM")
    assert set(keys(one)) & set(keys(other)) == {"mailto:jane@example.com"}
    assert keys(person("", "", "+1 212 555 0123")) == keys(person("", "", "2125550123.0"))
    assert not set(keys(person("", "", "2125550123 x1"))) & set(keys(person("", "", "2125550123 x2")))


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
