"""Short stories with dates of a person's own, promises and budgets."""

from __future__ import annotations

from pathlib import Path

from tests.engine.stage import HOUR
from tests.stories.dated import (
    CHICAGO,
    LOS_ANGELES,
    NEW_YORK,
    begun,
    campaign,
    explained,
    finished,
    local,
    made,
    shown,
    sms,
    somebody,
)

# ── dates of a person's own, promises ────────────────────────────────────────────────────────────────────────────


REMINDER = sms("remind", before="1 day", of="appointment_at")
del REMINDER["after"]


async def test_a_reminder_comes_a_day_before_the_appointment(tmp_path: Path) -> None:
    async with begun(tmp_path, local("2026-05-04 10:00")) as stage:
        await stage.launch(campaign(REMINDER), somebody(appointment_at="2026-05-20 14:00"))
        await stage.until(local("2026-05-04 10:01"))
        assert ((await explained(stage))["reason"], shown((await explained(stage))["next_at"])) == (
            "moment",
            "Tue 2026-05-19 14:00",
        )
        await finished(stage)
        assert made(stage.sms) == [("remind", "Tue 2026-05-19 14:00")]


async def test_a_reminder_follows_an_appointment_that_moves_later(tmp_path: Path) -> None:
    async with begun(tmp_path, local("2026-05-04 10:00")) as stage:
        await stage.launch(campaign(REMINDER), somebody(appointment_at="2026-05-20 14:00"))
        await stage.until(local("2026-05-06 10:00"))
        await stage.enroll(somebody(appointment_at="2026-05-27 11:00"))
        await finished(stage)
        assert made(stage.sms) == [("remind", "Tue 2026-05-26 11:00")]


async def test_a_reminder_follows_an_appointment_that_moves_earlier(tmp_path: Path) -> None:
    async with begun(tmp_path, local("2026-05-04 10:00")) as stage:
        await stage.launch(campaign(REMINDER), somebody(appointment_at="2026-05-20 14:00"))
        await stage.until(local("2026-05-06 10:00"))
        await stage.enroll(somebody(appointment_at="2026-05-13 11:00"))
        await finished(stage)
        assert made(stage.sms) == [("remind", "Tue 2026-05-12 11:00")]


async def test_an_import_brings_nobody_forward_who_waits_for_the_flow_or_a_promise(tmp_path: Path) -> None:
    async with begun(tmp_path, local("2026-05-04 10:00")) as stage:
        await stage.launch(campaign(sms(), sms("two", "3 days")), somebody(1), somebody(2))
        await stage.until(local("2026-05-04 11:00"))
        await stage.do(
            "campaign callback", ref="test", person="+12125550002", at=local("2026-05-05 15:00"), channel="sms"
        )
        await stage.enroll(somebody(1, city="Oslo"), somebody(2, city="Oslo"))
        await finished(stage)
        assert made(stage.sms)[2:] == [("two", "Tue 2026-05-05 15:00"), ("two", "Thu 2026-05-07 10:00")]


async def test_an_appointment_that_has_passed_is_not_reminded_of(tmp_path: Path) -> None:
    follow = sms("thanks", "2 hours", of="appointment_at")
    async with begun(tmp_path, local("2026-05-04 10:00")) as stage:
        people = somebody(1, appointment_at="2026-05-04 09:30"), somebody(2), somebody(3, appointment_at="soon")
        await stage.launch(campaign(REMINDER, follow), *people)
        await finished(stage)
        assert made(stage.sms) == [("thanks", "Mon 2026-05-04 11:30")]


async def test_an_appointment_is_read_in_the_persons_own_zone(tmp_path: Path) -> None:
    async with begun(tmp_path, local("2026-05-04 10:00")) as stage:
        soon = REMINDER | {"before": "2 hours"}
        there = somebody(1, LOS_ANGELES, appointment_at="2026-05-20 14:00")
        await stage.launch(campaign(soon), there, somebody(2, CHICAGO, appointment_at="2026-05-20T14:00-04:00"))
        await finished(stage)
        moments = {attempt.to[-1]: at for attempt, _, at in stage.sms.accepted}
        assert shown(moments["1"], LOS_ANGELES) == "Wed 2026-05-20 12:00"
        assert shown(moments["2"], NEW_YORK) == "Wed 2026-05-20 12:00"


async def test_a_goal_that_is_met_ends_the_flow(tmp_path: Path) -> None:
    async with begun(tmp_path, local("2026-05-04 10:00")) as stage:
        goal = {"goal": "status == 'customer'"}
        await stage.launch(campaign(sms(), sms("two", "1 day"), exit=goal), somebody(1), somebody(2, status="customer"))
        await stage.until(local("2026-05-04 11:00"))
        await stage.enroll(somebody(1, status="customer"))
        found = await finished(stage)
        assert (made(stage.sms), found["exited_by_reason"]) == ([("one", "Mon 2026-05-04 10:00")], {"goal": 2})


async def test_a_promised_callback_goes_before_the_flow_and_still_waits_for_the_window(tmp_path: Path) -> None:
    async with begun(tmp_path, local("2026-05-04 10:00")) as stage:
        stage.runtime.channels["sms"].concurrency = 1
        await stage.launch(campaign(sms(), sms("two", "1 week")), *(somebody(n) for n in range(4)))
        await stage.until(local("2026-05-04 11:00"))
        await stage.do(
            "campaign callback", ref="test", person="+12125550003", at=local("2026-05-05 19:00"), channel="sms"
        )
        await stage.do(
            "campaign callback", ref="test", person="+12125550002", at=local("2026-05-11 10:00"), channel="sms"
        )
        await finished(stage)
        third = [(a.to[-1], shown(at)) for a, _, at in stage.sms.accepted if a.step == "two"]
        assert third[0] == ("3", "Wed 2026-05-06 09:00")
        assert [to for to, _ in third[1:]] == ["2", "0", "1"]


async def test_raising_a_budget_lets_the_lane_go_on_at_once(tmp_path: Path) -> None:
    async with begun(tmp_path, local("2026-05-04 10:00")) as stage:
        money = {"budget": "1 USD/day", "cost": {"sms": 1.0}}
        await stage.launch(campaign(sms(), limits=money), somebody(1), somebody(2))
        await stage.until(local("2026-05-04 11:00"))
        assert len(stage.sms.accepted) == 1
        await stage.do("campaign apply", file=campaign(sms(), limits=money | {"budget": "2 USD/day"}))
        await stage.until(local("2026-05-04 11:00") + HOUR)
        assert made(stage.sms)[1:] == [("one", "Mon 2026-05-04 11:00")]
