"""Salesforce as a source: the plugin `salesforce`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluentsd.api import hookimpl
from fluentsd_crm_salesforce.settings import Settings, read_settings
from fluentsd_crm_salesforce.source import SalesforceSource

if TYPE_CHECKING:
    from fluentsd.api import RegisterSource

__all__ = ["SalesforceSource", "Settings", "read_settings", "register_sources"]

#: The plugin API that this plugin is written for.
FLUENTSD_API = 1


@hookimpl
def register_sources(register: RegisterSource) -> None:
    """Offer the source `salesforce`."""
    register("salesforce", lambda config, tools: SalesforceSource(read_settings(config), tools))
