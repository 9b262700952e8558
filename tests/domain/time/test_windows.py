"""Contact windows: a calendar answers what a clock on the wall would, on ordinary days and on every odd one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from fluentsd.domain.time.windows import (
    AHEAD,
    BadHours,
    ContactWindow,
    Hours,
    Part,
    UnknownPreset,
    UnknownZone,
    calendar,
    together,
)
from tests.domain.time.wall import EVENING_TO_MORNING, EVERY_DAY, LONDON, NEW_YORK, fresh, instant, opens, shown, window

from . import window_oracle as oracle


def test_an_open_instant_is_its_own_answer():
    at = instant("2026-11-23 09:00")
    assert fresh(window(), (NEW_YORK,)).next_open(at) == at
    assert fresh(window(), (NEW_YORK,)).next_open(at + 1) == at + 1


def test_an_evening_waits_for_the_morning_and_a_friday_evening_for_monday():
    assert opens(window(), "2026-11-23 19:00") == "2026-11-24 09:00"
    assert opens(window(), "2026-11-20 19:00") == "2026-11-23 09:00"


def test_the_end_of_a_range_is_shut():
    rules = fresh(window(), (NEW_YORK,))
    end = instant("2026-11-23 19:00")
    assert rules.is_open(end - 1)
    assert not rules.is_open(end)


def test_several_ranges_leave_a_lunch_break():
    assert opens(window("09:00-12:00, 13:00-19:00"), "2026-11-23 12:00") == "2026-11-23 13:00"


def test_an_overnight_range_spills_into_a_day_without_hours():
    friday_night = fresh(window("22:00-02:00", "fri"), (NEW_YORK,))
    assert friday_night.is_open(instant("2026-11-21 01:59"))  # a Saturday
    assert not friday_night.is_open(instant("2026-11-21 02:00"))
    assert not friday_night.is_open(instant("2026-11-20 01:00"))  # Thursday has no evening to spill
    assert shown(friday_night.closes(instant("2026-11-20 23:00"))) == "2026-11-21 02:00"


def test_a_short_range_within_the_spill_does_not_end_it():
    rules = window(EVENING_TO_MORNING, EVERY_DAY)
    assert shown(fresh(rules, (NEW_YORK,)).closes(instant("2026-11-21 00:30"))) == "2026-11-21 06:00"


def test_the_weekdays_are_those_of_the_local_date():
    # Monday 09:00 in Auckland is Sunday evening in UTC
    mondays = fresh(window("09:00-10:00", "mon"), ("Pacific/Auckland",))
    found = mondays.next_open(instant("2026-11-19", "UTC"))
    assert shown(found, "UTC") == "2026-11-22 20:00"
    assert oracle.shown(found, "Pacific/Auckland").strftime("%A") == "Monday"


def test_a_blackout_cuts_the_spill_of_the_evening_before():
    nights = fresh(window("22:00-02:00", EVERY_DAY, shut=["2026-12-24"]), (NEW_YORK,))
    assert shown(nights.closes(instant("2026-12-23 22:30"))) == "2026-12-24 00:00"
    assert shown(nights.next_open(instant("2026-12-24 00:00"))) == "2026-12-25 22:00"
    assert not nights.is_open(instant("2026-12-25 01:00"))


def test_an_override_replaces_the_day_and_may_spill_itself():
    rules = fresh(window("22:00-02:00", EVERY_DAY, other={"2026-12-31": "20:00-03:00"}), (NEW_YORK,))
    assert not rules.is_open(instant("2026-12-31 01:00"))
    assert shown(rules.next_open(instant("2026-12-31 01:00"))) == "2026-12-31 20:00"
    assert shown(rules.closes(instant("2026-12-31 21:00"))) == "2027-01-01 03:00"


def test_an_override_is_cut_by_the_blackout_after_it():
    rules = window("09:00-19:00", other={"2026-12-31": "20:00-03:00"}, shut=["2027-01-01"])
    assert shown(fresh(rules, (NEW_YORK,)).closes(instant("2026-12-31 21:00"))) == "2027-01-01 00:00"


def test_an_override_opens_a_day_without_hours():
    assert opens(window(other={"2026-11-21": "10:00-11:00"}), "2026-11-20 19:00") == "2026-11-21 10:00"


def test_a_range_in_the_missing_hour_never_opens_that_day():
    assert opens(window("02:00-03:00", EVERY_DAY), "2026-03-07 04:00") == "2026-03-09 02:00"


def test_a_range_that_starts_in_the_missing_hour_opens_after_it():
    assert opens(window("02:30-04:00", EVERY_DAY), "2026-03-08 00:00") == "2026-03-08 03:00"
    assert opens(window("02:15-04:00", EVERY_DAY), "2026-10-04 00:00", "Australia/Lord_Howe") == "2026-10-04 02:30"


def test_a_repeated_hour_is_open_twice():
    rules = fresh(window("01:15-01:45", EVERY_DAY), (NEW_YORK,))
    first, second = (instant("2026-11-01 01:15", fold=fold) for fold in (0, 1))
    assert rules.next_open(instant("2026-11-01 00:00")) == first
    assert rules.next_open(rules.closes(first)) == second
    assert rules.open_time(instant("2026-11-01 00:00"), instant("2026-11-02 00:00")) == 3600 * 1_000_000


def test_a_day_of_the_clock_change_has_23_or_25_hours():
    always = fresh(ContactWindow.always(), (NEW_YORK,))
    for day, after, hours in (("2026-03-08", "2026-03-09", 23), ("2026-11-01", "2026-11-02", 25)):
        assert always.open_time(instant(f"{day} 00:00"), instant(f"{after} 00:00")) == hours * 3600 * 1_000_000


def test_a_date_the_zone_skipped_has_no_hours():
    # Samoa went from 29 to 31 December 2011 at midnight
    assert opens(window("09:00-17:00", EVERY_DAY), "2011-12-29 17:00", "Pacific/Apia") == "2011-12-31 09:00"
    nights = fresh(window("22:00-02:00", EVERY_DAY), ("Pacific/Apia",))
    assert shown(nights.closes(instant("2011-12-29 23:00", "Pacific/Apia")), "Pacific/Apia") == "2011-12-31 02:00"


def test_ramadan_moves_the_clock_back_in_morocco():
    # 2025: UTC+1 but for 23 February to 6 April
    for day, utc in (("2025-02-21", "08:00"), ("2025-02-25", "09:00"), ("2025-04-08", "08:00")):
        found = fresh(window("09:00-17:00", EVERY_DAY), ("Africa/Casablanca",)).next_open(instant(day, "UTC"))
        assert shown(found, "UTC") == f"{day} {utc}"


def test_leap_day_and_new_year_are_days_like_others():
    assert opens(window("09:00-17:00", EVERY_DAY), "2028-02-28 17:00") == "2028-02-29 09:00"
    assert opens(window("09:00-17:00", EVERY_DAY, shut=["2028-02-29"]), "2028-02-28 17:00") == "2028-03-01 09:00"
    nights = fresh(window("22:00-02:00", EVERY_DAY), (NEW_YORK,))
    assert shown(nights.closes(instant("2026-12-31 23:00"))) == "2027-01-01 02:00"


def test_an_interval_over_the_end_of_the_utc_year_is_one():
    # In Sydney the UTC year ends at 11:00 on New Year's Day, in the middle of the range.
    rules = fresh(window("09:00-17:00", EVERY_DAY), ("Australia/Sydney",))
    at = instant("2027-01-01 09:30", "Australia/Sydney")
    assert shown(rules.closes(at), "Australia/Sydney") == "2027-01-01 17:00"
    assert rules.open_time(at, at + 86_400_000_000) == 8 * 3600 * 1_000_000


def test_an_hour_of_open_time_goes_on_where_it_was_cut_off():
    rules, hour = fresh(window("09:00-17:00"), (NEW_YORK,)), 3600 * 1_000_000
    for since, until in (
        ("2026-11-23 10:00", "2026-11-23 11:00"),
        ("2026-11-23 07:00", "2026-11-23 10:00"),
        ("2026-11-23 16:10", "2026-11-24 09:10"),
        ("2026-11-23 16:00", "2026-11-23 17:00"),
    ):
        at = rules.after_open(instant(since), hour)
        assert shown(at) == until
        assert rules.open_time(instant(since), at) == hour
    assert fresh(ContactWindow((None,) * 7), (NEW_YORK,)).after_open(instant("2026-11-23 10:00"), hour) is None


def test_several_zones_are_open_only_together():
    both = fresh(window(), ("America/Los_Angeles", NEW_YORK))
    assert shown(both.next_open(instant("2026-11-23 09:00"))) == "2026-11-23 12:00"
    assert shown(both.closes(instant("2026-11-23 12:00"))) == "2026-11-23 19:00"


def test_zones_without_a_common_hour_never_open():
    apart = fresh(window("09:00-12:00", EVERY_DAY), (NEW_YORK, "Asia/Tokyo"))
    assert apart.next_open(instant("2026-11-23 09:00")) is None


def test_step_hours_and_days_narrow_the_campaign():
    rules = {"also": window("13:00-17:00", "tue thu")}
    assert opens(window(), "2026-11-23 09:00", **rules) == "2026-11-24 13:00"
    assert opens(window(shut=["2026-11-24"]), "2026-11-23 09:00", **rules) == "2026-11-26 13:00"
    assert opens(window(), "2026-11-23 09:00", also=window("20:00-21:00")) is None


def test_a_federal_holiday_and_the_day_it_is_observed_on_are_shut():
    rules = window(days=EVERY_DAY, presets=("us-federal-holidays",))
    assert opens(rules, "2026-11-26 09:00") == "2026-11-27 09:00"  # Thanksgiving
    assert opens(rules, "2026-07-02 19:00") == "2026-07-05 09:00"  # the fourth is a Saturday, observed on Friday


def test_an_explicit_date_wins_over_a_preset():
    rules = window(other={"2026-11-26": "10:00-12:00"}, presets=("us-federal-holidays",))
    assert opens(rules, "2026-11-26 00:00") == "2026-11-26 10:00"


def test_an_unknown_preset_is_an_error_not_an_open_day():
    with pytest.raises(UnknownPreset, match="us-federal-holidays"):
        fresh(window(presets=("us-federel-holidays",)), (NEW_YORK,)).next_open(instant("2026-11-26 00:00"))


def test_a_window_that_never_opens_says_so():
    never = fresh(ContactWindow((None,) * 7), (NEW_YORK,))
    assert never.next_open(instant("2026-11-23 09:00")) is None
    assert never.open_time(instant("2026-01-01"), instant("2027-01-01")) == 0


def test_an_opening_is_looked_for_three_years_ahead_whatever_is_compiled():
    week = (None,) * 7
    rules = ContactWindow(week, ((date(2030, 1, 1), Hours(((600, 660),))),))
    opening = instant("2030-01-01 10:00")
    cold, warm = fresh(rules, (NEW_YORK,)), fresh(rules, (NEW_YORK,))
    assert warm.is_open(opening)
    for one in (cold, warm):
        assert one.next_open(opening - AHEAD) == opening
        assert one.next_open(opening - AHEAD - 1) is None


def test_a_window_says_nothing_outside_the_dates_it_is_in_force():
    before, after = window("08:00-21:00", EVERY_DAY), window("09:00-19:00", "mon tue wed thu fri sat")
    change = date(2026, 10, 18)  # a Sunday
    rules = together(
        [
            Part(replace(before, until=change), frozenset({NEW_YORK})),
            Part(replace(after, since=change), frozenset({NEW_YORK})),
        ]
    )
    assert shown(rules.next_open(instant("2026-10-17 20:30"))) == "2026-10-17 20:30"
    assert shown(rules.next_open(instant("2026-10-18 10:00"))) == "2026-10-19 09:00"
    assert shown(rules.closes(instant("2026-10-19 10:00"))) == "2026-10-19 19:00"
    alone = fresh(replace(after, since=change), (NEW_YORK,))
    assert alone.is_open(instant("2026-10-17 03:00"))
    with pytest.raises(BadHours, match="never in force"):
        replace(before, since=change, until=change)


def test_each_part_is_read_in_its_own_zones():
    campaign = Part(window("09:00-17:00"), frozenset({NEW_YORK}))
    lawful = Part(window("08:00-21:00", EVERY_DAY), frozenset({"America/Los_Angeles"}))
    rules = together([campaign, lawful])
    assert shown(rules.next_open(instant("2026-11-23 09:00"))) == "2026-11-23 11:00"
    assert rules is together([lawful, campaign])


def test_a_part_that_another_covers_is_left_out():
    narrow, wide = window(), window("08:00-21:00", EVERY_DAY)
    assert wide.covers(narrow)
    assert not narrow.covers(wide)
    assert not replace(wide, presets=("us-federal-holidays",)).covers(narrow)
    assert not wide.covers(window(other={"2026-12-31": "22:00-23:00"}))
    here = frozenset({NEW_YORK})
    assert together([Part(narrow, here), Part(wide, here)]) is calendar(narrow, (NEW_YORK,))
    elsewhere = together([Part(narrow, here), Part(wide, frozenset({LONDON}))])
    assert elsewhere is not calendar(narrow, (NEW_YORK,))


def test_a_window_that_never_shuts_closes_after_three_years():
    always, at = fresh(ContactWindow.always(), (NEW_YORK, LONDON)), instant("2026-11-23 09:00")
    assert always.next_open(at) == at
    assert always.closes(at) == at + AHEAD


def test_a_shut_window_does_not_close():
    with pytest.raises(ValueError, match="closed"):
        fresh(window(), (NEW_YORK,)).closes(instant("2026-11-22 12:00"))


def test_a_person_without_a_zone_has_no_calendar():
    with pytest.raises(UnknownZone, match="no candidate zone"):
        fresh(window(), ())
    with pytest.raises(UnknownZone, match="Etc/Unknown"):
        calendar(window(), ("Etc/Unknown",))
    with pytest.raises(TypeError, match="collection"):
        calendar(window(), NEW_YORK)
