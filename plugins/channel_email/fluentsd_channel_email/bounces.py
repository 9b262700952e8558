"""Reports of mail servers: what did not arrive (RFC 3464, or in plain words), and who complains (RFC 5965).

A report counts for the attempt whose mark it carries, and for nobody without one: anybody can write a report about
anybody, and only who saw the mail knows its token. The server's words are kept without the addresses in them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import Message as Mail

from fluentsd_channel_email.correlation import Marks
from fluentsd_channel_email.mime_read import header, headers, part_text, parts, read_mail, words_of
from fluentsd_channel_email.smtp_errors import DEAD, STATUS, says_nobody

_FULL = re.compile(r"(?:mailbox|inbox|quota|storage)\b.{0,60}\b(?:full|exceed|over|limit)|over ?quota|quota exceeded"
                   r"|\bmailbox full\b|out of storage", re.IGNORECASE)  # fmt: skip
_ADDRESS = re.compile(r"<?[^\s<>\"']*@[^\s<>\"']*>?")
_SMTP_CODE = re.compile(r"(?<![\d.])(5\d\d|4\d\d)(?=[ -])")
_DAEMON = re.compile(r"mailer-daemon|postmaster@|mail delivery (?:sub)?system", re.IGNORECASE)
#: Our words end where the report begins to repeat our mail.
_PLAIN_AT_MOST = 4_000
#: Feedback types (RFC 5965 §7.3, RFC 6430 and use) by which a person says "not this".
_COMPLAINTS = frozenset(("abuse", "fraud", "opt-out", "opt-out-list", "complaint", "other"))


@dataclass(frozen=True, slots=True)
class Bounce:
    """What a report says of one recipient. `failed` is False while the server still tries."""

    token: str | None
    failed: bool
    dead: bool
    why: str


@dataclass(frozen=True, slots=True)
class Complaint:
    """Somebody pressed "this is spam"; `counts` is False for the opposite, and for reports about machines."""

    token: str | None
    counts: bool
    address: str


def read_bounce(mail: Mail, marks: Marks) -> Bounce | None:
    """The delivery report in a mail, None if it is none."""
    blocks = [block for part in parts(mail, "message/delivery-status") for block in _blocks(part)]
    if not blocks:
        return _plain_bounce(mail, marks)
    envelope = next(filter(None, (marks.in_envelope_id(header(b, "Original-Envelope-Id")) for b in blocks)), None)
    token = envelope or token_in(mail, marks)
    for block in blocks:
        if header(block, "Action").partition(" ")[0].lower() == "failed":
            dead, why = _judge(header(block, "Status"), header(block, "Diagnostic-Code"))
            return Bounce(token, True, dead, why)
    return Bounce(token, False, False, "")


def read_complaint(mail: Mail, marks: Marks) -> Complaint | None:
    """The feedback report in a mail, None if it is none."""
    blocks = [block for part in parts(mail, "message/feedback-report") for block in _blocks(part)]
    kind = next((said for block in blocks if (said := header(block, "Feedback-Type"))), "")
    if not kind:
        return None
    envelope = next(filter(None, (marks.in_envelope_id(header(b, "Original-Envelope-Id")) for b in blocks)), None)
    came_from = marks.in_addresses(said for block in blocks for said in headers(block, "Original-Mail-From"))
    address = next((said for block in blocks for said in headers(block, "Original-Rcpt-To")), "")
    token = envelope or came_from or token_in(mail, marks)
    return Complaint(token, kind.lower() in _COMPLAINTS, address.strip().strip("<>"))


def token_in(mail: Mail, marks: Marks) -> str | None:
    """The attempt a report is about: by the address it came to, by our headers that it returns, by what it answers."""
    reached = headers(
        mail, "To", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Failed-Recipients"
    )
    if token := marks.in_addresses(reached):
        return token
    for returned in _returned(mail):
        token = marks.in_message_ids(headers(returned, "Message-ID"))
        token = token or marks.in_addresses(headers(returned, "Return-Path"))
        token = token or next(filter(None, map(marks.in_subject, headers(returned, "List-Unsubscribe"))), None)
        if token:
            return token
    return marks.in_message_ids(headers(mail, "In-Reply-To", "References"))


def _returned(mail: Mail) -> list[Mail]:
    """Our mail, or its headers, as the report gives it back."""
    found = [inner for part in parts(mail, "message/rfc822") for inner in _blocks(part)]
    return found + [read_mail(part_text(part).lstrip().encode()) for part in parts(mail, "text/rfc822-headers")]


def _blocks(part: Mail) -> list[Mail]:
    """The groups of fields in a report's part: parsed by the email package, or left as text by a broken encoding."""
    payload = part.get_payload()
    if isinstance(payload, list):
        blocks = [block for block in payload if isinstance(block, Mail)]
        if header(part, "Content-Transfer-Encoding").lower() not in ("base64", "quoted-printable"):
            return blocks
        part = _decodable(part, blocks)  # RFC 3464 forbids it, and some servers do it
    return [read_mail(text.strip().encode()) for text in re.split(r"\r?\n\s*\r?\n", part_text(part)) if text.strip()]


def _decodable(part: Mail, blocks: list[Mail]) -> Mail:
    """The part as it was before the email package took its encoded lines for fields."""
    plain = Mail()
    plain["Content-Transfer-Encoding"] = header(part, "Content-Transfer-Encoding")
    plain.set_payload("".join(block.as_string() for block in blocks).strip())
    return plain


def _plain_bounce(mail: Mail, marks: Marks) -> Bounce | None:
    """A report in plain words, from a server older than RFC 3464."""
    if not _DAEMON.search(header(mail, "From")):  # not by the null return path: an absent person's robot has it too
        return None
    said = words_of(mail)
    token = token_in(mail, marks) or marks.in_message_ids([said])
    said = said[:_PLAIN_AT_MOST]
    status, code = STATUS.search(said), _SMTP_CODE.search(said)
    if token is None or not (status or code or says_nobody(said)):
        return None
    passing = (status[1] if status else code[1] if code else "5").startswith("4")
    dead, why = _judge(status[1] if status else "", said[:500])
    return Bounce(token, not passing, dead and not passing, why)


def _judge(status: str, diagnostic: str) -> tuple[bool, str]:
    """Whether nobody lives there, and the server's words for the record."""
    given = STATUS.search(status)
    finer = STATUS.search(diagnostic)
    vague = given is None or given[1].endswith(".0.0")  # exim writes 5.0.0 and tells more in the diagnostic
    code = (finer or given) if vague else given
    found = code[1] if code else ""
    nobody = found in DEAD or (
        (not found or found.endswith(".0") or found.startswith("5.0.")) and says_nobody(diagnostic)
    )
    dead = nobody and not found.startswith("4.") and not _FULL.search(diagnostic)
    words = " ".join(_ADDRESS.sub("…", diagnostic).split())
    return dead, f"bounced: {found} {words}".strip()[:300]
