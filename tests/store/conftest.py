"""What the tests of the bridge, of flights and of the gatherer share: a store with two small tables."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fluentsd.store.db.bridge import Store, open_store
from tests.store.pairs import create


@pytest.fixture
async def small(empty_database_url: str) -> AsyncIterator[Store]:
    """A store with the two tables of `pairs`."""
    async with open_store(empty_database_url) as store:
        await store.run(create)
        yield store
