"""The configuration: reads `fluentsd.toml`, the environment and credentials into frozen settings, or lists mistakes.

The settings describe this machine only: database, socket, log, channels. Campaigns, numbers and agents live in the
database. Nothing here opens a database, a network or a plugin: a channel's own keys are passed on unchanged.

`environment` merges the file, environment overrides and references into one table; here it is validated. Values from
references and values with secret names are masked in `Settings.shown` and never appear in a mistake.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from pydantic import ValidationError

from fluentsd.api import Kind
from fluentsd.config.connections import Connections
from fluentsd.config.environment import EnvironmentOverlay
from fluentsd.config.schema import Channel, Channels, Database, File, Http, Plugin, Slack, Source
from fluentsd.config.settings import (
    MASK,
    ChannelSettings,
    HttpSettings,
    NotifySettings,
    PluginSettings,
    Settings,
    SlackSettings,
)
from fluentsd.domain.sync_options import SyncOptions
from fluentsd.domain.time.durations import SECOND, Delay, Rate
from fluentsd.sealing import KEY_FILE, Sealer
from fluentsd.settings_file import DATABASE, NAME, SOCKET, SYSTEM, NoSettings, find
from fluentsd.validation import Place, Problems, explain, explain_toml

__all__ = ["MASK", "NAME", "SYSTEM", "TEMPLATE", "ChannelSettings", "HttpSettings", "NoSettings", "NotifySettings",
           "PluginSettings", "Settings", "SlackSettings", "find", "load",
           "source_settings"]  # fmt: skip

#: The file that `fluentsd init` writes; it works unchanged, with simulated carriers on this machine.
TEMPLATE = (Path(__file__).parent / "template.toml").read_text(encoding="utf-8")


def load(path: Path, environ: Mapping[str, str] = os.environ, *, secrets: bool = True) -> Settings:
    """The settings in effect; `Problems` lists every mistake with its place.

    Without `secrets`, references are left out: for a command that only connects to the daemon and may not read the
    daemon's credentials.
    """
    path = path.absolute()
    table = _parse(path)
    environment = EnvironmentOverlay(path.parent, environ)
    environment.override(table)
    environment.follow(table, secrets=secrets)
    if not secrets and isinstance(table.get("notify"), dict) and "url" not in table["notify"]:
        del table["notify"]  # its address is a secret, and only a daemon posts there
    if not secrets and isinstance(table.get("slack"), dict) and not {"app_token", "bot_token"} <= table["slack"].keys():
        del table["slack"]  # only a daemon, and `slack check`, talk to Slack
    try:
        read = File.model_validate(table)
    except ValidationError as why:
        lines = [*environment.mistakes, *explain(File, why, origin=environment.origin)]
        raise Problems(str(path), lines) from None
    if environment.mistakes:
        raise Problems(str(path), environment.mistakes)
    return _settle(path, read, environment.origin, connected=secrets)


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
        raise Problems(
            str(path), ["the file is not TOML: brackets are nested too deeply, or a number is too long"]
        ) from None
    except OSError as why:
        raise Problems(str(path), [f"the file cannot be read: {why.strerror}"]) from None


def _settle(path: Path, read: File, origin: Mapping[Place, str], *, connected: bool) -> Settings:
    home = path.parent
    url, file = _database(home, read.database)
    beside = file.parent if file else home
    channels = {kind: _channel(kind, table) for kind, table in _tables(read.channel)}
    daemon = read.daemon
    settings = {
        "socket": home / daemon.socket if daemon.socket else beside / SOCKET,
        "backups": home / daemon.backups if daemon.backups else beside / "backups",
        "folder": home / daemon.folder if daemon.folder else beside / "plugins",
        "recordings": home / daemon.recordings if daemon.recordings else beside / "recordings",
    }
    connections = Connections(settings["folder"] / "sources", Sealer(home / KEY_FILE, daemon.secret_key))
    sources, waiting = _sources(path, read, connections) if connected else (read.source, {})
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
        notify=NotifySettings(read.notify.url, read.notify.secret, tuple(read.notify.topics)) if read.notify else None,
        channels=channels,
        http=_http(read.http) if read.http else None,
        slack=_slack(read.slack) if read.slack else None,
        sources=_plugins(sources),
        connections=connections,
        connected=frozenset(sources.keys() | waiting.keys()) - read.source.keys(),
        waiting_sources=waiting,
        syncs={name: _sync(table) for name, table in sources.items()},
        agent_providers=_plugins(read.agents),
        socket_group=daemon.socket_group,
        roles={role: tuple(accounts) for role, accounts in read.roles},
        call_grace=_micros(daemon.call_grace),
        per_contact=read.limits.per_contact,
        gap=read.limits.gap,
        breakers=read.breakers.breakers(),
        retention=read.retention.ages(),
        _origin=origin,
        _shown={"file": str(path), **shown},
        **settings,
    )


def _sources(path: Path, read: File, connections: Connections) -> tuple[dict[str, Source], dict[str, str]]:
    """The tables of all sources, those of the file and the connected ones; and connected ones that cannot be read, each
    with its problem."""
    names = connections.names()
    both = [
        f"source.{name}: is connected too, by `fluentsd source connect`; keep one: remove [source.{name}] here, "
        f"or delete {connections.file(name)}"
        for name in names
        if name in read.source
    ]
    if both:
        raise Problems(str(path), both)
    found = {name: connections.read(name) for name in names}
    tables = {name: Source.model_validate(one.table) for name, one in found.items() if not one.problem}
    return {**read.source, **tables}, {name: one.problem for name, one in found.items() if one.problem}


def _http(table: Http) -> HttpSettings:
    host, _, port = table.listen.rpartition(":")
    return HttpSettings(host.strip("[]"), int(port), table.public_url, tuple(table.trusted_proxies))


def _slack(table: Slack) -> SlackSettings:
    return SlackSettings(
        app_token=table.app_token,
        bot_token=table.bot_token,
        command=table.command,
        channel=table.channel,
        roles={role: tuple(ids) for role, ids in table.roles},
        approvers=tuple(table.approvers),
        second_approver_above=table.second_approver_above,
        api_url=table.api_url.rstrip("/") + "/",
        digest=table.digest,
    )


def _tables(channels: Channels) -> list[tuple[Kind, Channel]]:
    return [(cast("Kind", kind), table) for kind, table in channels if table is not None]


def _channel(kind: Kind, table: Channel) -> ChannelSettings:
    interval = Rate.parse(table.pace).interval if table.pace else 0
    options = dict(table.model_extra or {})
    return ChannelSettings(kind, table.plugin, table.concurrency, interval, _micros(table.timeout), options)


def _plugins(tables: Mapping[str, Plugin]) -> dict[str, PluginSettings]:
    return {name: _plugin(name, table) for name, table in tables.items()}


def _plugin(name: str, table: Plugin) -> PluginSettings:
    return PluginSettings(name, table.plugin, table.concurrency, _micros(table.timeout), dict(table.model_extra or {}))


def source_settings(name: str, table: Mapping[str, Any]) -> PluginSettings:
    """A table `[source.<name>]` that is in no file; raises pydantic's `ValidationError`."""
    return _plugin(name, Source.model_validate(dict(table)))


def _sync(table: Source) -> SyncOptions:
    return SyncOptions(
        every=_micros(table.sync_every),
        walk_every=_micros(table.walk_every),
        consent_max_age=_micros(table.consent_max_age),
        share=table.hold_above,
        write_back=table.write_back,
        meanings=table.map,
        region=table.region,
    )


def _micros(text: str) -> int:
    return Delay.parse(text).count * SECOND


def _database(home: Path, table: Database) -> tuple[str, Path | None]:
    """The database URL for the store, and the file if it is SQLite."""
    if table.url is None or table.url.startswith("sqlite"):
        named = table.path or (table.url or "").partition(":///")[2] or DATABASE
        file = home / named
        return f"sqlite+aiosqlite:///{quote(str(file))}", file
    parts = urlsplit(table.url)
    # libpq's usual key for TLS; the driver's key is "ssl"
    query = [("ssl" if key == "sslmode" else key, value) for key, value in parse_qsl(parts.query)]
    return urlunsplit(parts._replace(scheme="postgresql+asyncpg", query=urlencode(query))), None
