"""E-mail: whatever lies in the mailbox is classified; nothing raises, and no automatic answer opts a person out."""

from __future__ import annotations

from fluentsd_channel_email.inbound import Arrival, Reader
from fluentsd_channel_email.mime_read import Unreadable, read_mail
from fluentsd_channel_email.settings import read_settings
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.conftest import fuzz

TOKEN = "019b8f2c77d0a1b2c3d4e5f60718293a"
READER = Reader.of(
    read_settings({
        "host": "mail.example.com", "from": "Dana <dana@example.com>", "bounce_domain": "b.example.com",
        "inbox": {"host": "imap.example.com", "username": "u", "password": "p", "address": "sales@example.com"},
    })
)  # fmt: skip
NAMES = st.sampled_from(
    ["From", "To", "Subject", "Date", "In-Reply-To", "References", "Message-ID", "Content-Type", "Auto-Submitted", "Sender",
     "Content-Transfer-Encoding", "X-Failed-Recipients", "Return-Path", "Precedence", "List-Id", "Reply-To", "MIME-Version", "From "]
)  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(
        ["Ada <ada@example.net>", "<>", "Re: Hello", "STOP", "unsubscribe", f"<{TOKEN}@b.example.com>", f"unsubscribe-{TOKEN}",
         "multipart/report; report-type=delivery-status; boundary=B", "multipart/mixed; boundary=B", "text/html; charset=x-none",
         "multipart/report; report-type=feedback-report; boundary=B", "message/rfc822", "text/plain; charset=utf-7", "multipart/a; boundary",
         "base64", "quoted-printable", "x-uuencode", "auto-replied", "bulk", "Mon, 05 Jan 2026 15:00:00 +0000", "Mon, 99 Foo 99999",
         "=?utf-8?B?w7bDtg==?=", "=?utf-8?Q?=ZZ?=", "=?x?y?z?=", "a" * 5000, "Mailer-Daemon@mx.example.net", "@", "a@[::1]", "(", '"']
    ),
    st.text(max_size=30),
)  # fmt: skip
LINES = st.one_of(
    st.sampled_from(
        ["--B", "--B--", "", "Content-Type: message/delivery-status", "Content-Type: message/rfc822", "Content-Type: text/rfc822-headers",
         "Final-Recipient: rfc822;ada@example.net", "Action: failed", "Status: 5.1.1", f"Original-Envelope-Id: {TOKEN}", "> quoted",
         "Feedback-Type: abuse", "Removal-Recipient: x@y.example", "Stop", "Please remove me", "On Monday Dana wrote:", "<p>Stop</p>",
         "I am away until 3 March 2026.", "Content-Transfer-Encoding: base64", "=00=ZZ", "QUJD", "<" * 500, "\0", "é"]
    ),
    st.text(max_size=40),
)  # fmt: skip


@st.composite
def mails(draw: st.DrawFn) -> bytes:
    headers = draw(st.lists(st.tuples(NAMES, VALUES), max_size=8))
    lines = [f"{name}: {value}" for name, value in headers] + [""] + draw(st.lists(LINES, max_size=20))
    text = draw(st.sampled_from(["\n", "\r\n"])).join(lines)
    return text.encode(draw(st.sampled_from(["utf-8", "latin-1", "utf-16"])), "replace")


@fuzz(250)
@given(st.one_of(mails(), st.binary(max_size=300)))
def test_any_mail_is_classified(raw: bytes) -> None:
    arrival = READER.read(raw)
    assert isinstance(arrival, Arrival)
    try:
        mail = read_mail(raw)
    except Unreadable:
        return
    assert READER._read(mail).sort == arrival.sort  # the guard has hidden no error
