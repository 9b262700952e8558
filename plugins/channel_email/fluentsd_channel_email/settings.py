"""What `[channel.email]` may say, and every mistake in it at once."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, cast

from fluentsd_channel_email.addressing import Address, BadAddress, read_address, read_mailbox

T = TypeVar("T")
Tls = Literal["none", "starttls", "tls"]
#: The usual port of each way to be private.
PORTS: Mapping[Tls, int] = {"none": 25, "starttls": 587, "tls": 465}
USUAL_TLS: Tls = "starttls"
KNOWN = (
    "host", "port", "tls", "ca_file", "username", "password", "from", "reply_to", "answer_timeout", "connections",
    "messages_per_connection", "bounce_domain", "ehlo_name", "postal_address", "unsubscribe",
)  # fmt: skip


class ConfigProblem(ValueError):
    """The channel's table in the configuration is wrong; each mistake on its own line, nothing was built."""

    def __init__(self, mistakes: list[str]) -> None:
        self.mistakes = mistakes
        count = f"{len(mistakes)} mistake{'' if len(mistakes) == 1 else 's'}"
        super().__init__("\n".join([f"plugin 'email': {count} in its configuration", *(f"  {m}" for m in mistakes)]))


@dataclass(frozen=True, slots=True)
class Settings:
    """One SMTP account. `timeout` (the key `answer_timeout`) is seconds for one answer of the server."""

    host: str
    port: int
    tls: Tls
    sender: Address
    ca_file: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    reply_to: Address | None = None
    timeout: float = 20.0
    connections: int = 4
    messages_per_connection: int = 100
    bounce_domain: str = ""
    ehlo_name: str = ""
    postal_address: str = ""
    unsubscribe: str = ""  #: a link with `{token}` in it

    @property
    def id_domain(self) -> str:
        """The domain of Message-IDs."""
        return self.bounce_domain or self.sender.domain


def read_settings(config: Mapping[str, Any]) -> Settings:
    """Read the table; raises `ConfigProblem` naming every mistake."""
    table = _Table(dict(config))
    tls = table.take("tls", USUAL_TLS, _tls)
    username, password = table.take("username", "", _text), table.take("password", "", _text)
    if bool(username) != bool(password):
        table.mistakes.append(
            "username and password: one is missing; write both, or neither for a server that asks for none"
        )
    settings = Settings(
        host=table.must("host", "", _host),
        port=table.take("port", PORTS[tls], _port),
        tls=tls,
        sender=table.must("from", Address("", ""), _mailbox),
        ca_file=table.take("ca_file", "", _text),
        username=username,
        password=password,
        reply_to=table.take("reply_to", cast("Address | None", None), _mailbox),
        timeout=table.take("answer_timeout", 20.0, _seconds),
        connections=table.take("connections", 4, _count),
        messages_per_connection=table.take("messages_per_connection", 100, _count),
        bounce_domain=table.take("bounce_domain", "", _domain),
        ehlo_name=table.take("ehlo_name", "", _domain),
        postal_address=table.take("postal_address", "", _text),
        unsubscribe=table.take("unsubscribe", "", _link),
    )
    table.take("kind", "email", _kind)
    table.finish()
    return settings


class _Table:
    """A table being emptied key by key; what is left over at the end is unknown."""

    def __init__(self, rest: dict[str, Any]) -> None:
        self.rest = rest
        self.mistakes: list[str] = []

    def take(self, key: str, default: T, read: Callable[[Any], T]) -> T:
        if key not in self.rest:
            return default
        try:
            return read(self.rest.pop(key))
        except ValueError as why:
            self.mistakes.append(f"{key}: {why}")
            return default

    def must(self, key: str, otherwise: T, read: Callable[[Any], T]) -> T:
        if key not in self.rest:
            self.mistakes.append(f"{key}: is missing")
        return self.take(key, otherwise, read)

    def finish(self) -> None:
        for key in self.rest:
            near = difflib.get_close_matches(key, KNOWN, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(KNOWN)}"
            self.mistakes.append(f"{key}: is not a key that is known here; {hint}")
        if self.mistakes:
            raise ConfigProblem(self.mistakes)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{type(value).__name__} given; it should be text in quotes")  # the value may be a secret
    return value


def _kind(value: Any) -> str:
    if value != "email":
        raise ValueError(f"{value!r} is not what this plugin sends; it sends e-mail")
    return "email"


def _tls(value: Any) -> Tls:
    if value not in PORTS:
        raise ValueError(f'{value!r} should be "starttls", "tls" or "none"')
    return cast("Tls", value)


def _host(value: Any) -> str:
    if not isinstance(value, str) or not value or any(c.isspace() or c in "/@" for c in value):
        raise ValueError(f'{value!r} is not a host; write its name alone, like "smtp.example.com"')
    return value


def _port(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 65536:
        raise ValueError(f"{value!r} is not a port; write a number from 1 to 65535")
    return value


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{value!r} should be a whole number from 1 up")
    return value


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 600:
        raise ValueError(f"{value!r} should be a number of seconds up to 600")
    return float(value)


def _mailbox(value: Any) -> Address:
    if not isinstance(value, str):
        raise ValueError(f'{value!r} is not an address; write it like "Dana <dana@example.com>"')
    return read_mailbox(value)


def _domain(value: Any) -> str:
    try:
        return read_address(f"x@{_text(value)}").domain
    except BadAddress as why:
        raise ValueError(f"{value!r} is not a domain name") from why


def _link(value: Any) -> str:
    text = _text(value)
    if (
        not text.startswith(("https://", "http://"))
        or "{token}" not in text
        or any(c.isspace() or c in "<>" for c in text)
    ):
        raise ValueError(f'{value!r} should be a link with {{token}} in it, like "https://example.com/u/{{token}}"')
    return text
