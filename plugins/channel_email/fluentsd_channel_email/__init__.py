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


@hookimpl
def register_channels(register: Register) -> None:
    """Offer the channel `email`."""
    register("email", lambda config, tools: EmailChannel(read_settings(config), tools))
