"""The settings of a `[source.<name>]` with `plugin = "gohighlevel"`; lists all mistakes at once, never repeats a
secret."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from fluentsd.api import OptOutRule, Table, a_rate, read_opt_out_rules

GOHIGHLEVEL = "https://services.leadconnectorhq.com"
#: Below GoHighLevel's 100 requests in 10 seconds.
USUAL_INTERVAL, USUAL_SHARE, USUAL_OVERLAP = 1_000_000 // 8, 0.4, 120
KNOWN = (
    "token", "client_id", "client_secret", "refresh_token", "location", "filters", "fields", "opt_out", "rate",
    "daily_share", "overlap", "base_url",
)  # fmt: skip
#: The longest value that GoHighLevel's search takes.
LONGEST_VALUE = 75


@dataclass(frozen=True, slots=True)
class Settings:
    """One sub-account (`location`). A private integration `token`, or the three values of an OAuth app. `filters` are
    segments that the operator writes; `interval` and `overlap` are microseconds."""

    location: str
    token: str = field(default="", repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    filters: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    opt_outs: tuple[OptOutRule, ...] = ()
    interval: int = USUAL_INTERVAL
    daily_share: float = USUAL_SHARE
    overlap: int = USUAL_OVERLAP * 1_000_000
    base_url: str = GOHIGHLEVEL


def read_settings(config: Mapping[str, Any]) -> Settings:
    """Read the table; raises `ConfigProblem` naming every mistake."""
    table = Table(config, KNOWN)
    oauth = {"client_id", "client_secret", "refresh_token"}
    given = oauth & table.rest.keys()
    if "token" in table and given:
        table.mistakes.append("token and refresh_token: write a private integration token, or the keys of an OAuth app")
    elif "token" not in table and given != oauth:
        missing = ", ".join(sorted(oauth - given))
        table.mistakes.append(
            f"token: is missing; write a private integration token (or for an OAuth app also {missing})"
        )
    settings = Settings(
        location=table.must("location", "", _text),
        token=table.take("token", "", _text),
        client_id=table.take("client_id", "", _text),
        client_secret=table.take("client_secret", "", _text),
        refresh_token=table.take("refresh_token", "", _text),
        filters=table.take("filters", {}, _filters),
        fields=table.take("fields", (), _fields),
        opt_outs=read_opt_out_rules(table),
        interval=table.take("rate", USUAL_INTERVAL, a_rate),
        daily_share=table.take("daily_share", USUAL_SHARE, _share),
        overlap=table.take("overlap", USUAL_OVERLAP, _seconds) * 1_000_000,
        base_url=table.take("base_url", GOHIGHLEVEL, _base_url),
    )
    table.finish("gohighlevel")
    return settings


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{type(value).__name__} given; it should be text in quotes")  # the value may be a secret
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("should be text without spaces, as GoHighLevel shows it")
    return value


def _filters(value: Any) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    if not isinstance(value, Mapping):
        raise ValueError('should be a table of names, { Warm = [{ field = "type", operator = "eq", value = "lead" }] }')
    return {str(name): _filter(str(name), one) for name, one in value.items()}


def _filter(name: str, given: Any) -> Sequence[Mapping[str, Any]]:
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            raise ValueError(f"{name!r} is not JSON; write the list of filters of a contact search") from None
    if not isinstance(given, list) or not given or not all(isinstance(one, Mapping) for one in given):
        raise ValueError(f"{name!r} should be a list of filters with field, operator and value")
    for one in given:
        if "group" not in one and not {"field", "operator"} <= set(one):
            raise ValueError(f"{name!r} has a filter without field or operator")
        if isinstance(one.get("value"), str) and len(one["value"]) > LONGEST_VALUE:
            raise ValueError(f"{name!r} has a value with more than {LONGEST_VALUE} characters, GoHighLevel's limit")
    return given


def _fields(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise ValueError('should be a list of custom fields by name, like ["Case type"]')
    return tuple(dict.fromkeys(value))


def _share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1:
        raise ValueError(f"{value!r} should be a part of the location's daily requests, more than 0 and at most 1")
    return float(value)


def _seconds(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 86_400:
        raise ValueError(f"{value!r} should be seconds, 0 to 86400; GoHighLevel's search lags a few")
    return value


def _base_url(value: Any) -> str:
    parts = urlsplit(value) if isinstance(value, str) else urlsplit("")
    loopback = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if (parts.scheme != "https" and not (parts.scheme == "http" and loopback)) or parts.path.strip("/"):
        raise ValueError(f"{value!r} is not an origin; leave it out, or write https://… (http only on this machine)")
    return str(value).rstrip("/")
