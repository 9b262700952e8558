"""Moments as people write them."""

from __future__ import annotations

import datetime as dt

import pytest

from fluentsd.domain.time.moments import BadMoment, read_moment, show_moment

#: Saturday 28 November 2026, 08:00 in New York.
NOW = round(dt.datetime(2026, 11, 28, 13, tzinfo=dt.UTC).timestamp() * 1_000_000)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("tomorrow 9am", "Sun Nov 29 2026, 09:00"), ("tmrw 9am", "Sun Nov 29 2026, 09:00"),
        ("Tue 15:00", "Tue Dec 1 2026, 15:00"), ("12/1 9:00", "Tue Dec 1 2026, 09:00"),
        ("mon 09:00", "Mon Nov 30 2026, 09:00"), ("2026-12-01T09:00", "Tue Dec 1 2026, 09:00"),
        ("2026-12-01T09:00-08:00", "Tue Dec 1 2026, 12:00"), ("in 2 hours", "Sat Nov 28 2026, 10:00"),
        ("next tuesday at 3pm", "Tue Dec 1 2026, 15:00"), ("noon", "Sat Nov 28 2026, 12:00"),
        ("Dec 1 at 9:30am", "Tue Dec 1 2026, 09:30"), ("the 3rd of december 8am", "Thu Dec 3 2026, 08:00"),
        ("7am", "Sun Nov 29 2026, 07:00"), ("sat 9am", "Sat Nov 28 2026, 09:00"), ("sat 7am", "Sat Dec 5 2026, 07:00"),
        ("jan 5 9am", "Tue Jan 5 2027, 09:00"), ("Nov 20 9am", "Fri Nov 20 2026, 09:00"),
        ("24/12 9am", "Thu Dec 24 2026, 09:00"), ("12/11 9am", "Fri Dec 11 2026, 09:00"),
        ("2h", "Sat Nov 28 2026, 10:00"), ("45 min", "Sat Nov 28 2026, 08:45"),
        ("tomorrow 5p", "Sun Nov 29 2026, 17:00"), ("next week fri 9:30a", "Fri Dec 4 2026, 09:30"),
        ("monday next week 9am", "Mon Nov 30 2026, 09:00"), ("tomorrow 9am pacific", "Sun Nov 29 2026, 12:00"),
        ("tomorrow 12am", "Sun Nov 29 2026, 00:00"), ("tomorrow 12pm", "Sun Nov 29 2026, 12:00"),
    ],
)  # fmt: skip
def test_a_moment_is_read_in_the_readers_zone(text: str, shown: str) -> None:
    zone = "America/New_York"
    assert show_moment(read_moment(text, zone, NOW), zone) == f"{shown} {zone}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("friday", "without a time"), ("12/1", "without a time"), ("tomorrow 9", "Write 9am, 9pm or 9:00"),
        ("banana", "is not a moment"), ("tomorrow 25:00", "not a time of day"), ("tomorrow 13pm", "not a time of day"),
        ("2/30 9:00", "no day '2/30'"), ("13/13 9:00", "no day '13/13'"), ("jan 5", "without a time"),
        ("2026-02-30", "no day"), ("next week", "is not a moment"),
        ("9am 10am", "two times"), ("2027-03-14 02:30", "the clock changes"), ("in a while", "is not a delay"),
        ("", "is not a moment"),
    ],
)  # fmt: skip
def test_what_is_no_moment_is_explained(text: str, said: str) -> None:
    with pytest.raises(BadMoment, match=said):
        read_moment(text, "America/New_York", NOW)
