"""The settings of `[channel.phone]`; lists all mistakes at once, and never repeats a value that may be a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from fluentsd_channel_sms.account import ACCOUNT_KEYS, Account, price, seconds, take_account, text

from fluentsd.api import Table, a_rate

SECOND = 1_000_000
#: Microseconds between two calls of the account: Twilio's default is one call a second.
USUAL_INTERVAL = 1 * SECOND
#: Seconds that a phone rings. The least is the law's: 15 s or four rings (47 CFR 64.1200(a)(6)).
RING_LEAST, RING_USUAL, RING_MOST = 15, 25, 120
KNOWN = (*ACCOUNT_KEYS, "sender", "calls", "concurrency", "ring", "minute_price", "machine_detection", "model",
         "fallback")  # fmt: skip
ENDPOINT_KEYS = ("base_url", "model", "key")
_E164 = re.compile(r"\+[1-9]\d{6,14}")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One service that speaks the chat completions protocol."""

    base_url: str
    model: str
    key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Account):
    """One Twilio account and the model that speaks.

    `interval` is microseconds between two calls of the account, `concurrency` calls at once (None: the campaign's and
    the channel's limits alone), `ring` seconds, `minute_price` millionths of `currency`. Without `model` no call is
    made: only `agents talk` works, with a script.
    """

    sender: str = ""
    interval: int = USUAL_INTERVAL
    concurrency: int | None = None
    ring: int = RING_USUAL
    minute_price: int = 0
    detects_machines: bool = True
    model: Endpoint | None = None
    fallback: Endpoint | None = None


def read_settings(config: Mapping[str, Any]) -> Settings:
    """Read the table; raises `ConfigProblem` naming every mistake."""
    table = Table(config, KNOWN)
    model, fallback = _endpoint(table, "model"), _endpoint(table, "fallback")
    if fallback is not None and model is None:
        table.mistakes.append("fallback: there is no model; write [channel.phone.model] too")
    settings = Settings(
        **take_account(table),
        sender=table.take("sender", "", _number),
        interval=table.take("calls", USUAL_INTERVAL, a_rate),
        concurrency=table.take("concurrency", None, _concurrency),
        ring=table.take("ring", RING_USUAL, _ring),
        minute_price=table.take("minute_price", 0, price("a minute")),
        detects_machines=table.take("machine_detection", True, _flag),
        model=model,
        fallback=fallback,
    )
    table.take("kind", "phone", _kind)
    table.finish("twilio-voice")
    return settings


def _endpoint(table: Table, key: str) -> Endpoint | None:
    given = table.inner(key, ENDPOINT_KEYS)
    if given is None:
        return None
    base_url, model = given.must("base_url", "", _base_url), given.must("model", "", text)
    return Endpoint(base_url, model, given.take("key", "", text))


def _base_url(value: Any) -> str:
    parts = urlsplit(text(value))
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise ValueError('is not the address of a service; write it like "https://api.example.com/v1"')
    return str(value).rstrip("/")


def _number(value: Any) -> str:
    if not _E164.fullmatch(text(value)):
        raise ValueError(f'{value!r} is not a number in international form; write it like "+14155550100"')
    return str(value)


def _concurrency(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 500:
        raise ValueError(f"{value!r} should be a number of calls at once, from 1 to 500")
    return value


def _ring(value: Any) -> int:
    span = seconds(value)
    if span is None or not RING_LEAST <= span <= RING_MOST:
        raise ValueError(f'{value!r} should be a span from "{RING_LEAST} s" to "{RING_MOST} s", like "25 s"')
    return span


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} should be true or false")
    return value


def _kind(value: Any) -> str:
    if value != "phone":
        raise ValueError(f"{value!r} is not supported; this plugin makes phone calls")
    return "phone"
