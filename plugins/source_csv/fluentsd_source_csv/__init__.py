"""CSV files as a source, by https address or path: the plugin `csv`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fluentsd.api import hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fluentsd.api import RegisterSource, Source, Tools

#: The plugin API that this plugin is written for.
FLUENTSD_API = 1


@hookimpl
def register_sources(register: RegisterSource) -> None:
    """Offer the source `csv`."""
    register("csv", _build)


def _build(config: Mapping[str, Any], tools: Tools) -> Source:
    """The source; what it needs is imported only when it is configured."""
    from fluentsd_source_csv.settings import read_settings
    from fluentsd_source_csv.source import CsvSource

    return CsvSource(read_settings(config), tools)
