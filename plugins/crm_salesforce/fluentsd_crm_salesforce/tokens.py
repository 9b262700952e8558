"""Access tokens: the JWT bearer flow and the client credentials flow, over the daemon's HTTP client.

Neither has a refresh token: a session that ended is replaced by a new one. One request at a time asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import trio

from fluentsd.api import NeedsHuman, Tools, Unavailable, trouble
from fluentsd_crm_salesforce.settings import Settings, is_loopback

PATH = "/services/oauth2/token"
TIMEOUT = httpx.Timeout(20.0, connect=5.0)
#: Seconds for which a signed request is good; Salesforce takes at most 300.
SIGNED_FOR = 180
_FIXES = {
    "invalid_client_id": "correct client_id (the consumer key of the External Client App)",
    "invalid_client": "correct client_id and client_secret",
    "invalid_app_access": "pre-authorise the user: External Client App, Policies, permission sets",
    "invalid_grant": "check username, certificate, audience and that the app's policy admits the user; a new app needs "
    "up to ten minutes",
    "unsupported_grant_type": "use your My Domain as login_url, and enable the flow in the External Client App",
}


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in session: its token and the org's address."""

    token: str = field(repr=False)
    instance_url: str


class Tokens:
    """The session of one org, made when it is needed."""

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self._settings, self._tools = settings, tools
        self._lock = trio.Lock()
        self._session: Session | None = None

    async def session(self, ended: Session | None = None) -> Session:
        """The session; a new one if there is none or it is the one that `ended`."""
        async with self._lock:
            if self._session is None or self._session == ended:
                self._session = await self._mint()
            return self._session

    async def _mint(self) -> Session:
        form = await self._tools.run_sync(self._form)
        try:
            answer = await self._tools.http().post(
                f"{self._settings.login_url}{PATH}", data=form, timeout=TIMEOUT, follow_redirects=False
            )
        except httpx.HTTPError as why:
            raise Unavailable(f"Salesforce's sign-in cannot be reached ({trouble(why)})") from why
        if answer.status_code >= 500 or answer.status_code == 429:
            raise Unavailable(f"Salesforce's sign-in answers HTTP {answer.status_code}", after=60)
        try:
            given = answer.json()
        except ValueError:
            given = None
        body: dict[str, Any] = given if isinstance(given, dict) else {}
        if answer.status_code != 200:
            code = str(body.get("error", f"HTTP {answer.status_code}"))
            words = f"{code}: {body.get('error_description', 'no description')}"
            fix = _FIXES.get(code, "check login_url, client_id and the flow of the External Client App (README)")
            raise NeedsHuman(f"Salesforce refuses the sign-in ({words}). Nothing was changed; {fix}")
        if not body.get("access_token"):
            raise Unavailable("Salesforce's sign-in answers without a token", after=60)
        return Session(str(body["access_token"]), self._checked(str(body.get("instance_url", ""))))

    def _checked(self, url: str) -> str:
        """The org's address, which must be encrypted like the sign-in."""
        parts = urlsplit(url or self._settings.login_url)
        signed_in_here = is_loopback(str(urlsplit(self._settings.login_url).hostname))
        if parts.scheme != "https" and not (signed_in_here and is_loopback(str(parts.hostname))):
            raise NeedsHuman("Salesforce's sign-in named an address without https; correct login_url")
        return f"{parts.scheme}://{parts.netloc}"

    def _form(self) -> dict[str, str]:
        settings = self._settings
        if not settings.private_key:
            return {
                "grant_type": "client_credentials", "client_id": settings.client_id,
                "client_secret": settings.client_secret,
            }  # fmt: skip
        import jwt  # only here: the client credentials flow signs nothing

        claims = {
            "iss": settings.client_id, "sub": settings.username, "aud": settings.audience,
            "exp": self._tools.clock.now() // 1_000_000 + SIGNED_FOR,
        }  # fmt: skip
        try:
            signed = jwt.encode(claims, settings.private_key, algorithm="RS256")
        except (ValueError, TypeError, jwt.PyJWTError) as why:
            raise NeedsHuman("the private key cannot sign; write an RSA key in PEM form without a password") from why
        return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": signed}
