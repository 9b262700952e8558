"""CSV files as a source, by https address or path: the plugin `csv`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluentsd.api import hookimpl
from fluentsd_source_csv.settings import Settings, read_settings
from fluentsd_source_csv.source import CsvSource

if TYPE_CHECKING:
    from fluentsd.api import RegisterSource

__all__ = ["CsvSource", "Settings", "read_settings", "register_sources"]

#: The plugin API that this plugin is written for.
FLUENTSD_API = 1


@hookimpl
def register_sources(register: RegisterSource) -> None:
    """Offer the source `csv`."""
    register("csv", lambda config, tools: CsvSource(read_settings(config), tools))
