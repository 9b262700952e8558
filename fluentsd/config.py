"""The installation: `fluentsd.toml`, the environment and credentials become frozen settings, or a list of mistakes.

What is read here describes this machine only: database, socket, log, channels. Campaigns, numbers and agents live in
the database. Nothing here opens a database, a network or a plugin: a channel's own keys are handed on untouched.

The file, the environment over it, and references followed make one table (`layers`); here it gets its shape. What came
from elsewhere, or is secret by its name, is masked in `Settings.shown` and repeated in no mistake.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, cast
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from fluentsd.api import Kind
from fluentsd.domain.breakers import STANDARD, Breaker, Shares
from fluentsd.domain.durations import SECOND, BadDuration, Delay, Rate
from fluentsd.domain.retention import USUAL, Retention, What
from fluentsd.layers import PREFIX, Layers
from fluentsd.problems import Place, Problems, explain, explain_toml, is_secret

NAME = "fluentsd.toml"
SYSTEM = Path("/etc/fluentsd") / NAME
#: What `fluentsd init` writes: runs as it is, on carriers that exist only on this machine.
TEMPLATE = (Path(__file__).parent / "template.toml").read_text(encoding="utf-8")
MASK = "****"
_PASSWORD_IN_URL = re.compile(r"(://[^/@:\s]*:)[^/@\s]+@")


class NoSettings(LookupError):
    """There is no configuration file where it is looked for; the message says where, and how to get one."""


# ── the settings ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """One way to reach people. `interval` (between two starts; 0 is no limit) and `timeout` are microseconds;
    `options` are the plugin's own keys."""

    kind: Kind
    plugin: str
    concurrency: int
    interval: int
    timeout: int
    options: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class NotifySettings:
    """Where the outbox is posted to."""

    url: str = field(repr=False)
    secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Where the web front listens, the address it is known by outside, and whose word about clients is taken."""

    host: str
    port: int
    public_url: str | None
    trusted_proxies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """What is in effect. `database_url` is as the store takes it, `database_file` is None on PostgreSQL; `grace` is
    microseconds."""

    path: Path
    database_url: str = field(repr=False)
    database_file: Path | None
    socket: Path
    grace: int
    backups: Path
    folder: Path
    log_format: Literal["text", "json"]
    log_level: Literal["debug", "info", "warning", "error"]
    notify: NotifySettings | None
    channels: Mapping[Kind, ChannelSettings]
    http: HttpSettings | None = None
    per_contact: str | None = None  #: how often one person may be contacted by all campaigns together
    gap: str | None = None  #: and the least time between two contacts
    breakers: tuple[Breaker, ...] = STANDARD
    retention: Mapping[What, int] = field(default_factory=lambda: USUAL)  #: microseconds
    _origin: Mapping[Place, str] = field(repr=False, default_factory=dict)
    _shown: Mapping[str, Any] = field(repr=False, default_factory=dict)

    def shown(self) -> dict[str, Any]:
        """The effective settings as a table, with secrets masked."""
        masked: dict[str, Any] = _mask(self._shown, (), self._origin)
        return masked


# ── the file's shape ─────────────────────────────────────────────────────────────────────────────────────────────


def _span(shortest: int, longest: int) -> AfterValidator:
    """A duration in elapsed time within these seconds."""

    def check(text: str) -> str:
        try:
            delay = Delay.parse(text)
        except BadDuration:
            raise ValueError(f'{text!r} is not a length of time; write it like "30 s", "2 min" or "1 hour"') from None
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


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Database(_Table):
    path: Text | None = None
    url: Text | None = None

    @model_validator(mode="after")
    def _one(self) -> _Database:
        if self.path is not None and self.url is not None:
            raise ValueError("has both path and url; keep one: path for a SQLite file, url for PostgreSQL")
        if self.url is not None:
            _check_url(self.url)
        return self


class _Daemon(_Table):
    socket: Text | None = None
    grace: Annotated[str, _span(0, 3600)] = "20 s"
    backups: Text | None = None
    folder: Text | None = None


class _Log(_Table):
    format: Literal["text", "json"] = "text"
    level: Literal["debug", "info", "warning", "error"] = "info"


class _Notify(_Table):
    url: Annotated[str, AfterValidator(_web_address)]
    secret: Text | None = None


def _listen(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not (colon and host.strip("[]") and port.isdigit() and int(port) < 65_536):
        raise ValueError(f'{text!r} is not a place to listen; write it like "127.0.0.1:8464"')
    return text


def _public(text: str) -> str:
    parts = urlsplit(_web_address(text))
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(f'{text!r} goes beyond the host; write it like "https://calls.example.com"')
    return text.rstrip("/")


def _network(text: str) -> str:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f'{text!r} is not an address or network; write it like "10.0.0.5" or "10.0.0.0/8"') from None
    return text


class _Http(_Table):
    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:8464"
    public_url: Annotated[str, AfterValidator(_public)] | None = None
    trusted_proxies: list[Annotated[str, AfterValidator(_network)]] = []


class _Limits(_Table):
    per_contact: Annotated[str, AfterValidator(_rate)] | None = None
    gap: Annotated[str, _span(1, 30 * 86_400)] | None = None


class _Channel(_Table):
    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    plugin: Text
    concurrency: Annotated[int, Field(strict=False, ge=1, le=10_000)] = 50
    pace: Annotated[str, AfterValidator(_rate)] | None = None
    timeout: Annotated[str, _span(1, 3600)] = "30 s"


class _Channels(_Table):
    phone: _Channel | None = None
    sms: _Channel | None = None
    email: _Channel | None = None


class _File(_Table):
    database: _Database = _Database()
    daemon: _Daemon = _Daemon()
    log: _Log = _Log()
    notify: _Notify | None = None
    http: _Http | None = None
    limits: _Limits = _Limits()
    breakers: Shares = Shares()
    retention: Retention = Retention()
    channel: _Channels = _Channels()


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────


def find(explicit: str | Path | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """The configuration file: --config, else $FLUENTSD_CONFIG, else ./fluentsd.toml, else the one in /etc/fluentsd."""
    named = explicit or environ.get(f"{PREFIX}CONFIG")
    if named:
        if Path(named).is_file():
            return Path(named)
        says = "--config" if explicit else f"${PREFIX}CONFIG"
        raise NoSettings(f"{named}, which {says} names, is not a file; correct it, or write one: fluentsd init")
    for path in (Path(NAME), SYSTEM):
        if path.is_file():
            return path
    raise NoSettings(f"there is no {NAME} here and no {SYSTEM}; write one: fluentsd init, or name it: --config FILE")


def load(path: Path, environ: Mapping[str, str] = os.environ, *, secrets: bool = True) -> Settings:
    """The settings in effect; `Problems` lists every mistake with its place.

    Without `secrets`, references are left out rather than followed: for a command that only speaks to the daemon and
    may not read the daemon's credentials.
    """
    path = path.absolute()
    table = _parse(path)
    layers = Layers(path.parent, environ)
    layers.override(table)
    layers.follow(table, secrets=secrets)
    if not secrets and isinstance(table.get("notify"), dict) and "url" not in table["notify"]:
        del table["notify"]  # its address is a secret, and only a daemon posts there
    try:
        read = _File.model_validate(table)
    except ValidationError as why:
        lines = [*layers.mistakes, *explain(_File, why, origin=layers.origin)]
        raise Problems(str(path), lines) from None
    if layers.mistakes:
        raise Problems(str(path), layers.mistakes)
    return _settle(path, read, layers.origin)


def _parse(path: Path) -> dict[str, Any]:
    text = ""
    try:
        text = path.read_text(encoding="utf-8-sig")
        return tomllib.loads(text)
    except UnicodeDecodeError as why:
        line = why.object.count(b"\n", 0, why.start) + 1
        raise Problems(str(path), [f"the file is not UTF-8 (line {line}); save it as UTF-8"]) from None
    except tomllib.TOMLDecodeError as why:
        raise Problems(str(path), [f"the file is not TOML: {explain_toml(text, why)}"]) from None
    except (ValueError, RecursionError):  # the interpreter's own limits
        raise Problems(str(path), ["the file is not TOML: its brackets or its digits go on without end"]) from None
    except OSError as why:
        raise Problems(str(path), [f"the file cannot be read: {why.strerror}"]) from None


# ── settling ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _settle(path: Path, read: _File, origin: Mapping[Place, str]) -> Settings:
    home = path.parent
    url, file = _database(home, read.database)
    beside = file.parent if file else home
    channels = {kind: _channel(kind, table) for kind, table in _tables(read.channel)}
    daemon = read.daemon
    settings = {
        "socket": home / daemon.socket if daemon.socket else beside / "fluentsd.sock",
        "backups": home / daemon.backups if daemon.backups else beside / "backups",
        "folder": home / daemon.folder if daemon.folder else beside / "plugins",
    }
    shown = read.model_dump(mode="json", exclude_none=True)
    shown["database"] = {"path": str(file)} if file else {"url": read.database.url}
    shown["daemon"] |= {key: str(value) for key, value in settings.items()}
    return Settings(
        path=path,
        database_url=url,
        database_file=file,
        grace=_micros(daemon.grace),
        log_format=read.log.format,
        log_level=read.log.level,
        notify=NotifySettings(read.notify.url, read.notify.secret) if read.notify else None,
        channels=channels,
        http=_http(read.http) if read.http else None,
        per_contact=read.limits.per_contact,
        gap=read.limits.gap,
        breakers=read.breakers.breakers(),
        retention=read.retention.ages(),
        _origin=origin,
        _shown={"file": str(path), **shown},
        **settings,
    )


def _http(table: _Http) -> HttpSettings:
    host, _, port = table.listen.rpartition(":")
    return HttpSettings(host.strip("[]"), int(port), table.public_url, tuple(table.trusted_proxies))


def _tables(channels: _Channels) -> list[tuple[Kind, _Channel]]:
    return [(cast("Kind", kind), table) for kind, table in channels if table is not None]


def _channel(kind: Kind, table: _Channel) -> ChannelSettings:
    interval = Rate.parse(table.pace).interval if table.pace else 0
    options = dict(table.model_extra or {})
    return ChannelSettings(kind, table.plugin, table.concurrency, interval, _micros(table.timeout), options)


def _micros(text: str) -> int:
    return Delay.parse(text).count * SECOND


def _check_url(url: str) -> None:
    scheme, _, rest = url.partition("://")
    if scheme.partition("+")[0] in ("postgresql", "postgres"):
        if importlib.util.find_spec("asyncpg") is None:
            raise ValueError("url: PostgreSQL needs a driver: pip install 'fluentsd[postgresql]'")
    elif scheme.partition("+")[0] != "sqlite":
        raise ValueError('url is not "postgresql://user@host/name" or "sqlite:///path"')
    elif not rest.startswith("/") or rest in ("/", "/:memory:") or "?" in rest:
        raise ValueError("url: a SQLite database is a file: write sqlite:////absolute/path or sqlite:///relative/path")


def _database(home: Path, table: _Database) -> tuple[str, Path | None]:
    """The address as the store takes it, and the file if it is one."""
    if table.url is None or table.url.startswith("sqlite"):
        named = table.path or (table.url or "").partition(":///")[2] or "fluentsd.db"
        file = home / named
        return f"sqlite+aiosqlite:///{quote(str(file))}", file
    parts = urlsplit(table.url)
    # libpq's word for TLS, as everybody writes it; the driver's is "ssl"
    query = [("ssl" if key == "sslmode" else key, value) for key, value in parse_qsl(parts.query)]
    return urlunsplit(parts._replace(scheme="postgresql+asyncpg", query=urlencode(query))), None


def _mask(value: Any, place: Place, origin: Mapping[Place, str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _mask(inner, (*place, key), origin) for key, inner in value.items()}
    if isinstance(value, list):
        return [_mask(inner, (*place, index), origin) for index, inner in enumerate(value)]
    source = origin.get(place)
    if source is not None and not source.startswith(PREFIX):
        return f"{MASK} ({source})"
    if any(is_secret(part) for part in place) or (source and place[0] == "channel" and place[-1] not in _HOUSE_KEYS):
        return f"{MASK} ({source})" if source else MASK
    if place == ("notify", "url"):  # the path of a webhook's address is its password
        parts = urlsplit(value)
        return f"{parts.scheme}://{parts.hostname}/{MASK}"
    return _PASSWORD_IN_URL.sub(rf"\1{MASK}@", value) if isinstance(value, str) else value


_HOUSE_KEYS = frozenset(_Channel.model_fields)
