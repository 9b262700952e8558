"""The settings of `[channel.email]` and `[channel.email.inbox]`; lists all mistakes at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from fluentsd.api import Table
from fluentsd_channel_email import config_values
from fluentsd_channel_email.addressing import Address

Tls = Literal["none", "starttls", "tls"]
Purpose = Literal["marketing", "transactional"]
#: The default port of each TLS mode.
PORTS: Mapping[Tls, int] = {"none": 25, "starttls": 587, "tls": 465}
INBOX_PORTS: Mapping[Tls, int] = {"none": 143, "starttls": 143, "tls": 993}
USUAL_TLS: Tls = "starttls"
USUAL_INBOX_TLS: Tls = "tls"
USUAL_PURPOSE: Purpose = "marketing"
KNOWN = (
    "host", "port", "tls", "ca_file", "username", "password", "from", "reply_to", "answer_timeout", "connections",
    "messages_per_connection", "pace_per_domain", "from_domains", "bounce_domain", "verp", "ehlo_name", "purpose",
    "postal_address", "unsubscribe", "dkim_selector", "inbox",
)  # fmt: skip
KNOWN_INBOX = (
    "host", "port", "tls", "ca_file", "username", "password", "folder", "poll", "processed_folder", "address",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class InboxSettings:
    """One IMAP folder. `poll` is the seconds between searches; with IDLE, the longest time without one."""

    host: str
    port: int
    tls: Tls
    username: str
    password: str = field(repr=False)
    ca_file: str = ""
    folder: str = "INBOX"
    processed_folder: str = ""
    poll: int = 60
    timeout: float = 20.0


@dataclass(frozen=True, slots=True)
class Settings:
    """One SMTP account and optionally its inbox.

    `timeout` (the key `answer_timeout`) is seconds for one answer of a server. `inbox_address` is the address of the
    inbox; None without an inbox.
    """

    host: str
    port: int
    tls: Tls
    sender: Address
    from_domains: tuple[str, ...] = ()  #: allowed From domains besides that of `sender`
    ca_file: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    reply_to: Address | None = None
    timeout: float = 20.0
    connections: int = 4
    messages_per_connection: int = 100
    pace_per_domain: Mapping[str, int] = field(default_factory=dict)  #: intervals, microseconds; "*" for all others
    bounce_domain: str = ""
    verp: bool = False
    ehlo_name: str = ""
    purpose: Purpose = "marketing"
    postal_address: str = ""
    unsubscribe: str = ""  #: a link with `{token}`
    dkim_selector: str = ""  #: the selector of our DKIM key; only for the check
    inbox: InboxSettings | None = None
    inbox_address: Address | None = None

    @property
    def id_domain(self) -> str:
        """The domain of Message-IDs and of return paths made for one attempt."""
        return self.bounce_domain or self.sender.domain


def read_settings(config: Mapping[str, Any]) -> Settings:
    """Read the table; raises `ConfigProblem` naming every mistake."""
    table = Table(config, KNOWN)
    tls = table.take("tls", USUAL_TLS, _tls)
    username, password = table.both("username", "password", config_values.text)
    bounce_domain = table.take("bounce_domain", "", config_values.domain)
    timeout = table.take("answer_timeout", 20.0, config_values.seconds)
    ca_file = table.take("ca_file", "", config_values.text)
    sender, reply_to = (
        table.must("from", Address("", ""), config_values.mailbox),
        table.take("reply_to", None, _mailbox),
    )
    inbox, inbox_address = _inbox(table, timeout, ca_file)
    settings = Settings(
        host=table.must("host", "", config_values.host),
        port=table.take("port", PORTS[tls], config_values.port),
        tls=tls,
        sender=sender,
        from_domains=table.take("from_domains", (), config_values.domains),
        ca_file=ca_file,
        username=username,
        password=password,
        reply_to=reply_to,
        timeout=timeout,
        connections=table.take("connections", 4, config_values.count),
        messages_per_connection=table.take("messages_per_connection", 100, config_values.count),
        pace_per_domain=table.take("pace_per_domain", {}, config_values.paces),
        bounce_domain=bounce_domain,
        verp=table.take("verp", bool(bounce_domain), config_values.flag),
        ehlo_name=table.take("ehlo_name", "", config_values.domain),
        purpose=table.take("purpose", USUAL_PURPOSE, _purpose),
        postal_address=table.take("postal_address", "", config_values.text).strip(),
        unsubscribe=table.take("unsubscribe", "", config_values.link),
        dkim_selector=table.take("dkim_selector", "", config_values.selector),
        inbox=inbox,
        inbox_address=(inbox_address or reply_to or sender) if inbox else None,
    )
    table.take("kind", "email", _kind)
    table.finish("email")
    return settings


def _inbox(outer: Table, timeout: float, ca_file: str) -> tuple[InboxSettings | None, Address | None]:
    """`[channel.email.inbox]`, whose mistakes become the outer table's."""
    table = outer.inner("inbox", KNOWN_INBOX, _table)
    if table is None:
        return None, None
    tls = table.take("tls", USUAL_INBOX_TLS, _tls)
    inbox = InboxSettings(
        host=table.must("host", "", config_values.host),
        port=table.take("port", INBOX_PORTS[tls], config_values.port),
        tls=tls,
        username=table.must("username", "", config_values.text),
        password=table.must("password", "", config_values.text),
        ca_file=table.take("ca_file", ca_file, config_values.text),
        folder=table.take("folder", "INBOX", _folder),
        processed_folder=table.take("processed_folder", "", _folder),
        poll=table.take("poll", 60, config_values.pause),
        timeout=timeout,
    )
    if inbox.processed_folder == inbox.folder:
        table.mistakes.append("inbox.processed_folder: is the same as inbox.folder; name another, or leave it out")
    return inbox, table.take("address", None, _mailbox)


def _table(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("should be a table, [channel.email.inbox]")
    return value


def _mailbox(value: Any) -> Address | None:
    return config_values.mailbox(value)


def _folder(value: Any) -> str:
    name = config_values.text(value)
    if not name or any(ord(c) < 32 for c in name):
        raise ValueError(f'{value!r} is not a folder name; write it like "INBOX"')
    return name


def _purpose(value: Any) -> Purpose:
    if value not in ("marketing", "transactional"):
        raise ValueError(f'{value!r} should be "marketing" or "transactional"')
    return cast("Purpose", value)


def _kind(value: Any) -> str:
    if value != "email":
        raise ValueError(f"{value!r} is not supported; this plugin sends e-mail")
    return "email"


def _tls(value: Any) -> Tls:
    if value not in PORTS:
        raise ValueError(f'{value!r} should be "starttls", "tls" or "none"')
    return cast("Tls", value)
