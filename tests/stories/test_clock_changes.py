"""Stories of days on which clocks change, and of days that the calendar has only sometimes."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from tests.stories.dated import ALL_WEEK, begun, campaign, finished, local, made, shown, sms, somebody


async def test_a_day_keeps_the_wall_time_in_sydney_and_24_hours_do_not(tmp_path: Path) -> None:
    sydney = "Australia/Sydney"
    async with begun(tmp_path, local("2026-10-03 10:00", sydney)) as stage:
        for ref, after in (("day", "1 day"), ("hours", "24 hours")):
            await stage.launch(campaign(sms(), sms(ref, after), ref=ref), somebody(1, sydney))
        await stage.until(local("2026-10-05 10:00", sydney))
        assert set(made(stage.sms, sydney)) == {
            ("one", "Sat 2026-10-03 10:00"), ("day", "Sun 2026-10-04 10:00"), ("hours", "Sun 2026-10-04 11:00"),
        }  # fmt: skip


async def test_hours_that_the_clock_skips_never_open(tmp_path: Path) -> None:
    sydney, howe = "Australia/Sydney", "Australia/Lord_Howe"
    async with begun(tmp_path, local("2026-10-03 12:00", sydney)) as stage:
        await stage.launch(campaign(sms(), hours="02:00-03:00", ref="hour"), somebody(1, sydney))
        await stage.launch(campaign(sms(), hours="02:00-02:30", ref="half"), somebody(2, howe))
        await stage.launch(campaign(sms(), hours="02:00-03:00", ref="half-left"), somebody(3, howe))
        await stage.until(local("2026-10-06 12:00", sydney))
        moments = {attempt.to[-1]: at for attempt, _, at in stage.sms.accepted}
        assert shown(moments["1"], sydney) == "Mon 2026-10-05 02:00"
        assert shown(moments["2"], howe) == "Mon 2026-10-05 02:00"
        assert shown(moments["3"], howe) == "Sun 2026-10-04 02:30"  # the clock goes from 02:00 to 02:30


async def test_24_hours_on_lord_howe_island_are_half_an_hour_later_on_the_wall(tmp_path: Path) -> None:
    howe = "Australia/Lord_Howe"
    async with begun(tmp_path, local("2026-10-03 10:00", howe)) as stage:
        await stage.launch(campaign(sms(), sms("two", "24 hours"), sms("three", "1 day")), somebody(1, howe))
        await finished(stage)
        assert made(stage.sms, howe)[1:] == [("two", "Sun 2026-10-04 10:30"), ("three", "Mon 2026-10-05 10:30")]


async def test_an_evening_that_goes_on_past_midnight_belongs_to_the_day_it_began(tmp_path: Path) -> None:
    where = "Asia/Kathmandu"
    file = campaign(
        sms(), sms("two", "2 hours"), sms("three", "2 hours"), hours="20:00-02:00", days=["mon", "tue", "fri"]
    )
    async with begun(tmp_path, local("2026-05-08 23:00", where)) as stage:  # a Friday
        await stage.launch(file, somebody(1, where))
        await finished(stage)
        assert made(stage.sms, where) == [
            ("one", "Fri 2026-05-08 23:00"), ("two", "Sat 2026-05-09 01:00"), ("three", "Mon 2026-05-11 20:00"),
        ]  # fmt: skip


async def test_the_leap_day_of_2028_is_a_day_like_others_and_can_be_blacked_out(tmp_path: Path) -> None:
    off = {"blackout": [dt.date(2028, 2, 29)]}
    async with begun(tmp_path, local("2028-02-28 10:00")) as stage:
        await stage.launch(campaign(sms(), sms("leap", "1 day"), sms("two", "1 day"), ref="leap"), somebody(1))
        await stage.launch(campaign(sms(), sms("off", "1 day"), ref="off", window=off), somebody(2))
        await stage.until(local("2028-03-03 10:00"))
        assert sorted(made(stage.sms)) == [
            ("leap", "Tue 2028-02-29 10:00"), ("off", "Wed 2028-03-01 09:00"), ("one", "Mon 2028-02-28 10:00"),
            ("one", "Mon 2028-02-28 10:00"), ("two", "Wed 2028-03-01 10:00"),
        ]  # fmt: skip


async def test_new_year_and_the_weekend_after_it_are_left_out(tmp_path: Path) -> None:
    file = campaign(sms(), sms("two", "1 hour"), days=ALL_WEEK[:5], window={"blackout": ["us-federal-holidays"]})
    async with begun(tmp_path, local("2026-12-31 16:30")) as stage:
        await stage.launch(file, somebody())
        await finished(stage)
        assert made(stage.sms) == [("one", "Thu 2026-12-31 16:30"), ("two", "Mon 2027-01-04 09:00")]
