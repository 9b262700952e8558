"""Mail as it is received: written by people, and reports of mail servers."""

from __future__ import annotations

from fluentsd_channel_email.inbound import Reader
from fluentsd_channel_email.settings import read_settings

TOKEN = "019b8f2c77d0a1b2c3d4e5f60718293a"
OTHER = "019b8f2c77d0ffffffffffffffffffff"
AT = 1_767_625_200_000_000
READER = Reader.of(
    read_settings({
        "host": "mail.example.com", "from": "Dana <dana@example.com>", "bounce_domain": "b.example.com",
        "inbox": {"host": "imap.example.com", "username": "u", "password": "p", "address": "sales@example.com"},
    })
)  # fmt: skip
LINKED = Reader.of(
    read_settings({"host": "x", "from": "dana@example.com", "unsubscribe": "https://x.example/u/{token}/now"})
)
REF = f"<{TOKEN}@b.example.com>"


def mail(text="Yes, call me.", **headers):
    said = {"From": "Ada <ada@example.net>", "To": "dana@example.com", "Subject": "Re: Hello",
            "Date": "Mon, 05 Jan 2026 15:00:00 +0000", "In-Reply-To": REF}  # fmt: skip
    said |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{name}: {value}" for name, value in said.items() if value is not None]
    return ("\n".join(lines) + "\n\n" + text).encode()


def dsn(status="5.1.1", action="failed", diagnostic="smtp; 550 5.1.1 <ada@example.net> no such user", *, envid=TOKEN,
        to="dana@example.com", returned=f"Message-ID: <{TOKEN}@b.example.com>\nSubject: Hello"):  # fmt: skip
    envelope = f"Original-Envelope-Id: {envid}\n" if envid else ""
    return f"""\
From: Mail Delivery System <Mailer-Daemon@mx.example.net>
To: {to}
Auto-Submitted: auto-replied
Date: Mon, 05 Jan 2026 15:00:00 +0000
Subject: Mail delivery failed
Content-Type: multipart/report; report-type=delivery-status; boundary=B

--B
Content-Type: text/plain

A message that you sent could not be delivered.
--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
{envelope}
Action: {action}
Final-Recipient: rfc822;ada@example.net
Status: {status}
Diagnostic-Code: {diagnostic}

--B
Content-Type: text/rfc822-headers

{returned}

--B--
""".encode()


def only(raw):
    arrival = READER.read(raw)
    (inbound,) = arrival.inbounds
    return inbound


def complaint(kind="abuse", more=f"Original-Mail-From: <bounce+{TOKEN}@b.example.com>\n", returned="Subject: Hello"):
    return f"""\
From: feedback@isp.example
To: dana@example.com
Subject: FW: Hello
Content-Type: multipart/report; report-type=feedback-report; boundary=B

--B
Content-Type: text/plain

This is an abuse report.
--B
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: ISP/1.0
Version: 1
{more}
--B
Content-Type: message/rfc822

{returned}

Hello
--B--
""".encode()
