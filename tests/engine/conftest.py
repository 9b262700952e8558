"""A stage per test, on each database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fluentsd.clock import SimClock
from fluentsd.domain.subscriptions import LOG, LOG_TOPICS, Subscriptions
from tests.databases import open_whole
from tests.engine.stage import MONDAY, Stage, staged

#: As without a `[notify]` table.
TO_LOG = Subscriptions({LOG: LOG_TOPICS})


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[Stage]:
    clock = SimClock(MONDAY)
    options = {"busy": clock.busy, "subscriptions": TO_LOG}
    async with open_whole(database_url, **options) as store, staged(store, clock) as stage:
        yield stage
