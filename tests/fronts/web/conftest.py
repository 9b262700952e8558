"""A web front per test, on each database or on SQLite alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fronts.web.front import Front, fronted


@pytest.fixture
async def front(tmp_path: Path) -> AsyncIterator[Front]:
    """On SQLite, for tests that do not depend on the database."""
    async with fronted(f"sqlite+aiosqlite:///{tmp_path / 'fluentsd.db'}") as front:
        yield front


@pytest.fixture
async def front_on_both(database_url: str) -> AsyncIterator[Front]:
    async with fronted(database_url) as front:
        yield front
