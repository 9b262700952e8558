"""The settings of `[channel.phone] plugin = "fluents"`; lists all mistakes at once, and repeats no secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from fluentsd.api import Table

SERVICE = "https://api.fluents.ai"
KNOWN = ("key", "base_url", "sender", "agents", "webhook_secret", "poll", "concurrency", "no_human", "currency",
         "minute_price", "kind")  # fmt: skip
UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_E164 = re.compile(r"\+[1-9]\d{6,14}")


@dataclass(frozen=True, slots=True)
class Settings:
    """One account. `agents`: our names of its agents → their ids; `poll`: seconds between two looks at a call under
    way; `minute_price`: millionths of `currency`; `no_human`: what the agent does when a machine answers."""

    key: str = field(default="", repr=False)
    base_url: str = SERVICE
    sender: str = ""
    agents: Mapping[str, str] = field(default_factory=dict)
    webhook_secret: str = field(default="", repr=False)
    poll: float = 20.0
    concurrency: int | None = None
    no_human: Literal["continue", "hangup"] = "hangup"
    currency: str = "USD"
    minute_price: int = 0


def read_settings(config: Mapping[str, Any]) -> Settings:
    """Read the table; raises `ConfigProblem` naming every mistake."""
    table = Table(config, KNOWN)
    settings = Settings(
        key=table.must("key", "", _text),
        base_url=table.take("base_url", SERVICE, _base_url),
        sender=table.take("sender", "", _number),
        agents=table.take("agents", {}, _agents),
        webhook_secret=table.take("webhook_secret", "", _secret),
        poll=table.take("poll", 20.0, _seconds),
        concurrency=table.take("concurrency", None, _count),
        no_human=table.take("no_human", "hangup", _no_human),
        currency=table.take("currency", "USD", _text),
        minute_price=table.take("minute_price", 0, _price),
    )
    table.take("kind", "phone", _kind)
    table.finish("fluents")
    return settings


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("should be text in quotes")
    return value


def _secret(value: Any) -> str:
    if len(_text(value)) < 16 or not re.fullmatch(r"[A-Za-z0-9_-]+", value):
        raise ValueError("should have at least 16 letters, digits, - and _")
    return str(value)


def _base_url(value: Any) -> str:
    parts = urlsplit(_text(value))
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query:
        raise ValueError(f'is not the address of a service; write it like "{SERVICE}"')
    return str(value).rstrip("/")


def _number(value: Any) -> str:
    if not _E164.fullmatch(_text(value)):
        raise ValueError('is not a number in international form; write it like "+14155550100"')
    return str(value)


def _agents(value: Any) -> Mapping[str, str]:
    if not isinstance(value, Mapping) or not all(
        isinstance(one, str) and UUID.fullmatch(one) for one in value.values()
    ):
        raise ValueError(
            'should be names with the ids of agents, like { sales = "3fa85f64-5717-4562-b3fc-2c963f66afa6" }'
        )
    return {str(name): str(one) for name, one in value.items()}


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 1 <= value <= 600:
        raise ValueError("should be a number of seconds from 1 to 600")
    return float(value)


def _count(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 500:
        raise ValueError("should be a number of calls at once, from 1 to 500")
    return value


def _price(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("should be millionths of the currency for a minute")
    return value


def _no_human(value: Any) -> Literal["continue", "hangup"]:
    if value == "continue":
        return "continue"
    if value == "hangup":
        return "hangup"
    raise ValueError('should be "hangup" or "continue"')


def _kind(value: Any) -> str:
    if value != "phone":
        raise ValueError("this plugin makes phone calls")
    return "phone"
