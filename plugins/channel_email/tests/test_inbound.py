"""Inbound mail: requests to stop always count, automatic replies never count as replies, bad mail harms only itself."""

from __future__ import annotations

import pytest
from fluentsd_channel_email.inbound import Arrival, Sort
from fluentsd_channel_email.mime_read import header, read_mail
from fluentsd_channel_email.out_of_office.robots import ROBOT_SUBJECT
from hypothesis import given, settings
from hypothesis import strategies as st

from fluentsd.api import Inbound, Outcome
from plugins.channel_email.tests.received import AT, LINKED, OTHER, READER, REF, TOKEN, complaint, dsn, mail, only

# Requests to stop


def test_the_unsubscribe_mail_is_an_opt_out_by_its_token_from_any_sender():
    for more in (
        {},
        {"Auto_Submitted": "auto-generated"},
        {"From": None},
        {"From": "dana@example.com"},
        {"Precedence": "bulk"},
    ):
        raw = mail("", Subject=f"unsubscribe-{TOKEN}", In_Reply_To=None, **more)
        assert READER.read(raw).sort == Sort.unsubscribe
        assert only(raw) == Inbound(Outcome.opted_out, token=TOKEN, at=AT, reason="unsubscribed by e-mail")


def test_words_that_ask_to_stop_stop_the_attempts_person_and_the_address_that_wrote():
    arrival = READER.read(mail("Please stop emailing me"))
    assert arrival.sort == Sort.unsubscribe
    assert [(i.outcome, i.token, i.address) for i in arrival.inbounds] == [
        (Outcome.opted_out, TOKEN, None),
        (Outcome.opted_out, None, "ada@example.net"),
    ]
    assert arrival.inbounds[0].text == "Please stop emailing me"


def test_a_word_in_the_subject_stops_but_not_our_own_subject_come_back():
    assert only(mail("", Subject="UNSUBSCRIBE", In_Reply_To=None)).outcome == Outcome.opted_out
    assert only(mail("Tell me more", Subject="Re: Stop calling for prices")).outcome == Outcome.replied


def test_our_own_quoted_footer_is_not_an_opt_out():
    quoted = "> Hello\n> -- \n> Example Ltd\n> Unsubscribe: https://x.example/u/1"
    raw = mail(f"Sounds good!\n\nOn Mon, 5 Jan 2026, Dana wrote:\n{quoted}\n")
    assert (only(raw).outcome, only(raw).text) == (Outcome.replied, "Sounds good!")


# Replies


def test_a_reply_goes_to_its_attempt_with_its_words():
    assert only(mail()) == Inbound(
        Outcome.replied, token=TOKEN, address="ada@example.net", text="Yes, call me.", at=AT, reason="replied by e-mail"
    )


def test_of_several_references_the_last_of_ours_counts():
    references = f"<{OTHER}@b.example.com> {REF} <x@example.net>"
    assert only(mail(In_Reply_To="<x@example.net>", References=references)).token == TOKEN


def test_a_reply_without_a_reference_goes_by_its_sender():
    said = only(mail(In_Reply_To=None, From='"Lovelace, Ada" <Ada@EXAMPLE.net>'))
    assert (said.token, said.address) == (None, "Ada@example.net")


def test_a_salespersons_own_message_id_is_no_token():
    said = only(mail(In_Reply_To="<8A6F-55@b.example.com>"))
    assert (said.token, said.address) == (None, "ada@example.net")


@pytest.mark.parametrize(
    "more",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated (vacation)"},
        {"Precedence": "auto_reply"},
        {"Precedence": "Bulk"},
        {"X_Autoreply": "yes"},
        {"X_Autorespond": "on"},
        {"Return_Path": "<>"},
        {"Subject": "Automatic reply: Hello"},
        {"Subject": "=?utf-8?q?R=C3=A9ponse_automatique_=3A_Hello?="},
        {"From": "no-reply@example.net"},
        {"From": "noreply@example.net"},
    ],
)
def test_a_robots_answer_is_no_reply_but_proves_that_our_mail_arrived(more):
    arrival = READER.read(mail("Thank you for your message. Call 555-0100.", **more))
    assert arrival.sort == Sort.automatic
    assert arrival.inbounds == (Inbound(Outcome.delivered, token=TOKEN, at=AT, reason="automatic answer"),)


