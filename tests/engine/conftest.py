"""A stage per test, on each database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fluentsd.clock import SimClock
from fluentsd.domain.subscriptions import LOG, LOG_TOPICS, Subscriptions
from fluentsd.store import tables
from fluentsd.store.db.bridge import open_store
from tests.engine.stage import MONDAY, Stage, staged

#: As without a `[notify]` table.
TO_LOG = Subscriptions({LOG: LOG_TOPICS})


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[Stage]:
    clock = SimClock(MONDAY)
    async with open_store(database_url, busy=clock.busy, subscriptions=TO_LOG) as store:
        await store.run(lambda conn: conn.run_sync(tables.metadata.create_all))
        async with staged(store, clock) as stage:
            yield stage
