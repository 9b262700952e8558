"""HubSpot as a source: the plugin `hubspot`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluentsd.api import hookimpl
from fluentsd_crm_hubspot.settings import Settings, read_settings
from fluentsd_crm_hubspot.source import HubspotSource

if TYPE_CHECKING:
    from fluentsd.api import RegisterSource

__all__ = ["HubspotSource", "Settings", "read_settings", "register_sources"]

#: The plugin API that this plugin is written for.
FLUENTSD_API = 1


@hookimpl
def register_sources(register: RegisterSource) -> None:
    """Offer the source `hubspot`."""
    register("hubspot", lambda config, tools: HubspotSource(read_settings(config), tools))
