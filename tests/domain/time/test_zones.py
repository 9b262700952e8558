"""Zone names are read exactly; offsets are found exactly; a day later keeps the wall time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fluentsd.domain.time.windows import UnknownZone, add_days, zone
from fluentsd.domain.time.zones import DAY, stretches, year_of, zone_names

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZONES = [
    "America/New_York",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Africa/Casablanca",
    "Pacific/Apia",
    "America/Phoenix",
    "Asia/Kathmandu",
    "Europe/London",
    "America/Sao_Paulo",
    "Africa/Cairo",
]


def instant(text, name="UTC", fold=0):
    """The instant at which a clock in the zone shows this time, for the first or the second time."""
    local = datetime.fromisoformat(text).replace(tzinfo=zone(name), fold=fold)
    return (local - EPOCH) // timedelta(microseconds=1)


def shown(at, name):
    return (EPOCH + timedelta(microseconds=at)).astimezone(zone(name)).replace(tzinfo=None).isoformat(" ", "minutes")


def test_stretches_are_cut_to_what_is_asked():
    since, until = instant("2026-02-01"), instant("2026-06-01")
    change = instant("2026-03-08 03:00", "America/New_York")
    hour = 3600 * 1_000_000
    assert list(stretches("America/New_York", since, until)) == [(since, change, -5 * hour), (change, until, -4 * hour)]
    assert list(stretches("America/New_York", change, until)) == [(change, until, -4 * hour)]


def test_a_zone_is_read_once():
    assert zone("America/New_York") is zone("America/New_York")
    assert zone("America/New_York").key == "America/New_York"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("America/New_yrok", "did you mean 'America/New_York'"),
        ("america/new_york", "did you mean 'America/New_York'"),
        ("New York", "did you mean 'America/New_York'"),
        ("US/Estern", "'US/Eastern'"),
        ("", "is empty"),
        ("  ", "is empty"),
        ("Etc/Unknown", "unknown time zone"),
        ("Factory", "unknown time zone"),
        ("../../etc/passwd", "unknown time zone"),
        ("/etc/localtime", "unknown time zone"),
        ("America/../America/New_York", "unknown time zone"),
        ("America", "unknown time zone"),
        ("America/", "unknown time zone"),
        ("zone.tab", "unknown time zone"),
        ("Europe/London\0", "unknown time zone"),
        ("Europe/London\n", "unknown time zone"),
        ("\ud800", "unknown time zone"),
        ("x" * 100_000, "…"),
    ],
)
def test_what_is_no_zone_is_refused_with_near_names(name, says):
    with pytest.raises(UnknownZone) as caught:
        zone(name)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 200


@settings(max_examples=15)  # a near name is looked for in all of them, which takes milliseconds
@given(st.text(max_size=30))
@example("con")
@example("a/b/c/d")
def test_no_text_breaks_the_door(text):
    try:
        found = zone(text)
    except UnknownZone:
        assert text not in zone_names()
    else:
        assert found.key == text


@pytest.mark.slow
def test_every_known_name_opens():
    assert len(zone_names()) > 500
    assert {zone(name).key for name in zone_names()} == zone_names()


def test_zones_come_from_the_package_not_from_the_machine():
    # tzdb 2026 ended the change of clocks in British Columbia; a machine's own files are often older
    december = datetime(2027, 12, 1, tzinfo=UTC)
    assert december.astimezone(zone("America/Vancouver")).utcoffset() == timedelta(hours=-7)
    assert type(zone("America/Vancouver")) is ZoneInfo


@pytest.mark.parametrize("name", ZONES)
def test_stretches_agree_with_the_clock_hour_by_hour(name):
    for year in (2011, 2026):
        since, until = instant(f"{year}-01-01"), instant(f"{year + 1}-01-01")
        found = list(stretches(name, since, until))
        assert [start for start, _, _ in found] == [since, *(end for _, end, _ in found[:-1])]
        assert found[-1][1] == until
        for start, end, offset in found:
            for at in (*range(start, end, 6 * 3600 * 1_000_000), end - 1):
                local = (EPOCH + timedelta(microseconds=at)).astimezone(zone(name))
                assert local.utcoffset() == timedelta(microseconds=offset)


@pytest.mark.parametrize(
    ("name", "start", "days", "expected"),
    [
        ("America/New_York", "2026-03-07 09:00", 1, "2026-03-08 09:00"),  # 23 hours
        ("America/New_York", "2026-10-31 09:00", 1, "2026-11-01 09:00"),  # 25 hours
        ("America/New_York", "2026-03-07 02:30", 1, "2026-03-08 03:00"),  # the hour is missing
        ("Australia/Lord_Howe", "2026-10-03 02:15", 1, "2026-10-04 02:30"),  # half an hour is missing
        ("Pacific/Apia", "2011-12-29 10:00", 1, "2011-12-31 00:00"),  # the date is missing
        ("Pacific/Apia", "2011-12-29 10:00", 2, "2011-12-31 10:00"),
        ("Europe/London", "2026-12-31 23:30", 1, "2027-01-01 23:30"),
        ("Europe/London", "2028-02-28 12:00", 1, "2028-02-29 12:00"),
        ("Europe/London", "2026-03-02 12:00", -1, "2026-03-01 12:00"),
        ("America/Phoenix", "2026-03-07 02:30", 1, "2026-03-08 02:30"),
    ],
)
def test_a_day_later_keeps_the_wall_time(name, start, days, expected):
    assert shown(add_days(instant(start, name), days, name), name) == expected


def test_a_wall_time_shown_twice_is_the_first():
    later = add_days(instant("2026-10-31 01:30", "America/New_York"), 1, "America/New_York")
    assert later == instant("2026-11-01 01:30", "America/New_York", fold=0)


def test_no_days_later_is_now_even_in_the_second_of_two_hours():
    second = instant("2026-11-01 01:30", "America/New_York", fold=1)
    assert add_days(second, 0, "America/New_York") == second


@given(st.sampled_from(ZONES), st.integers(instant("2005-01-01"), instant("2030-01-01")), st.integers(-400, 400))
def test_days_later_agree_with_the_standard_library(name, at, days):
    tz = zone(name)
    wall = (EPOCH + timedelta(microseconds=at)).astimezone(tz).replace(tzinfo=None) + timedelta(days=days)
    expected = (wall.replace(tzinfo=tz) - EPOCH) // timedelta(microseconds=1)
    later = add_days(at, days, name)
    landed = (EPOCH + timedelta(microseconds=later)).astimezone(tz).replace(tzinfo=None)
    if days == 0:
        assert later == at
    elif landed == wall:
        assert later == expected
    else:  # the wall time is skipped: the clock stood before it until this instant, and is past it now
        before = (EPOCH + timedelta(microseconds=later - 1)).astimezone(tz).replace(tzinfo=None)
        assert before < wall < landed


def test_an_instant_in_another_unit_is_refused():
    with pytest.raises(ValueError, match="epoch microseconds"):
        year_of(1_790_000_000_000_000_000)
    assert year_of(instant("2026-06-01") + DAY) == 2026
