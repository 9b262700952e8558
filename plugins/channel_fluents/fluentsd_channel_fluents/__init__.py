"""Phone calls by agents that Fluents.ai hosts: the channel `fluents`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluentsd.api import hookimpl
from fluentsd_channel_fluents.channel import FluentsChannel
from fluentsd_channel_fluents.settings import Settings, read_settings

if TYPE_CHECKING:
    from fluentsd.api import Register

__all__ = ["FluentsChannel", "Settings", "read_settings", "register_channels"]

#: The plugin API that this plugin is written for.
FLUENTSD_API = 1


@hookimpl
def register_channels(register: Register) -> None:
    """Offer the channel `fluents`."""
    register("fluents", lambda config, tools: FluentsChannel(read_settings(config), tools))
