"""Every hook a plugin can implement, one docstring each: when it fires, what to return.

Plugins are found by the entry-point group `fluentsd`; the hot path does not use hooks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from fluentsd.api import Register, RegisterAgentProvider, RegisterSource

hookspec = pluggy.HookspecMarker("fluentsd")


@hookspec
def register_channels(register: Register) -> None:
    """Called once at start: call `register(name, factory)` for each channel this plugin offers.

    `name` is the value of `[channel.x] plugin = "name"` in `fluentsd.toml`; `factory(config, tools)` gets that table
    (without fluentsd's own keys) and returns a `Channel`. It must not use the network.
    """


@hookspec
def register_sources(register: RegisterSource) -> None:
    """Called once at start: call `register(name, factory)` for each source this plugin offers.

    `name` is the value of `[source.x] plugin = "name"`; `factory(config, tools)` gets that table (without fluentsd's
    own keys) and returns a `Source`. Several tables may name one plugin. It must not use the network. A third argument,
    `sign_ins`, has the ways to sign in that `fluentsd source connect` offers, each with the keys that it asks for.
    """


@hookspec
def register_agent_providers(register: RegisterAgentProvider) -> None:
    """Called once at start: call `register(name, factory)` for each agent provider this plugin offers.

    `name` is the value of `[agents.x] plugin = "name"`; `factory(config, tools)` gets that table (without fluentsd's
    own keys) and returns an `AgentProvider`. Several tables may name one plugin. It must not use the network.
    """
