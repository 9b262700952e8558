"""The inbox listener with a real IMAP server: nothing is lost or deleted, whatever breaks."""

from __future__ import annotations

import json
import socket
import ssl
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import imapclient
import pytest
import trio
from fluentsd_channel_email.channel import EmailChannel
from fluentsd_channel_email.imap_listener import REFUSALS_AT_MOST
from fluentsd_channel_email.mailbox import BadAnswer, Mailbox
from fluentsd_channel_email.settings import read_settings

from fluentsd.api import Outcome
from fluentsd.testing import tools

CERTIFICATE = Path(__file__).with_name("localhost.pem")
TOKENS = [f"019b8f2c77d0{n:020x}" for n in range(100)]


def reply(n, text="Yes"):
    return (
        f"From: p{n}@example.net\r\nIn-Reply-To: <{TOKENS[n]}@example.com>\r\nSubject: Re: x\r\n\r\n{text}\r\n".encode()
    )


class Log:
    """The log lines, by event."""

    def __init__(self):
        self.lines = []

    def __getattr__(self, level):
        return lambda event, **more: self.lines.append((level, event, more))

    def events(self):
        return [event for _, event, _ in self.lines]

    async def until(self, event):
        with trio.fail_after(20):
            while event not in self.events():  # noqa: ASYNC110 - as a person looks into a log
                await trio.sleep(0.01)


class Hasty:
    """A clock that does not wait, and counts the pauses it was asked for."""

    def __init__(self):
        self.pauses, self.thrice = [], trio.Event()

    def now(self):
        return 0

    async def sleep_until(self, at):
        self.pauses.append(at / 1_000_000)
        if len(self.pauses) >= 3:
            self.thrice.set()
        await trio.lowlevel.checkpoint()


class Heard:
    """The delivered events; can wait for more."""

    def __init__(self):
        self.inbounds = []
        self._more = trio.Event()

    async def deliver(self, inbound):
        await trio.lowlevel.checkpoint()
        self.inbounds.append(inbound)
        self._more.set()

    async def until(self, count):
        with trio.fail_after(20):
            while len(self.inbounds) < count:
                self._more = trio.Event()
                await self._more.wait()
        return [TOKENS.index(inbound.token) for inbound in self.inbounds]


async def relay(port, private):
    """From a private connection to a plain one, until either ends."""

    async def carry(one, other):
        with suppress(trio.BrokenResourceError):
            async for data in one:
                await other.send_all(data)
        nursery.cancel_scope.cancel()

    async with await trio.open_tcp_stream("127.0.0.1", port) as plain, trio.open_nursery() as nursery:
        nursery.start_soon(carry, private, plain)
        nursery.start_soon(carry, plain, private)


def put_privately(server, mail):
    with imapclient.IMAPClient("localhost", server.port, ssl=False, timeout=10) as client:
        client.starttls(ssl.create_default_context(cafile=str(CERTIFICATE)))
        client.login("campaigns", "sesame")
        client.append("INBOX", mail)


def build(tmp_path, inbox, log=None, clock=None, **more):
    table = {"host": "mail.invalid", "from": "Dana <dana@example.com>", "inbox": inbox, **more}
    return EmailChannel(read_settings(table), tools(clock, folder=tmp_path, log=log, kind="email"))


@asynccontextmanager
async def listening(channel, deliver):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(channel.listen, deliver)
        yield
        began = trio.current_time()
        nursery.cancel_scope.cancel()
    assert trio.current_time() - began < 10


async def test_without_an_inbox_listening_ends_at_once(tmp_path):
    channel = EmailChannel(read_settings({"host": "x", "from": "a@example.com"}), tools(folder=tmp_path))
    with trio.fail_after(10):
        await channel.listen(Heard().deliver)


