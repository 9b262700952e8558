"""Attack: pause while calls ring, resume, twice. A phone that may have rung is a call."""

from __future__ import annotations

from pathlib import Path

import pytest

from fluentsd.api import Cancelled
from tests.attack.scene import SECOND, Provider, opened, started
from tests.attack.test_handover import outcomes
from tests.engine.stage import MINUTE, person, spec

CALL = {"id": "call", "channel": "phone", "agent": "a", "retry": {"no_answer": "2 hours", "limit": 2}}


@pytest.mark.parametrize("proof", [True, Cancelled.may_have_rung])
async def test_a_withdrawn_call_that_may_have_rung_counts_and_is_not_made_again_at_once(
    database_url: str, tmp_path: Path, proof: bool | Cancelled
) -> None:
    async with opened(database_url) as (store, clock):
        phone = Provider("phone", clock, cancels=proof)
        async with started(store, clock, tmp_path, phone=phone) as stage:
            await stage.launch(spec(CALL), *[person(n) for n in range(13)])
            for _ in range(2):
                await stage.until(clock.now() + 20 * SECOND)
                await stage.do("campaign pause", ref="test")
                await stage.until(clock.now() + SECOND)
                await stage.do("campaign resume", ref="test")
            await stage.until(clock.now() + 10 * MINUTE)
            assert set(phone.counts().values()) == {1}
            assert await outcomes(stage) == {"no_answer": 13}
            assert (await stage.do("campaign replies"))["replies"] == []


async def test_a_call_that_was_still_queued_is_made_when_the_campaign_goes_on(
    database_url: str, tmp_path: Path
) -> None:
    async with opened(database_url) as (store, clock):
        phone = Provider("phone", clock, cancels=Cancelled.before_ringing)
        async with started(store, clock, tmp_path, phone=phone) as stage:
            await stage.launch(spec(CALL), person(1))
            await stage.until(clock.now() + 20 * SECOND)
            await stage.do("campaign pause", ref="test")
            await stage.until(clock.now() + SECOND)
            await stage.do("campaign resume", ref="test")
            await stage.until(clock.now() + MINUTE)
            assert len(phone.messages) == 2
