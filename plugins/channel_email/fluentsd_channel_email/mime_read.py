"""Reads untrusted mail: headers and text, tolerant of every defect.

The old policy of the email package (compat32) is used on purpose: it accepts headers as they are, where the newer one
raises for some malformed ones. Nothing here raises for the content of a mail.
"""

from __future__ import annotations

import codecs
import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message as Mail
from email.utils import getaddresses, parsedate_to_datetime

from fluentsd_channel_email.addressing import BadAddress, read_address
from fluentsd_channel_email.html_text import answer_of

#: The most characters of one header.
HEADER_AT_MOST = 20_000
#: The most characters of one text.
TEXT_AT_MOST = 200_000
#: Python codecs that are no mail charsets: they make broken characters, or take quadratic time.
_NOT_FOR_MAIL = frozenset(("unicode-escape", "unicode_escape", "raw-unicode-escape", "raw_unicode_escape", "idna",
                           "punycode", "undefined"))  # fmt: skip
_BLANKS = re.compile(r"\s+")


class Unreadable(Exception):
    """A mail that the email package cannot parse."""


def read_mail(raw: bytes) -> Mail:
    """Parse a mail; raises `Unreadable` (nested too deeply, or a fault of the email package)."""
    try:
        mail = message_from_bytes(raw)
        for part in mail.walk():
            part.get_content_type()
    except Exception as why:  # noqa: BLE001 - any error is this mail's; others must not suffer
        raise Unreadable(type(why).__name__) from None
    return mail


def header(mail: Mail, name: str) -> str:
    """A decoded header on one line; "" if there is none."""
    value = next((value for key, value in mail.raw_items() if key.lower() == name.lower()), None)
    if value is None:
        return ""
    text = _eight_bit(str(value)[:HEADER_AT_MOST])
    with contextlib.suppress(HeaderParseError, LookupError, ValueError):  # an unknown charset, broken base64
        text = str(make_header(decode_header(text)))
    return _BLANKS.sub(" ", text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")).strip()


def _eight_bit(text: str) -> str:
    """A header that was sent as it is, without encoding (RFC 6532, and older programs in their own code page)."""
    if text.isascii():
        return text
    raw = text.encode("utf-8", "surrogateescape")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def headers(mail: Mail, *names: str) -> Iterator[str]:
    """Every header of these names, undecoded: addresses and ids are ASCII."""
    for name in names:
        yield from (str(value)[-HEADER_AT_MOST:] for value in mail.get_all(name) or ())


def sender_of(mail: Mail, name: str = "From") -> str:
    """The From address of a mail, normalised; "" if there is none."""
    for _, spec in getaddresses([header(mail, name)]):
        try:
            return read_address(spec).spec
        except BadAddress:
            continue
    return ""


def date_of(mail: Mail) -> int | None:
    """The instant in the Date header, in epoch microseconds."""
    try:
        read = parsedate_to_datetime(header(mail, "Date"))
        at = read if read.tzinfo else read.replace(tzinfo=UTC)
        return round((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def written_on(mail: Mail) -> date | None:
    """The author's local day in the Date header, else in the last server's Received header."""
    for text in (header(mail, "Date"), header(mail, "Received").rpartition(";")[2]):
        with contextlib.suppress(ValueError, TypeError, OverflowError, IndexError):
            day = parsedate_to_datetime(text).date()
            if 2000 <= day.year < 2100:
                return day
    return None


def part_text(part: Mail) -> str:
    """The text of one part; invalid bytes become replacement characters."""
    try:
        data = part.get_payload(decode=True)
        data = data if isinstance(data, bytes) else b""
    except (ValueError, LookupError):
        return ""
    try:
        charset = codecs.lookup(part.get_content_charset() or "utf-8").name
        text = data.decode("latin-1" if charset in _NOT_FOR_MAIL else charset, "replace")
    except (LookupError, ValueError):
        text = data.decode("latin-1")
    return text[:TEXT_AT_MOST].replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def words_of(mail: Mail) -> str:
    """The text of a mail: the first text part, or the first HTML part without quotations; no attachments."""
    for kind in ("text/plain", "text/html"):
        for part in _own_parts(mail):
            if part.get_content_type() == kind and part.get_content_disposition() != "attachment":
                text = part_text(part)
                text = answer_of(text) if kind == "text/html" else text
                if text.strip():
                    return text
    return ""


def parts(mail: Mail, kind: str) -> list[Mail]:
    """Every part of a content type."""
    return [part for part in mail.walk() if part.get_content_type() == kind]


def _own_parts(mail: Mail) -> Iterator[Mail]:
    """The parts of this mail, without those of mails attached to it."""
    yield mail
    if mail.get_content_maintype() == "message":
        return
    payload = mail.get_payload()
    if isinstance(payload, list):
        for part in payload:
            if isinstance(part, Mail):
                yield from _own_parts(part)
