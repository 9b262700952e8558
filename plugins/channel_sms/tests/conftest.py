"""A Twilio on loopback, and the tools a channel is handed, closed when the test ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from fluentsd.api import Tools
from fluentsd.testing import tools
from plugins.channel_sms.tests.fake_twilio import FakeTwilio


@pytest.fixture
def twilio() -> Iterator[FakeTwilio]:
    with FakeTwilio() as twilio:
        yield twilio


@pytest.fixture
async def given(tmp_path, twilio) -> AsyncIterator[Tools]:
    """Tools with a public address, on the same clock as Twilio."""
    made = tools(folder=tmp_path, public_url="https://outreach.example")
    twilio.clock = made.clock.now
    yield made
    await made.http().aclose()
