"""Readers of values in the channel's table: each returns the parsed value, or raises `ValueError`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fluentsd.api import a_rate
from fluentsd_channel_email.addressing import Address, BadAddress, read_address, read_mailbox

_PAUSE = re.compile(r"\s*(\d{1,6})\s*(s|sec|seconds?|m|min|minutes?|h|hours?)\s*", re.IGNORECASE)
_SELECTOR = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){0,3}", re.IGNORECASE)
_UNITS = {"s": 1, "m": 60, "h": 3600}


def text(value: Any) -> str:
    """Any text."""
    if not isinstance(value, str):
        raise ValueError(f"{type(value).__name__} given; it should be text in quotes")  # the value may be a secret
    return value


def flag(value: Any) -> bool:
    """true or false."""
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} should be true or false")
    return value


def host(value: Any) -> str:
    """A host name."""
    if not isinstance(value, str) or not value or any(c.isspace() or c in "/@" for c in value):
        raise ValueError(f'{value!r} is not a host; write its name alone, like "smtp.example.com"')
    return value


def port(value: Any) -> int:
    """A TCP port."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 65536:
        raise ValueError(f"{value!r} is not a port; write a number from 1 to 65535")
    return value


def count(value: Any) -> int:
    """A whole number from 1 up."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{value!r} should be a whole number from 1 up")
    return value


def seconds(value: Any) -> float:
    """Seconds as a number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 600:
        raise ValueError(f"{value!r} should be a number of seconds up to 600")
    return float(value)


def pause(value: Any) -> int:
    """A pause ("30 s", "1 min") in seconds."""
    found = _PAUSE.fullmatch(value) if isinstance(value, str) else None
    length = int(found[1]) * _UNITS[found[2][0].lower()] if found else 0
    if not 1 <= length <= 1500:  # a server may end an IDLE after 30 minutes (RFC 2177), and some do earlier
        raise ValueError(f'{value!r} should be a pause from "1 s" to "25 min"')
    return length


def mailbox(value: Any) -> Address:
    """An address with or without a name."""
    if not isinstance(value, str):
        raise ValueError(f'{value!r} is not an address; write it like "Dana <dana@example.com>"')
    return read_mailbox(value)


def domain(value: Any) -> str:
    """A domain name, in ASCII."""
    try:
        return read_address(f"x@{text(value)}").domain
    except BadAddress as why:
        raise ValueError(f"{value!r} is not a domain name") from why


def domains(value: Any) -> tuple[str, ...]:
    """A list of domain names."""
    if not isinstance(value, list):
        raise ValueError(f'{value!r} should be a list of domains, like ["example.com"]')
    return tuple(domain(each) for each in value)


def selector(value: Any) -> str:
    """A DKIM selector: the labels before "._domainkey"."""
    if not isinstance(value, str) or not _SELECTOR.fullmatch(value) or "_domainkey" in value:
        raise ValueError(f'{value!r} is not a DKIM selector; write the part before "._domainkey", like "s1"')
    return value.lower()


def paces(value: Any) -> Mapping[str, int]:
    """Rates by domain, "*" for the others: the interval in microseconds."""
    if not isinstance(value, Mapping):
        raise ValueError(f'{value!r} should be rates by domain, like {{ "gmail.com" = "5/second", "*" = "20/second" }}')
    return {name if name == "*" else domain(name): a_rate(rate) for name, rate in value.items()}


def link(value: Any) -> str:
    """A link with a placeholder for the attempt's token."""
    url = text(value)
    if (
        not url.startswith(("https://", "http://"))
        or "{token}" not in url
        or any(c.isspace() or c in "<>" for c in url)
    ):
        raise ValueError(f'{value!r} should be a link with {{token}} in it, like "https://example.com/u/{{token}}"')
    return url
