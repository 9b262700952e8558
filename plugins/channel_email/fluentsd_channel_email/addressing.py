"""Strict parsing of e-mail addresses and header texts, safe against header injection.

An address that a mail server could read in two ways is refused, with the reason. An international domain becomes its
ASCII form (IDNA); an international local part stays and needs a server with SMTPUTF8 (RFC 6531).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from email.utils import parseaddr

_LOCAL = re.compile(r'[^\s\x00-\x20\x7f-\x9f<>()\[\]\\,;:"@]+')
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?", re.IGNORECASE)
#: All line ends and other control characters.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class BadAddress(ValueError):
    """Not a usable e-mail address."""


@dataclass(frozen=True, slots=True)
class Address:
    """`local@domain`; the domain is ASCII. `name` is the display name."""

    local: str
    domain: str
    name: str = ""

    @property
    def spec(self) -> str:
        """The bare address."""
        return f"{self.local}@{self.domain}"

    @property
    def is_ascii(self) -> bool:
        """Whether every mail server supports it."""
        return self.local.isascii()


def read_address(text: str) -> Address:
    """Read a bare address; raises `BadAddress`."""
    local, at, domain = unicodedata.normalize("NFC", text.strip()).rpartition("@")
    if not at:
        raise BadAddress(f"{text!r} has no @")
    if not _LOCAL.fullmatch(local) or len(local.encode()) > 64:
        raise BadAddress(f"the part of {text!r} before the @ is not valid")
    return Address(local, _domain(domain, text))


def read_mailbox(text: str) -> Address:
    """Read an address with or without a name: "Dana <dana@example.com>"; raises `BadAddress`."""
    if _CONTROLS.search(text):
        raise BadAddress(f"{text!r} contains a line break or another control character")
    name, spec = parseaddr(text)
    if not spec:
        raise BadAddress(f'{text!r} is not an address; write it like "Dana <dana@example.com>"')
    address = read_address(spec)
    return Address(address.local, address.domain, one_line(name))


def one_line(text: str) -> str:
    """The text with every line break and control character replaced by a space, for a header."""
    return _CONTROLS.sub(" ", text).strip()


def _domain(domain: str, whole: str) -> str:
    try:
        ascii_domain = domain.encode("idna").decode("ascii")
    except UnicodeError as why:
        raise BadAddress(f"the domain of {whole!r} is not a domain name") from why
    labels = ascii_domain.split(".")
    if len(ascii_domain) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadAddress(f"the domain of {whole!r} is not a domain name")
    return ascii_domain.lower()
