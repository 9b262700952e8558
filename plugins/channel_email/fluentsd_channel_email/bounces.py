"""Reports of mail servers: bounces (RFC 3464, or in plain text) and complaints (RFC 5965).

A report counts for the attempt whose token it carries, and is ignored without a token: reports can be forged, but only
a reader of the mail knows its token. The server's message is kept without the addresses in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import Message as Mail

from fluentsd_channel_email.correlation import TokenFinder
from fluentsd_channel_email.mime_read import header, headers, part_text, parts, read_mail, words_of
from fluentsd_channel_email.smtp_errors import DEAD, STATUS, no_such_mailbox

_FULL = re.compile(r"(?:mailbox|inbox|quota|storage)\b.{0,60}\b(?:full|exceed|over|limit)|over ?quota|quota exceeded"
                   r"|\bmailbox full\b|out of storage", re.IGNORECASE)  # fmt: skip
_ADDRESS = re.compile(r"<?[^\s<>\"']*@[^\s<>\"']*>?")
_SMTP_CODE = re.compile(r"(?<![\d.])(5\d\d|4\d\d)(?=[ -])")
_DAEMON = re.compile(r"mailer-daemon|postmaster@|mail delivery (?:sub)?system", re.IGNORECASE)
#: The report's own text ends where it begins to repeat our mail.
_PLAIN_AT_MOST = 4_000
#: Feedback types (RFC 5965 §7.3, RFC 6430 and common use) that are complaints.
_COMPLAINTS = frozenset(("abuse", "fraud", "opt-out", "opt-out-list", "complaint", "other"))


@dataclass(frozen=True, slots=True)
class Bounce:
    """The report about one recipient. `failed` is False while the server still retries."""

    token: str | None
    failed: bool
    dead: bool
    why: str


@dataclass(frozen=True, slots=True)
class Complaint:
    """A person marked the mail as spam; `counts` is False for the opposite, and for reports about machines."""

    token: str | None
    counts: bool
    address: str


def read_bounce(mail: Mail, tokens: TokenFinder) -> Bounce | None:
    """The delivery report in a mail, or None."""
    blocks = [block for part in parts(mail, "message/delivery-status") for block in _blocks(part)]
    if not blocks:
        return _plain_bounce(mail, tokens)
    envelope = next(filter(None, (tokens.in_envelope_id(header(b, "Original-Envelope-Id")) for b in blocks)), None)
    token = envelope or token_in(mail, tokens)
    for block in blocks:
        if header(block, "Action").partition(" ")[0].lower() == "failed":
            dead, why = _judge(header(block, "Status"), header(block, "Diagnostic-Code"))
            return Bounce(token, True, dead, why)
    return Bounce(token, False, False, "")


def read_complaint(mail: Mail, tokens: TokenFinder) -> Complaint | None:
    """The feedback report in a mail, or None."""
    blocks = [block for part in parts(mail, "message/feedback-report") for block in _blocks(part)]
    kind = next((value for block in blocks if (value := header(block, "Feedback-Type"))), "")
    if not kind:
        return None
    envelope = next(filter(None, (tokens.in_envelope_id(header(b, "Original-Envelope-Id")) for b in blocks)), None)
    came_from = tokens.in_addresses(value for block in blocks for value in headers(block, "Original-Mail-From"))
    address = next((value for block in blocks for value in headers(block, "Original-Rcpt-To")), "")
    token = envelope or came_from or token_in(mail, tokens)
    return Complaint(token, kind.lower() in _COMPLAINTS, address.strip().strip("<>"))


def token_in(mail: Mail, tokens: TokenFinder) -> str | None:
    """The token of a report's attempt: from the address it came to, our returned headers, or its references."""
    reached = headers(
        mail, "To", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Failed-Recipients"
    )
    if token := tokens.in_addresses(reached):
        return token
    for returned in _returned(mail):
        token = tokens.in_message_ids(headers(returned, "Message-ID"))
        token = token or tokens.in_addresses(headers(returned, "Return-Path"))
        token = token or next(filter(None, map(tokens.in_subject, headers(returned, "List-Unsubscribe"))), None)
        if token:
            return token
    return tokens.in_message_ids(headers(mail, "In-Reply-To", "References"))


def _returned(mail: Mail) -> list[Mail]:
    """Our mail, or its headers, as returned in the report."""
    found = [inner for part in parts(mail, "message/rfc822") for inner in _blocks(part)]
    return found + [read_mail(part_text(part).lstrip().encode()) for part in parts(mail, "text/rfc822-headers")]


def _blocks(part: Mail) -> list[Mail]:
    """The groups of fields in a report's part: parsed by the email package, or left as text by a broken encoding."""
    payload = part.get_payload()
    if isinstance(payload, list):
        blocks = [block for block in payload if isinstance(block, Mail)]
        if header(part, "Content-Transfer-Encoding").lower() not in ("base64", "quoted-printable"):
            return blocks
        part = _decodable(part, blocks)  # RFC 3464 forbids it, but some servers do it
    return [read_mail(text.strip().encode()) for text in re.split(r"\r?\n\s*\r?\n", part_text(part)) if text.strip()]


def _decodable(part: Mail, blocks: list[Mail]) -> Mail:
    """The part before the email package parsed its encoded lines as fields."""
    plain = Mail()
    plain["Content-Transfer-Encoding"] = header(part, "Content-Transfer-Encoding")
    plain.set_payload("".join(block.as_string() for block in blocks).strip())
    return plain


def _plain_bounce(mail: Mail, tokens: TokenFinder) -> Bounce | None:
    """A report in plain text, from a server older than RFC 3464."""
    if not _DAEMON.search(header(mail, "From")):  # not by the null return path: automatic replies have it too
        return None
    text = words_of(mail)
    token = token_in(mail, tokens) or tokens.in_message_ids([text])
    text = text[:_PLAIN_AT_MOST]
    status, code = STATUS.search(text), _SMTP_CODE.search(text)
    if token is None or not (status or code or no_such_mailbox(text)):
        return None
    temporary = (status[1] if status else code[1] if code else "5").startswith("4")
    dead, why = _judge(status[1] if status else "", text[:500])
    return Bounce(token, not temporary, dead and not temporary, why)


def _judge(status: str, diagnostic: str) -> tuple[bool, str]:
    """Whether the address is dead, and the server's message for the record."""
    given = STATUS.search(status)
    finer = STATUS.search(diagnostic)
    vague = given is None or given[1].endswith(".0.0")  # exim writes 5.0.0 and the details in the diagnostic
    code = (finer or given) if vague else given
    found = code[1] if code else ""
    unknown = found in DEAD or (
        (not found or found.endswith(".0") or found.startswith("5.0.")) and no_such_mailbox(diagnostic)
    )
    dead = unknown and not found.startswith("4.") and not _FULL.search(diagnostic)
    words = " ".join(_ADDRESS.sub("…", diagnostic).split())
    return dead, f"bounced: {found} {words}".strip()[:300]
