"""The end of an absence: a day begins where the person is, and the length is limited."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluentsd.domain.time.absence import AT_MOST, back_at
from fluentsd.domain.time.zones import DAY, zone


def at(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp() * 1_000_000)


NOW = at("2026-11-20T15:00+00:00")
THE_30TH = at("2026-11-30T00:00+00:00")
ZONES = ("America/New_York", "America/Los_Angeles", "Australia/Sydney", "Asia/Kathmandu", "Pacific/Honolulu")


@pytest.mark.parametrize(
    ("zones", "begins"),
    [
        (("America/New_York",), "2026-11-30T00:00-05:00"),
        (("Australia/Sydney",), "2026-11-30T00:00+11:00"),
        (("America/New_York", "America/Los_Angeles"), "2026-11-30T00:00-08:00"),
        ((), "2026-11-30T00:00-12:00"),
    ],
)
def test_a_day_begins_when_it_has_begun_in_every_zone_the_person_may_be_in(zones, begins):
    assert back_at(THE_30TH, zones, NOW) == at(begins)


def test_an_instant_within_a_day_is_taken_as_it_is():
    assert back_at(THE_30TH + 1, ("America/New_York",), NOW) == THE_30TH + 1


def test_a_year_is_not_believed_at_once():
    assert back_at(NOW + 366 * DAY, ("America/New_York",), NOW) == NOW + AT_MOST
    assert back_at(1 << 80, (), NOW) == NOW + AT_MOST


def test_what_has_passed_is_no_absence():
    assert back_at(NOW, (), NOW) is None
    assert back_at(at("2026-11-20T00:00+00:00"), ("America/New_York",), NOW) is None
    assert back_at(-(1 << 80), (), NOW) is None


@given(st.integers(1, 59), st.integers(0, DAY - 1), st.lists(st.sampled_from(ZONES), unique=True))
def test_no_clock_of_theirs_shows_an_earlier_day(days, of_day, zones):
    now = NOW - NOW % DAY + of_day
    day = now - of_day + days * DAY
    until_at = back_at(day, zones, now)
    if until_at is None or until_at == now + AT_MOST:
        return
    for name in zones:
        local = dt.datetime.fromtimestamp(until_at / 1_000_000, dt.UTC).astimezone(zone(name))
        assert local.date() >= dt.datetime.fromtimestamp(day / 1_000_000, dt.UTC).date()
