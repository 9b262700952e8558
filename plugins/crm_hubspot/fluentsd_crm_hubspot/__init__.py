"""HubSpot as a source: the plugin `hubspot`."""

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
        "a service key",
        [SignInKey("token", "Development, Keys, Service keys; or an existing app's token", secret=True)],
    ),
    SignIn(
        "an OAuth app",
        [
            SignInKey("client_id", "the app's page, Auth"),
            SignInKey("client_secret", "the app's page, Auth", secret=True),
            SignInKey("refresh_token", "from the installation of the app in this account", secret=True),
        ],
    ),
)


@hookimpl
def register_sources(register: RegisterSource) -> None:
    """Offer the source `hubspot`."""
    register("hubspot", _build, SIGN_INS)


def _build(config: Mapping[str, Any], tools: Tools) -> Source:
    """The source; what it needs is imported only when it is configured."""
    from fluentsd_crm_hubspot.settings import read_settings
    from fluentsd_crm_hubspot.source import HubspotSource

    return HubspotSource(read_settings(config), tools)
