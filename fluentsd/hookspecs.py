"""Every hook a plugin can implement, one docstring each: when it fires, what to return.

Discovery goes by the entry-point group `fluentsd`; the hot path does not pass through here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from fluentsd.api import Register

hookspec = pluggy.HookspecMarker("fluentsd")


@hookspec
def register_channels(register: Register) -> None:
    """Called once at start: call `register(name, factory)` for each channel this plugin offers.

    `name` is what `[channel.x] plugin = "name"` says in `fluentsd.toml`; `factory(config, tools)` gets that table
    (without the keys of the house) and returns a `Channel`. It must not reach for the network.
    """
