"""Builds the configured plugins from the settings: channels, sources and agent providers, each with its tools.

Nothing here opens a database or a network connection; a factory that fails is a line in `Problems`, and all are listed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import trio
from pydantic import ValidationError

from fluentsd.api import AgentProvider, Closes, Kind, Links, Source, Tools
from fluentsd.config import PluginSettings, Settings
from fluentsd.engine.channel_state import ChannelState
from fluentsd.engine.sync.held_sources import WaitingSource
from fluentsd.engine.wakeup import EngineClock
from fluentsd.plugins import PluginProblem, Plugins
from fluentsd.sealing import SealedSecrets
from fluentsd.urls import AgentLinks, NoLinks, PublicLinks
from fluentsd.validation import Problems, explain

if TYPE_CHECKING:
    import httpx

HttpClient: TypeAlias = "Callable[[], httpx.AsyncClient]"
#: Blocking calls of one plugin at once, whatever its concurrency: each is a thread.
THREADS_AT_MOST = 40
#: Seconds for all of them together to close their connections.
CLOSING_AT_MOST = 0.3


@dataclass(frozen=True, slots=True)
class ConfiguredPlugins:
    """The channels, sources and agent providers of the settings, by name."""

    channels: dict[Kind, ChannelState] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    agent_providers: dict[str, AgentProvider] = field(default_factory=dict)

    async def close(self) -> None:
        """Close those that have connections of their own; channels first, because they use agent providers."""
        channels = [channel_state.abilities.closes for channel_state in self.channels.values()]
        others = [one if isinstance(one, Closes) else None for one in (*self.sources.values(), *self._providers())]
        with trio.move_on_after(CLOSING_AT_MOST, shield=True):
            for one in (*channels, *others):
                if one is not None:
                    await one.aclose()

    def _providers(self) -> list[AgentProvider]:
        return list(self.agent_providers.values())


def build_plugins(
    settings: Settings,
    clock: EngineClock,
    plugins: Plugins,
    *,
    log: Any,
    http: HttpClient,
) -> ConfiguredPlugins:
    """Every configured part; `Problems` lists all mistakes, but those of a source that a person connected: it waits."""
    return _Builder(settings, clock, plugins, log, http).build()


def build_source(
    settings: Settings, table: PluginSettings, clock: EngineClock, plugins: Plugins, log: Any, http: HttpClient
) -> tuple[Source | None, list[str]]:
    """One source that may be none of the settings; or None and the mistakes."""
    builder = _Builder(settings, clock, plugins, log, http)
    return builder.source(table.name, table), builder.mistakes


class _Builder:
    """The material of all factories, and their mistakes."""

    def __init__(
        self,
        settings: Settings,
        clock: EngineClock,
        plugins: Plugins,
        log: Any,
        http: HttpClient,
    ) -> None:
        self._material = (settings, clock, plugins, log, http)
        self.settings, self.clock, self.plugins, self.log, self.http = settings, clock, plugins, log, http
        self.base = settings.http.public_url if settings.http else None
        self.mistakes: list[str] = []

    def build(self) -> ConfiguredPlugins:
        configured, settings, plugins = ConfiguredPlugins(), self.settings, self.plugins
        for name, table in settings.agent_providers.items():
            tools = self._tools("agents", name, table.concurrency, AgentLinks(name, self.base))
            with self._listing(f"agents.{name}", table.plugin, plugins.agent_providers, tools):
                configured.agent_providers[name] = plugins.build_agent_provider(table.plugin, {**table.options}, tools)
        for name, table in settings.sources.items():
            mine = self if name not in settings.connected else _Builder(*self._material)
            source = mine.source(name, table)
            if source is None and mine is not self:
                source = WaitingSource(f"{'; '.join(mine.mistakes)}; connect it again: fluentsd source connect {name}")
            if source is not None:
                configured.sources[name] = source
        for name, problem in settings.waiting_sources.items():
            configured.sources[name] = WaitingSource(problem)
        for kind, channel in settings.channels.items():
            links = PublicLinks(kind, self.base)
            tools = self._tools("", channel.plugin, channel.concurrency, links, configured.agent_providers, kind)
            with self._listing(f"channel.{kind}", channel.plugin, plugins.channels, tools):
                built = plugins.build_channel(channel.plugin, {**channel.options, "kind": kind}, tools)
                limits = (channel.concurrency, channel.interval, channel.timeout)
                configured.channels[kind] = ChannelState(kind, built, *limits)
        if self.mistakes:
            raise Problems(str(settings.path), self.mistakes)
        return configured

    def source(self, name: str, table: PluginSettings) -> Source | None:
        """One source; None if there are mistakes."""
        tools = self._tools("sources", name, table.concurrency, NoLinks())
        with self._listing(f"source.{name}", table.plugin, self.plugins.sources, tools):
            return self.plugins.build_source(table.plugin, {**table.options}, tools)
        return None

    @contextmanager
    def _listing(self, place: str, plugin: str, offered: Mapping[str, Any], tools: Tools) -> Iterator[None]:
        """Add the mistakes of one factory to the list; its folder exists when it runs."""
        try:
            if plugin in offered:
                _make_folder(Path(tools.folder))
            yield
        except Exception as why:  # noqa: BLE001 - the guard at the edge of each plugin's factory
            self.mistakes += [f"{place}.{line}" for line in _reasons(why, plugin)]

    def _tools(
        self,
        group: str,
        name: str,
        concurrency: int,
        links: Links,
        agent_providers: Mapping[str, AgentProvider] | None = None,
        channel: Kind | None = None,
    ) -> Tools:
        folder = self.settings.folder / group / name
        about: dict[str, str] = {group: name} if channel is None else {"channel": channel}
        limiter = trio.CapacityLimiter(min(concurrency, THREADS_AT_MOST))

        async def run_sync(fn: Callable[..., Any], *args: Any) -> Any:
            with self.clock.busy():
                return await trio.to_thread.run_sync(partial(fn, *args), limiter=limiter, abandon_on_cancel=True)

        return Tools(
            http=self.http,
            run_sync=run_sync,
            log=self.log.bind(**about),
            clock=self.clock,
            folder=str(folder),
            links=links,
            secrets=SealedSecrets(self.settings.connections.sealer, folder, f"{group}/{name}", run_sync),
            agent_providers=agent_providers or {},
        )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as why:
        raise PluginProblem(f"its folder {folder} cannot be created ({why.strerror}); see [daemon] folder") from None


def _reasons(why: Exception, plugin: str) -> list[str]:
    """The mistakes that a factory found, one line each: a plugin may raise `ValidationError`, or list `mistakes`."""
    if isinstance(why, ValidationError):
        return explain(None, why)
    if isinstance(why, PluginProblem):
        return [f"plugin: {why}"]
    listed = getattr(why, "mistakes", None) or getattr(why, "lines", None)
    if isinstance(listed, list):
        return [str(line) for line in listed]
    return [f"plugin: {plugin!r} refuses its settings: {why}"]
