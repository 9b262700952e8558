"""The settings of a `[source.<name>]` with `plugin = "monday"`; lists all mistakes at once, never repeats a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from fluentsd.api import OptOutRule, Table, a_rate, read_opt_out_rules

MONDAY = "https://api.monday.com"
#: The version of monday's API; each is kept for at least six months.
VERSION = "2026-10"
#: The calls a day of the plans Basic and Standard, for all programs together.
USUAL_CALLS, USUAL_SHARE, USUAL_EVERY = 1000, 0.4, 900
KNOWN = (
    "token", "boards", "fields", "opt_out", "calls_per_day", "daily_share", "every", "rate", "version", "base_url",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Settings:
    """One account. `boards` are the ids of the boards to follow (empty: all); `fields` columns by title that are read
    besides those with a meaning; `every` the microseconds between two sweeps of a board."""

    token: str = field(repr=False)
    boards: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    opt_outs: tuple[OptOutRule, ...] = ()
    calls_per_day: int = USUAL_CALLS
    daily_share: float = USUAL_SHARE
    every: int = USUAL_EVERY * 1_000_000
    interval: int = 500_000
    version: str = VERSION
    base_url: str = MONDAY


def read_settings(config: Mapping[str, Any]) -> Settings:
    """Read the table; raises `ConfigProblem` naming every mistake."""
    table = Table(config, KNOWN)
    settings = Settings(
        token=table.must("token", "", _token),
        boards=table.take("boards", (), _boards),
        fields=table.take("fields", (), _fields),
        opt_outs=read_opt_out_rules(table),
        calls_per_day=table.take("calls_per_day", USUAL_CALLS, _calls),
        daily_share=table.take("daily_share", USUAL_SHARE, _share),
        every=table.take("every", USUAL_EVERY, _seconds) * 1_000_000,
        interval=table.take("rate", 500_000, a_rate),
        version=table.take("version", VERSION, _version),
        base_url=table.take("base_url", MONDAY, _base_url),
    )
    table.finish("monday")
    return settings


def _token(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{type(value).__name__} given; it should be text in quotes")  # the value may be a secret
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("should be the token as monday.com shows it, without spaces and without the word Bearer")
    return value


def _boards(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(str(one).isdecimal() for one in value):
        raise ValueError("should be a list of board numbers, like [1234567890]; they stand in the boards' addresses")
    return tuple(dict.fromkeys(str(one) for one in value))


def _fields(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise ValueError('should be a list of columns by title, like ["Case type"]')
    return tuple(dict.fromkeys(value))


def _calls(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1_000_000:
        raise ValueError(f"{value!r} should be the calls a day of your plan: 200, 1000, 10000 or 25000")
    return value


def _share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1:
        raise ValueError(f"{value!r} should be a part of the account's daily calls, more than 0 and at most 1")
    return float(value)


def _seconds(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 86_400:
        raise ValueError(f"{value!r} should be seconds, 0 to 86400")
    return value


def _version(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"20\d\d-(01|04|07|10)", value):
        raise ValueError(f'{value!r} is not a version of monday\'s API; write it like "{VERSION}"')
    return value


def _base_url(value: Any) -> str:
    parts = urlsplit(value) if isinstance(value, str) else urlsplit("")
    loopback = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if (parts.scheme != "https" and not (parts.scheme == "http" and loopback)) or parts.path.strip("/"):
        raise ValueError(f"{value!r} is not an origin; leave it out, or write https://… (http only on this machine)")
    return str(value).rstrip("/")
