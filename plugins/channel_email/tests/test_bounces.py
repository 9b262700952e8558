"""Bounces and complaints: they count by their token."""

from __future__ import annotations

import base64

import pytest
from fluentsd_channel_email.inbound import Arrival, Sort

from fluentsd.api import Outcome
from plugins.channel_email.tests.received import AT, READER, REF, TOKEN, complaint, dsn, mail, only


@pytest.mark.parametrize(
    ("status", "diagnostic", "dead"),
    [
        ("5.1.1", "smtp; 550 5.1.1 no such user", True),
        ("5.1.2", "smtp; 550 unknown host", True),
        ("5.1.3", "", True),
        ("5.1.6", "smtp; 550 moved", True),
        ("5.1.10", "smtp; 556 Null MX", True),
        ("5.2.1", "smtp; 550 5.2.1 mailbox disabled", True),
        ("5.0.0", "smtp; 550 5.1.1 no such user", True),
        ("5.0.0", "smtp; 550 No such user here", True),
        ("5.1.0", "smtp; 550 User unknown", True),
        ("", "550 mailbox not found", True),
        ("5.2.2", "smtp; 552 5.2.2 mailbox full", False),
        ("5.2.1", "smtp; 552 mailbox is full, over quota", False),
        ("5.0.0", "LMTP error: 452 4.2.2 Mailbox is full", False),
        ("5.0.0", "", False),
        ("5.7.1", "smtp; 554 5.7.1 looks like spam", False),
        ("5.1.8", "smtp; 550 5.1.8 bad sender address", False),
        ("5.4.1", "smtp; 550 no route", False),
        ("4.4.7", "smtp; 421 delivery time expired", False),
        ("4.2.2", "smtp; 452 4.2.2 quota exceeded", False),
        ("nonsense", "nonsense", False),
    ],
)
def test_a_failed_delivery_is_a_bounce_and_the_status_says_whether_the_address_is_dead(status, diagnostic, dead):
    said = only(dsn(status, diagnostic=diagnostic))
    assert (said.outcome, said.token, said.dead, said.at) == (Outcome.bounced, TOKEN, dead, AT)
    assert said.fault == ("message" if status == "5.7.1" else "person")


@pytest.mark.parametrize("action", ["delayed", "relayed", "delivered", "expanded", ""])
def test_a_server_that_still_tries_says_nothing(action):
    assert READER.read(dsn("4.4.1", action)) == Arrival(Sort.delay)


@pytest.mark.parametrize(
    "trace",
    [
        {"envid": TOKEN},
        {"envid": TOKEN.upper()},
        {"to": f"bounce+{TOKEN}@b.example.com"},
        {"to": f"<BOUNCE+{TOKEN.upper()}@B.Example.com>"},
        {"returned": f"Message-ID: <{TOKEN}@b.example.com>"},
        {"returned": f"Return-Path: <bounce+{TOKEN}@b.example.com>\nMessage-ID: <rewritten@relay.example>"},
        {"returned": f"List-Unsubscribe: <https://x.example/u/1>,\n <mailto:s@x.example?subject=unsubscribe-{TOKEN}>"},
    ],
)
def test_a_bounce_finds_its_attempt_by_any_of_its_tokens(trace):
    blank = {"envid": "", "to": "dana@example.com", "returned": "Subject: Hello"}
    assert only(dsn(**{**blank, **trace})).token == TOKEN


def test_a_bounce_without_our_token_is_ignored():
    for returned in ("Subject: Hello", f"Message-ID: <{TOKEN}@elsewhere.example>", "Message-ID: <CAF-1@b.example.com>"):
        assert READER.read(dsn(envid="", returned=returned)) == Arrival(Sort.traceless)


def test_a_returned_mail_in_full_is_searched_too():
    whole = dsn(envid="").replace(b"text/rfc822-headers", b"message/rfc822")
    assert only(whole).token == TOKEN


def test_the_reason_holds_the_servers_words_without_addresses():
    said = only(dsn())
    assert "no such user" in said.reason
    assert "@" not in said.reason


def test_a_report_torn_by_an_encoding_is_read():
    status = base64.encodebytes(b"Reporting-MTA: dns; x\n\nAction: failed\nStatus: 5.1.1\n")
    raw = dsn().split(b"--B\nContent-Type: message/delivery-status\n")[0]
    raw += b"--B\nContent-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n" + status
    raw += b"--B\nContent-Type: text/rfc822-headers\n\nMessage-ID: " + REF.encode() + b"\n--B--\n"
    assert only(raw).dead


def test_a_report_in_plain_words_is_read():
    words = f"Hi. This is the qmail-send program.\n<ada@example.net>:\n550 5.1.1 No such user\n\nMessage-ID: {REF}\n"
    said = only(mail(words, From="MAILER-DAEMON@mx.example.net", In_Reply_To=None, Subject="failure notice"))
    assert (said.outcome, said.token, said.dead) == (Outcome.bounced, TOKEN, True)
    words = words.replace("550 5.1.1 No such user", "I will keep trying; 421 4.4.1 timed out")
    assert READER.read(mail(words, From="MAILER-DAEMON@mx.example.net", In_Reply_To=None)).sort == Sort.delay


def test_a_complaint_is_a_request_to_stop():
    said = only(complaint())
    assert (said.outcome, said.token) == (Outcome.opted_out, TOKEN)
    assert only(complaint(more="", returned=f"Message-ID: {REF}")).token == TOKEN
    said = only(complaint(more="Original-Rcpt-To: <ada@example.net>\n"))
    assert (said.outcome, said.token, said.address) == (Outcome.opted_out, None, "ada@example.net")
    assert said.reason.startswith("complaint")


def test_a_complaint_that_names_the_attempt_and_the_address_is_one_complaint():
    named = f"Original-Mail-From: <bounce+{TOKEN}@b.example.com>\nOriginal-Rcpt-To: <ada@example.net>\n"
    by_token, by_address = READER.read(complaint(more=named)).inbounds
    assert (by_token.outcome, by_address.outcome) == (Outcome.opted_out, Outcome.opted_out)
    assert by_token.reason.startswith("complaint")
    assert not by_address.reason.startswith("complaint")


def test_of_a_complaint_one_word_says_that_it_is_one_however_many_are_left_alone():
    for more in ("", "Original-Rcpt-To: <ada@example.net>\n"):
        returned = f"Message-ID: {REF}"
        asked = READER.read(complaint(more=more, returned=returned)).inbounds
        assert [said.reason.startswith("complaint") for said in asked] == [True, False][: len(asked)]
        assert len(asked) == (2 if more else 1)


def test_not_spam_and_reports_about_machines_say_nothing():
    for kind in ("not-spam", "auth-failure"):
        assert READER.read(complaint(kind)) == Arrival(Sort.automatic)
    assert READER.read(complaint(more="")) == Arrival(Sort.traceless)
