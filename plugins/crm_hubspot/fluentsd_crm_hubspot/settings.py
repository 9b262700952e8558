"""The settings of a `[source.<name>]` with `plugin = "hubspot"`; lists all mistakes at once, never repeats a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from fluentsd.api import OptOutRule, Table, a_rate, read_opt_out_rules

HUBSPOT = "https://api.hubapi.com"
#: Below HubSpot's 100 requests in 10 seconds of the smallest plan, and its 5 searches a second of every plan.
USUAL_INTERVAL, USUAL_SEARCH_INTERVAL = 1_000_000 // 8, 1_000_000 // 3
USUAL_SHARE = 0.4
KNOWN = (
    "token", "client_id", "client_secret", "refresh_token", "fields", "opt_out", "rate", "search_rate", "daily_share",
    "overlap", "base_url",
)  # fmt: skip
OAUTH = {"client_id", "client_secret", "refresh_token"}
_PROPERTY = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Settings:
    """One HubSpot account: a bearer `token`, or the three values of an OAuth app. `fields` are properties to read
    besides the usual ones; `interval` and `search_interval` microseconds between requests; `overlap` the microseconds
    that each search reaches back, because HubSpot's index lags."""

    token: str = field(default="", repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    fields: tuple[str, ...] = ()
    opt_outs: tuple[OptOutRule, ...] = ()
    interval: int = USUAL_INTERVAL
    search_interval: int = USUAL_SEARCH_INTERVAL
    daily_share: float = USUAL_SHARE
    overlap: int = 300_000_000
    base_url: str = HUBSPOT


def read_settings(config: Mapping[str, Any]) -> Settings:
    """Read the table; raises `ConfigProblem` naming every mistake."""
    table = Table(config, KNOWN)
    if given := OAUTH & table.rest.keys():
        if "token" in table:
            table.mistakes.append("token and refresh_token: write a service key as token, or the keys of an OAuth app")
        table.mistakes += [f"{key}: is missing, for an OAuth app" for key in sorted(OAUTH - given)]
    elif "token" not in table:
        table.mistakes.append("token: is missing; write a service key")
    settings = Settings(
        token=table.take("token", "", _token),
        client_id=table.take("client_id", "", _token),
        client_secret=table.take("client_secret", "", _token),
        refresh_token=table.take("refresh_token", "", _token),
        fields=table.take("fields", (), _fields),
        opt_outs=read_opt_out_rules(table),
        interval=table.take("rate", USUAL_INTERVAL, a_rate),
        search_interval=table.take("search_rate", USUAL_SEARCH_INTERVAL, a_rate),
        daily_share=table.take("daily_share", USUAL_SHARE, _share),
        overlap=table.take("overlap", 300, _seconds) * 1_000_000,
        base_url=table.take("base_url", HUBSPOT, _base_url),
    )
    for rule in settings.opt_outs:
        if not _PROPERTY.fullmatch(rule.field):
            table.mistakes.append(f"opt_out.{rule.channel}: {rule.field!r} {_NOT_A_PROPERTY}")
    table.finish("hubspot")
    return settings


_NOT_A_PROPERTY = 'is not the internal name of a property; HubSpot shows it as </> beside the property ("do_not_call")'


def _token(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{type(value).__name__} given; it should be text in quotes")  # the value may be a secret
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("should be the key as HubSpot shows it, without spaces and without the word Bearer")
    return value


def _fields(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError('should be a list of properties, like ["jobtitle", "lifecyclestage"]')
    if wrong := [one for one in value if not _PROPERTY.fullmatch(one)]:
        raise ValueError(f"{wrong[0]!r} {_NOT_A_PROPERTY}")
    return tuple(dict.fromkeys(value))


def _share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1:
        raise ValueError(f"{value!r} should be a part of the account's daily requests, more than 0 and at most 1")
    return float(value)


def _seconds(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 86_400:
        raise ValueError(f"{value!r} should be seconds, 0 to 86400; HubSpot's index needs up to 300")
    return value


def _base_url(value: Any) -> str:
    parts = urlsplit(value) if isinstance(value, str) else urlsplit("")
    loopback = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if parts.scheme == "http" and loopback and not parts.path.strip("/"):
        return str(value).rstrip("/")
    if parts.scheme != "https" or not parts.netloc or parts.path.strip("/") or parts.query:
        raise ValueError(f"{value!r} is not an origin; leave it out, or write https://… (http only on this machine)")
    return str(value).rstrip("/")
