"""The result of a send for every way in which a mail server can end a session."""

from __future__ import annotations

import pytest
from fluentsd_channel_email.channel import EmailChannel
from fluentsd_channel_email.session import NoAnswer

from fluentsd.api import CannotTell, NeedsHuman, Outcome, Receipt, Rejected, Unavailable
from fluentsd.testing import Phase, SmtpSink
from plugins.channel_email.tests.sending import attempt, ended, message


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
        (Phase.rcpt, "550 5.1.1 <dana@relayhealth.example>: unable to relay, user unknown", Outcome.bounced, True),
        (Phase.rcpt, "550 <dana@relay.example>: no such user (at relay-3.example.com)", Outcome.bounced, True),
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
        (Phase.rcpt, "550 5.7.1 <dana@example.com>... Relaying denied"),
        (Phase.rcpt, "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain"),
        (Phase.dot, "550 5.1.8 Access denied, bad outbound sender"),
        (Phase.dot, "550 5.7.60 SMTP; Client does not have permissions to send as this sender"),
    ],
)
async def test_a_refusal_of_this_account_needs_a_person(sink, build, phase, answer):
    sink.answer(phase, answer)
    assert isinstance(await ended(build(sink)), NeedsHuman)


@pytest.mark.parametrize("phase", [Phase.mail, Phase.rcpt, Phase.data, Phase.dot])
async def test_the_limit_of_the_day_is_nobodys_bounce(sink, build, phase):
    sink.answer(phase, "550 5.4.5 Daily user sending limit exceeded")
    why = await ended(build(sink))
    assert isinstance(why, Unavailable), why
    assert (why.after, why.only_this) == (3600, False)


async def test_a_closed_port_is_unavailable(build):
    with SmtpSink() as sink:
        channel = build(sink)
    assert isinstance(await ended(channel), Unavailable)


async def test_an_unknown_host_is_unavailable(sink, build):
    assert isinstance(await ended(build(sink, host="nowhere.invalid")), Unavailable)


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


async def test_a_missing_required_part_is_a_remark_before_a_send(sink, build):
    said = build(sink, purpose="marketing").findings(message())
    assert [finding.ok for finding in said] == [False, False]
    assert "no postal address" in said[0].what
    assert "no way to unsubscribe" in said[1].what
    whole = build(sink, purpose="marketing", postal_address="1 Road", unsubscribe="https://x.example/{token}")
    assert [finding for finding in whole.findings(message()) if not finding.ok] == []
    assert build(sink).findings(message()) == []


async def test_a_message_costs_nothing_so_a_budget_needs_no_cost_of_e_mail() -> None:
    assert EmailChannel.price(object(), message=None).micros == 0  # type: ignore[arg-type]