@pytest.mark.slow
async def test_mail_that_waits_and_mail_that_comes_is_handed_over_and_left_as_it_was(imap, tmp_path):
    heard = Heard()
    await trio.to_thread.run_sync(imap.put, reply(0), reply(1))
    async with listening(build(tmp_path, imap.inbox(poll="10 min")), heard.deliver):
        assert await heard.until(2) == [0, 1]
        await trio.to_thread.run_sync(imap.put, reply(2))
        assert await heard.until(3) == [0, 1, 2]  # by IDLE: the poll is far away
    assert {inbound.outcome for inbound in heard.inbounds} == {Outcome.replied}
    assert [seen for _, seen in imap.held()] == [False, False, False]


@pytest.mark.slow
async def test_a_server_that_cannot_tell_of_mail_is_asked_for_it(imap, tmp_path, monkeypatch):
    monkeypatch.setattr(Mailbox, "offers", lambda self, name: False)
    heard = Heard()
    async with listening(build(tmp_path, imap.inbox()), heard.deliver):
        await trio.to_thread.run_sync(imap.put, reply(0))
        await heard.until(1)
        await trio.to_thread.run_sync(imap.put, reply(1))
        assert await heard.until(2) == [0, 1]


@pytest.mark.slow
async def test_a_restart_neither_loses_nor_repeats(imap, tmp_path):
    heard = Heard()
    await trio.to_thread.run_sync(imap.put, reply(0))
    async with listening(build(tmp_path, imap.inbox()), heard.deliver):
        await heard.until(1)
        await trio.to_thread.run_sync(imap.put, reply(1))
        await heard.until(2)
    taken_last = len(heard.inbounds)  # killed between taking and noting: this one may come again
    await trio.to_thread.run_sync(imap.put, reply(2))
    async with listening(build(tmp_path, imap.inbox()), heard.deliver):
        await trio.to_thread.run_sync(imap.put, reply(3))
        while (await heard.until(taken_last + 2))[-1] != 3:
            taken_last += 1
    assert [TOKENS.index(i.token) for i in heard.inbounds] in ([0, 1, 2, 3], [0, 1, 1, 2, 3])


@pytest.mark.slow
async def test_what_was_not_taken_comes_again_after_a_restart(imap, tmp_path):
    heard = Heard()
    await trio.to_thread.run_sync(imap.put, reply(0), reply(1))

    async def breaks(inbound):
        raise RuntimeError("the daemon is killed")

    with pytest.raises(RuntimeError):
        await build(tmp_path, imap.inbox()).listen(breaks)
    async with listening(build(tmp_path, imap.inbox()), heard.deliver):
        assert await heard.until(2) == [0, 1]


@pytest.mark.slow
async def test_a_server_that_goes_and_comes_back_with_other_uids_loses_nothing(imap, tmp_path):
    heard, log = Heard(), Log()
    await trio.to_thread.run_sync(imap.put, reply(0))
    async with listening(build(tmp_path, imap.inbox(), log), heard.deliver):
        await heard.until(1)
        await trio.to_thread.run_sync(imap.stop)
        await log.until("email.inbox_unavailable")
        await trio.to_thread.run_sync(imap.start)
        await trio.to_thread.run_sync(imap.put, reply(1))  # again the first UID of its folder
        assert await heard.until(2) == [0, 1]
        await log.until("email.inbox_recovered")
    assert log.events() == ["email.inbox_unavailable", "email.inbox_recovered"]


@pytest.mark.slow
async def test_a_mail_that_says_nothing_harms_only_itself_and_its_content_is_not_logged(imap, tmp_path):
    heard, log = Heard(), Log()
    huge = reply(1, "word " * 200_000)
    await trio.to_thread.run_sync(imap.put, reply(0), b"Subject: secret\x01\xff", huge, reply(2))
    async with listening(build(tmp_path, imap.inbox(), log), heard.deliver):
        assert await heard.until(3) == [0, 1, 2]
    assert len(heard.inbounds[1].text) <= 10_000
    assert log.events() == ["email.passed_over"]
    assert log.lines[0][2]["sort"] == "traceless"
    assert "secret" not in repr(log.lines)


