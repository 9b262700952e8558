"""The e-mail channel keeps every promise of a channel, before a real SMTP server that plays every fault."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from fluentsd_channel_email.channel import EmailChannel
from fluentsd_channel_email.settings import read_settings

from fluentsd.api import Channel, Tools
from fluentsd.testing import Fault, Phase, SmtpSink, discover, exercise_channel, tools


class SinkProvider:
    """The sink as the provider: a fault is a script, what it kept is the truth."""

    faults = tuple(Fault)

    def __init__(self, sink: SmtpSink, **config) -> None:
        self.sink, self.config = sink, config

    def make(self, tools: Tools) -> Channel:
        table = {
            "host": self.sink.host,
            "port": self.sink.port,
            "tls": "none",
            "from": "Dana <dana@example.com>",
            "purpose": "transactional",
            "connections": 4,
            **self.config,
        }
        return EmailChannel(read_settings(table), tools)

    def arrange(self, fault: Fault | None) -> None:
        self.sink.behave()
        match fault:
            case Fault.refuse:
                self.sink.refuse(answer="550 5.7.1 Not from you")
            case Fault.refuse_dead:
                self.sink.refuse()
            case Fault.unavailable:
                self.sink.answer(Phase.rcpt, "451 4.3.0 Try later")
            case Fault.accept_then_error:
                self.sink.vanish_after_dot()
            case Fault.accept_then_hang:
                self.sink.slow(Phase.dot, 60)
            case Fault.hang:
                self.sink.slow(Phase.rcpt, 60)

    def held(self, token: str) -> Sequence[str]:
        return [to for mail in self.sink.mails if f"<{token}@" in mail.message["Message-ID"] for to in mail.recipients]


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as sink:
        yield sink


@pytest.mark.slow
async def test_keeps_every_promise_with_an_inbox_that_has_mail(sink, imap, tmp_path):
    provider = SinkProvider(sink, inbox=imap.inbox())
    imap.put(b"From: ada@example.net\r\nSubject: Hello\r\n\r\nYes", b"\xff", b"From: x\r\n\r\n")
    await exercise_channel(provider.make, tools=tools(folder=tmp_path), provider=provider, patience=0.3)


@pytest.mark.slow
async def test_keeps_every_promise(sink, tmp_path):
    provider = SinkProvider(sink)
    await exercise_channel(provider.make, tools=tools(folder=tmp_path), provider=provider, patience=0.3)


def test_the_name_is_discovered():
    found = discover()
    assert "email" in found.channels, found.broken
