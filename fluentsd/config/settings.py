"""The settings in effect, frozen; and their table for display, with secrets masked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from fluentsd.api import Kind
from fluentsd.config.connections import Connections
from fluentsd.config.schema import Channel, Source
from fluentsd.domain.breakers import STANDARD, Breaker
from fluentsd.domain.retention import USUAL, What
from fluentsd.domain.subscriptions import WEBHOOK_TOPICS
from fluentsd.domain.sync_options import SyncOptions
from fluentsd.settings_file import PREFIX
from fluentsd.validation import Place, is_secret

MASK = "****"
#: The daemon's own keys of `[channel.<name>]`; every other key there is the plugin's.
DAEMON_KEYS = frozenset(Channel.model_fields) | frozenset(Source.model_fields)
#: The tables of plugins; the daemon's own keys of `[source.<name>]` and `[agents.<name>]` are among `DAEMON_KEYS`.
PLUGIN_TABLES = ("channel", "source", "agents")
_PASSWORD_IN_URL = re.compile(r"(://[^/@:\s]*:)[^/@\s]+@")


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """One channel. `interval` (between two starts; 0 is no limit) and `timeout` are microseconds; `options` are the
    plugin's own keys."""

    kind: Kind
    plugin: str
    concurrency: int
    interval: int
    timeout: int
    options: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class PluginSettings:
    """One source or agent provider. `timeout` is microseconds; `options` are the plugin's own keys."""

    name: str
    plugin: str
    concurrency: int
    timeout: int
    options: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class NotifySettings:
    """The webhook that receives the outbox events."""

    url: str = field(repr=False)
    secret: str | None = field(repr=False)
    topics: tuple[str, ...] = WEBHOOK_TOPICS


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """The listening address of the web front, its public address, and the proxies whose X-Forwarded-For is trusted."""

    host: str
    port: int
    public_url: str | None
    trusted_proxies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SlackSettings:
    """The Slack app. `roles`: ids of users ("U…") and user groups ("S…") by role; `approvers`: users who may approve a
    start of more than `second_approver_above` people (None: no approval is needed); `channel`: where cards and alerts
    go, None when they go nowhere."""

    app_token: str = field(repr=False)
    bot_token: str = field(repr=False)
    command: str
    channel: str | None
    roles: Mapping[str, tuple[str, ...]]
    approvers: tuple[str, ...]
    second_approver_above: int | None
    api_url: str
    digest: str | None = None  #: "09:00 America/New_York": when the daily digest is posted


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings in effect. `database_url` is the store's URL, `database_file` is None on PostgreSQL; `grace` is
    microseconds."""

    path: Path
    database_url: str = field(repr=False)
    database_file: Path | None
    socket: Path
    grace: int
    backups: Path
    folder: Path
    recordings: Path
    connections: Connections = field(repr=False)
    log_format: Literal["text", "json"]
    log_level: Literal["debug", "info", "warning", "error"]
    notify: NotifySettings | None
    channels: Mapping[Kind, ChannelSettings]
    http: HttpSettings | None = None
    slack: SlackSettings | None = None
    sources: Mapping[str, PluginSettings] = field(default_factory=dict)
    connected: frozenset[str] = frozenset()  #: sources that `fluentsd source connect` made
    waiting_sources: Mapping[str, str] = field(default_factory=dict)  #: connected, but not readable: name → problem
    syncs: Mapping[str, SyncOptions] = field(default_factory=dict)  #: how each source is synced, by name
    agent_providers: Mapping[str, PluginSettings] = field(default_factory=dict)
    socket_group: str | None = None  #: the group that may connect to the control socket
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  #: users and groups (`@name`) by role
    call_grace: int = 0  #: microseconds for live calls at shutdown
    per_contact: str | None = None  #: the limit of contacts per person by all campaigns together
    gap: str | None = None  #: the least time between two contacts of one person
    breakers: tuple[Breaker, ...] = STANDARD
    retention: Mapping[What, int] = field(default_factory=lambda: USUAL)  #: microseconds
    _origin: Mapping[Place, str] = field(repr=False, default_factory=dict)
    _shown: Mapping[str, Any] = field(repr=False, default_factory=dict)

    def shown(self) -> dict[str, Any]:
        """The effective settings as a table, with secrets masked."""
        masked: dict[str, Any] = _mask(self._shown, (), self._origin)
        return masked


def _mask(value: Any, place: Place, origin: Mapping[Place, str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _mask(inner, (*place, key), origin) for key, inner in value.items()}
    if isinstance(value, list):
        return [_mask(inner, (*place, index), origin) for index, inner in enumerate(value)]
    source = origin.get(place)
    if source is not None and not source.startswith(PREFIX):
        return f"{MASK} ({source})"
    of_plugin = source is not None and place[0] in PLUGIN_TABLES and place[-1] not in DAEMON_KEYS
    if of_plugin or any(is_secret(part) for part in place):
        return f"{MASK} ({source})" if source else MASK
    if place == ("notify", "url"):  # the path of a webhook's address is its password
        parts = urlsplit(value)
        return f"{parts.scheme}://{parts.hostname}/{MASK}"
    return _PASSWORD_IN_URL.sub(rf"\1{MASK}@", value) if isinstance(value, str) else value
