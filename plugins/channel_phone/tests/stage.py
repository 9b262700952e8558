"""A stage for conversations: a channel on virtual time, a Twilio that only signs, and what the channel reports."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

import trio
import trio.testing
from fluentsd_channel_phone.channel import PhoneChannel
from fluentsd_channel_phone.settings import read_settings

from fluentsd.api import AgentSettings, Attempt, Call, Inbound, Message, PickupVerdict, Tools, WebhookResult
from plugins.channel_phone.tests.fake_chat import FakeChat
from plugins.channel_phone.tests.fake_line import Line
from plugins.channel_phone.tests.fake_voice import ACCOUNT, NUMBER, TOKEN, FakeVoice, KeptCall

PERSON = "+14155550001"
OPENING = "Hello, this is an automated assistant of Acme. To stop these calls, press 9."
SALES = "+14155550177"


def an_agent(**more: Any) -> AgentSettings:
    """An agent with every skill."""
    usual: dict[str, Any] = {
        "prompt": "Sell bicycles.", "opening": OPENING, "transfers": {"sales": SALES}, "temperature": 0.3,
        "skills": frozenset(("end_call", "opt_out", "book_callback", "transfer", "webhook")),
    }  # fmt: skip
    return AgentSettings("sales", **{**usual, **more})


@dataclass
class Dialled:
    """One call of the stage, picked up: its line, its message and its Twilio side."""

    line: Line
    message: Message
    attempt: Attempt
    kept: KeptCall

    @property
    def call(self) -> Call:
        return Call("phone", self.kept.sid, self.attempt, self.message, PERSON)


@dataclass
class Stage:
    """See the module. `reports` are the channel's events, in order."""

    tools: Tools
    chat: FakeChat
    config: dict[str, Any] = field(default_factory=dict)
    reports: list[Inbound] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.twilio = FakeVoice(clock=self.tools.clock.now)
        self.use()

    def use(self, **config: Any) -> PhoneChannel:
        """A channel with these settings."""
        table = {"account_sid": ACCOUNT, "auth_token": TOKEN, "sender": NUMBER, "base_url": "http://127.0.0.1:9"}
        model = {"base_url": "http://model.example/v1", "model": "first", "key": "k"}
        self.channel = PhoneChannel(read_settings(table | {"model": model} | config), self.tools)
        return self.channel

    def dial(self, agent: AgentSettings | None = None, **message: Any) -> Dialled:
        """A call that rings."""
        token = uuid.uuid4().hex
        url = f"https://outreach.example/hooks/phone/{token}"
        purposes = {"Url": "pickup", "StatusCallback": "status", "AsyncAmdStatusCallback": "machine"}
        given = {name: [f"{url}?for={purpose}"] for name, purpose in purposes.items()}
        kept = KeptCall(f"CA{uuid.uuid4().hex}", PERSON, NUMBER, self.tools.clock.now(), given, "ringing")
        self.twilio.calls.append(kept)
        attempt = Attempt(token, "phone", PERSON, self.tools.clock.now(), NUMBER, kept.sid)
        whole = {"variables": {"first_name": "Dana"}, "timezone": "America/New_York", **message}
        made = Message("phone", PERSON, NUMBER, agent="sales", settings=agent or an_agent(), **whole)
        return Dialled(Line(kept.sid), made, attempt, kept)

    def pick_up(self, dialled: Dialled, *, go: bool = True) -> ElementTree.Element:
        """Somebody picks up; the TwiML that Twilio gets."""
        found = self.channel.webhook(self.twilio.picked_up(dialled.kept))
        return self.answer(dialled, found, go=go)

    def answer(self, dialled: Dialled, found: WebhookResult, *, go: bool = True) -> ElementTree.Element:
        """What the engine does with a pick-up."""
        assert found.pickup is not None
        assert found.pickup.token == dialled.attempt.token
        url = "wss://outreach.example/relay/phone/once"
        verdict = PickupVerdict(go, relay_url=url if go else None, message=dialled.message if go else None)
        reply = self.channel.answer(found.pickup, verdict)
        assert (reply.status, reply.content_type) == (200, "text/xml")
        return ElementTree.fromstring(reply.body)

    def post(self, dialled: Dialled, purpose: str, **fields: str) -> WebhookResult:
        """A signed request for one of the attempt's URLs."""
        url = f"https://outreach.example/hooks/phone/{dialled.attempt.token}?for={purpose}"
        return self.channel.webhook(self.twilio.post(dialled.kept, url, **fields))

    @asynccontextmanager
    async def talking(self, agent: AgentSettings | None = None, **message: Any) -> AsyncIterator[Dialled]:
        """A call in which the agent has said its opening; it ends with the block, and `reports` has its outcome."""
        dialled = self.dial(agent, **message)
        self.pick_up(dialled)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.channel.listen, self._keep)
            async with trio.open_nursery() as inner:
                inner.start_soon(self.channel.serve_call, dialled.line, dialled.call)
                dialled.line.setup()
                assert await dialled.line.heard(1) == dialled.message.settings.opening
                yield dialled
                dialled.line.hang_up()
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()

    async def _keep(self, inbound: Inbound) -> None:
        self.reports.append(inbound)
