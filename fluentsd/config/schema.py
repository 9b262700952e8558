"""The schema of `fluentsd.toml`: its tables, keys and valid values; each error shows a valid value."""

from __future__ import annotations

import importlib.util
import ipaddress
import re
from contextlib import suppress
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from fluentsd.api import Meaning
from fluentsd.domain.breakers import Shares
from fluentsd.domain.retention import Retention
from fluentsd.domain.subscriptions import WEBHOOK_TOPICS, check_pattern
from fluentsd.domain.time.durations import BadDuration, Delay, Rate


def _span(shortest: int, longest: int) -> AfterValidator:
    """A validator for elapsed time between two bounds, in seconds."""

    def check(text: str) -> str:
        try:
            delay = Delay.parse(text)
        except BadDuration:
            raise ValueError(f'{text!r} is not a duration; write it like "30 s", "2 min" or "1 hour"') from None
        if delay.unit != "seconds":
            raise ValueError(f'{text!r} counts days; write seconds, minutes or hours, like "30 s"')
        if not shortest <= delay.count <= longest:
            raise ValueError(f"{text!r} is not between {Delay(shortest)} and {Delay(longest)}")
        return text

    return AfterValidator(check)


def _rate(text: str) -> str:
    Rate.parse(text)
    return text


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    return text


def _web_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError('is not a web address; write it like "https://example.com/hooks/fluentsd"')
    return text


Text = Annotated[str, AfterValidator(_filled)]
#: A name of a source or agent provider.
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Database(_Table):
    path: Text | None = None
    url: Text | None = None

    @model_validator(mode="after")
    def _one(self) -> Database:
        if self.path is not None and self.url is not None:
            raise ValueError("has both path and url; keep one: path for a SQLite file, url for PostgreSQL")
        if self.url is not None:
            _check_url(self.url)
        return self


class _Daemon(_Table):
    socket: Text | None = None
    socket_group: Annotated[str, AfterValidator(_group)] | None = None
    grace: Annotated[str, _span(0, 3600)] = "20 s"
    call_grace: Annotated[str, _span(0, 3600)] = "60 s"
    backups: Text | None = None
    folder: Text | None = None
    secret_key: Text | None = None
    recordings: Text | None = None


_ACCOUNT = re.compile(r"@?[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,255}\$?")


def _account(text: str) -> str:
    if not _ACCOUNT.fullmatch(text):
        raise ValueError(f'{text!r} is not a user or a group of this machine; write it like "dana" or "@sales"')
    return text


def _group(text: str) -> str:
    if text.startswith("@") or not _ACCOUNT.fullmatch(text):
        raise ValueError(f'{text!r} is not a group of this machine; write it like "sales"')
    return text


Accounts = list[Annotated[str, AfterValidator(_account)]]


class _Roles(_Table):
    """Users and groups (`@name`) of this machine by role."""

    admin: Accounts = []
    manager: Accounts = []
    operator: Accounts = []
    viewer: Accounts = []


class _Log(_Table):
    format: Literal["text", "json"] = "text"
    level: Literal["debug", "info", "warning", "error"] = "info"


class _Notify(_Table):
    url: Annotated[str, AfterValidator(_web_address)]
    secret: Text | None = None
    topics: Annotated[list[Annotated[str, AfterValidator(check_pattern)]], Field(min_length=1)] = list(WEBHOOK_TOPICS)


def _listen(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not (colon and host.strip("[]") and port.isdigit() and int(port) < 65_536):
        raise ValueError(f'{text!r} is not a listening address; write it like "127.0.0.1:8464"')
    return text


def _public(text: str) -> str:
    parts = urlsplit(_web_address(text))
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(f'{text!r} has a path or query; write only scheme and host, like "https://calls.example.com"')
    return text.rstrip("/")


def _network(text: str) -> str:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f'{text!r} is not an address or network; write it like "10.0.0.5" or "10.0.0.0/8"') from None
    return text


class Http(_Table):
    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:8464"
    public_url: Annotated[str, AfterValidator(_public)] | None = None
    trusted_proxies: list[Annotated[str, AfterValidator(_network)]] = []


def _slack_id(kinds: str, example: str) -> AfterValidator:
    """A validator for an id of Slack that begins with one of these letters."""
    pattern = re.compile(rf"[{kinds}][A-Z0-9]{{1,20}}")

    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f'{text!r} is not an id of Slack; write it like "{example}"')
        return text

    return AfterValidator(check)


def _command(text: str) -> str:
    if not re.fullmatch(r"/[a-z0-9_-]{1,31}", text):
        raise ValueError(f'{text!r} is not a command of Slack; write it like "/campaign"')
    return text


def _token(prefix: str) -> AfterValidator:
    """A validator for a token of one kind; the message never repeats it."""

    def check(text: str) -> str:
        if not text.startswith(prefix):
            raise ValueError(f'is not a token that begins with "{prefix}"; copy it from the app\'s page at Slack')
        return text

    return AfterValidator(check)


