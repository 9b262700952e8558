"""Composes a rendered message into the bytes and the envelope for SMTP.

The attempt's token goes into the places that a bounce or a reply returns (`correlation`). The postal address and the
unsubscribe link follow the text; unsubscribe is also in the headers (RFC 2369, RFC 8058). A contact's data cannot add a
header: header texts are one line (`addressing`), and the final bytes have no line end but CRLF.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import quote

from fluentsd.api import Attempt, Finding, Message
from fluentsd_channel_email.addressing import Address, BadAddress, one_line, read_address, read_mailbox
from fluentsd_channel_email.correlation import message_id, return_path, unsubscribe_subject
from fluentsd_channel_email.html_text import text_of
from fluentsd_channel_email.mime_write import address_header, body, text_header
from fluentsd_channel_email.settings import Settings

_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,60}(?:\.[A-Za-z0-9_-]{1,60})*")
#: A URI between angle brackets in a header: ASCII without blanks, at most one line (RFC 5322 §2.1.1).
_URI = re.compile(r"[!-;=?-~]{0,900}")
_BODY_END = re.compile(r"</body\s*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Letter:
    """One message ready for SMTP: envelope and bytes (CRLF, dots not doubled yet)."""

    token: str
    ref: str
    return_path: str
    to: str
    data: bytes
    needs_utf8: bool


@dataclass(frozen=True, slots=True)
class UnsubscribeLinks:
    """The ways to unsubscribe: a link, a mail, or both; each may be ""."""

    link: str = ""
    mailto: str = ""

    def __bool__(self) -> bool:
        return bool(self.link or self.mailto)

    @property
    def headers(self) -> list[str]:
        """List-Unsubscribe and -Post, written here because the email package would encode long links."""
        uris = [f"<{uri}>" for uri in (self.link, self.mailto) if uri]
        post = ["List-Unsubscribe-Post: List-Unsubscribe=One-Click"] if self.link.startswith("https://") else []
        return [f"List-Unsubscribe: {(',' + chr(13) + chr(10) + ' ').join(uris)}", *post] if uris else []


def unsubscribe_links(settings: Settings, token: str, link: str | None) -> UnsubscribeLinks:
    """The configured link, else `link`, and a mail to the inbox if there is one; raises `ValueError`."""
    link = settings.unsubscribe.replace("{token}", token) or link or ""
    to = settings.inbox_address
    mailto = f"mailto:{quote(to.spec, safe='@+')}?subject={unsubscribe_subject(token)}" if to else ""
    if not _URI.fullmatch(link):
        raise ValueError(f"the unsubscribe link {link!r} is not valid in a header")
    return UnsubscribeLinks(link, mailto)


def compose(settings: Settings, message: Message, attempt: Attempt, at: int, link: str | None = None) -> Letter:
    """The letter for one attempt, dated `at` (epoch microseconds), with fluentsd's own unsubscribe `link` if there is
    one.

    Raises `BadAddress` (of `to`) or `ValueError`.
    """
    if not _TOKEN.fullmatch(attempt.token):
        raise ValueError(f"the attempt token {attempt.token!r} cannot be part of an address")
    to = read_address(message.to)
    sender = _sender(settings, message)
    ref, out = message_id(settings, attempt.token), unsubscribe_links(settings, attempt.token, link)
    reply_to = _reply_to(settings, message)
    utf8 = not (to.is_ascii and sender.is_ascii and (reply_to is None or reply_to.is_ascii))
    lines = [
        *(f"{line}\r\n".encode() for line in out.headers),
        address_header("From", sender, utf8=utf8),
        address_header("To", to, utf8=utf8),
        address_header("Reply-To", reply_to, utf8=utf8) if reply_to is not None else b"",
        text_header("Subject", one_line(message.subject), utf8=utf8),
        text_header("Date", format_datetime(datetime.fromtimestamp(at // 1_000_000, UTC))),
        text_header("Message-ID", ref),
        b"Auto-Submitted: auto-generated\r\n",  # RFC 3834: suppresses automatic replies
    ]
    back = return_path(settings, attempt.token) if settings.verp else sender.spec
    return Letter(attempt.token, ref, back, to.spec, b"".join(lines) + _body(settings, message, out), utf8)


def _sender(settings: Settings, message: Message) -> Address:
    if not message.sender:
        return settings.sender
    sender = _mailbox(message.sender, "sender")
    if sender.domain not in (settings.sender.domain, *settings.from_domains):
        raise ValueError(
            f"{sender.domain} is not an allowed From domain; use an address of {settings.sender.domain}, "
            "or add the domain to from_domains"
        )
    return sender


def _reply_to(settings: Settings, message: Message) -> Address | None:
    return _mailbox(message.reply_to, "reply_to") if message.reply_to else settings.reply_to


def _mailbox(text: str, what: str) -> Address:
    try:
        return read_mailbox(text)
    except BadAddress as why:
        raise ValueError(f"the {what} is not a valid address: {why}") from why


def message_findings(settings: Settings, message: Message) -> list[Finding]:
    """Findings about a message before it is sent. Pure."""
    try:
        _sender(settings, message)
        reply_to = _reply_to(settings, message)
    except ValueError as why:
        return [Finding(False, str(why))]
    inbox = settings.inbox_address
    if reply_to is None or inbox is None or reply_to.spec == inbox.spec:
        return []
    fix = "leave reply_to out, or forward that mailbox to the inbox"
    return [Finding(True, f"replies go to {reply_to.spec}, but the inbox is {inbox.spec}", fix)]


def _body(settings: Settings, message: Message, out: UnsubscribeLinks) -> bytes:
    text = message.text or text_of(message.html)
    footer = [one_line(line) for line in settings.postal_address.splitlines()]
    below = [*footer, *_text_footer(out)]
    words = "\n".join([text.rstrip("\n"), *(["", "-- ", *below] if below else [])]) + "\n"
    return body(words, _with_footer(message.html, footer, out) if message.html else "")


def _text_footer(out: UnsubscribeLinks) -> list[str]:
    if out.link:
        return [f"Unsubscribe: {out.link}"]
    return ["Unsubscribe: reply with the word STOP"] if out else []


def _with_footer(body: str, footer: list[str], out: UnsubscribeLinks) -> str:
    lines = [html.escape(line) for line in footer]
    if out:
        lines.append(f'<a href="{html.escape(out.link or out.mailto)}">Unsubscribe</a>')
    if not lines:
        return body
    block = f"<p>{'<br>'.join(lines)}</p>"
    ends = list(_BODY_END.finditer(body))
    return f"{body[: ends[-1].start()]}{block}{body[ends[-1].start() :]}" if ends else body + block
