"""Columns are known by their names, then by their cells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluentsd.domain.contacts.headings import Target
from fluentsd.domain.contacts.mapping import CsvError, has_header, require, suggest, with_asked

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
        ({"phone": "Mobil"}, r'No column is called "Mobil". Nothing was imported. Similar columns: .*"Mobile Phone"'),
        ({"phone": "zzz"}, r'No column is called "zzz". .*The columns are: "Mobile Phone", "E-mail"'),
        ({"fone": "Mobile Phone"}, r'"fone" is not a mapping target. .*Use one of: phone, email'),
    ],
)
def test_an_override_that_fits_nothing_names_what_is_near(asked, message):
    with pytest.raises(CsvError, match=message):
        with_asked(suggest(["Mobile Phone", "E-mail"], []), asked)


def test_a_table_without_the_needed_column_is_refused_before_its_rows():
    with pytest.raises(CsvError, match=r'No column holds phone numbers \(columns: "Name", "Email"\).*--map phone='):
        require(suggest(["Name", "Email"], []), "phone")
    require(suggest(["Name", "Email"], []), "any")


@pytest.mark.parametrize(
    ("header", "rows", "address"),
    [
        (
            ["User Email", "Invitee Name", "Invitee Email"],
            [
                ["sam@our.example.com", "Jane Doe", "jane@example.com"],
                ["sam@our.example.com", "Kim", "kim@example.com"],
            ],
            "Invitee Email",
        ),
        (["Created By Email", "Email"], [["sam@our.example.com", "jane@example.com"]], "Email"),
        (["Host Email", "Attendee Email"], [["sam@our.example.com", "jane@example.com"]], "Attendee Email"),
        (["Partner Firm Email", "E-Mail"], [["sam@our.example.com", "jane@example.com"]], "E-Mail"),
        (
            ["Email", "Email 2"],
            [["sam@our.example.com", "jane@example.com"], ["sam@our.example.com", "kim@example.com"]],
            "Email 2",
        ),
        (["User Email", "Name"], [["jane@example.com", "Jane"], ["kim@example.com", "Kim"]], "User Email"),
    ],
)
def test_somebody_elses_address_is_not_the_persons(header, rows, address):
    mapping = suggest(header, rows)
    assert [mapping.columns[i].name for i in mapping.order[Target.EMAIL]] == [address]


def test_doubt_is_said_of_the_column():
    mapping = suggest(
        ["User Email", "Invitee Email", "Agent Phone", "Contact No"],
        [["sam@our.example.com", f"p{i}@example.com", "212-555-0100", f"212-555-010{i}"] for i in range(3)],
    )
    assert [c.doubt for c in mapping.columns] == [
        "most rows have the same; not used", "", "looks like phone numbers and is not used", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("heading", "cell", "target"),
    [
        ("Contact No", "212-555-0101", Target.PHONE),
        ("Mob. No.", "212-555-0101", Target.PHONE),
        ("Invitee First Name", "Jane", Target.FIRST_NAME),
        ("Attendee Last Name", "Doe", Target.LAST_NAME),
        ("Customer Phone", "212-555-0101", Target.PHONE),
        ("Land", "Deutschland", Target.COUNTRY),
        ("E-Mail-Adresse", "joerg@example.de", Target.EMAIL),
    ],
)
def test_headings_of_other_products_are_known(heading, cell, target):
    assert suggest([heading, "X"], [[cell, ""]]).columns[0].target is target