@pytest.mark.slow
async def test_a_mail_the_server_cannot_hand_out_is_passed_over_alone(imap, tmp_path, monkeypatch):
    heard, log, read = Heard(), Log(), Mailbox.read
    await trio.to_thread.run_sync(imap.put, *map(reply, range(5)))
    damaged = imap.held()[2][0]

    def stumble(self, uids):
        if damaged in uids:
            self.close()
            raise BadAnswer("ProtocolError")
        return read(self, uids)

    monkeypatch.setattr(Mailbox, "read", stumble)
    async with listening(build(tmp_path, imap.inbox(), log), heard.deliver):
        assert await heard.until(4) == [0, 1, 3, 4]
    assert [more["uid"] for _, _, more in log.lines] == [damaged]


def refusing(monkeypatch, refuses):
    """A server whose FETCH ends in NO while `refuses` says so, as a large service slows its clients down."""
    fetch, refused = imapclient.IMAPClient.fetch, []

    def answer(self, uids, items):
        if refuses(uids, refused):
            refused.append(list(uids))
            raise imapclient.exceptions.IMAPClientError(
                "FETCH failed: b'Request is throttled. Suggested Backoff Time: 299910 milliseconds'"
            )
        return fetch(self, uids, items)

    monkeypatch.setattr(imapclient.IMAPClient, "fetch", answer)
    return refused


@pytest.mark.slow
async def test_a_server_that_hands_out_nothing_for_a_while_loses_no_mail(imap, tmp_path, monkeypatch):
    heard, log, clock = Heard(), Log(), Hasty()
    refused = refusing(monkeypatch, lambda _, refused: len(refused) < 6)
    await trio.to_thread.run_sync(imap.put, *map(reply, range(3)))
    async with listening(build(tmp_path, imap.inbox(), log, clock=clock), heard.deliver):
        assert await heard.until(3) == [0, 1, 2]
        await log.until("email.inbox_recovered")
    assert len(refused) == 6
    assert log.events() == ["email.inbox_unavailable", "email.inbox_recovered"]
    assert "does not hand out mail now: FETCH failed" in log.lines[0][2]["why"]
    assert clock.pauses[:5] == [1, 2, 4, 8, 16]


@pytest.mark.slow
async def test_a_mail_that_is_refused_for_ever_is_passed_over_at_last(imap, tmp_path, monkeypatch):
    heard, log = Heard(), Log()
    await trio.to_thread.run_sync(imap.put, *map(reply, range(3)))
    damaged = imap.held()[1][0]
    refused = refusing(monkeypatch, lambda uids, _: damaged in uids)
    async with listening(build(tmp_path, imap.inbox(), log, clock=Hasty()), heard.deliver):
        assert await heard.until(2) == [0, 2]
    assert refused.count([damaged]) == REFUSALS_AT_MOST
    assert ("warning", "email.passed_over", damaged) in [(how, what, more.get("uid")) for how, what, more in log.lines]


async def test_mail_that_comes_during_a_search_does_not_wait_for_the_next_poll(imap, tmp_path, monkeypatch):
    """The server tells of it in the answer to the search, which has not found it."""
    heard, search = Heard(), imapclient.IMAPClient.search

    def searched(client, *given):
        found = search(client, *given)
        if not heard.inbounds and not found:
            imap.put(reply(0))
            search(client, *given)  # its answer brings "1 EXISTS"
        return found

    monkeypatch.setattr(imapclient.IMAPClient, "search", searched)
    async with listening(build(tmp_path, imap.inbox(poll="10 min")), heard.deliver):
        assert await heard.until(1) == [0]


