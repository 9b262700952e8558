"""GoHighLevel as a source: the plugin `gohighlevel`."""

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
        "a private integration",
        [
            SignInKey("location", "the sub-account's id: Settings, Business Profile, Location ID"),
            SignInKey("token", "Settings, Private Integrations (pit-…)", secret=True),
        ],
    ),
    SignIn(
        "a marketplace app",
        [
            SignInKey("location", "the sub-account's id: Settings, Business Profile, Location ID"),
            SignInKey("client_id", "the app's page, Advanced Settings, Auth"),
            SignInKey("client_secret", "the app's page, Advanced Settings, Auth", secret=True),
            SignInKey(
                "refresh_token", "from the app's installation in this sub-account; used nowhere else", secret=True
            ),
        ],
    ),
)


@hookimpl
def register_sources(register: RegisterSource) -> None:
    """Offer the source `gohighlevel`."""
    register("gohighlevel", _build, SIGN_INS)


def _build(config: Mapping[str, Any], tools: Tools) -> Source:
    """The source; what it needs is imported only when it is configured."""
    from fluentsd_crm_gohighlevel.settings import read_settings
    from fluentsd_crm_gohighlevel.source import GohighlevelSource

    return GohighlevelSource(read_settings(config), tools)
