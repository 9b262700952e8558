"""A point is read for certain or refused with a reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluentsd.domain.contacts.names import names
from fluentsd.domain.contacts.points import (
    BadEmail,
    BadPhone,
    BadPoint,
    PhoneKind,
    email,
    email_key,
    phone,
    points_in,
)


@pytest.mark.parametrize(
    "text",
    [
        "2125550123",
        "(212) 555-0123",
        "212.555.0123",
        "1-212-555-0123",
        "+1 (212) 555-0123",
        " +12125550123 ",
        "tel:+1-212-555-0123",
        "Mobile: 212 555 0123",
        "'+12125550123",
        '="12125550123"',
        "12125550123.0",
        "12125550123,00",
        "1.2125550123E+10",
        "1,2125550123e+10",
        "１２１２５５５０１２３",
        "٢١٢٥٥٥٠١٢٣",
        "\u202a+1 212\u2011555\u20110123\u202c",
        "0012125550123",
        "212\u00a0555\u00a00123",
    ],
)
def test_every_spelling_of_a_number_is_one_number(text):
    assert phone(text).e164 == "+12125550123"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no number"),
        ("n/a", "no number"),
        ("call me", "no number"),
        ("1-800-FLOWERS", "letters in the number"),
        ("ask for Jane 2125550123", "letters in the number"),
        ("1.21256E+10", "spreadsheet lost digits"),
        ("1,21256E+10", "spreadsheet lost digits"),
        ("1.2125551E+10", "spreadsheet lost digits"),
        ("5550123", "no area code"),
        ("12345", "too few digits"),
        ("212555012345", "too many digits"),
        ("1234567890", "no such number in US"),
        ("+1 555 555 5555", "no such number"),
        ("+999 1234567", "no such country code"),
        ("442079460018", "needs + and its country code"),
        ("+1 900 555 0100", "premium-rate"),
        ("12/05/2026", "too few digits"),
        ("999 1234567 / 888 1234567", "none valid"),
    ],
)
def test_a_refusal_says_why_and_never_repeats_the_number(text, reason):
    with pytest.raises(BadPhone, match=reason.replace("+", r"\+")) as caught:
        phone(text)
    assert len(text) < 7 or text not in caught.value.reason


@pytest.mark.parametrize(
    ("text", "extension"),
    [
        ("+1 (212) 555-0123 x12", "12"),
        ("212-555-0123 ext. 4", "4"),
        ("212-555-0123, ext 4", "4"),
        ("tel:+1-212-555-0123;ext=4", "4"),
        ("212-555-0123 #77", "77"),
    ],
)
def test_an_extension_is_kept_apart(text, extension):
    number = phone(text)
    assert (number.e164, number.extension) == ("+12125550123", extension)


@pytest.mark.parametrize(
    "text", ["212-555-0123 / 415-555-0199", "212-555-0123 or 415-555-0199", "212-555-0123\n415-555-0199"]
)
def test_of_two_numbers_the_first_valid_one_is_taken_and_the_other_is_noted(text):
    number = phone(text)
    assert (number.e164, number.rest) == ("+12125550123", ("415-555-0199",))
    assert phone("999 111 2222; 415 555 0199").e164 == "+14155550199"


@pytest.mark.parametrize(
    ("text", "region", "e164"),
    [
        ("4915112345678", "DE", "+4915112345678"),
        ("4915112345678.0", "DE", "+4915112345678"),
        ("49 151 1234 5678", "DE", "+4915112345678"),
        ("436641234567", "AT", "+436641234567"),
        ("393331234567", "IT", "+393331234567"),
        ("919876543210", "IN", "+919876543210"),
        ("5511987654321", "BR", "+5511987654321"),
        ("04915112345", "DE", "+494915112345"),
        ("4931123456", "DE", "+494931123456"),
        ("0491 5112345678", "DE", "+494915112345678"),
    ],
)
def test_a_lost_plus_never_makes_a_stranger(text, region, e164):
    assert phone(text, region).e164 == e164


@pytest.mark.parametrize(
    ("text", "e164"),
    [
        ("(212) 555-0148 (cell)", "+12125550148"),
        ("212-555-0148 mobile", "+12125550148"),
        ("212-555-0148 - home", "+12125550148"),
        ("+1 (212) 555-0148 [w]", "+12125550148"),
        ("(c) 212 555 0148", "+12125550148"),
        ("Cell 212-555-0148", "+12125550148"),
        ("Mobile no. 212-555-0148", "+12125550148"),
        ("+52 1 55 1234 5678", "+525512345678"),
        ("0052 1 (55) 1234-5678", "+525512345678"),
    ],
)
def test_the_words_around_a_number_are_no_part_of_it(text, e164):
    assert phone(text).e164 == e164


@pytest.mark.parametrize("text", ["C: 212-555-0148 W: 212-555-0149", "cell: 212-555-0148 home: 212-555-0149"])
def test_words_part_two_numbers(text):
    assert points_in(text) == ([("phone", "+12125550148"), ("phone", "+12125550149")], [])


@pytest.mark.parametrize(
    ("text", "values", "wrong"),
    [
        ("415-555-0148 / 415-555-0149", ["+14155550148", "+14155550149"], 0),
        ("415-555-0148", ["+14155550148"], 0),
        ("415-555-0148; 999 111 2222", ["+14155550148"], 1),
        ("415-555-0148 ext 12", ["+14155550148"], 0),
        ("b2@example.com\nB2x@example.com", ["b2@example.com", "b2x@example.com"], 0),
        ("a@example.com or b@example.com", ["a@example.com", "b@example.com"], 0),
        ("Jane <a@example.com>, Kim <b@example.com>", ["a@example.com", "b@example.com"], 0),
    ],
)
def test_a_list_of_people_to_leave_alone_loses_no_point_of_a_cell(text, values, wrong):
    found, reasons = points_in(text)
    assert [value for _, value in found] == values
    assert len(reasons) == wrong


def test_a_slash_inside_one_german_number_does_not_cut_it():
    number = phone("030/1234567", "DE")
    assert (number.e164, number.rest) == ("+49301234567", ())


@pytest.mark.parametrize(
    ("text", "region", "e164", "where", "kind"),
    [
        ("020 7946 0018", "GB", "+442079460018", "GB", PhoneKind.FIXED),
        ("0491 570 156", "AU", "+61491570156", "AU", PhoneKind.MOBILE),
        ("+39 06 12345678", "US", "+390612345678", "IT", PhoneKind.FIXED),
        ("011 44 20 7946 0018", "US", "+442079460018", "GB", PhoneKind.FIXED),
        ("00 44 20 7946 0018", "US", "+442079460018", "GB", PhoneKind.FIXED),
        ("+1 416 555 0123", "US", "+14165550123", "CA", PhoneKind.FIXED_OR_MOBILE),
        ("800 555 0100", "US", "+18005550100", "US", PhoneKind.TOLL_FREE),
    ],
)
def test_region_and_kind_come_from_the_number(text, region, e164, where, kind):
    number = phone(text, region)
    assert (number.e164, number.region, number.kind) == (e164, where, kind)


def test_the_numbers_set_aside_for_fiction_are_valid_in_every_area_code():
    assert all(phone(f"+1{area}55501{n:02d}").e164 for area in (201, 212, 310, 415, 702, 907) for n in range(100))


@given(st.text(max_size=40))
def test_no_text_breaks_the_readings(text):
    for read in (phone, email):
        try:
            read(text)
        except BadPoint:
            continue
    assert not set(names(text).full) & set("\r\n\t\0\u202e")


@given(st.integers(0, 99), st.sampled_from(["({}) {}-{}", "+1 {} {} {}", "{}.{}.{}", "1{}{}{}", "tel:+1{}-{}-{}"]))
def test_formats_of_a_number_agree(n, form):
    assert phone(form.format("415", "555", f"01{n:02d}")).e164 == f"+141555501{n:02d}"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Jane.Doe@Example.COM", "Jane.Doe@example.com"),
        (" <jane@example.com> ", "jane@example.com"),
        ("Jane Doe <jane@example.com>;", "jane@example.com"),
        ('"Doe, Jane" <jane@example.com>', "jane@example.com"),
        ("Jane Doe (jane@example.com)", "jane@example.com"),
        ("mailto:jane@example.com?subject=Hi", "jane@example.com"),
        ("MAILTO:jane@example.com", "jane@example.com"),
        ("jane@example.com.", "jane@example.com"),
        ("'jane@example.com", "jane@example.com"),
        ("jane+tag@sub.example.co.uk", "jane+tag@sub.example.co.uk"),
        ("o'brien@example.com", "o'brien@example.com"),
        ("j\u200bane@example.com\u00a0", "jane@example.com"),
        ("ｊａｎｅ＠example.com", "jane@example.com"),
        ("jane@Müller.de", "jane@xn--mller-kva.de"),
        ("jane@straße.de", "jane@xn--strae-oqa.de"),
        ("jane@例え.jp", "jane@xn--r8jz45g.jp"),
    ],
)
def test_an_address_is_found_in_its_wrapping(text, address):
    assert email(text) == address


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no @"),
        ("jane", "no @"),
        ("jane@localhost", "no top-level domain"),
        ("jane@example", "no top-level domain"),
        ("jane doe@example.com", "spaces inside"),
        ("jane@ex ample.com", "spaces inside"),
        ("jane@doe@example.com", "two @"),
        ("jane@example.com\r\nBcc: all@example.com", "control characters"),
        ("jane\x00@example.com", "control characters"),
        ("@example.com", "nothing before the @"),
        ("jane@", "nothing after the @"),
        ("jane..doe@example.com", "not an e-mail address"),
        ("jane@-example.com", "not an e-mail address"),
        ("jane@example..com", "not an e-mail address"),
        ("jane@[192.0.2.1]", "not an e-mail address"),
        ("jane@example.c", "not an e-mail address"),
        ("josé@example.com", "before the @"),
        ("j" * 65 + "@example.com", "too long"),
        ("jane@" + "é" * 80 + ".com", "no such domain"),
        ("j@" + "a." * 5000 + "com", "too long"),
    ],
)
def test_what_is_no_address_is_refused_with_the_first_thing_wrong(text, reason):
    with pytest.raises(BadEmail, match=reason):
        email(text)


@given(st.text(max_size=30))
def test_an_address_that_was_read_holds_nothing_a_header_could_be_made_of(text):
    try:
        address = email(f"{text}@example.com")
    except BadEmail:
        return
    assert address.isascii()
    assert address.isprintable()
    assert " " not in address
    assert address.count("@") == 1


def test_a_mailbox_is_the_same_whatever_the_capitals():
    assert email_key(email("Jane@Example.com")) == email_key(email("jane@EXAMPLE.com"))
