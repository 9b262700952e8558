"""monday.com as a source: the plugin `monday`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluentsd.api import SignIn, SignInKey, hookimpl
from fluentsd_crm_monday.settings import Settings, read_settings
from fluentsd_crm_monday.source import MondaySource

if TYPE_CHECKING:
    from fluentsd.api import RegisterSource

__all__ = ["MondaySource", "Settings", "read_settings", "register_sources"]

#: The plugin API that this plugin is written for.
FLUENTSD_API = 1
#: The ways to sign in, for `fluentsd source connect`.
SIGN_INS = (
    SignIn(
        "an access token",
        [SignInKey("token", "Profile picture, Developers, My access tokens", secret=True)],
    ),
)


@hookimpl
def register_sources(register: RegisterSource) -> None:
    """Offer the source `monday`."""
    register("monday", lambda config, tools: MondaySource(read_settings(config), tools), SIGN_INS)
