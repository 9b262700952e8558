"""SMS through Twilio: the channel `twilio`."""

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
    """Offer the channel `twilio`."""
    register("twilio", _build)


def _build(config: Mapping[str, Any], tools: Tools) -> Channel:
    """The channel; what it needs is imported only when it is configured."""
    from fluentsd_channel_sms.channel import SmsChannel
    from fluentsd_channel_sms.settings import read_settings

    return SmsChannel(read_settings(config), tools)
