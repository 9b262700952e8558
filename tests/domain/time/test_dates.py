"""Dates as spreadsheets write them; the order of day and month is that of the column."""

from __future__ import annotations

import pytest

from fluentsd.domain.time.dates import order_of, plainly, read_wall
from fluentsd.domain.time.zones import read_instant

CHRISTMAS = "2026-12-25T15:00:00"


@pytest.mark.parametrize(
    "text",
    ["12/25/2026 3:00 PM", "25/12/2026 15:00", "25.12.2026 15:00", "25.12.2026, 15:00 Uhr", "2026-12-25 3:00 PM",
     "2026-12-25T15:00", "2026/12/25 15:00:00", "Dec 25, 2026 3pm", "December 25th 2026 at 3:00 p.m.",
     "25 Dec 2026 15:00",
     "Fri, 25 Dec 2026 15:00", "Friday, December 25, 2026, 3 PM", "12/25/26 3:00PM", "12-25-2026 15:00"],
)  # fmt: skip
def test_a_date_that_has_one_meaning_is_read(text: str) -> None:
    found = read_wall(text)
    assert found is not None
    assert found.isoformat() == CHRISTMAS
    assert read_instant(text, "America/New_York") == read_instant("2026-12-25T15:00-05:00", "UTC")


@pytest.mark.parametrize("text", ["12/1/2026", "some day", "", "2026-13-01", "31.02.2026", "25/25/2026", "12/25/2026 3",
                                  "12/25/2026 15:00 PM", "3:00 PM", "12/25", "2026-12-25 25:00"])  # fmt: skip
def test_what_is_unclear_or_impossible_is_not_read(text: str) -> None:
    assert read_wall(text) is None


def test_a_date_between_slashes_is_read_in_the_order_of_its_column() -> None:
    assert str(read_wall("12/1/2026", "month first")) == "2026-12-01 00:00:00"
    assert str(read_wall("12/1/2026", "day first")) == "2026-01-12 00:00:00"
    assert order_of(["12/1/2026", "12/25/2026 3:00 PM"]) == ("month first", True)
    assert order_of(["1/12/2026", "25/12/2026"]) == ("day first", True)
    assert order_of(["1/12/2026", "2/11/2026"]) == ("", False)
    assert order_of(["25/12/2026", "12/25/2026"]) == ("", True)
    assert order_of(["a", "b", "1/12/2026"]) is None
    assert order_of([]) is None


def test_a_date_in_words_has_one_meaning() -> None:
    assert plainly("12/1/2026 3:00 PM", "month first") == "Dec 1, 2026 3:00 PM"
    assert plainly("12/1/2026", "day first") == "Jan 12, 2026"
    assert plainly("2026-12-01", "day first") == "2026-12-01"
    assert plainly("soon", "day first") == "soon"
