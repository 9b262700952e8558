"""The result of a send for every way in which a mail server can end a session."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from fluentsd_channel_email import EmailChannel, NoAnswer, read_settings

from fluentsd.api import Attempt, CannotTell, Message, NeedsHuman, Outcome, Receipt, Rejected, Unavailable
from fluentsd.testing import Phase, SinkFault, SmtpSink, tools

CERTIFICATE = Path(__file__).with_name("localhost.pem")


def attempt(token="0123abc"):
    return Attempt(token, "email", "ada@example.com", 0, step="first")


def message(to="ada@example.com", **words):
    return Message("email", to, **{"subject": "Hello", "text": "How are you?", **words})


def table(sink, **config):
    basics = {"host": sink.host, "port": sink.port, "tls": "none", "from": "Dana <dana@example.com>"}
    return {**basics, "purpose": "transactional", **config}


@pytest.fixture(params=[True, False], ids=["at once", "one by one"])
def sink(request) -> Iterator[SmtpSink]:
    with SmtpSink(pipelining=request.param) as sink:
        yield sink


@pytest.fixture
async def build(tmp_path):
    """Builds channels and closes them."""
    built = []

    def make(sink, **config):
        built.append(EmailChannel(read_settings(table(sink, **config)), tools(folder=tmp_path)))
        return built[-1]

    yield make
    for channel in built:
        await channel.aclose()


async def ended(channel, letter=None, token="0123abc"):
    try:
        return await channel.send(letter or message(), attempt(token))
    except Exception as why:  # noqa: BLE001 - what it raises is what is being tested
        return why


async def test_an_accepted_mail_is_sent_under_its_message_id(sink, build):
    assert await ended(build(sink)) == Receipt("<0123abc@example.com>", Outcome.sent)
    (mail,) = sink.mails
    assert (mail.sender, mail.recipients) == ("dana@example.com", ("ada@example.com",))
    assert mail.message["Message-ID"] == "<0123abc@example.com>"


async def test_the_attempt_is_in_the_return_path_and_the_envelope_id(sink, build):
    await ended(build(sink, bounce_domain="bounces.example.com"), token="AbC-1")
    (mail,) = sink.mails
    assert mail.sender == "bounce+AbC-1@bounces.example.com"
    assert (mail.envid, mail.notify) == ("AbC-1", "FAILURE,DELAY")


async def test_a_server_without_dsn_is_not_asked_for_it(build):
    with SmtpSink(dsn=False) as sink:
        assert isinstance(await ended(build(sink)), Receipt)
        assert sink.mails[0].envid == ""


@pytest.mark.parametrize("phase", [Phase.connect, Phase.ehlo, Phase.mail, Phase.rcpt, Phase.data, Phase.body])
async def test_a_connection_lost_before_the_dot_proves_that_nothing_was_accepted(sink, build, phase):
    sink.drop(phase)
    why = await ended(build(sink), message(text="x" * 70 + "\n" * 50_000))
    assert isinstance(why, Unavailable | NoAnswer), why
    assert isinstance(why, Unavailable) or phase == Phase.body  # the drop may come after our dot left
    assert sink.mails == ()


async def test_a_connection_lost_after_the_dot_proves_nothing(sink, build):
    sink.vanish_after_dot()
    channel = build(sink)
    assert isinstance(await ended(channel), NoAnswer)
    assert len(sink.mails) == 1  # and it was not sent again
    assert isinstance(await channel.lookup(attempt()), CannotTell)
    assert not channel.lookup_is_final


async def test_a_time_out_after_the_dot_proves_nothing(sink, build):
    sink.slow(Phase.dot, 30)
    assert isinstance(await ended(build(sink, answer_timeout=0.1)), NoAnswer)


async def test_a_time_out_before_the_dot_proves_that_nothing_was_accepted(sink, build):
    sink.slow(Phase.rcpt, 30)
    assert isinstance(await ended(build(sink, answer_timeout=0.1)), Unavailable)


@pytest.mark.parametrize(
    "phase", [Phase.connect, Phase.ehlo, Phase.mail, Phase.rcpt, Phase.data, Phase.body, Phase.dot]
)
@pytest.mark.parametrize("answer", ["451 4.3.0 Try later", "421 4.7.0 Too busy"])
async def test_a_refusal_for_now_is_unavailable(sink, build, phase, answer):
    sink.answer(phase, answer)
    why = await ended(build(sink))
    assert isinstance(why, Unavailable) or (phase == Phase.body and isinstance(why, NoAnswer)), why
    assert sink.mails == ()


@pytest.mark.parametrize(
    ("phase", "answer", "outcome", "dead"),
    [
        (Phase.rcpt, "550 5.1.1 No such user here", Outcome.bounced, True),
        (Phase.rcpt, "550 No such user", Outcome.bounced, True),
        (Phase.rcpt, "556 5.1.10 Null MX", Outcome.bounced, True),
        (Phase.rcpt, "550 mailbox unavailable", Outcome.failed, False),
        (Phase.rcpt, "552 5.2.2 Mailbox full", Outcome.bounced, False),
        (Phase.rcpt, "554 5.7.1 Not wanted", Outcome.failed, False),
        (Phase.mail, "552 5.3.4 Too large", Outcome.failed, False),
        (Phase.data, "554 5.5.1 No valid recipients", Outcome.failed, False),
        (Phase.dot, "554 5.7.1 Looks like spam", Outcome.failed, False),
        (Phase.dot, "550 5.1.1 No such user here", Outcome.bounced, True),
    ],
)
async def test_a_refusal_for_good_is_rejected(sink, build, phase, answer, outcome, dead):
    sink.answer(phase, answer)
    why = await ended(build(sink))
    assert isinstance(why, Rejected), why
    assert (why.outcome, why.dead) == (outcome, dead)
    assert why.fault == ("message" if "5.7.1" in answer else "person")
    assert answer in str(why)
    assert sink.mails == ()


@pytest.mark.parametrize(
    ("phase", "answer"),
    [
        (Phase.connect, "554 5.7.1 Your address is on a list"),
        (Phase.mail, "530 5.7.0 Authentication required"),
        (Phase.mail, "553 5.7.1 Not your sender address"),
        (Phase.rcpt, "554 5.7.1 Relay access denied"),
    ],
)
async def test_a_refusal_of_this_account_needs_a_person(sink, build, phase, answer):
    sink.answer(phase, answer)
    assert isinstance(await ended(build(sink)), NeedsHuman)


async def test_a_closed_port_is_unavailable(build):
    with SmtpSink() as sink:
        channel = build(sink)
    assert isinstance(await ended(channel), Unavailable)


async def test_an_unknown_host_is_unavailable(sink, build):
    assert isinstance(await ended(build(sink, host="nowhere.invalid")), Unavailable)


# Connections


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


# Cancellation


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


# Login and TLS


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


# Addresses


async def test_an_international_domain_travels_as_ascii(build):
    with SmtpSink(smtputf8=False) as sink:
        assert isinstance(await ended(build(sink), message("jürgen@example.com")), Rejected)
        assert isinstance(await ended(build(sink), message("ada@bücher.example")), Receipt)
        assert sink.mails[0].recipients == ("ada@xn--bcher-kva.example",)


async def test_an_international_address_travels_where_the_server_can_carry_it(sink, build):
    assert isinstance(await ended(build(sink), message("jürgen@example.com")), Receipt)
    assert sink.mails[0].recipients == ("jürgen@example.com",)
    assert sink.mails[0].message["To"] == "jürgen@example.com"


async def test_an_impossible_address_is_dead(sink, build):
    why = await ended(build(sink), message("ada@example.com>\r\nRCPT TO:<eve@example.com"))
    assert isinstance(why, Rejected)
    assert why.dead
    assert sink.connections == 0


async def test_a_sender_or_a_text_that_cannot_be_written_does_not_blame_the_person(sink, build):
    for letter in (message(sender="not an address"), message(text="half a character: \ud83d")):
        why = await ended(build(sink), letter)
        assert isinstance(why, Rejected)
        assert not why.dead
    assert sink.connections == 0


# check


async def test_check_says_what_the_server_offers_and_sends_nothing(sink, build):
    findings = await build(sink, postal_address="1 Road", unsubscribe="https://x.example/{token}").check()
    assert [finding.ok for finding in findings] == [True, True]
    assert "DSN" in findings[0].what
    assert "not checked" in findings[1].what
    assert sink.mails == ()


async def test_check_says_how_to_fix_it(build):
    with SmtpSink(login=("dana", "sesame")) as sink:
        finding = (await build(sink, username="dana", password="wrong").check())[0]
        assert not finding.ok
        assert "password" in finding.fix
    finding = (await build(sink).check())[0]
    assert not finding.ok
    assert "port" in finding.fix


# ── commands in one write (RFC 2920) ─────────────────────────────────────────────────────────────────────────────


class Scripted:
    """A server on one connection that gives the next of its answers to whatever its client writes; after BYE it hangs
    up, and after 354 it waits for the dot."""

    def __init__(self, *answers: str) -> None:
        self._answers = ["220 here", "250-here\r\n250 PIPELINING", *answers]
        self.heard: list[bytes] = []

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self._listener.getsockname()
        self._thread = threading.Thread(target=self._talk)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._thread.join(10)
        self._listener.close()

    def _talk(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            for answer in self._answers:
                connection.sendall(f"{answer.removesuffix(BYE)}\r\n".encode())
                if answer.endswith(BYE):
                    return
                self._hear(connection, b".\r\n" if "354" in answer else b"")
            while self._hear(connection):
                pass

    def _hear(self, connection: socket.socket, until: bytes = b"") -> bool:
        self.heard.append(b"")
        while more := connection.recv(65536):
            self.heard[-1] += more
            if self.heard[-1].endswith(until):
                return True
        return False


BYE = "\r\nBYE"
GO = "250 ok\r\n250 ok\r\n354 go ahead"


async def test_the_envelope_is_one_write(build):
    with Scripted(GO, "250 kept") as server:
        channel = build(server)
        assert isinstance(await ended(channel), Receipt)
        await channel.aclose()
    hello, envelope, _mail, *_ = server.heard
    assert hello.startswith(b"ehlo")
    assert [line.split()[0] for line in envelope.splitlines()] == [b"MAIL", b"RCPT", b"DATA"]


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        (["250 ok\r\n550 5.1.1 no such user\r\n503 no recipient"], Outcome.bounced),
        (["250 ok\r\n550 5.1.1 no such user\r\n354 go ahead"], Outcome.bounced),
        (["250 ok\r\n550 5.1.1 no such user\r\nBYE"], Outcome.bounced),
        (["552 too large\r\n503 first MAIL\r\n503 first RCPT"], Outcome.failed),
        (["552 too large\r\nBYE"], Outcome.failed),
    ],
)
async def test_a_refusal_in_the_envelope_is_heard_and_no_dot_is_given(build, answers, outcome):
    with Scripted(*answers, "250 reset") as server:
        channel = build(server)
        found = await ended(channel)
        await channel.aclose()
    assert isinstance(found, Rejected)
    assert found.outcome == outcome
    assert b"Subject" not in b"".join(server.heard)
    assert not any(heard.endswith(b".\r\n") for heard in server.heard)


@pytest.mark.parametrize("answer", ["250 ok\r\nBYE", "250 ok\r\n250 ok\r\nBYE", "421 bye", "250 ok\r\n421 bye"])
async def test_a_server_that_leaves_in_the_envelope_has_accepted_nothing(build, answer):
    with Scripted(answer) as server:
        channel = build(server)
        assert isinstance(await ended(channel), Unavailable)
        await channel.aclose()
    assert b"Subject" not in b"".join(server.heard)


async def test_a_missing_required_part_is_a_remark_before_a_send(sink, build):
    said = build(sink, purpose="marketing").remarks(message())
    assert [finding.ok for finding in said] == [False, False]
    assert "no postal address" in said[0].what
    assert "no way to unsubscribe" in said[1].what
    whole = build(sink, purpose="marketing", postal_address="1 Road", unsubscribe="https://x.example/{token}")
    assert [finding for finding in whole.remarks(message()) if not finding.ok] == []
    assert build(sink).remarks(message()) == []


async def test_a_message_costs_nothing_so_a_budget_needs_no_cost_of_e_mail() -> None:
    assert EmailChannel.price(object(), message=None).micros == 0  # type: ignore[arg-type]
