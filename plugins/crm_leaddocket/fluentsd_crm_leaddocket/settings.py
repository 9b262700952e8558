"""The settings of a `[source.<name>]` with `plugin = "leaddocket"`; lists all mistakes at once, never repeats a
secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from fluentsd.api import OptOutRule, Table, a_rate, read_opt_out_rules

#: One request a second: Lead Docket does not publish its limit.
USUAL_INTERVAL, USUAL_OVERLAP = 1_000_000, 600
KNOWN = ("tenant", "api_key", "fields", "opt_out", "calls", "rate", "overlap", "base_url")


@dataclass(frozen=True, slots=True)
class Settings:
    """One firm's Lead Docket. `fields` are custom fields of contacts by name; `interval` and `overlap` microseconds.
    `calls`: what a call is written as, "calls" or "notes"."""

    base_url: str
    api_key: str = field(repr=False)
    fields: tuple[str, ...] = ()
    opt_outs: tuple[OptOutRule, ...] = ()
    calls: str = "calls"
    interval: int = USUAL_INTERVAL
    overlap: int = USUAL_OVERLAP * 1_000_000


def read_settings(config: Mapping[str, Any]) -> Settings:
    """Read the table; raises `ConfigProblem` naming every mistake."""
    table = Table(config, KNOWN)
    if "tenant" not in table and "base_url" not in table:
        table.mistakes.append('tenant: is missing; write "acme" for https://acme.leaddocket.com')
    tenant = table.take("tenant", "", _tenant)
    settings = Settings(
        base_url=table.take("base_url", f"https://{tenant}.leaddocket.com", _base_url),
        api_key=table.must("api_key", "", _text),
        fields=table.take("fields", (), _fields),
        opt_outs=read_opt_out_rules(table),
        calls=table.take("calls", "calls", _calls),
        interval=table.take("rate", USUAL_INTERVAL, a_rate),
        overlap=table.take("overlap", USUAL_OVERLAP, _seconds) * 1_000_000,
    )
    table.finish("leaddocket")
    return settings


def _tenant(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[a-z0-9][a-z0-9-]*", value):
        raise ValueError(f'{value!r} should be the first part of the address: "acme" for https://acme.leaddocket.com')
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{type(value).__name__} given; it should be text in quotes")  # the value may be a secret
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("should be the key as Lead Docket shows it, without spaces")
    return value


def _calls(value: Any) -> str:
    if value not in ("calls", "notes"):
        raise ValueError(f'{value!r} should be "calls" (external calls) or "notes"')
    return str(value)


def _fields(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise ValueError('should be a list of custom fields of contacts by name, like ["Do not call"]')
    return tuple(dict.fromkeys(value))


def _seconds(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 86_400:
        raise ValueError(f"{value!r} should be seconds, 0 to 86400")
    return value


def _base_url(value: Any) -> str:
    parts = urlsplit(value) if isinstance(value, str) else urlsplit("")
    loopback = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if (parts.scheme != "https" and not (parts.scheme == "http" and loopback)) or parts.path.strip("/"):
        raise ValueError(f"{value!r} is not an origin; leave it out, or write https://… (http only on this machine)")
    return str(value).rstrip("/")
