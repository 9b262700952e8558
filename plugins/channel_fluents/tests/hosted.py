"""A channel of hosted agents, connected to a fake of the service."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field, replace
from typing import Any

import trio
import trio.testing
from fluentsd_channel_fluents.channel import FluentsChannel
from fluentsd_channel_fluents.settings import read_settings

from fluentsd.api import (
    Attempt,
    Inbound,
    Message,
    Request,
    Tools,
)
from plugins.channel_fluents.tests.fake_fluents import AGENT, KEY, FakeFluents

SECRET = "a-secret-of-some-length"
PERSON, OURS = "+14155550001", "+14155550100"
HUMAN = {"stage": "picked_up", "human_detection_result": "human"}


@dataclass
class Stage:
    """A channel before the fake; `reports` are what it delivers."""

    fluents: FakeFluents
    tools: Tools
    reports: list[Inbound] = field(default_factory=list)
    reported: trio.Event = field(default_factory=trio.Event)

    def use(self, **more: Any) -> FluentsChannel:
        table = {"key": KEY, "sender": OURS, "agents": {"sales": AGENT}, "webhook_secret": SECRET, "minute_price": 100}
        return FluentsChannel(read_settings(table | more), self.tools)

    async def start(self, channel: FluentsChannel) -> tuple[str, Attempt]:
        attempt = Attempt(uuid.uuid4().hex, "phone", PERSON, self.tools.clock.now())
        message = Message("phone", PERSON, agent="sales", variables={"first_name": "Dana"})
        receipt = await channel.send(message, attempt)
        return receipt.ref, replace(attempt, provider_ref=receipt.ref)

    async def keep(self, inbound: Inbound) -> None:
        self.reports.append(inbound)
        self.reported.set()


def hint(ref: str, secret: str = SECRET, **more: Any) -> Request:
    body = {"type": "event_phone_call_ended", "call_id": ref, "payload": {}} | more
    return Request("POST", f"https://outreach.example/hooks/phone?secret={secret}", {}, json.dumps(body).encode())
