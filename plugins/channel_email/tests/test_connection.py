"""Connections to a mail server: used again, limited, replaced, given up."""

from __future__ import annotations

import ssl
import threading

import pytest
import trio
from fluentsd_channel_email.channel import EmailChannel
from fluentsd_channel_email.session import NoAnswer
from fluentsd_channel_email.settings import read_settings

from fluentsd.api import NeedsHuman, Outcome, Receipt, Rejected, Unavailable
from fluentsd.testing import Phase, SinkFault, SmtpSink, tools
from plugins.channel_email.tests.sending import CERTIFICATE, attempt, ended, message, table


async def test_a_connection_is_used_again(sink, build):
    channel = build(sink)
    for n in range(5):
        await channel.send(message(), attempt(f"t{n}"))
    assert (len(sink.mails), sink.connections) == (5, 1)


async def test_no_more_connections_than_configured_are_open_at_once(sink, build):
    channel = build(sink, connections=2)
    async with trio.open_nursery() as nursery:
        for n in range(20):
            nursery.start_soon(channel.send, message(), attempt(f"t{n}"))
    assert len(sink.mails) == 20
    assert sink.connections <= 2


async def test_a_kept_connection_that_ended_is_replaced_before_the_message(sink, build):
    channel = build(sink)
    await ended(channel, token="t1")
    sink.drop(Phase.mail, times=1)
    assert isinstance(await ended(channel, token="t2"), Receipt)
    sink.answer(Phase.mail, "421 4.4.2 Idle for too long", times=1)
    assert isinstance(await ended(channel, token="t3"), Receipt)
    assert (len(sink.mails), sink.connections) == (3, 3)


async def test_a_connection_that_ends_after_the_dot_is_never_replaced(sink, build):
    channel = build(sink)
    await ended(channel, token="t1")
    sink.vanish_after_dot(times=1)
    assert isinstance(await ended(channel, token="t2"), NoAnswer)
    assert len(sink.mails) == 2


async def test_a_refused_recipient_does_not_cost_the_connection(sink, build):
    channel = build(sink)
    sink.refuse("gone@example.com")
    assert isinstance(await ended(channel, message("gone@example.com"), "t1"), Rejected)
    assert isinstance(await ended(channel, token="t2"), Receipt)
    assert sink.connections == 1


async def test_a_connection_idle_for_long_is_not_trusted(sink, tmp_path):
    class Hands:
        at = 1_767_625_200_000_000

        def now(self):
            return self.at

        async def sleep_until(self, at):
            raise AssertionError

    hands = Hands()
    channel = EmailChannel(read_settings(table(sink)), tools(hands, folder=tmp_path))
    for n in range(3):
        await ended(channel, token=f"t{n}")
        hands.at += 20_000_000 * (n + 1)
    await channel.aclose()
    assert sink.connections == 2  # 20 s idle is trusted, 40 s is not


async def test_a_connection_carries_only_so_many(sink, build):
    channel = build(sink, messages_per_connection=2)
    for n in range(5):
        await ended(channel, token=f"t{n}")
    assert (len(sink.mails), sink.connections) == (5, 3)


async def test_cancelled_after_the_dot_the_attempt_stays_open(sink, build):
    sink.slow(Phase.dot, 30)
    channel = build(sink)
    with trio.move_on_after(10) as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(channel.send, message(), attempt())
            await trio.to_thread.run_sync(sink.wait_for, 1)
            nursery.cancel_scope.cancel()
    assert not scope.cancelled_caught
    assert len(sink.mails) == 1


async def cancelled_at_rcpt(sink, channel, token="0123abc"):
    """What a send raises when it is cancelled while the server thinks about the recipient."""
    fault, ended = SinkFault(Phase.rcpt, slow=30, left=1), []
    sink.script(fault)

    async def send():
        with pytest.raises(Unavailable) as why:
            await channel.send(message(), attempt(token))
        ended.append(why.value)

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send)
            while fault.left:  # noqa: ASYNC110 - the server runs in a thread of its own
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
    return ended[0]


async def test_cancelled_before_the_dot_it_is_known_that_nothing_was_accepted(sink, build):
    assert (await cancelled_at_rcpt(sink, build(sink))).after == 0
    assert sink.mails == ()


async def test_a_result_that_came_with_the_cancellation_is_not_lost(sink, tmp_path):
    went = threading.Event()

    async def run_sync(fn, *args):
        def work():
            try:
                return fn(*args)
            finally:
                went.set()

        result = await trio.to_thread.run_sync(work)
        scope.cancel()  # exactly between the server's acceptance and the sender's return
        return result

    channel = EmailChannel(read_settings(table(sink)), tools(folder=tmp_path, run_sync=run_sync))
    with trio.CancelScope() as scope:
        receipt = await channel.send(message(), attempt())
    await channel.aclose()
    assert went.is_set()
    assert receipt.outcome == Outcome.sent


async def test_a_login_is_given_and_a_wrong_one_needs_a_person(build):
    with SmtpSink(login=("dana", "sesame")) as sink:
        assert isinstance(await ended(build(sink, username="dana", password="sesame")), Receipt)
        why = await ended(build(sink, username="dana", password="wrong"))
        assert isinstance(why, NeedsHuman)
        assert "wrong" not in str(why)
        assert isinstance(await ended(build(sink)), NeedsHuman)


async def test_a_server_without_logins_needs_a_person(sink, build):
    assert isinstance(await ended(build(sink, username="dana", password="sesame")), NeedsHuman)


@pytest.fixture(scope="module")
def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


@pytest.mark.parametrize(("tls", "implicit"), [("tls", True), ("starttls", False)])
async def test_both_kinds_of_tls_carry_mail(build, server_tls, tls, implicit):
    with SmtpSink(tls=server_tls, implicit_tls=implicit, login=("dana", "sesame")) as sink:
        channel = build(sink, tls=tls, host="localhost", ca_file=str(CERTIFICATE), username="dana", password="sesame")
        assert isinstance(await ended(channel, token="t1"), Receipt)
        assert isinstance(await ended(channel, token="t2"), Receipt)
        sink.vanish_after_dot()
        assert isinstance(await ended(channel, token="t3"), NoAnswer)
        sink.behave()
        await cancelled_at_rcpt(sink, channel, "t4")
        assert len(sink.mails) == 3


async def test_an_untrusted_certificate_needs_a_person(build, server_tls):
    with SmtpSink(tls=server_tls, implicit_tls=True) as sink:
        why = await ended(build(sink, tls="tls", host="localhost"))
        assert isinstance(why, NeedsHuman)
        assert "certificate" in str(why)


async def test_a_server_without_tls_needs_a_person(sink, build):
    assert isinstance(await ended(build(sink, tls="starttls")), NeedsHuman)
    assert isinstance(await ended(build(sink, tls="tls")), NeedsHuman | Unavailable)
