"""Writes the headers and body of a mail: plain ones directly, all others by Python's email package.

The email package parses and folds every header, which takes most of a millisecond per mail. It leaves a short line of
ASCII unchanged, so the direct output is the same; `test_mime_write` compares the two. The results for addresses are
cached.
"""

from __future__ import annotations

import re
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from functools import lru_cache
from secrets import token_hex

from fluentsd_channel_email.addressing import Address

# 7-bit bodies: every server on the way can carry them, and none re-encodes a signed message.
PLAIN = SMTP.clone(cte_type="7bit")
UTF8 = SMTPUTF8.clone(cte_type="7bit")
#: A line that needs no folding, characters (RFC 5322 §2.1.1).
LINE = 78
#: Words with single blanks between them; "=?" begins an encoded word (RFC 2047).
_WORDS = re.compile(r"(?!.*=\?)[!-~]+(?: [!-~]+)*")
#: An address in which nothing needs quoting.
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9._-]+")
_PLAIN_BODY = re.compile(r"(?:[\t -~]{0,78}\n)*")
_PLAIN_HEAD = b'Content-Type: text/%b; charset="utf-8"\r\nContent-Transfer-Encoding: 7bit\r\n\r\n'
_LINE_END = re.compile(rb"\r\n|\r|\n")


def text_header(name: str, text: str, *, utf8: bool = False) -> bytes:
    """A header with a text of one line."""
    if len(name) + 2 + len(text) <= LINE and _WORDS.fullmatch(text):
        return f"{name}: {text}\r\n".encode()
    return _folded(name, text, utf8)


def address_header(name: str, address: Address, *, utf8: bool = False) -> bytes:
    """A header with one address, and its name if it has one."""
    spec = address.spec
    if not address.name and len(name) + 2 + len(spec) <= LINE and _ADDRESS.fullmatch(spec) and "=?" not in spec:
        return f"{name}: {spec}\r\n".encode()
    return _address(name, address, utf8)


@lru_cache(maxsize=256)
def _address(name: str, address: Address, utf8: bool) -> bytes:
    return _folded(name, HeaderAddress(address.name, address.local, address.domain), utf8)


def _folded(name: str, value: str | HeaderAddress, utf8: bool) -> bytes:
    policy = UTF8 if utf8 else PLAIN
    return policy.fold_binary(*policy.header_store_parse(name, value))


def body(text: str, html: str = "") -> bytes:
    """The last headers and the body: text that ends with a line end, and optionally the same as HTML."""
    plain = _part(text, "plain")
    if not html:
        return b"MIME-Version: 1.0\r\n" + plain
    boundary = f"=_{token_hex(16)}".encode()
    parts = b"".join(b"--%b\r\n%b\r\n" % (boundary, part) for part in (plain, _part(html, "html")))
    head = b'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="%b"\r\n\r\n' % boundary
    return b"%b%b--%b--\r\n" % (head, parts, boundary)


def _part(text: str, subtype: str) -> bytes:
    if _PLAIN_BODY.fullmatch(text):
        return _PLAIN_HEAD % subtype.encode() + text.replace("\n", "\r\n").encode()
    mail = EmailMessage(policy=PLAIN)
    mail.set_content(text, subtype=subtype)
    del mail["MIME-Version"]  # it stands above the first part
    return _LINE_END.sub(b"\r\n", mail.as_bytes())