@pytest.mark.parametrize(
    "more",
    [
        {"List_Id": "<x.example>", "In_Reply_To": None},
        {"Precedence": "list", "In_Reply_To": None},
        {"List_Unsubscribe": "<https://news.example>", "In_Reply_To": None},
        {"Content_Type": "multipart/report; report-type=disposition-notification; boundary=B"},
    ],
)
def test_newsletters_and_receipts_say_nothing(more):
    assert READER.read(mail("I am away until Monday. Call 555-0100.", **more)) == Arrival(Sort.automatic)


def test_an_answer_through_a_group_address_is_an_answer():
    group = {"List_Id": "<sales.example.com>", "Precedence": "list"}
    assert only(mail(**group)).text == "Yes, call me."
    said = only(mail(**group, From="Ada via Sales <sales@example.com>", X_Original_From="Ada <ada@example.net>"))
    assert (said.token, said.address) == (TOKEN, "ada@example.net")
    assert READER.read(mail("stop", **group, From="sales@example.com")) == Arrival(Sort.own)


@pytest.mark.parametrize(
    "text",
    [
        f"Yes\n\n> Unsubscribe: https://x.example/u/{TOKEN}/now",
        f'--B\nContent-Type: text/html\n\nYes<blockquote><a href="https://x.example/u/{TOKEN.upper()}/now">x</a>\n--B--',
    ],
)
def test_where_a_relay_rewrote_the_message_id_the_quoted_link_leads_home(text):
    raw = mail(text, In_Reply_To="<rewritten@relay.example>",
               Content_Type="multipart/mixed; boundary=B" if "--B" in text else "text/plain")  # fmt: skip
    arrival = LINKED.read(raw)
    assert [(i.outcome, i.token, i.text) for i in arrival.inbounds] == [(Outcome.replied, TOKEN, "Yes")]
    assert only(raw).token is None


def test_auto_submitted_no_is_a_person():
    assert READER.read(mail(Auto_Submitted="no")).sort == Sort.reply


@pytest.mark.parametrize(
    "more", [{"From": "Dana <DANA@example.com>"}, {"From": "sales@example.com"}, {"Message_ID": REF}]
)
def test_what_we_wrote_ourselves_is_passed_over(more):
    assert READER.read(mail("Please stop emailing me", **more)) == Arrival(Sort.own)


def test_a_mail_without_sender_and_token_is_ignored():
    for sender in (None, "", "nobody", "<>", "a b@@c"):
        assert READER.read(mail(From=sender, In_Reply_To=None)) == Arrival(Sort.traceless)


# Bad mail


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (mail("J\xfcrgen".encode("latin-1").decode("latin-1")), "Jürgen"),
        (mail(Content_Type="text/plain; charset=latin-1").replace(b"Yes", b"J\xfcrgen"), "Jürgen, call me."),
        (mail(Content_Type="text/plain; charset=no-such").replace(b"Yes", b"J\xfcrgen"), "Jürgen, call me."),
        (mail(Content_Type="text/plain; charset=utf-8").replace(b"Yes", b"J\xff"), "J\ufffd, call me."),
        (mail("WWVz", Content_Transfer_Encoding="base64"), "Yes"),
        (mail("WWV!!z=", Content_Transfer_Encoding="base64"), None),
        (mail("Y=65s=", Content_Transfer_Encoding="quoted-printable"), "Yes"),
        (mail("<p>Yes</p>", Content_Type="text/html"), "Yes"),
        (mail("Yes\x00"), "Yes"),
        (mail("", Content_Type="multipart/alternative"), ""),
        (mail("--B\n\nYes\n--B\nContent-Type: text/html\n\n<p>No</p>\n", Content_Type="multipart/mixed; boundary=B"),
         "Yes"),
        (mail("--B\nContent-Type: multipart/alternative; boundary=C\n\n--C\n\nYes\n--C--\n--B\n"
              "Content-Type: text/plain\nContent-Disposition: attachment\n\nNo\n--B--\n",
              Content_Type="multipart/mixed; boundary=B"), "Yes"),
        (mail(Date=None), "Yes, call me."),
        (mail(Date="yesterday"), "Yes, call me."),
        (mail(Date="Mon, 99 Foo 99999 99:99:99 +9999"), "Yes, call me."),
        (mail(Subject="=?utf-8?b?!!!?= =?no-such?q?x?="), "Yes, call me."),
        (mail(Subject="\udcff".encode("utf-8", "surrogateescape").decode("latin-1")), "Yes, call me."),
    ],
)  # fmt: skip
def test_a_badly_written_reply_is_a_reply(raw, words):
    arrival = READER.read(raw)
    assert arrival.sort == Sort.reply
    assert words is None or arrival.inbounds[0].text == words


