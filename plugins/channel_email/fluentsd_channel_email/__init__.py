"""The channel `email`: sends through any SMTP server, reads replies and bounces from any IMAP mailbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluentsd.api import ConfigProblem, hookimpl
from fluentsd_channel_email.channel import EmailChannel
from fluentsd_channel_email.session import NoAnswer
from fluentsd_channel_email.settings import Settings, read_settings

if TYPE_CHECKING:
    from fluentsd.api import Register

__all__ = ["ConfigProblem", "EmailChannel", "NoAnswer", "Settings", "read_settings", "register_channels"]


#: The plugin API that this plugin is written for.
FLUENTSD_API = 1


@hookimpl
def register_channels(register: Register) -> None:
    """Offer the channel `email`."""
    register("email", lambda config, tools: EmailChannel(read_settings(config), tools))
