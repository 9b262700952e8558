"""Salesforce as a source: the plugin `salesforce`."""

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
        "client credentials",
        [
            SignInKey("login_url", 'the My Domain, like "https://acme.my.salesforce.com"'),
            SignInKey("client_id", "the consumer key of the External Client App"),
            SignInKey("client_secret", "the consumer secret of the External Client App", secret=True),
        ],
    ),
    SignIn(
        "a signed request (JWT bearer)",
        [
            SignInKey("login_url", 'the My Domain, like "https://acme.my.salesforce.com"'),
            SignInKey("client_id", "the consumer key of the External Client App"),
            SignInKey("username", "the user for whom the app was pre-authorised"),
            SignInKey("private_key", "the key that belongs to the app's certificate, in PEM form", file=True),
        ],
    ),
)


@hookimpl
def register_sources(register: RegisterSource) -> None:
    """Offer the source `salesforce`."""
    register("salesforce", _build, SIGN_INS)


def _build(config: Mapping[str, Any], tools: Tools) -> Source:
    """The source; what it needs is imported only when it is configured."""
    from fluentsd_crm_salesforce.settings import read_settings
    from fluentsd_crm_salesforce.source import SalesforceSource

    return SalesforceSource(read_settings(config), tools)
