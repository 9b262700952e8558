"""Reading a mail that anybody may have written: headers and words, whatever is broken in them.

The old reading of the email package (compat32) is used on purpose: it takes headers as they come, where the newer one
raises for some malformed ones. Nothing here raises for what a mail contains.
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

#: Of one header.
HEADER_AT_MOST = 20_000
#: Of one text.
TEXT_AT_MOST = 200_000
#: Codecs of Python's that no mail is written in: they make half characters, or take the square of the time.
_NOT_FOR_MAIL = frozenset(("unicode-escape", "unicode_escape", "raw-unicode-escape", "raw_unicode_escape", "idna",
                           "punycode", "undefined"))  # fmt: skip
_BLANKS = re.compile(r"\s+")


class Unreadable(Exception):
    """A mail that the email package cannot take apart at all."""


def read_mail(raw: bytes) -> Mail:
    """Take a mail apart; raises `Unreadable` (nested without end, or a fault of the email package)."""
    try:
        mail = message_from_bytes(raw)
        for part in mail.walk():
            part.get_content_type()
    except Exception as why:  # noqa: BLE001 - whatever it is, this mail is the reason and others must not suffer
        raise Unreadable(type(why).__name__) from None
    return mail


def header(mail: Mail, name: str) -> str:
    """A header as people would see it, on one line; "" if there is none."""
    said = mail.get(name)
    if said is None:
        return ""
    text = str(said)[:HEADER_AT_MOST]
    with contextlib.suppress(HeaderParseError, LookupError, ValueError):  # an unknown charset, torn base64
        text = str(make_header(decode_header(text)))
    return _BLANKS.sub(" ", text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")).strip()


def headers(mail: Mail, *names: str) -> Iterator[str]:
    """Every header of these names, undecoded: addresses and ids are ASCII."""
    for name in names:
        yield from (str(said)[-HEADER_AT_MOST:] for said in mail.get_all(name) or ())


def sender_of(mail: Mail, name: str = "From") -> str:
    """The address a mail says it is from, as the house writes addresses; "" if it says none."""
    for _, spec in getaddresses([header(mail, name)]):
        try:
            return read_address(spec).spec
        except BadAddress:
            continue
    return ""


def date_of(mail: Mail) -> int | None:
    """The instant it says it was written, in epoch microseconds."""
    try:
        said = parsedate_to_datetime(header(mail, "Date"))
        at = said if said.tzinfo else said.replace(tzinfo=UTC)
        return round((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def written_on(mail: Mail) -> date | None:
    """The day it was written where its writer is; by the last server's stamp when the mail itself says none."""
    for said in (header(mail, "Date"), header(mail, "Received").rpartition(";")[2]):
        with contextlib.suppress(ValueError, TypeError, OverflowError, IndexError):
            day = parsedate_to_datetime(said).date()
            if 2000 <= day.year < 2100:
                return day
    return None


def part_text(part: Mail) -> str:
    """The text of one part; bytes that are none in its charset become marks."""
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
    """What a person wrote: the first text, or the first HTML without its quotations; attachments are left alone."""
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
