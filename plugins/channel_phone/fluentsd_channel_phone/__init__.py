"""Phone calls through Twilio with an agent of our own: the channel `twilio-voice`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluentsd.api import hookimpl
from fluentsd_channel_phone.channel import PhoneChannel
from fluentsd_channel_phone.settings import Settings, read_settings

if TYPE_CHECKING:
    from fluentsd.api import Register

__all__ = ["PhoneChannel", "Settings", "read_settings", "register_channels"]


#: The plugin API that this plugin is written for.
FLUENTSD_API = 1


@hookimpl
def register_channels(register: Register) -> None:
    """Offer the channel `twilio-voice`."""
    register("twilio-voice", lambda config, tools: PhoneChannel(read_settings(config), tools))
