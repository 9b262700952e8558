"""A GoHighLevel on loopback, and a source that is connected with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from fluentsd_crm_gohighlevel.settings import read_settings
from fluentsd_crm_gohighlevel.source import GohighlevelSource

from fluentsd.api import Tools
from fluentsd.testing import SkippingClock, tools
from plugins.crm_gohighlevel.tests.fake_gohighlevel import LOCATION, TOKEN, FakeGohighlevel


@pytest.fixture
def crm() -> Iterator[FakeGohighlevel]:
    with FakeGohighlevel() as one:
        yield one


@pytest.fixture
async def given(tmp_path) -> AsyncIterator[Tools]:
    made = tools(SkippingClock(), folder=tmp_path)
    yield made
    await made.http().aclose()


@pytest.fixture
def table(crm):
    return {"location": LOCATION, "token": TOKEN, "base_url": crm.url, "rate": "100000/second"}


@pytest.fixture
def connect(table, given) -> Iterator[Callable[..., GohighlevelSource]]:
    """Builds a source, as after a restart; all are closed at the end."""
    made: list[GohighlevelSource] = []

    def build(**more) -> GohighlevelSource:
        chosen = {key: value for key, value in (table | more).items() if value is not None}
        made.append(GohighlevelSource(read_settings(chosen), given))
        return made[-1]

    yield build
    for one in made:
        one._ledger.close()