def _time_of_day(text: str) -> str:
    time, _, zone = text.partition(" ")
    if zone and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", time):
        with suppress(ValueError, OSError, KeyError):
            return f"{time} {ZoneInfo(zone).key}"
    raise ValueError(f'{text!r} is not a time with its zone; write it like "09:00 America/New_York"')


SlackIds = list[Annotated[str, _slack_id("UWS", "U012AB3CD")]]


class _SlackRoles(_Table):
    """Users ("U…") and user groups ("S…") of the workspace by role."""

    admin: SlackIds = []
    manager: SlackIds = []
    operator: SlackIds = []
    viewer: SlackIds = []


class Slack(_Table):
    app_token: Annotated[str, _token("xapp-")]
    bot_token: Annotated[str, _token("xoxb-")]
    command: Annotated[str, AfterValidator(_command)] = "/campaign"
    channel: Annotated[str, _slack_id("CG", "C012AB3CD")] | None = None
    roles: _SlackRoles = _SlackRoles()
    approvers: list[Annotated[str, _slack_id("UW", "U012AB3CD")]] = []
    second_approver_above: Annotated[int, Field(ge=0)] | None = None
    api_url: Annotated[str, AfterValidator(_web_address)] = "https://slack.com/api/"
    digest: Annotated[str, AfterValidator(_time_of_day)] | None = None

    @model_validator(mode="after")
    def _enough_approvers(self) -> Slack:
        if self.second_approver_above is not None and len(set(self.approvers)) < 2:
            raise ValueError("second_approver_above needs two approvers at least, because nobody approves their own "
                             'start; write approvers = ["U012AB3CD", "U045EF6GH"]')  # fmt: skip
        if importlib.util.find_spec("slack_bolt") is None:
            raise ValueError("Slack needs its libraries: pip install 'fluentsd[slack]'")
        return self


class _Limits(_Table):
    per_contact: Annotated[str, AfterValidator(_rate)] | None = None
    gap: Annotated[str, _span(1, 30 * 86_400)] | None = None


class Channel(_Table):
    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    plugin: Text
    concurrency: Annotated[int, Field(strict=False, ge=1, le=10_000)] = 50
    pace: Annotated[str, AfterValidator(_rate)] | None = None
    timeout: Annotated[str, _span(1, 3600)] = "30 s"


class Plugin(_Table):
    """One source or agent provider."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    plugin: Text
    concurrency: Annotated[int, Field(strict=False, ge=1, le=1_000)] = 10
    timeout: Annotated[str, _span(1, 3600)] = "60 s"


MEANINGS: tuple[str, ...] = get_args(Meaning)


def _meaning(text: str) -> str:
    if text not in MEANINGS:
        known = ", ".join(meaning for meaning in MEANINGS if meaning)
        raise ValueError(f'{text!r} is not a meaning of a field; write one of {known}, or "" for none')
    return text


class Source(Plugin):
    """One source: the plugin's keys, and how it is synced."""

    sync_every: Annotated[str, _span(10, 86_400)] = "1 min"
    walk_every: Annotated[str, _span(60, 7 * 86_400)] = "1 hour"
    consent_max_age: Annotated[str, _span(60, 7 * 86_400)] = "15 min"
    hold_above: Annotated[float, Field(strict=False, gt=0, le=1)] = 0.1
    write_back: bool = True
    region: Annotated[str, Field(pattern="^[A-Z]{2}$")] = "US"
    map: dict[str, Annotated[str, AfterValidator(_meaning)]] = {}


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise ValueError(f'{text!r} is not a name; write small letters, digits and hyphens, like "hubspot-eu"')
    return text


Name = Annotated[str, AfterValidator(_name)]


class Channels(_Table):
    phone: Channel | None = None
    sms: Channel | None = None
    email: Channel | None = None


class File(_Table):
    database: Database = Database()
    daemon: _Daemon = _Daemon()
    roles: _Roles = _Roles()
    log: _Log = _Log()
    notify: _Notify | None = None
    http: Http | None = None
    slack: Slack | None = None
    limits: _Limits = _Limits()
    breakers: Shares = Shares()
    retention: Retention = Retention()
    channel: Channels = Channels()
    source: dict[Name, Source] = {}
    agents: dict[Name, Plugin] = {}


def _check_url(url: str) -> None:
    scheme, _, rest = url.partition("://")
    if scheme.partition("+")[0] in ("postgresql", "postgres"):
        if importlib.util.find_spec("asyncpg") is None:
            raise ValueError("url: PostgreSQL needs a driver: pip install 'fluentsd[postgresql]'")
    elif scheme.partition("+")[0] != "sqlite":
        raise ValueError('url is not "postgresql://user@host/name" or "sqlite:///path"')
    elif not rest.startswith("/") or rest in ("/", "/:memory:") or "?" in rest:
        raise ValueError("url: a SQLite database is a file; write sqlite:////absolute/path or sqlite:///relative/path")
