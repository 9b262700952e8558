"""Reading a table of the configuration: key by key, every mistake kept, nothing unknown passed over in silence."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from fluentsd_channel_email.addressing import Address, BadAddress, read_address, read_mailbox

T = TypeVar("T")
_PAUSE = re.compile(r"\s*(\d{1,6})\s*(s|sec|seconds?|m|min|minutes?|h|hours?)\s*", re.IGNORECASE)
_UNITS = {"s": 1, "m": 60, "h": 3600}


class Table:
    """A table being emptied key by key; what is left over at the end is unknown. `within` names it in mistakes."""

    def __init__(self, rest: dict[str, Any], known: Sequence[str], within: str = "") -> None:
        self.rest, self.known, self.within = rest, known, within
        self.mistakes: list[str] = []

    def take(self, key: str, default: T, read: Callable[[Any], T]) -> T:
        """The value, or `default` when there is none or it is wrong."""
        if key not in self.rest:
            return default
        try:
            return read(self.rest.pop(key))
        except ValueError as why:
            self.mistakes.append(f"{self.within}{key}: {why}")
            return default

    def must(self, key: str, otherwise: T, read: Callable[[Any], T]) -> T:
        """The value of a key that has to be there."""
        if key not in self.rest:
            self.mistakes.append(f"{self.within}{key}: is missing")
        return self.take(key, otherwise, read)

    def login(self) -> tuple[str, str]:
        """User name and password: both or neither."""
        username, password = self.take("username", "", text), self.take("password", "", text)
        if bool(username) != bool(password):
            self.mistakes.append(f"{self.within}username and {self.within}password: one is missing; write both")
        return username, password

    def finish(self) -> list[str]:
        """Every mistake, unknown keys among them."""
        for key in self.rest:
            near = difflib.get_close_matches(key, self.known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(self.known)}"
            self.mistakes.append(f"{self.within}{key}: is not a key that is known here; {hint}")
        return self.mistakes


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
    """The name of a machine."""
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
    """A pause as people write it, in seconds: "30 s", "1 min"."""
    said = _PAUSE.fullmatch(value) if isinstance(value, str) else None
    long = int(said[1]) * _UNITS[said[2][0].lower()] if said else 0
    if not 1 <= long <= 1500:  # a server may end an IDLE after 30 minutes (RFC 2177), and some do sooner
        raise ValueError(f'{value!r} should be a pause from "1 s" to "25 min"')
    return long


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


def link(value: Any) -> str:
    """A link with a place for the attempt's token."""
    said = text(value)
    if (
        not said.startswith(("https://", "http://"))
        or "{token}" not in said
        or any(c.isspace() or c in "<>" for c in said)
    ):
        raise ValueError(f'{value!r} should be a link with {{token}} in it, like "https://example.com/u/{{token}}"')
    return said
