"""The sink is a real SMTP server: it stores accepted mail, and plays its scripted faults exactly."""

from __future__ import annotations

import smtplib
import sys
from collections.abc import Iterator

import pytest

from fluentsd.testing import Phase, SinkUnavailable, SmtpSink

MAIL = b"Subject: Hello\r\n\r\n.dots\r\n..and more\r\n"


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with SmtpSink() as sink:
        yield sink


def send(sink, to="ada@example.com", data=MAIL):
    with smtplib.SMTP(sink.host, sink.port, local_hostname="client.invalid", timeout=5) as client:
        client.sendmail("dana@example.com", [to], data)


def test_it_keeps_envelope_bytes_and_order(sink):
    send(sink, "ada@example.com")
    send(sink, "bob@example.com")
    assert [(m.order, m.recipients) for m in sink.mails] == [(1, ("ada@example.com",)), (2, ("bob@example.com",))]
    assert sink.mails[0].data == MAIL
    assert sink.mails[0].message["Subject"] == "Hello"
    assert sink.wait_for(2) == sink.mails


def test_it_refuses_one_recipient_and_takes_another(sink):
    sink.refuse("gone@example.com")
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(sink, "gone@example.com")
    send(sink)
    assert len(sink.mails) == 1


@pytest.mark.parametrize("phase", [Phase.mail, Phase.rcpt, Phase.data, Phase.dot])
def test_it_answers_a_phase_as_told_so_many_times(sink, phase):
    sink.answer(phase, "451 4.3.0 Try later", times=1)
    with pytest.raises(smtplib.SMTPException) as why:
        send(sink)
    assert "451" in str(why.value)
    assert sink.mails == ()
    send(sink)
    assert len(sink.mails) == 1


@pytest.mark.parametrize("phase", [Phase.connect, Phase.ehlo, Phase.mail, Phase.rcpt, Phase.data, Phase.dot])
def test_it_drops_the_connection_and_keeps_nothing(sink, phase):
    sink.drop(phase)
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
        send(sink)
    assert sink.mails == ()


def test_it_vanishes_after_the_dot_with_the_message(sink):
    sink.vanish_after_dot()
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(sink)
    assert len(sink.mails) == 1


def test_it_behaves_again_when_told(sink):
    sink.drop(Phase.connect)
    sink.behave()
    send(sink)
    assert sink.connections == 1


def test_it_asks_for_a_login_when_it_has_one():
    with SmtpSink(login=("dana", "sesame")) as sink:
        with pytest.raises(smtplib.SMTPException):
            send(sink)
        with smtplib.SMTP(sink.host, sink.port, local_hostname="client.invalid", timeout=5) as client:
            client.login("dana", "sesame")
            client.sendmail("dana@example.com", ["ada@example.com"], MAIL)
        assert len(sink.mails) == 1


def test_waiting_for_what_does_not_come_ends(sink):
    with pytest.raises(TimeoutError, match="kept 0 messages, not 1"):
        sink.wait_for(1, seconds=0.01)


def test_without_the_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "fluentsd.testing.smtp_session", None)
    with pytest.raises(SinkUnavailable, match=r'pip install "fluentsd\[demo\]"'):
        SmtpSink().start()
