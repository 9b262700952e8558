"""A Twilio on loopback, a chat service in memory, and a channel between them."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from fluentsd_channel_phone.channel import PhoneChannel
from fluentsd_channel_phone.settings import read_settings

from fluentsd.api import Attempt, Tools
from fluentsd.testing import tools
from plugins.channel_phone.tests.fake_chat import FakeChat
from plugins.channel_phone.tests.fake_voice import ACCOUNT, NUMBER, TOKEN, FakeVoice
from plugins.channel_phone.tests.stage import PERSON, Stage


@pytest.fixture
def twilio() -> Iterator[FakeVoice]:
    with FakeVoice() as twilio:
        yield twilio


@pytest.fixture
async def given(tmp_path, twilio) -> AsyncIterator[Tools]:
    """Tools with a public address, on the same clock as Twilio."""
    made = tools(folder=tmp_path, kind="phone", public_url="https://outreach.example")
    twilio.clock = made.clock.now
    yield made
    await made.http().aclose()


@pytest.fixture
def build(given, twilio):
    """A channel on the real SDK, before the Twilio on loopback."""

    def make(**config) -> PhoneChannel:
        table = {"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": NUMBER, "base_url": twilio.url}
        model = {"base_url": "http://127.0.0.1:9/v1", "model": "m"}
        return PhoneChannel(read_settings(table | {"calls": "1000/second", "model": model} | config), given)

    return make


@pytest.fixture
def chat() -> FakeChat:
    return FakeChat()


@pytest.fixture
async def stage(tmp_path, chat) -> AsyncIterator[Stage]:
    """A channel whose HTTP client is the chat service in memory, without Twilio's API. A test that uses it
    names `autojump_clock` too: pytest-trio sees only the clock among its arguments."""
    client = chat.client()
    base = tools(folder=tmp_path, kind="phone", public_url="https://outreach.example")
    yield Stage(replace(base, http=lambda: client), chat)
    await client.aclose()


@pytest.fixture
def tried(given):
    """Attempts to call somebody."""

    def make(to: str = PERSON, **more) -> Attempt:
        return Attempt(uuid.uuid4().hex, "phone", to, given.clock.now(), **more)

    return make
