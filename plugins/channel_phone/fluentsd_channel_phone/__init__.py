"""Phone calls through Twilio with an agent of our own: the channel `twilio-voice`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fluentsd.api import hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fluentsd.api import Channel, Register, Tools


#: The plugin API that this plugin is written for.
FLUENTSD_API = 1


@hookimpl
def register_channels(register: Register) -> None:
    """Offer the channel `twilio-voice`."""
    register("twilio-voice", _build)


def _build(config: Mapping[str, Any], tools: Tools) -> Channel:
    """The channel; what it needs is imported only when it is configured."""
    from fluentsd_channel_phone.channel import PhoneChannel
    from fluentsd_channel_phone.settings import read_settings

    return PhoneChannel(read_settings(config), tools)
