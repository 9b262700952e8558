"""A monday.com on loopback, and a source that is connected with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from fluentsd_crm_monday.settings import read_settings
from fluentsd_crm_monday.source import MondaySource

from fluentsd.api import Tools
from fluentsd.testing import SkippingClock, tools
from plugins.crm_monday.tests.fake_monday import TOKEN, FakeMonday


@pytest.fixture
def crm() -> Iterator[FakeMonday]:
    with FakeMonday() as one:
        yield one


@pytest.fixture
async def given(tmp_path) -> AsyncIterator[Tools]:
    made = tools(SkippingClock(), folder=tmp_path)
    yield made
    await made.http().aclose()


@pytest.fixture
def connect(crm, given) -> Iterator[Callable[..., MondaySource]]:
    """Builds a source, as after a restart; all are closed at the end."""
    made: list[MondaySource] = []

    def build(**more) -> MondaySource:
        table = {"token": TOKEN, "base_url": crm.url, "rate": "100000/second", "every": 0}
        made.append(MondaySource(read_settings(table | more), given))
        return made[-1]

    yield build
    for one in made:
        one._ledger.close()
