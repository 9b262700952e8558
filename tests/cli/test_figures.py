"""What people are told before a start, through the command line: budget, start, reach, and values never meant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.shell import Person

CAMPAIGN = """
name = "Fair"
ref = "fair"
[window]
hours = "09:00-17:00"
timezone = "America/New_York"
[[step]]
id = "call"
channel = "phone"
agent = "sales"
[[step]]
id = "text"
channel = "sms"
after = "1 day"
text = "Hi {{ first_name | default: 'there' }}"
"""
TEXANS = "First Name,Phone,State\n" + "".join(f"P{n},+1512555{n:04d},TX\n" for n in range(3))


def applied(person: Person, text: str = CAMPAIGN, people: str = TEXANS) -> None:
    person.gets("campaign", "apply", "-", given=text.encode())
    Path("people.csv").write_text(people)
    person.gets("contacts", "import", "people.csv", "--campaign", "fair")


def test_a_budget_needs_a_price_and_is_shown_in_the_campaigns_day(person: Person) -> None:
    limits = '[limits]\nbudget = "0.25 USD/day"\n'
    applied(person, CAMPAIGN + limits)
    assert "the price of sms in USD is not known" in person.is_refused("campaign", "start", "fair", "--yes")
    person.gets("campaign", "apply", "-", given=(CAMPAIGN + limits + "cost = { sms = 0.01, phone = 0.1 }\n").encode())
    status = person.asks("campaign", "status", "fair")
    assert status["budget"]["micros"] == 250_000
    assert status["budget"]["renewed_at_iso"].endswith("T00:00:00-05:00")
    assert "spent today: nothing of 0.25 USD; the next day begins" in person.gets("campaign", "status", "fair").out


def test_nobody_with_consent_reaches_step_1_and_the_check_says_so(person: Person) -> None:
    applied(person, people=TEXANS + "Berta,+4915112345678,\n")
    checked = person.gets("campaign", "check", "fair")
    assert checked.out.startswith("Fair (fair): 1 of 4 people reach step 1 (call, phone), 3 are held there\n")
    assert ["call", "1", "0", "3", "3 no_consent"] in checked.rows
    assert ["text", "1", "3", "0"] in [row[:4] for row in checked.rows]
    assert person.asks("campaign", "check", "fair")["first_step"]["held"] == 3


def test_a_start_is_scheduled_in_the_campaigns_zone_and_forecast_from_there(person: Person) -> None:
    applied(person, people="First Name,Phone\nBerta,+4915112345678\n")
    said = person.gets("campaign", "schedule", "fair", "2027-12-23", "10:00", "--yes").out
    assert "it starts on Thu Dec 23 2027, 10:00 EST (America/New_York)" in said
    first = person.asks("forecast", "fair")["first"][0]
    assert first["at_iso"] == "2027-12-23T10:00:00-05:00"


@pytest.mark.parametrize(
    ("before", "after", "part"),
    [
        ('after = "1 day"', "when = \"last.outcome == 'opened'\"", "'opened' is not an outcome"),
        ('after = "1 day"', 'of = "apointment_at"\nbefore = "1 day"', "did you mean 'appointment_at'"),
    ],
)
def test_what_can_never_work_is_refused_by_apply(person: Person, before: str, after: str, part: str) -> None:
    applied(person, people="First Name,Phone,Appointment At\nBerta,+4915112345678,2027-01-05 15:00\n")
    text = CAMPAIGN.replace(before, after).encode()
    typed = person.types("campaign", "apply", "-", given=text)
    assert (typed.status, typed.out) == (1, "")
    assert part in typed.err
    assert person.asks("campaign", "show", "fair")["revision"] == 1


def test_what_was_hardly_meant_is_a_warning_of_apply_and_check(person: Person) -> None:
    text = CAMPAIGN.replace("Hi {{ first_name | default: 'there' }}", "Hi [First Name] %FIRST%")
    text = text.replace("09:00-17:00", "19:00-09:00").replace("America/New_York", "EST")
    person.gets("campaign", "apply", "-", given=text.encode())
    Path("people.csv").write_text("First Name,Phone\nBerta,+4915112345678\n")
    person.gets("contacts", "import", "people.csv", "--campaign", "fair")
    for words in (["campaign", "apply", "-", "--json"], ["campaign", "check", "fair", "--json"]):
        warnings = json.loads(person.gets(*words, given=text.encode()).out)["warnings"]
        for part in ("[First Name]", "%FIRST%", "through the night", "without summer time"):
            assert any(part in line for line in warnings), (words, part)


def test_a_field_that_nobody_has_is_named_by_the_check(person: Person) -> None:
    text = CAMPAIGN.replace("first_name |", "frist_name |").replace('after = "1 day"', 'of = "visit_at"')
    applied(person, text, "First Name,Phone,Visit\nBerta,+4915112345678,12 o'clock\n")
    checked = person.asks("campaign", "check", "fair")
    assert checked["errors"] == ["step text: of: nobody has a field 'visit_at'; did you mean 'visit'?"]
    assert "step text: nobody has a field 'frist_name'; did you mean 'first_name'?" in checked["warnings"]
