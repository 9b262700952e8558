"""From a rendered message to the bytes and the envelope an SMTP server takes.

Three marks lead a bounce or a reply home to its attempt: the Message-ID, the return path (VERP) and the DSN
envelope id; all carry the attempt's token. Nothing a contact's data contains can add a header: header texts are one
line (`addressing`), and the final bytes have no line end but CRLF.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from html.parser import HTMLParser

from fluentsd.api import Attempt, Message
from fluentsd_channel_email.addressing import Address, BadAddress, one_line, read_address, read_mailbox
from fluentsd_channel_email.settings import Settings

# 7-bit bodies: every server on the way can carry them, and none re-encodes a signed message.
_PLAIN = SMTP.clone(cte_type="7bit")
_UTF8 = SMTPUTF8.clone(cte_type="7bit")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,60}(?:\.[A-Za-z0-9_-]{1,60})*")
_LINE_END = re.compile(rb"\r\n|\r|\n")
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


def compose(settings: Settings, message: Message, attempt: Attempt, at: int) -> Letter:
    """The letter for one attempt, dated `at` (epoch microseconds); raises `BadAddress` (of `to`) or `ValueError`."""
    if not _TOKEN.fullmatch(attempt.token):
        raise ValueError(f"the attempt token {attempt.token!r} cannot be part of an address")
    to = read_address(message.to)
    sender = _sender(settings, message)
    ref = f"<{attempt.token}@{settings.id_domain}>"
    needs_utf8 = not (to.is_ascii and sender.is_ascii and (settings.reply_to is None or settings.reply_to.is_ascii))
    mail = EmailMessage(policy=_UTF8 if needs_utf8 else _PLAIN)
    mail["From"] = _header(sender)
    mail["To"] = _header(to)
    if settings.reply_to is not None:
        mail["Reply-To"] = _header(settings.reply_to)
    mail["Subject"] = one_line(message.subject)
    mail["Date"] = format_datetime(datetime.fromtimestamp(at // 1_000_000, UTC))
    mail["Message-ID"] = ref
    _mark_as_bulk(mail, settings, attempt.token)
    _fill(mail, settings, message, attempt.token)
    data = _LINE_END.sub(b"\r\n", mail.as_bytes())
    return Letter(attempt.token, ref, _return_path(settings, sender, attempt.token), to.spec, data, needs_utf8)


def _sender(settings: Settings, message: Message) -> Address:
    if not message.sender:
        return settings.sender
    try:
        return read_mailbox(message.sender)
    except BadAddress as why:
        raise ValueError(f"the sender is no address: {why}") from why


def _header(address: Address) -> HeaderAddress:
    return HeaderAddress(address.name, address.local, address.domain)


def _return_path(settings: Settings, sender: Address, token: str) -> str:
    return f"bounce+{token}@{settings.bounce_domain}" if settings.bounce_domain else sender.spec


def _mark_as_bulk(mail: EmailMessage, settings: Settings, token: str) -> None:
    """RFC 3834 (nobody's robot need answer) and RFC 8058 (one-click unsubscribe)."""
    mail["Auto-Submitted"] = "auto-generated"
    if settings.unsubscribe:
        link = settings.unsubscribe.replace("{token}", token)
        mail["List-Unsubscribe"] = f"<{link}>"
        if link.startswith("https://"):
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"


def _fill(mail: EmailMessage, settings: Settings, message: Message, token: str) -> None:
    text = message.text or text_of(message.html)
    footer = [one_line(line) for line in settings.postal_address.splitlines()]
    link = settings.unsubscribe.replace("{token}", token)
    below = [*footer, *([f"Unsubscribe: {link}"] if link else [])]
    mail.set_content("\n".join([text.rstrip("\n"), *(["", "-- ", *below] if below else [])]) + "\n")
    if message.html:
        mail.add_alternative(_with_footer(message.html, footer, link), subtype="html")


def _with_footer(body: str, footer: list[str], link: str) -> str:
    lines = [html.escape(line) for line in footer]
    if link:
        lines.append(f'<a href="{html.escape(link)}">Unsubscribe</a>')
    if not lines:
        return body
    block = f"<p>{'<br>'.join(lines)}</p>"
    ends = list(_BODY_END.finditer(body))
    return f"{body[: ends[-1].start()]}{block}{body[ends[-1].start() :]}" if ends else body + block


def text_of(markup: str) -> str:
    """The words of an HTML message as plain text: blocks on their own lines, links followed by their address."""
    reader = _Words()
    reader.feed(markup)
    reader.close()
    lines = [" ".join(line.split()) for line in "".join(reader.words).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _Words(HTMLParser):
    """Collects the words people would see."""

    BLOCKS = frozenset(
        "p,div,br,tr,li,ul,ol,table,h1,h2,h3,h4,h5,h6,blockquote,hr,section,header,footer".split(",")  # noqa: SIM905
    )
    SPACED = frozenset(("p", "ul", "ol", "table", "h1", "h2", "h3"))
    UNSEEN = frozenset(("script", "style", "head", "title", "template"))

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._unseen = 0
        self._link = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.UNSEEN:
            self._unseen += 1
        elif tag in self.BLOCKS:
            self.words.append("\n- " if tag == "li" else "\n")
        elif tag == "a":
            self._link = dict(attrs).get("href") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag in self.UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag in self.BLOCKS:
            self.words.append("\n\n" if tag in self.SPACED else "\n")
        elif tag == "a" and self._link:
            if not self.words or self.words[-1].strip() != self._link:
                self.words.append(f" ({self._link})")
            self._link = ""

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.words.append(re.sub(r"\s+", " ", data))
