"""GoHighLevel as a source: the plugin `gohighlevel`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluentsd.api import hookimpl
from fluentsd_crm_gohighlevel.settings import Settings, read_settings
from fluentsd_crm_gohighlevel.source import GohighlevelSource

if TYPE_CHECKING:
    from fluentsd.api import RegisterSource

__all__ = ["GohighlevelSource", "Settings", "read_settings", "register_sources"]

#: The plugin API that this plugin is written for.
FLUENTSD_API = 1


@hookimpl
def register_sources(register: RegisterSource) -> None:
    """Offer the source `gohighlevel`."""
    register("gohighlevel", lambda config, tools: GohighlevelSource(read_settings(config), tools))
