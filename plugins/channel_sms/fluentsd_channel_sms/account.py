"""One Twilio account: its login, the secrets that sign its webhooks, and the readers of such settings.

Calls and texts of one account have these in common, so the phone plugin uses this module, `client`, `lazy_client`,
`signatures` and `error_codes` too. What must not live here: anything about messages.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from fluentsd.api import Table

#: The keys of an account in a plugin's table.
ACCOUNT_KEYS = (
    "account_sid", "auth_token", "api_key", "api_secret", "webhook_secret", "base_url", "currency",
)  # fmt: skip
_SIDS = {"AC": "an account SID", "SK": "an API key's SID", "MG": "a messaging service's SID"}
_SPAN = re.compile(r"\s*(\d{1,6})\s*(s|second|min|minute|h|hour)s?\s*")
_SPANS = {"s": 1, "second": 1, "min": 60, "minute": 60, "h": 3600, "hour": 3600}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The account. `currency` is that of every price in the table."""

    account_sid: str
    auth_tokens: tuple[str, ...] = field(default=(), repr=False)
    api_key: str = ""
    api_secret: str = field(default="", repr=False)
    webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    base_url: str = ""
    currency: str = "USD"

    @property
    def login(self) -> tuple[str, str]:
        """User name and password of every request: the API key if there is one."""
        return (self.api_key, self.api_secret) if self.api_key else (self.account_sid, self.auth_tokens[0])

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets that may sign a webhook; more than one while a secret is replaced."""
        return (*self.auth_tokens, *self.webhook_secrets)


def take_account(table: Table) -> dict[str, Any]:
    """The account's keys of a table, as the arguments of `Account`; notes every mistake."""
    account_sid = table.must("account_sid", "", sid("AC"))
    no_login = not {"auth_token", "api_key", "api_secret"} & table.rest.keys()
    if ("api_key" in table) != ("api_secret" in table):
        table.mistakes.append("api_key and api_secret: one is missing; write both, or neither and an auth_token")
    elif no_login:
        table.mistakes.append("auth_token: is missing; write it, or an api_key with its api_secret")
    nothing: tuple[str, ...] = ()
    return {
        "account_sid": account_sid,
        "auth_tokens": table.take("auth_token", nothing, secrets),
        "api_key": table.take("api_key", "", sid("SK")),
        "api_secret": table.take("api_secret", "", text),
        "webhook_secrets": table.take("webhook_secret", nothing, secrets),
        "base_url": table.take("base_url", "", origin),
        "currency": table.take("currency", "USD", currency),
    }


def text(value: Any) -> str:
    """Text without spaces around it; the message repeats no value, because it may be a secret."""
    if not isinstance(value, str):
        raise ValueError("should be text in quotes")
    if not value or value != value.strip() or not value.isascii() or not value.isprintable():
        raise ValueError("should be text without spaces around it, as Twilio's console shows it")
    return value


def secrets(value: Any) -> tuple[str, ...]:
    """One secret or several: a list, or separated by commas in an environment variable."""
    many = value.split(",") if isinstance(value, str) else value
    if not isinstance(many, list) or not many:
        raise ValueError('should be text in quotes, or ["new", "old"] while a secret is being replaced')
    return tuple(text(one) for one in many)


def sid(prefix: str) -> Callable[[Any], str]:
    """The reader of a SID with this prefix."""

    def read(value: Any) -> str:
        if not re.fullmatch(rf"{prefix}[0-9a-fA-F]{{32}}", text(value)):
            raise ValueError(f'is not {_SIDS[prefix]}; it begins with "{prefix}" and has 32 hex digits after that')
        return str(value)

    return read


def seconds(value: Any) -> int | None:
    """The seconds of a span like "4 hours"; None for anything else."""
    found = _SPAN.fullmatch(value) if isinstance(value, str) else None
    return int(found[1]) * _SPANS[found[2]] if found else None


def price(unit: str) -> Callable[[Any], int]:
    """The reader of a price in millionths for one `unit`."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10_000_000:
            raise ValueError(f"{value!r} should be a whole number of millionths: 8300 for 0.0083 {unit}")
        return value

    return read


def currency(value: Any) -> str:
    """A currency's code."""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Z]{3}", value):
        raise ValueError(f'{value!r} is not a currency; write it like "USD"')
    return value


def origin(value: Any) -> str:
    """Scheme, host and port of a server that stands in for Twilio's."""
    parts = urlsplit(text(value))
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/") or parts.query:
        raise ValueError(f'{value!r} is not an origin; write it like "http://127.0.0.1:8700"')
    return str(value).rstrip("/")
