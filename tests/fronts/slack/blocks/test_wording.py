"""What is masked in a text for a channel, and what is not."""

from __future__ import annotations

import pytest

from fluentsd.fronts.slack.blocks.wording import (
    by_channel,
    channels,
    clock,
    consent,
    contact_by,
    contacts,
    held,
    lasts,
    link,
    moment,
    spoken,
    with_names,
    without_points,
    word,
    zone_words,
)


@pytest.mark.parametrize(
    "text",
    [
        "call +1 212 555 0142 now",
        "(212) 555-0142",
        "212.555.0142",
        "12125550142",
        "+442079460958",
        "212-555-0142",
        "555-0142",
        "2125550142.",
        "to 212 555 0142, please",
    ],
)
def test_a_number_is_masked(text: str) -> None:
    assert "0142" in without_points(text) or "0958" in without_points(text)
    assert "••• " in without_points(text)
    assert "555" not in without_points(text)
    assert "207946" not in without_points(text)


@pytest.mark.parametrize(
    "text",
    [
        "47 CFR 64.1200(b)(1)",
        "47 CFR 64.1200(c)(2)(i); 16 CFR 310.4(b)(3)",
        "on 2026-11-24",
        "2026-11-24 10",
        "1,204 people",
        "proposed rule of 2024-09-10",
        "DA 26-12 (2026-01-06)",
        "FCC 24-17 (2024-02-08)",
        "NRS 598.0918(3)",
        "KRS 367.46955(16)",
        "Fla. Stat. 501.605, 501.059(8)",
        "291 Neb. Admin. Code 11-003.02, 11-003.04",
        "step 2 of 3",
        "Florida 501.059",
    ],
)
def test_a_date_or_a_law_is_not(text: str) -> None:
    assert without_points(text) == text


def test_an_address_is_masked() -> None:
    assert without_points("write to dana.w@example.com") == "write to d•••@example.com"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://crm.example/c/1?a=1&b=2", "<https://crm.example/c/1?a=1&amp;b=2|record>"),
        ("https://crm.example/<!here>|x", "<https://crm.example/%3C!here%3E%7Cx|record>"),
        ("javascript:alert(1)", "record"),
        ("https://crm.example/a b", "record"),
        ("", "record"),
    ],
)
def test_a_link_leads_to_the_web_and_nowhere_else(url: str, shown: str) -> None:
    assert link(url, "record") == shown


@pytest.mark.parametrize(
    ("scope", "target", "words"),
    [
        ("installation", "*", "everything"),
        ("channel", "sms", "all texts"),
        ("channel", "phone", "all calls"),
        ("channel", "fax", "all fax"),
        ("campaign", "spring", "the campaign spring"),
        ("number", "+12125550123", "the number +12125550123"),
        ("contact", "#12", "the person #12"),
    ],
)
def test_what_a_hold_stops_is_said_in_plain_words(scope: str, target: str, words: str) -> None:
    assert held(scope, target) == words


def test_a_moment_that_is_meant_in_a_zone_names_it() -> None:
    shown = "<!date^1772463720^{date_short_pretty} {time}|2026-03-02 15:02 UTC>"
    at = 1_772_463_720_000_000
    assert moment(at) == shown
    assert moment(at, "America/New_York") == f"{shown} (Mon 10:02 AM New York time)"
    assert moment(None, "America/New_York") == "–"
    assert clock(at, "UTC") == "Mon 3:02 PM UTC"
    assert zone_words("America/Argentina/Buenos_Aires") == "Buenos Aires time"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (127, "2 min"), (3570, "1 h"), (3600, "1 h"), (3900, "1 h 5 min")],
)
def test_how_long_something_took_is_said_in_the_unit_that_people_use(seconds: int, words: str) -> None:
    assert lasts(seconds) == words


def test_a_channel_has_the_name_that_people_use() -> None:
    kinds = ("phone", "sms", "email", "fax")
    assert [by_channel(one) for one in kinds] == ["phone", "text", "e-mail", "fax"]
    assert [contact_by(one) for one in kinds] == ["call", "text", "e-mail", "by fax"]
    assert [contacts(2, one) for one in kinds] == ["2 calls", "2 texts", "2 e-mails", "2 by fax"]
    assert (word("no_answer"), word("")) == ("no answer", "")
    assert channels(["phone", "sms", "email"]) == "calls, texts and e-mails"
    assert (channels(["sms"]), channels(["*"])) == ("texts", "every channel")
    assert consent("sms:written,phone:written") == "written consent to texts and calls"


def test_the_variables_of_a_text_are_read_as_words() -> None:
    said = "Hi {{ first_name | default: 'there' }}, {{car}} costs {{ price | currency: 'USD' }} {% if x %}"
    assert with_names(said) == "Hi ‹first name›, ‹car› costs ‹price› {% if x %}"


def test_stored_words_in_a_sentence_are_spoken_and_names_are_left() -> None:
    said = "spring has no sms step; 'sms' and `no_answer` are names, my-sms too; it ended no_answer"
    assert spoken(said) == "spring has no text step; 'sms' and `no_answer` are names, my-sms too; it ended no answer"
