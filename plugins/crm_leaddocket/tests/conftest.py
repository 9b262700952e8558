"""A Lead Docket on loopback, and a source that is connected with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from fluentsd_crm_leaddocket.settings import read_settings
from fluentsd_crm_leaddocket.source import LeaddocketSource

from fluentsd.api import Tools
from fluentsd.testing import SkippingClock, tools
from plugins.crm_leaddocket.tests.fake_leaddocket import KEY, FakeLeaddocket


@pytest.fixture
def crm() -> Iterator[FakeLeaddocket]:
    with FakeLeaddocket() as one:
        yield one


@pytest.fixture
async def given(tmp_path) -> AsyncIterator[Tools]:
    made = tools(SkippingClock(), folder=tmp_path)
    yield made
    await made.http().aclose()


@pytest.fixture
def connect(crm, given) -> Iterator[Callable[..., LeaddocketSource]]:
    """Builds a source, as after a restart; all are closed at the end."""
    made: list[LeaddocketSource] = []

    def build(**more) -> LeaddocketSource:
        made.append(LeaddocketSource(read_settings({"base_url": crm.url, "api_key": KEY} | more), given))
        return made[-1]

    yield build
    for one in made:
        one._ledger.close()
