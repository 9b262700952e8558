"""monday.com as a source: the plugin `monday`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluentsd.api import hookimpl
from fluentsd_crm_monday.settings import Settings, read_settings
from fluentsd_crm_monday.source import MondaySource

if TYPE_CHECKING:
    from fluentsd.api import RegisterSource

__all__ = ["MondaySource", "Settings", "read_settings", "register_sources"]

#: The plugin API that this plugin is written for.
FLUENTSD_API = 1


@hookimpl
def register_sources(register: RegisterSource) -> None:
    """Offer the source `monday`."""
    register("monday", lambda config, tools: MondaySource(read_settings(config), tools))
