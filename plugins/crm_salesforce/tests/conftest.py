"""A Salesforce on loopback, and a source that is connected with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from fluentsd_crm_salesforce.settings import read_settings
from fluentsd_crm_salesforce.source import SalesforceSource

from fluentsd.api import Tools
from fluentsd.testing import SkippingClock, tools
from plugins.crm_salesforce.tests.fake_salesforce import CLIENT, SECRET, FakeSalesforce


@pytest.fixture
def salesforce() -> Iterator[FakeSalesforce]:
    with FakeSalesforce() as one:
        yield one


@pytest.fixture
async def given(tmp_path) -> AsyncIterator[Tools]:
    made = tools(SkippingClock(), folder=tmp_path)
    yield made
    await made.http().aclose()


@pytest.fixture
def table(salesforce):
    return {"login_url": salesforce.url, "client_id": CLIENT, "client_secret": SECRET, "rate": "100000/second"}


@pytest.fixture
def connect(table, given) -> Iterator[Callable[..., SalesforceSource]]:
    """Builds a source, as after a restart; all are closed at the end."""
    made: list[SalesforceSource] = []

    def build(**more) -> SalesforceSource:
        made.append(SalesforceSource(read_settings(table | more), given))
        return made[-1]

    yield build
    for one in made:
        one._ledger.close()
