"""The channel `email`: sends through any SMTP server, reads replies and bounces from any IMAP mailbox."""

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
    """Offer the channel `email`."""
    register("email", _build)


def _build(config: Mapping[str, Any], tools: Tools) -> Channel:
    """The channel; what it needs is imported only when it is configured."""
    from fluentsd_channel_email.channel import EmailChannel
    from fluentsd_channel_email.settings import read_settings

    return EmailChannel(read_settings(config), tools)
