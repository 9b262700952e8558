"""Hours are read as people write them, refused when ambiguous, and written back in the 24-hour form."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluentsd.domain.time.windows import BadHours, ContactWindow, Hours

NINE_TO_SEVEN = ((540, 1140),)


@pytest.mark.parametrize(
    "text",
    ["09:00-19:00", "9:00-19:00", "9am-7pm", "9 AM – 7 PM", "9-19", "9.00—19.00", "09:00 to 19:00", "9 a.m.-7 p.m."],
)
def test_the_same_hours_in_every_usual_spelling(text):
    assert Hours.parse(text).ranges == NINE_TO_SEVEN


@pytest.mark.parametrize(
    ("text", "ranges", "plain"),
    [
        ("09:00-12:00, 13:00-19:00", ((540, 720), (780, 1140)), "09:00-12:00, 13:00-19:00"),
        ("13:00-19:00; 09:00-12:00", ((540, 720), (780, 1140)), "09:00-12:00, 13:00-19:00"),
        ("9-12 and 13-19", ((540, 720), (780, 1140)), "09:00-12:00, 13:00-19:00"),
        ("22:00-02:00", ((1320, 1560),), "22:00-02:00"),
        ("00:00-24:00", ((0, 1440),), "00:00-24:00"),
        ("18:00-00:00", ((1080, 1440),), "18:00-24:00"),
        ("6pm-12am", ((1080, 1440),), "18:00-24:00"),
        ("12am-12pm", ((0, 720),), "00:00-12:00"),
        ("01:00-05:00", ((60, 300),), "01:00-05:00"),
        ("09:00-05:00", ((540, 1740),), "09:00-05:00"),
    ],
)
def test_hours_are_kept_as_minutes_and_written_plainly(text, ranges, plain):
    hours = Hours.parse(text)
    assert hours.ranges == ranges
    assert str(hours) == plain
    assert Hours.parse(str(hours)) == hours


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("19:00-19:00", "is empty"),
        ("00:00-00:00", '"00:00-24:00"'),
        ("09:00-12:00, 11:00-14:00", "overlaps"),
        ("09:60-12:00", "minutes to 59"),
        ("25:00-26:00", "hours go to 24:00"),
        ("24:00-24:30", "hours go to 24:00"),
        ("24:00-06:00", "write 00:00"),
        ("13pm-2pm", "the hour is 1 to 12"),
        ("0am-2pm", "the hour is 1 to 12"),
        ("", "no hours given"),
        ("business hours", "cannot read"),
        ("9", "cannot read"),
        ("-9:00", "cannot read"),
        ("9m-7m", "cannot read"),
    ],
)
def test_bad_hours_are_refused_with_the_way_to_write_them(text, says):
    with pytest.raises(BadHours, match=says):
        Hours.parse(text)


@pytest.mark.parametrize("text", ["9-5", "9:00-5:00", "1-5", "9-5pm", "1pm-5"])
def test_hours_that_may_mean_the_night_are_refused(text):
    with pytest.raises(BadHours, match="is ambiguous"):
        Hours.parse(text)


@pytest.mark.parametrize(
    "ranges", [(), ((540, 540),), ((-1, 60),), ((600, 2040),), ((1440, 1500),), ((0, 60), (30, 90))]
)
def test_hours_cannot_be_built_wrong(ranges):
    with pytest.raises(BadHours):
        Hours(ranges)


@st.composite
def hours(draw):
    cuts = sorted(draw(st.lists(st.integers(0, 1440), min_size=2, max_size=8, unique=True)))
    return Hours(tuple(zip(cuts[::2], cuts[1::2], strict=False)))


@given(hours())
def test_plain_hours_are_read_back_equal(value):
    assert Hours.parse(str(value)) == value
    assert hash(Hours.parse(str(value))) == hash(value)


@given(st.text(alphabet="0123456789:-., amp–to", max_size=20))
def test_any_text_is_hours_or_bad_hours(text):
    try:
        value = Hours.parse(text)
    except BadHours:
        return
    assert Hours.parse(str(value)) == value


def test_windows_are_values_whatever_the_order_they_were_written_in():
    one, two, day = date(2026, 12, 24), date(2026, 12, 31), Hours(NINE_TO_SEVEN)
    week = (day,) * 5 + (None, None)
    window = ContactWindow(week, ((two, day), (one, None)), ("us-pa", "gb"))
    assert window == ContactWindow(week, {one: None, two: day}, ("gb", "us-pa", "gb"))
    assert len({window, ContactWindow(week, ((one, None), (two, day)), ("gb", "us-pa"))}) == 1


def test_a_date_is_named_once():
    day = date(2026, 12, 24)
    with pytest.raises(BadHours, match="2026-12-24 is named twice"):
        ContactWindow((None,) * 7, ((day, None), (day, Hours(NINE_TO_SEVEN))))


def test_a_date_has_no_time_of_day():
    with pytest.raises(BadHours, match="name a whole date, such as 2026-12-24"):
        ContactWindow((None,) * 7, ((datetime(2026, 12, 24, 9, tzinfo=UTC), None),))


def test_a_week_has_seven_days():
    with pytest.raises(BadHours, match="seven days"):
        ContactWindow((None,) * 5)
