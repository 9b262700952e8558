"""Discovers plugins, refuses broken ones by name, builds the configured channels.

pluggy finds distributions by the entry-point group `fluentsd`, and `check_pending` refuses a misspelt hook at start.
After that the runtime holds plain `Channel` objects. Nothing here runs during a send.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pluggy

from fluentsd import hookspecs
from fluentsd.api import Channel, Tools

GROUP = "fluentsd"
Factory = Callable[[Mapping[str, Any], Tools], Channel]


class PluginProblem(Exception):
    """A plugin cannot be used; the message names it, the reason and the fix."""


@dataclass(slots=True)
class Plugins:
    """The installed plugins: channel factories by name, and the entry point of each."""

    channels: dict[str, Factory] = field(default_factory=dict)
    origin: dict[str, str] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)

    def build_channel(self, plugin: str, config: Mapping[str, Any], tools: Tools) -> Channel:
        """One channel, ready to use; raises `PluginProblem` for an unknown plugin or a wrong type."""
        if plugin not in self.channels:
            known = ", ".join(sorted(self.channels)) or "none"
            why = self.broken.get(plugin, "")
            raise PluginProblem(
                f"no channel plugin is called {plugin!r} (installed: {known}).{' ' + why if why else ''} "
                f"Install its distribution, or correct the name in fluentsd.toml."
            )
        channel = self.channels[plugin](config, tools)
        if not isinstance(channel, Channel):
            raise PluginProblem(f"the plugin {plugin!r} returned an object that is not a Channel: {type(channel)!r}")
        return channel


def discover(extra: Mapping[str, Any] | None = None) -> Plugins:
    """Find every installed plugin (and those in `extra`: name → module or object); a broken one stops no other."""
    found = Plugins()
    for name, load in [*_installed(), *((n, lambda o=o: o) for n, o in (extra or {}).items())]:
        try:
            _take(found, name, load())
        except (ImportError, AttributeError, TypeError, ValueError, pluggy.PluginValidationError, PluginProblem) as why:
            found.broken[name] = f"The plugin {name!r} is installed but cannot be loaded: {why}"
    return found


def _installed() -> list[tuple[str, Callable[[], Any]]]:
    points = importlib.metadata.entry_points(group=GROUP)
    return [(point.name, point.load) for point in sorted(points, key=lambda p: p.name)]


def _take(found: Plugins, name: str, plugin: Any) -> None:
    manager = pluggy.PluginManager("fluentsd")
    manager.add_hookspecs(hookspecs)
    manager.register(plugin, name)
    manager.check_pending()

    def register(channel: str, factory: Factory) -> None:
        if channel in found.channels:
            raise PluginProblem(f"the channel name {channel!r} is already taken by {found.origin[channel]}")
        found.channels[channel] = factory
        found.origin[channel] = name

    manager.hook.register_channels(register=register)