@pytest.mark.slow
async def test_starttls_works_and_an_untrusted_certificate_does_not(imap_with_starttls, tmp_path):
    heard, log, server = Heard(), Log(), imap_with_starttls
    inbox = server.inbox(host="localhost", tls="starttls", ca_file=str(CERTIFICATE), poll="10 min")
    async with listening(build(tmp_path, inbox), heard.deliver):
        await trio.to_thread.run_sync(put_privately, server, reply(0))
        assert await heard.until(1) == [0]
    async with listening(build(tmp_path, {**inbox, "ca_file": ""}, log), heard.deliver):
        await log.until("email.inbox_unavailable")
    assert "certificate" in log.lines[0][2]["why"]


@pytest.mark.slow
async def test_tls_from_the_first_byte_carries_mail_and_tells_of_more(imap, tmp_path):
    heard, context = Heard(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    async with trio.open_nursery() as nursery:
        door = partial(trio.serve_ssl_over_tcp, partial(relay, imap.port), 0, context, host="127.0.0.1")
        (listener, *_) = await nursery.start(door)
        port = listener.transport_listener.socket.getsockname()[1]
        inbox = imap.inbox(host="localhost", port=port, tls="tls", ca_file=str(CERTIFICATE), poll="10 min")
        async with listening(build(tmp_path, inbox), heard.deliver):
            await trio.to_thread.run_sync(imap.put, reply(0))
            await heard.until(1)
            await trio.to_thread.run_sync(imap.put, reply(1))
            assert await heard.until(2) == [0, 1]
        nursery.cancel_scope.cancel()


@pytest.mark.slow
async def test_a_backlog_is_read_in_order(imap, tmp_path):
    heard = Heard()
    await trio.to_thread.run_sync(imap.put, *map(reply, range(80)))
    async with listening(build(tmp_path, imap.inbox()), heard.deliver):
        assert await heard.until(80) == list(range(80))


@pytest.mark.slow
async def test_read_mail_is_moved_where_wanted(imap, tmp_path):
    heard = Heard()
    with imap.client() as client:
        client.create_folder("Done")
    await trio.to_thread.run_sync(imap.put, reply(0), reply(1))
    async with listening(build(tmp_path, imap.inbox(processed_folder="Done")), heard.deliver):
        await heard.until(2)
        await trio.to_thread.run_sync(imap.put, reply(2))
        await heard.until(3)  # so that the first two are done with
    assert len(imap.held("Done")) >= 2
    assert len(imap.held("Done")) + len(imap.held()) == 3


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"folder": "Nowhere"}, {"tls": "starttls"}])
async def test_a_problem_for_a_person_is_logged_once_and_retried(imap, tmp_path, wrong):
    log, hasty = Log(), Hasty()
    async with listening(build(tmp_path, imap.inbox(**wrong), log, clock=hasty), Heard().deliver):
        await hasty.thrice.wait()
    assert hasty.pauses[:3] == [1, 2, 4]
    assert log.events() == ["email.inbox_unavailable"]
    assert "sesame" not in repr(log.lines)


@pytest.mark.slow
async def test_a_server_that_says_nothing_does_not_hold_the_daemon(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        inbox = {"host": "127.0.0.1", "port": silent.getsockname()[1], "username": "u", "password": "p"}
        for tls in ("none", "tls"):
            async with listening(build(tmp_path, {**inbox, "tls": tls}), Heard().deliver):
                peer, _ = await trio.to_thread.run_sync(silent.accept)
            peer.close()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"of": "someone else"}', "\x00" * 10])
@pytest.mark.slow
async def test_a_watermark_that_cannot_be_read_is_as_good_as_none(imap, tmp_path, content):
    (tmp_path / "email-inbox.json").write_text(content)
    heard = Heard()
    await trio.to_thread.run_sync(imap.put, reply(0))
    async with listening(build(tmp_path, imap.inbox()), heard.deliver):
        await heard.until(1)
        await trio.to_thread.run_sync(imap.put, reply(1))
        await heard.until(2)
    assert json.loads((tmp_path / "email-inbox.json").read_text())["uid"] > 0