@pytest.mark.parametrize(
    "charset", ["unicode_escape", "utf-7", "punycode", "idna", "undefined", "zlib", "rot13", "utf-16"]
)
def test_no_charset_makes_half_characters(charset):
    said = only(mail("x \\ud800 +2AA- y-" * 500, Content_Type=f"text/plain; charset={charset}"))
    said.text.encode()


def test_a_forwarded_mail_attached_is_not_the_persons_word():
    text = "--B\nContent-Type: message/rfc822\n\nSubject: x\n\nstop emailing me\n--B\n\nSee this.\n--B--\n"
    assert only(mail(text, Content_Type="multipart/mixed; boundary=B")).text == "See this."


def test_a_long_reply_is_cut():
    assert len(only(mail("word " * 100_000)).text) <= 10_000


@pytest.mark.slow
def test_nested_without_end_harms_only_itself():
    raw = mail("", Content_Type="multipart/mixed; boundary=B0")
    for n in range(5000):
        raw += f"--B{n}\nContent-Type: multipart/mixed; boundary=B{n + 1}\n\n".encode()
    assert READER.read(raw) == Arrival(Sort.unreadable)


@given(st.binary(max_size=2000))
def test_whatever_bytes_come_nothing_is_raised(raw):
    READER.read(raw)


SEEDS = [mail(), dsn(), complaint(), mail("<p>Yes", Content_Type="text/html"), mail("", Subject=f"unsubscribe-{TOKEN}"),
         mail("I am out of the office until 12 January.", Auto_Submitted="auto-replied")]  # fmt: skip


def test_a_zero_byte_in_a_subject_is_not_kept():
    assert only(mail("", Subject="unsub\x00scribe", In_Reply_To=None)).text == "unsubscribe"


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(0, 3000), st.binary(max_size=8)), max_size=8))
def test_every_event_of_a_broken_mail_has_a_token_or_an_address(raw, breaks):
    for place, piece in breaks:
        at = place % len(raw)
        raw = raw[:at] + piece + raw[at + len(piece) // 2 :]
    for inbound in READER.read(raw).inbounds:
        assert inbound.token or inbound.address
        assert inbound.outcome in (Outcome.bounced, Outcome.opted_out, Outcome.replied, Outcome.delivered)
        assert "\x00" not in inbound.text
        inbound.text.encode()
        inbound.reason.encode()


@pytest.mark.parametrize(
    "subject",
    [
        "[EXTERNAL] Automatic reply: Hi", "EXTERNAL: Out of office", "[EXT] [SPAM?] Abwesenheit: Hi", "自動応答: Hi",
        "自动回复: Hi", "Автоответ: Hi", "Odpowiedź automatyczna: Hi", "Automatiskt svar: Hi",
        "(External) Automatic reply",
    ],
)  # fmt: skip
def test_an_automatic_subject_is_known_behind_marks_and_in_other_languages(subject):
    assert ROBOT_SUBJECT.match(subject)
    assert not ROBOT_SUBJECT.match("[Ticket 5] Re: Hi")


@pytest.mark.parametrize("charset", ["utf-8", "cp1252"])
def test_a_subject_that_is_sent_without_encoding_is_read(charset):
    raw = "From: ada@example.net\nSubject: Réponse automatique : Bonjour\n\nAbsent.".encode(charset)
    assert header(read_mail(raw), "Subject") == "Réponse automatique : Bonjour"
