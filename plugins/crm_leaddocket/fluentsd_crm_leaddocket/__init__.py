"""Lead Docket as a source: the plugin `leaddocket`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fluentsd.api import SignIn, SignInKey, hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fluentsd.api import RegisterSource, Source, Tools

#: The plugin API that this plugin is written for.
FLUENTSD_API = 1
#: The ways to sign in, for `fluentsd source connect`.
SIGN_INS = (
    SignIn(
        "an API key",
        [
            SignInKey("tenant", 'the first part of the address: "acme" for https://acme.leaddocket.com'),
            SignInKey("api_key", "made by an administrator", secret=True),
        ],
    ),
)


@hookimpl
def register_sources(register: RegisterSource) -> None:
    """Offer the source `leaddocket`."""
    register("leaddocket", _build, SIGN_INS)


def _build(config: Mapping[str, Any], tools: Tools) -> Source:
    """The source; what it needs is imported only when it is configured."""
    from fluentsd_crm_leaddocket.settings import read_settings
    from fluentsd_crm_leaddocket.source import LeaddocketSource

    return LeaddocketSource(read_settings(config), tools)
