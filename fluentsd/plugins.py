"""Discovers plugins, refuses broken ones by name, builds the configured channels, sources and agent providers.

pluggy finds distributions by the entry-point group `fluentsd`, and `check_pending` refuses a misspelt hook at start.
What a factory returns is compared with the protocols of the API once, here. After that the runtime holds plain objects.
Nothing here runs during a send.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

import pluggy

from fluentsd import hookspecs
from fluentsd.api import API_VERSION, AgentProvider, Channel, Closes, CountsRequests, SignIn, Source, Tools
from fluentsd.api.abilities import CHANNEL_ABILITIES
from fluentsd.api.contract import ContractBroken, require

GROUP = "fluentsd"
#: The name under which a plugin's module declares the API version that it was written for.
DECLARATION = "FLUENTSD_API"
Factory = Callable[[Mapping[str, Any], Tools], Any]


class PluginProblem(Exception):
    """A plugin cannot be used; the message names it, the reason and the fix."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a plugin can offer: its name for people, its protocol, and the abilities that an object of it may have."""

    noun: str
    protocol: type
    abilities: tuple[type, ...]


CHANNEL = Offer("channel", Channel, CHANNEL_ABILITIES)
SOURCE = Offer("source", Source, (Closes, CountsRequests))
AGENT_PROVIDER = Offer("agent provider", AgentProvider, (Closes,))


@dataclass(slots=True)
class Plugins:
    """The installed plugins: factories by name, and the entry point of each name."""

    channels: dict[str, Factory] = field(default_factory=dict)
    origin: dict[str, str] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    sources: dict[str, Factory] = field(default_factory=dict)
    sign_ins: dict[str, tuple[SignIn, ...]] = field(default_factory=dict)  #: of each source plugin
    agent_providers: dict[str, Factory] = field(default_factory=dict)

    def copy(self) -> Plugins:
        """The same plugins, to which others can be added."""
        return Plugins(*(dict(getattr(self, one.name)) for one in fields(self)))

    def build_channel(self, plugin: str, config: Mapping[str, Any], tools: Tools) -> Channel:
        """One channel, ready to use; raises `PluginProblem` for an unknown plugin or an object that is no channel."""
        channel: Channel = self._build(CHANNEL, self.channels, plugin, config, tools)
        return channel

    def build_source(self, plugin: str, config: Mapping[str, Any], tools: Tools) -> Source:
        """One source; raises `PluginProblem`."""
        source: Source = self._build(SOURCE, self.sources, plugin, config, tools)
        return source

    def build_agent_provider(self, plugin: str, config: Mapping[str, Any], tools: Tools) -> AgentProvider:
        """One agent provider; raises `PluginProblem`."""
        provider: AgentProvider = self._build(AGENT_PROVIDER, self.agent_providers, plugin, config, tools)
        return provider

    def _build(
        self, offer: Offer, offered: Mapping[str, Factory], plugin: str, config: Mapping[str, Any], tools: Tools
    ) -> Any:
        if plugin not in offered:
            known = ", ".join(sorted(offered)) or "none"
            why = self.broken.get(plugin, "")
            raise PluginProblem(
                f"no {offer.noun} plugin is called {plugin!r} (installed: {known}).{' ' + why if why else ''} "
                f"Install its distribution, or correct the name in fluentsd.toml."
            )
        built = offered[plugin](config, tools)
        try:
            require(built, offer.protocol, offer.abilities)
        except ContractBroken as why:
            kind = type(built).__name__
            raise PluginProblem(
                f"the plugin {plugin!r} returned a {kind} that is not a {offer.noun} of API {API_VERSION}: {why}. "
                "Correct the plugin, or install a version of it for this fluentsd."
            ) from None
        return built


def discover(extra: Mapping[str, Any] | None = None) -> Plugins:
    """Every installed plugin (and those in `extra`: name → module or object); a broken one stops no other."""
    found = _installed().copy()
    for name, plugin in (extra or {}).items():
        with _noting(found, name):
            _take(found, name, plugin)
    return found


@cache
def _installed() -> Plugins:
    """The installed plugins; a process looks for them once."""
    found = Plugins()
    for point in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda point: point.name):
        with _noting(found, point.name):
            _take(found, point.name, point.load())
    return found


@contextmanager
def _noting(found: Plugins, name: str) -> Iterator[None]:
    """Note why a plugin is broken, if it is."""
    try:
        yield
    except (ImportError, AttributeError, TypeError, ValueError, pluggy.PluginValidationError, PluginProblem) as why:
        found.broken[name] = f"The plugin {name!r} is installed but cannot be loaded: {why}"


def _take(found: Plugins, name: str, plugin: Any) -> None:
    manager = pluggy.PluginManager("fluentsd")
    manager.add_hookspecs(hookspecs)
    manager.register(plugin, name)
    manager.check_pending()
    _check_version(getattr(plugin, DECLARATION, None))
    offers = {
        CHANNEL: (found.channels, manager.hook.register_channels),
        SOURCE: (found.sources, manager.hook.register_sources),
        AGENT_PROVIDER: (found.agent_providers, manager.hook.register_agent_providers),
    }
    for offer, (taken, hook) in offers.items():
        hook(register=_registrar(found, offer, taken, name))


def _check_version(declared: Any) -> None:
    if declared is None:
        raise PluginProblem(
            f"it does not say for which plugin API it was written; its module must have {DECLARATION} = {API_VERSION}"
        )
    if declared != API_VERSION:
        newer = isinstance(declared, int) and declared > API_VERSION
        fix = "update fluentsd" if newer else f"install a version of the plugin for API {API_VERSION}"
        which = f"it is written for plugin API {declared!r}, and this fluentsd has API {API_VERSION}"
        raise PluginProblem(f"{which}; {fix}")


def _registrar(found: Plugins, offer: Offer, taken: dict[str, Factory], plugin: str) -> Callable[..., None]:
    def register(name: str, factory: Factory, sign_ins: Sequence[SignIn] = ()) -> None:
        place = f"{offer.noun} {name}" if offer is not CHANNEL else name
        if name in taken:
            raise PluginProblem(f"the {offer.noun} name {name!r} is already taken by {found.origin[place]}")
        taken[name] = factory
        if offer is SOURCE:
            found.sign_ins[name] = tuple(sign_ins)
        found.origin[place] = plugin

    return register
