"""The SMS channel keeps every promise of a channel, before a Twilio on loopback that plays every fault."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from fluentsd_channel_sms.channel import SmsChannel
from fluentsd_channel_sms.settings import read_settings

from fluentsd.api import Channel, Tools
from fluentsd.testing import Fault, discover, exercise_channel
from plugins.channel_sms.tests.fake_twilio import ACCOUNT, NUMBER, TOKEN, FakeTwilio

REFUSALS = {Fault.refuse: 21612, Fault.refuse_dead: 21211}
FAULTS = {
    Fault.unavailable: "429",
    Fault.accept_then_error: "accept_500",
    Fault.accept_then_hang: "accept_hang",
    Fault.hang: "hang",
}


class TwilioProvider:
    """The fake as the provider: what it kept is the truth."""

    faults = tuple(Fault)

    def __init__(self, twilio: FakeTwilio) -> None:
        self.twilio = twilio

    def make(self, tools: Tools) -> Channel:
        table = {"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": NUMBER, "base_url": self.twilio.url}
        return SmsChannel(read_settings(table | {"throughput": "1000/second"}), tools)

    def arrange(self, fault: Fault | None) -> None:
        self.twilio.behave()
        if fault in REFUSALS:
            self.twilio.codes = {f"+1415555{n:04d}": REFUSALS[fault] for n in range(100)}
        elif fault is not None:
            self.twilio.misbehave(FAULTS[fault])

    def held(self, token: str) -> Sequence[str]:
        return self.twilio.held(token)


@pytest.mark.slow
async def test_keeps_every_promise(twilio, given):
    provider = TwilioProvider(twilio)
    await exercise_channel(provider.make, tools=given, provider=provider, patience=0.5)


def test_the_name_is_discovered():
    found = discover()
    assert "twilio" in found.channels, found.broken
