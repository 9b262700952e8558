"""The phone channel keeps every promise of a channel, before a Twilio on loopback that plays every fault."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from fluentsd_channel_phone import register_channels
from fluentsd_channel_phone.channel import PhoneChannel
from fluentsd_channel_phone.settings import read_settings

from fluentsd.api import Tools
from fluentsd.testing import Fault, exercise_channel
from plugins.channel_phone.tests.fake_voice import ACCOUNT, NUMBER, TOKEN, FakeVoice

REFUSALS = {Fault.refuse: 21216, Fault.refuse_dead: 21211}
FAULTS = {
    Fault.unavailable: "429",
    Fault.accept_then_error: "accept_500",
    Fault.accept_then_hang: "accept_hang",
    Fault.hang: "hang",
}


class TwilioProvider:
    """The fake as the provider: what it kept is the truth."""

    faults = tuple(Fault)

    def __init__(self, twilio: FakeVoice) -> None:
        self.twilio = twilio

    def make(self, tools: Tools) -> PhoneChannel:
        model = {"base_url": "http://127.0.0.1:9/v1", "model": "m"}
        table = {"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": NUMBER, "base_url": self.twilio.url}
        return PhoneChannel(read_settings(table | {"calls": "1000/second", "model": model}), tools)

    def arrange(self, fault: Fault | None) -> None:
        self.twilio.behave()
        if fault in REFUSALS:
            self.twilio.codes = {f"+1415555{n:04d}": REFUSALS[fault] for n in range(100)}
        elif fault is not None:
            self.twilio.bad = FAULTS[fault]

    def held(self, token: str) -> Sequence[str]:
        return self.twilio.held(token)


@pytest.mark.slow
async def test_keeps_every_promise(twilio, given):
    provider = TwilioProvider(twilio)
    await provider.make(given).client()  # the SDK loads once, and not within the suite's patience
    await exercise_channel(provider.make, tools=given, provider=provider, patience=0.5)


def test_it_registers_under_a_name_of_its_own():
    names = []
    register_channels(lambda name, factory: names.append(name))
    assert names == ["twilio-voice"]
