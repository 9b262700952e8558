"""Attack: the clock jumps a day ahead and comes back, while the daemon runs and while it is down."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.attack.scene import SECOND, Provider, opened, started
from tests.engine.stage import DAY, MINUTE, SMS, person, spec

PACED = spec(SMS, limits={"pace": "20/hour"})


@pytest.mark.parametrize("restarts", [False, True])
async def test_a_lane_goes_on_at_its_pace_when_the_clock_is_right_again(
    database_url: str, tmp_path: Path, restarts: bool
) -> None:
    async with opened(database_url) as (store, clock):
        sms = Provider("sms", clock)
        async with started(store, clock, tmp_path, sms=sms) as stage:
            await stage.launch(PACED, *[person(n) for n in range(60)])
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
