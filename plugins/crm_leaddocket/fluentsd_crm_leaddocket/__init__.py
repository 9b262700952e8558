"""Lead Docket as a source: the plugin `leaddocket`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluentsd.api import hookimpl
from fluentsd_crm_leaddocket.settings import Settings, read_settings
from fluentsd_crm_leaddocket.source import LeaddocketSource

if TYPE_CHECKING:
    from fluentsd.api import RegisterSource

__all__ = ["LeaddocketSource", "Settings", "read_settings", "register_sources"]

#: The plugin API that this plugin is written for.
FLUENTSD_API = 1


@hookimpl
def register_sources(register: RegisterSource) -> None:
    """Offer the source `leaddocket`."""
    register("leaddocket", lambda config, tools: LeaddocketSource(read_settings(config), tools))
