"""A stage per test, on each database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fluentsd.clock import SimClock
from fluentsd.store import tables
from fluentsd.store.db.bridge import open_store
from tests.engine.stage import MONDAY, Stage, staged


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[Stage]:
    clock = SimClock(MONDAY)
    async with open_store(database_url, busy=clock.busy) as store:
        await store.run(lambda conn: conn.run_sync(tables.metadata.create_all))
        async with staged(store, clock) as stage:
            yield stage
