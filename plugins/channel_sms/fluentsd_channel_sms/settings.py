"""The settings of `[channel.sms]`; lists all mistakes at once, and never repeats a value that may be a secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from fluentsd.api import Table, a_rate

SECOND = 1_000_000
#: Twilio's limits of ValidityPeriod, seconds.
VALIDITY_LEAST, VALIDITY_MOST = 1, 36_000
#: The default time for the delivery of an accepted message, seconds.
USUAL_VALIDITY = 4 * 3600
#: Microseconds between two messages of one sender: a US long code carries one segment a second.
USUAL_INTERVAL = 1 * SECOND
KNOWN = (
    "account_sid", "auth_token", "api_key", "api_secret", "webhook_secret", "sender", "messaging_service", "throughput",
    "validity", "segment_price", "currency", "risk_check", "base_url",
)  # fmt: skip

_SPAN = re.compile(r"\s*(\d{1,6})\s*(s|second|min|minute|h|hour)s?\s*")
_SPANS = {"s": 1, "second": 1, "min": 60, "minute": 60, "h": 3600, "hour": 3600}
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_SHORT_CODE = re.compile(r"\d{3,8}")
_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}")
_SIDS = {"AC": "an account SID", "SK": "an API key's SID", "MG": "a messaging service's SID"}


@dataclass(frozen=True, slots=True)
class Settings:
    """One Twilio account and its senders.

    `interval` is microseconds between two messages of one sender (0: no limit), `validity` seconds at most,
    `segment_price` millionths of `currency`. With neither `sender` nor `service` the campaign chooses the caller ID.
    """

    account_sid: str
    auth_tokens: tuple[str, ...] = field(default=(), repr=False)
    api_key: str = ""
    api_secret: str = field(default="", repr=False)
    webhook_secrets: tuple[str, ...] = field(default=(), repr=False)
    sender: str = ""
    service: str = ""
    interval: int = USUAL_INTERVAL
    validity: int = USUAL_VALIDITY
    segment_price: int = 0
    currency: str = "USD"
    risk_check: str = ""
    base_url: str = ""

    @property
    def login(self) -> tuple[str, str]:
        """User name and password of every request: the API key if there is one."""
        return (self.api_key, self.api_secret) if self.api_key else (self.account_sid, self.auth_tokens[0])

    @property
    def secrets(self) -> tuple[str, ...]:
        """The secrets that may sign a webhook; more than one while a secret is replaced."""
        return (*self.auth_tokens, *self.webhook_secrets)


def read_settings(config: Mapping[str, Any]) -> Settings:
    """Read the table; raises `ConfigProblem` naming every mistake."""
    table = Table(config, KNOWN)
    account_sid = table.must("account_sid", "", _sid("AC"))
    no_login = not {"auth_token", "api_key", "api_secret"} & table.rest.keys()
    if ("api_key" in table) != ("api_secret" in table):
        table.mistakes.append("api_key and api_secret: one is missing; write both, or neither and an auth_token")
    elif no_login:
        table.mistakes.append("auth_token: is missing; write it, or an api_key with its api_secret")
    if {"sender", "messaging_service"} <= table.rest.keys():
        table.mistakes.append("sender and messaging_service: write one of them; a service chooses its own sender")
    settings = Settings(
        account_sid=account_sid,
        auth_tokens=table.take("auth_token", (), _secrets),
        api_key=table.take("api_key", "", _sid("SK")),
        api_secret=table.take("api_secret", "", _text),
        webhook_secrets=table.take("webhook_secret", (), _secrets),
        sender=table.take("sender", "", _sender),
        service=table.take("messaging_service", "", _sid("MG")),
        interval=table.take("throughput", USUAL_INTERVAL, a_rate),
        validity=table.take("validity", USUAL_VALIDITY, _validity),
        segment_price=table.take("segment_price", 0, _price),
        currency=table.take("currency", "USD", _currency),
        risk_check=table.take("risk_check", "", _risk_check),
        base_url=table.take("base_url", "", _base_url),
    )
    table.take("kind", "sms", _kind)
    table.finish("twilio")
    return settings


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{type(value).__name__} given; it should be text in quotes")  # the value may be a secret
    if not value or value != value.strip() or not value.isascii() or not value.isprintable():
        raise ValueError("should be text without spaces around it, as Twilio's console shows it")
    return value


def _secrets(value: Any) -> tuple[str, ...]:
    """One secret or several: a list, or separated by commas in an environment variable."""
    many = value.split(",") if isinstance(value, str) else value
    if not isinstance(many, list) or not many:
        raise ValueError('should be text in quotes, or ["new", "old"] while a secret is being replaced')
    return tuple(_text(one) for one in many)


def _sid(prefix: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not re.fullmatch(rf"{prefix}[0-9a-fA-F]{{32}}", _text(value)):
            raise ValueError(f'is not {_SIDS[prefix]}; it begins with "{prefix}" and has 32 hex digits after that')
        return str(value)

    return read


def _sender(value: Any) -> str:
    text = _text(value)
    if not (_E164.fullmatch(text) or _SHORT_CODE.fullmatch(text) or _NAME.fullmatch(text)):
        raise ValueError(f'{text!r} is not a sender; write a number like "+14155550100", a short code or a sender name')
    return text


def _validity(value: Any) -> int:
    found = _SPAN.fullmatch(value) if isinstance(value, str) else None
    seconds = int(found[1]) * _SPANS[found[2]] if found else 0
    if not VALIDITY_LEAST <= seconds <= VALIDITY_MOST:
        raise ValueError(f'{value!r} should be a span of at most "10 hours", like "4 hours" or "30 min"')
    return seconds


def _price(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10_000_000:
        raise ValueError(f"{value!r} should be a whole number of millionths: 8300 for 0.0083 a segment")
    return value


def _currency(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Z]{3}", value):
        raise ValueError(f'{value!r} is not a currency; write it like "USD"')
    return value


def _risk_check(value: Any) -> str:
    if value not in ("enable", "disable"):
        raise ValueError(f'{value!r} should be "enable" or "disable"; leave the key out for the account\'s own choice')
    return str(value)


def _base_url(value: Any) -> str:
    parts = urlsplit(_text(value))
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/") or parts.query:
        raise ValueError(f'{value!r} is not an origin; write it like "http://127.0.0.1:8700"')
    return str(value).rstrip("/")


def _kind(value: Any) -> str:
    if value != "sms":
        raise ValueError(f"{value!r} is not supported; this plugin sends SMS")
    return "sms"
