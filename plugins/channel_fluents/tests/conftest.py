"""A channel of hosted agents per test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from fluentsd.testing import tools
from plugins.channel_fluents.tests.fake_fluents import FakeFluents
from plugins.channel_fluents.tests.hosted import Stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    fluents = FakeFluents()
    client = fluents.client()
    made = tools(folder=tmp_path, kind="phone", public_url="https://outreach.example")
    yield Stage(fluents, replace(made, http=lambda: client))
    await client.aclose()
