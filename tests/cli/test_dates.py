"""Dates of a spreadsheet, from its import to the step that they time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.shell import Person, settled

CAMPAIGN = """
name = "Reminder"
ref = "fair"
[window]
hours = "00:00-24:00"
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
timezone = "Europe/Berlin"
[[step]]
id = "remind"
before = "1 hour"
of = "appointment_at"
channel = "sms"
text = "See you on {{ appointment_at }}"
"""


@pytest.fixture
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Person:
    person = settled(tmp_path, monkeypatch)
    person.gets("campaign", "apply", "-", given=CAMPAIGN.encode())
    return person


def imported(person: Person, dates: list[str], *words: str) -> None:
    rows = "".join(f'P{n},+49151123456{n:02d},"{date}"\n' for n, date in enumerate(dates))
    Path("dates.csv").write_text(f"First Name,Phone,Appointment At\n{rows}")
    person.gets("contacts", "import", "dates.csv", "--campaign", "fair", *words)


def test_dates_of_any_spreadsheet_time_the_step(person: Person) -> None:
    dates = ["12/25/2027 3:00 PM", "12/1/2027", "2027-12-05 3:00 PM", "12/24/27 15:00"]
    imported(person, dates[:2] + dates[3:])
    first = person.asks("forecast", "fair", "--until", "2028-01-05")["first"]
    assert [one["at_iso"] for one in first] == [
        "2027-11-30T23:00:00+01:00", "2027-12-24T14:00:00+01:00", "2027-12-25T14:00:00+01:00",
    ]  # fmt: skip
    assert person.asks("contacts", "find", "P1")["people"][0]["fields"]["appointment_at"] == "Dec 1, 2027"


def test_the_order_is_shown_in_the_preview_and_can_be_said(person: Person) -> None:
    imported(person, ["12/1/2027", "11/2/2027"], "--preview")
    preview = person.gets("contacts", "import", "dates.csv", "--preview")
    assert any("dates, month first, as in US; else: --day-first" in row[2] for row in preview.rows if len(row) > 2)
    imported(person, ["12/1/2027", "11/2/2027"], "--day-first")
    assert person.asks("contacts", "find", "P0")["people"][0]["fields"]["appointment_at"] == "Jan 12, 2027"
    preview = person.gets("contacts", "import", "dates.csv", "--preview", "--region", "DE", "--as-new")
    assert any("dates, day first, as in DE" in row[2] for row in preview.rows if len(row) > 2)
    assert "not both" in person.is_refused("contacts", "import", "dates.csv", "--day-first", "--month-first", status=2)


def test_the_check_counts_dates_that_cannot_be_read(person: Person) -> None:
    imported(person, ["2027-12-25 15:00", "25.12.2027", "next week", "ask"])
    checked = person.asks("campaign", "check", "fair")
    assert checked["ready"] == 2
    assert (
        "step remind: appointment_at of 2 people is not a date; write it like 2026-12-25 15:00" in checked["warnings"]
    )
