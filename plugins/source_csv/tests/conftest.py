"""A web server on loopback that publishes files, and a source that follows them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from fluentsd_source_csv.settings import read_settings
from fluentsd_source_csv.source import CsvSource

from fluentsd.api import Tools
from fluentsd.testing import SkippingClock, tools
from plugins.source_csv.tests.fake_web import FakeWeb


@pytest.fixture
def web() -> Iterator[FakeWeb]:
    with FakeWeb() as one:
        yield one


@pytest.fixture
async def given(tmp_path) -> AsyncIterator[Tools]:
    made = tools(SkippingClock(), folder=tmp_path)
    yield made
    await made.http().aclose()


@pytest.fixture
def connect(web, given) -> Iterator[Callable[..., CsvSource]]:
    """Builds a source of one published file, as after a restart; all are closed at the end."""
    made: list[CsvSource] = []

    def build(**more) -> CsvSource:
        table = {"files": {"Leads": f"{web.url}/leads.csv"}, "every": 0, "page": 3}
        made.append(CsvSource(read_settings(table | more), given))
        return made[-1]

    yield build
    for one in made:
        one._ledger.close()
