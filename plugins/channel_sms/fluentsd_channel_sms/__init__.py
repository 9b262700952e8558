"""SMS through Twilio: the channel `twilio`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluentsd.api import ConfigProblem, hookimpl
from fluentsd_channel_sms.channel import SmsChannel
from fluentsd_channel_sms.error_codes import NoAnswer
from fluentsd_channel_sms.segments import Counted, count
from fluentsd_channel_sms.settings import Settings, read_settings

if TYPE_CHECKING:
    from fluentsd.api import Register

__all__ = [
    "ConfigProblem",
    "Counted",
    "NoAnswer",
    "Settings",
    "SmsChannel",
    "count",
    "read_settings",
    "register_channels",
]


#: The plugin API that this plugin is written for.
FLUENTSD_API = 1


@hookimpl
def register_channels(register: Register) -> None:
    """Offer the channel `twilio`."""
    register("twilio", lambda config, tools: SmsChannel(read_settings(config), tools))
