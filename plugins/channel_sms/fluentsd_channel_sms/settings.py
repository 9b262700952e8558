"""The settings of `[channel.sms]`; lists all mistakes at once, and never repeats a value that may be a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fluentsd.api import Table, a_rate
from fluentsd_channel_sms.account import ACCOUNT_KEYS, Account, price, seconds, sid, take_account, text

SECOND = 1_000_000
#: Twilio's limits of ValidityPeriod, seconds.
VALIDITY_LEAST, VALIDITY_MOST = 1, 36_000
#: The default time for the delivery of an accepted message, seconds.
USUAL_VALIDITY = 4 * 3600
#: Microseconds between two messages of one sender: a US long code carries one segment a second.
USUAL_INTERVAL = 1 * SECOND
KNOWN = (*ACCOUNT_KEYS, "sender", "messaging_service", "throughput", "validity", "segment_price", "risk_check")

_E164 = re.compile(r"\+[1-9]\d{6,14}")
_SHORT_CODE = re.compile(r"\d{3,8}")
_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Account):
    """One Twilio account and its senders.

    `interval` is microseconds between two messages of one sender (0: no limit), `validity` seconds at most,
    `segment_price` millionths of `currency`. With neither `sender` nor `service` the campaign chooses the caller ID.
    """

    sender: str = ""
    service: str = ""
    interval: int = USUAL_INTERVAL
    validity: int = USUAL_VALIDITY
    segment_price: int = 0
    risk_check: str = ""


def read_settings(config: Mapping[str, Any]) -> Settings:
    """Read the table; raises `ConfigProblem` naming every mistake."""
    table = Table(config, KNOWN)
    account = take_account(table)
    if {"sender", "messaging_service"} <= table.rest.keys():
        table.mistakes.append("sender and messaging_service: write one of them; a service chooses its own sender")
    settings = Settings(
        **account,
        sender=table.take("sender", "", _sender),
        service=table.take("messaging_service", "", sid("MG")),
        interval=table.take("throughput", USUAL_INTERVAL, a_rate),
        validity=table.take("validity", USUAL_VALIDITY, _validity),
        segment_price=table.take("segment_price", 0, price("a segment")),
        risk_check=table.take("risk_check", "", _risk_check),
    )
    table.take("kind", "sms", _kind)
    table.finish("twilio")
    return settings


def _sender(value: Any) -> str:
    given = text(value)
    if not (_E164.fullmatch(given) or _SHORT_CODE.fullmatch(given) or _NAME.fullmatch(given)):
        raise ValueError(
            f'{given!r} is not a sender; write a number like "+14155550100", a short code or a sender name'
        )
    return given


def _validity(value: Any) -> int:
    span = seconds(value) or 0
    if not VALIDITY_LEAST <= span <= VALIDITY_MOST:
        raise ValueError(f'{value!r} should be a span of at most "10 hours", like "4 hours" or "30 min"')
    return span


def _risk_check(value: Any) -> str:
    if value not in ("enable", "disable"):
        raise ValueError(f'{value!r} should be "enable" or "disable"; leave the key out for the account\'s own choice')
    return str(value)


def _kind(value: Any) -> str:
    if value != "sms":
        raise ValueError(f"{value!r} is not supported; this plugin sends SMS")
    return "sms"
