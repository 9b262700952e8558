"""A HubSpot on loopback, and a source that is connected with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from fluentsd_crm_hubspot.settings import read_settings
from fluentsd_crm_hubspot.source import HubspotSource

from fluentsd.api import Tools
from fluentsd.testing import SkippingClock, tools
from plugins.crm_hubspot.tests.fake_hubspot import TOKEN, FakeHubspot


@pytest.fixture
def hubspot() -> Iterator[FakeHubspot]:
    with FakeHubspot() as one:
        yield one


@pytest.fixture
async def given(tmp_path) -> AsyncIterator[Tools]:
    made = tools(SkippingClock(), folder=tmp_path)
    yield made
    await made.http().aclose()


@pytest.fixture
def connect(hubspot, given) -> Iterator[Callable[..., HubspotSource]]:
    """Builds a source, as after a restart; all are closed at the end."""
    made: list[HubspotSource] = []

    def build(**more) -> HubspotSource:
        table = {"token": TOKEN, "base_url": hubspot.url, "rate": "100000/second", "search_rate": "100000/second"}
        chosen = {key: value for key, value in (table | more).items() if value is not None}
        made.append(HubspotSource(read_settings(chosen), given))
        return made[-1]

    yield build
    for one in made:
        one._ledger.close()
