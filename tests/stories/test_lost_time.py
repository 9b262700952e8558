"""Stories of pauses and downtime: what becomes of steps that are late."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from fluentsd.unavailable import StoreGone
from fluentsd.verbs import Refused
from tests.engine.stage import MINUTE, Stage
from tests.stories.dated import begun, campaign, explained, finished, local, made, second, sms, somebody

TWO_STEPS = sms(), sms("two", "1 day"), sms("three", "1 day")


@asynccontextmanager
async def paused_for_a_week(path: Path, hours: str = "09:00-17:00", **more: Any) -> AsyncIterator[Stage]:
    """Six people whose second step fell due on a Tuesday, and whose campaign was paused from Monday to Monday noon."""
    async with begun(path, local("2026-05-04 10:00")) as stage:
        await stage.launch(campaign(*TWO_STEPS, hours=hours, **more), *(somebody(n) for n in range(6)))
        await stage.until(local("2026-05-04 12:00"))
        await stage.do("campaign pause", ref="test")
        await stage.until(local("2026-05-11 12:00"))
        assert len(stage.sms.accepted) == 6
        yield stage


async def test_after_a_week_late_steps_drip_as_the_preview_says(tmp_path: Path) -> None:
    async with paused_for_a_week(tmp_path) as stage:
        seen = await stage.do("campaign resume", ref="test", late="drip", dry_run=True)
        assert (seen["late"], seen["late_policy"], seen["away_s"]) == (6, "drip", 7 * 86_400)
        assert (await stage.overview())["state"] == "paused"
        then = await stage.do("campaign resume", ref="test", late="drip")
        assert {key: then[key] for key in seen if key.startswith("late")} == {
            key: seen[key] for key in seen if key.startswith("late")
        }
        await stage.until(seen["late_done_at"] + MINUTE)
        assert second(stage) == [f"Mon 2026-05-11 12:{minute}" for minute in ("00", "10", "20", "30", "40", "50")]
        await finished(stage)
        assert max(stage.sms.tokens().values()) == 1


async def test_with_a_pace_late_steps_drip_at_half_of_it(tmp_path: Path) -> None:
    async with paused_for_a_week(tmp_path, limits={"pace": "30/hour"}) as stage:
        seen = await stage.do("campaign resume", ref="test", dry_run=True)
        await stage.do("campaign resume", ref="test")
        await finished(stage)
        assert second(stage)[1:] == [f"Mon 2026-05-11 12:{minute}" for minute in ("04", "08", "12", "16", "20")]
        assert seen["late_done_at"] >= [at for a, _, at in stage.sms.accepted if a.step == "two"][-1]


async def test_shift_moves_everybodys_course_by_the_time_lost(tmp_path: Path) -> None:
    async with paused_for_a_week(tmp_path) as stage:
        seen = await stage.do("campaign resume", ref="test", late="shift", dry_run=True)
        assert (seen["late"], seen["late_policy"]) == (6, "shift")
        await stage.do("campaign resume", ref="test", late="shift")
        await finished(stage)
        assert second(stage) == ["Tue 2026-05-12 10:00"] * 6
        assert [moment for step, moment in made(stage.sms) if step == "three"] == ["Wed 2026-05-13 10:00"] * 6


async def test_skip_lets_the_late_steps_go_and_the_flow_goes_on_from_there(tmp_path: Path) -> None:
    async with paused_for_a_week(tmp_path) as stage:
        seen = await stage.do("campaign resume", ref="test", late="skip", dry_run=True)
        assert (seen["late"], seen["late_policy"]) == (6, "skip")
        assert (await explained(stage))["reason"] == "campaign_paused"
        await stage.do("campaign resume", ref="test", late="skip")
        await finished(stage)
        assert second(stage) == []
        assert [moment for step, moment in made(stage.sms) if step == "three"] == ["Tue 2026-05-12 12:00"] * 6


async def test_a_resume_at_night_is_no_flood_in_the_morning(tmp_path: Path) -> None:
    async with paused_for_a_week(tmp_path) as stage:
        await stage.until(local("2026-05-11 22:00"))
        await stage.do("campaign resume", ref="test", late="drip")
        await finished(stage)
        assert all(local("2026-05-12 09:00") <= at < local("2026-05-12 10:01")
                   for a, _, at in stage.sms.accepted if a.step == "two")  # fmt: skip
        assert len(set(second(stage))) >= 4


async def test_a_promised_callback_in_front_does_not_let_the_late_steps_through_as_a_flood(tmp_path: Path) -> None:
    async with paused_for_a_week(tmp_path) as stage:
        await stage.enroll(somebody(7))
        await stage.do(
            "campaign callback", ref="test", person="+12125550007", at=local("2026-05-11 12:11"), channel="sms"
        )
        await stage.do("campaign resume", ref="test", late="drip")
        await stage.until(local("2026-05-11 12:25"))
        assert len(second(stage)) <= 3


async def test_nobody_is_late_who_came_while_it_was_paused_and_was_not_due(tmp_path: Path) -> None:
    async with paused_for_a_week(tmp_path) as stage:
        with pytest.raises(Refused, match="not one of drip, shift, skip"):
            await stage.do("campaign resume", ref="test", late="hurry")
        await stage.do("campaign resume", ref="test", late="drip")
        await stage.until(local("2026-05-11 13:00"))
        await stage.do("campaign pause", ref="test")
        seen = await stage.do("campaign resume", ref="test", dry_run=True)
        assert seen["late"] == 0


@pytest.mark.parametrize("policy", ["drip", "shift", "skip"])
async def test_after_ten_hours_of_downtime_missed_steps_follow_the_campaigns_policy(
    tmp_path: Path, policy: str
) -> None:
    file = campaign(
        sms(), sms("two", "5 hours"), sms("three", "1 day"), hours="09:00-22:00", limits={"on_resume": policy}
    )
    async with begun(tmp_path, local("2026-05-04 10:00")) as stage:
        await stage.launch(file, *(somebody(n) for n in range(6)))
        await stage.until(local("2026-05-04 10:05"))
    async with begun(tmp_path, local("2026-05-04 20:05")) as stage:
        entry = (await stage.do("log", target="test"))["entries"][0]
        assert (entry["verb"], entry["details"]["late"], entry["details"]["late_policy"]) == (
            "late-start",
            6,
            policy,
        )
        await finished(stage)
        third = [moment for step, moment in made(stage.sms) if step == "three"]
        match policy:
            case "drip":
                assert second(stage) == [f"Mon 2026-05-04 20:{m}" for m in ("05", "15", "25", "35", "45", "55")]
            case "shift":  # ten hours after three o'clock is one at night
                assert second(stage) == ["Tue 2026-05-05 09:00"] * 6
                assert third == ["Wed 2026-05-06 09:00"] * 6
            case "skip":
                assert second(stage) == []
                assert third == ["Tue 2026-05-05 20:05"] * 6


@pytest.mark.parametrize("policy", ["drip", "shift", "skip"])
@pytest.mark.parametrize("lost", ["the machine was suspended", "the database was away"])
async def test_ten_hours_that_a_running_daemon_lost_are_downtime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str, policy: str
) -> None:
    file = campaign(sms(), sms("two", "5 hours"), hours="09:00-22:00", limits={"on_resume": policy})
    async with begun(tmp_path, local("2026-05-04 10:00")) as stage:
        await stage.launch(file, *(somebody(n) for n in range(6)))
        await stage.until(local("2026-05-04 10:05"))
        if lost == "the machine was suspended":
            stage.clock.step(10 * 60 * MINUTE)
        else:
            with monkeypatch.context() as away:
                for way in ("run", "run_whole", "read"):
                    away.setattr(stage.runtime.store, way, _gone)
                await stage.until(local("2026-05-04 20:05"))
        await finished(stage)
        entries = (await stage.do("log", target="test"))["entries"]
        caught_up = [entry["details"] for entry in entries if entry["verb"] == "late-start"]
        assert [(details["late"], details["late_policy"]) for details in caught_up] == [(6, policy)]
        match policy:
            case "drip":
                assert [moment[-5:-1] for moment in second(stage)] == ["20:0", "20:1", "20:2", "20:3", "20:4", "20:5"]
            case "shift":
                assert second(stage) == ["Tue 2026-05-05 09:00"] * 6
            case "skip":
                assert second(stage) == []


async def _gone(*_: Any, **__: Any) -> None:
    raise StoreGone("gone")


async def test_a_busy_lane_is_not_taken_for_downtime(tmp_path: Path) -> None:
    """A backlog that its own pace explains is no lost time."""
    file = campaign(sms(), hours="09:00-22:00", limits={"pace": "1/hour", "on_resume": "skip"})
    async with begun(tmp_path, local("2026-05-04 10:00")) as stage:
        await stage.launch(file, *(somebody(n) for n in range(6)))
        await finished(stage)
        assert len(stage.sms.accepted) == 6


@pytest.mark.parametrize("policy", ["drip", "shift", "skip"])
async def test_a_restart_at_once_after_a_kill_in_a_quiet_time_misses_nothing(tmp_path: Path, policy: str) -> None:
    file = campaign(sms(), sms("two", "1 day"), hours="09:00-17:00", limits={"on_resume": policy})
    async with begun(tmp_path, local("2026-05-04 16:00")) as stage:
        await stage.launch(file, *(somebody(n) for n in range(3)))
        await stage.until(local("2026-05-05 15:59"))
    with closing(sqlite3.connect(tmp_path / "story.db")) as file_of_story, file_of_story:
        file_of_story.execute("DELETE FROM meta WHERE key = 'seen_at'")  # a killed process does not note the time
    async with begun(tmp_path, local("2026-05-05 16:01")) as stage:
        await finished(stage)
        assert made(stage.sms) == [("two", "Tue 2026-05-05 16:01")] * 3
