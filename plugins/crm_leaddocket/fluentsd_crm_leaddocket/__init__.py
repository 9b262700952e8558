"""Lead Docket as a source: the plugin `leaddocket`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluentsd.api import SignIn, SignInKey, hookimpl
from fluentsd_crm_leaddocket.settings import Settings, read_settings
from fluentsd_crm_leaddocket.source import LeaddocketSource

if TYPE_CHECKING:
    from fluentsd.api import RegisterSource

__all__ = ["LeaddocketSource", "Settings", "read_settings", "register_sources"]

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
    register("leaddocket", lambda config, tools: LeaddocketSource(read_settings(config), tools), SIGN_INS)
