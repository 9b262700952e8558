"""Attack: the clock jumps a day ahead and comes back, while the daemon runs and while it is down."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from sqlalchemy import Table, update
from structlog.testing import capture_logs
from tzdata import IANA_VERSION

from fluentsd.clock import SystemClock
from fluentsd.store.db import Connection
from fluentsd.store.tables import lane, number
from tests.attack.scene import SECOND, Provider, opened, started
from tests.engine.stage import DAY, MINUTE, SMS, person, spec

NUMBER = "+12125550199"
PACED = spec(SMS, limits={"pace": "20/hour"})
#: Campaigns of 20 an hour, by what limits them.
FILES = {
    "lane": PACED,
    "number": spec(SMS, numbers={"numbers": [NUMBER]}),
    "any number": spec(SMS, numbers={"numbers": [NUMBER], "pace": "20/hour"}),
}


@pytest.mark.parametrize(
    ("paced", "restarts"), [("lane", False), ("lane", True), ("number", True), ("any number", False)]
)
async def test_a_lane_goes_on_at_its_pace_when_the_clock_is_right_again(
    database_url: str, tmp_path: Path, paced: str, restarts: bool
) -> None:
    async with opened(database_url) as (store, clock):
        sms = Provider("sms", clock)
        async with started(store, clock, tmp_path, sms=sms) as stage:
            await stage.do("numbers add", number=NUMBER, pace="20/hour" if paced == "number" else None)
            await stage.launch(FILES[paced], *[person(n) for n in range(60)])
            await stage.until(clock.now() + 10 * MINUTE)
            clock.step(DAY)
            await stage.until(clock.now() + 10 * MINUTE)
            before = len(sms.messages)
            assert before >= 6
            if not restarts:
                clock.step(-DAY)
                await stage.until(clock.now() + 12 * MINUTE)
        if restarts:
            clock.step(-DAY)
            async with started(store, clock, tmp_path, sms=sms) as stage:
                await stage.until(clock.now() + 12 * MINUTE)
        sent = len(sms.messages) - before
        assert 3 <= sent <= 6
        assert set(sms.counts().values()) == {1}


async def test_a_correction_of_a_second_changes_nothing(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url) as (store, clock):
        sms = Provider("sms", clock)
        async with started(store, clock, tmp_path, sms=sms) as stage:
            await stage.launch(PACED, *[person(n) for n in range(60)])
            await stage.until(clock.now() + 10 * MINUTE)
        before = len(sms.messages)
        clock.step(-SECOND)
        async with started(store, clock, tmp_path, sms=sms) as stage:
            await stage.until(clock.now() + 30 * SECOND)
        assert len(sms.messages) <= before + 1


@pytest.mark.parametrize("table", [lane, number])
async def test_a_slot_of_the_future_is_dropped_where_it_is_read(
    database_url: str, tmp_path: Path, table: Table
) -> None:
    async with opened(database_url) as (store, clock):
        sms = Provider("sms", clock)
        async with started(store, clock, tmp_path, sms=sms) as stage:
            await stage.do("numbers add", number=NUMBER, pace="20/hour")
            await stage.launch(FILES[table.name], *[person(n) for n in range(60)])
            await stage.until(clock.now() + 10 * MINUTE)
            before = len(sms.messages)
            await store.run(_put_slot, table, clock.now() + DAY)  # no sign of a step back
            await stage.until(clock.now() + 12 * MINUTE)
        assert 3 <= len(sms.messages) - before <= 5


async def _put_slot(conn: Connection, table: Table, at: int) -> None:
    await conn.execute(update(table).values(next_slot_at=at))


async def test_a_faster_pace_counts_at_once(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url) as (store, clock):
        sms = Provider("sms", clock)
        async with started(store, clock, tmp_path, sms=sms) as stage:
            await stage.launch(spec(SMS, limits={"pace": "1/day"}), *[person(n) for n in range(60)])
            await stage.until(clock.now() + MINUTE)
            assert len(sms.messages) == 1
            await stage.do("campaign apply", file=spec(SMS, limits={"pace": "60/hour"}))
            await stage.until(clock.now() + 10 * MINUTE)
        assert 9 <= len(sms.messages) <= 12


async def test_a_step_while_paused_leaves_no_flood_and_no_standstill(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url) as (store, clock):
        sms = Provider("sms", clock)
        async with started(store, clock, tmp_path, sms=sms) as stage:
            await stage.launch(PACED, *[person(n) for n in range(60)])
            await stage.until(clock.now() + 10 * MINUTE)
            clock.step(DAY)
            await stage.until(clock.now() + 10 * MINUTE)
            await stage.do("campaign pause", ref="test")
            clock.step(-DAY)
            await stage.until(clock.now() + 5 * MINUTE)
            before = len(sms.messages)
            await stage.do("campaign resume", ref="test")
            await stage.until(clock.now() + 20 * MINUTE)
        assert 3 <= len(sms.messages) - before <= 8  # late steps take half the pace
        assert set(sms.counts().values()) == {1}


async def test_a_step_ahead_while_paused_and_back_after_the_resume(database_url: str, tmp_path: Path) -> None:
    async with opened(database_url) as (store, clock):
        sms = Provider("sms", clock)
        async with started(store, clock, tmp_path, sms=sms) as stage:
            await stage.launch(PACED, *[person(n) for n in range(60)])
            await stage.until(clock.now() + 10 * MINUTE)
            await stage.do("campaign pause", ref="test")
            clock.step(DAY)
            await stage.until(clock.now() + 5 * MINUTE)
            await stage.do("campaign resume", ref="test")
            await stage.until(clock.now() + 5 * MINUTE)
            clock.step(-DAY)
            before = len(sms.messages)
            await stage.until(clock.now() + 20 * MINUTE)
        assert 3 <= len(sms.messages) - before <= 8
        assert set(sms.counts().values()) == {1}


async def test_before_the_clock_can_be_right_nobody_is_contacted(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(database_url) as (store, clock):
        sms = Provider("sms", clock)
        with capture_logs() as logs:
            async with started(store, clock, tmp_path, sms=sms) as stage:
                monkeypatch.setattr(clock, "is_credible", lambda: False)
                await stage.launch(spec(SMS), person(1))
                await stage.until(clock.now() + 10 * MINUTE)
                assert sms.messages == []
                monkeypatch.setattr(clock, "is_credible", lambda: True)
                await stage.until(clock.now() + MINUTE)
        assert len(sms.messages) == 1
    said = [entry["event"] for entry in logs if entry["event"].startswith("clock.")]
    assert said == ["clock.wrong", "clock.right_again"]


def test_a_clock_before_the_data_of_its_zones_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    earliest = dt.datetime(int(IANA_VERSION[:4]), 1, 1, tzinfo=dt.UTC).timestamp()
    for seconds, credible in ((100, False), (earliest - 1, False), (earliest, True), (earliest + 1e9, True)):
        monkeypatch.setattr("fluentsd.clock.time.time_ns", lambda at=seconds: int(at * 1e9))
        assert SystemClock().is_credible() is credible
