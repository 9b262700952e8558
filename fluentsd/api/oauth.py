"""Access tokens of an OAuth app, from a refresh token that may be good once.

A new refresh token is sealed on the disk before its access token is used, so that a crash never loses the connection.
One task at a time refreshes. What must not live here: how an operator gets the first refresh token (a plugin's README).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from fluentsd.api.channel import Tools
from fluentsd.api.error_words import trouble
from fluentsd.api.errors import NeedsHuman, Unavailable

SECOND = 1_000_000
#: An access token is replaced this long before it ends, in microseconds; at most a tenth of its life.
EARLY = 300 * SECOND
#: Seconds for an answer.
TIMEOUT = 20.0
#: The secret's name among those of the plugin.
KEPT = "oauth"


@dataclass(frozen=True, slots=True)
class OAuthApp:
    """An app at a provider. `url` is the address for tokens, `form` what a request has beside the refresh token, `name`
    the provider's for people, `fix` what to do when the refresh token is refused, `life` the seconds of an access
    token if the answer does not say."""

    name: str
    url: str
    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    fix: str
    form: Mapping[str, str] = field(default_factory=dict)
    life: int = 1800


@dataclass(frozen=True, slots=True)
class _Kept:
    """The tokens that are kept: `given` is a hash of the configured refresh token from which they descend."""

    given: str
    refresh: str
    access: str = ""
    early_at: int = 0


class OAuthTokens:
    """The access token of one app."""

    def __init__(self, app: OAuthApp, tools: Tools) -> None:
        import trio  # only here: reading the configuration loads this API and needs no trio

        self._app, self._tools = app, tools
        self._lock = trio.Lock()
        self._kept: _Kept | None = None

    async def bearer(self, ended: str = "") -> str:
        """The access token of the next request; a new one if the last was `ended`. Raises `Unavailable` or
        `NeedsHuman`."""
        async with self._lock:
            kept = self._kept or await self._load()
            if not kept.access or kept.access == ended or self._tools.clock.now() >= kept.early_at:
                kept = await self._refresh(kept.refresh)
            self._kept = kept
            return kept.access

    async def _refresh(self, refresh: str) -> _Kept:
        import httpx
        import trio

        app = self._app
        form = {
            **app.form, "grant_type": "refresh_token", "client_id": app.client_id, "client_secret": app.client_secret,
            "refresh_token": refresh,
        }  # fmt: skip
        try:
            answer = await self._tools.http().post(app.url, data=form, timeout=TIMEOUT, follow_redirects=False)
        except httpx.HTTPError as why:
            raise Unavailable(f"{app.name}'s sign-in cannot be reached ({trouble(why)})") from why
        status = answer.status_code
        if status >= 500 or status in (408, 429):
            raise Unavailable(f"{app.name}'s sign-in answers HTTP {status}", after=60)
        if status != 200:
            raise NeedsHuman(f"{app.name} refuses the refresh token (HTTP {status}{_word(answer)}); {app.fix}")
        try:
            body = answer.json()
            access, life = str(body["access_token"]), float(body.get("expires_in") or app.life)
        except (ValueError, KeyError, TypeError, AttributeError) as why:
            raise Unavailable(f"{app.name}'s sign-in answers without tokens", after=60) from why
        early_at = self._tools.clock.now() + round(life * SECOND) - min(EARLY, round(life * SECOND / 10))
        kept = _Kept(self._given(), str(body.get("refresh_token") or refresh), access, early_at)
        with trio.CancelScope(shield=True):  # the old refresh token may be used up
            await self._tools.secrets.save(KEPT, json.dumps(asdict(kept)))
        return kept

    def _given(self) -> str:
        return hashlib.blake2b(self._app.refresh_token.encode(), digest_size=16).hexdigest()

    async def _load(self) -> _Kept:
        """The kept tokens if they descend from the configured refresh token; else that one."""
        text = await self._tools.secrets.load(KEPT)
        if text is not None:
            kept = _Kept(**json.loads(text))
            if kept.given == self._given():
                return kept
        return _Kept(self._given(), self._app.refresh_token)


def _word(answer: Any) -> str:
    """The error's code, like ", invalid_grant"; "" if there is none."""
    try:
        body = answer.json()
    except ValueError:
        return ""
    code = (body.get("error") or body.get("status")) if isinstance(body, dict) else None
    return f", {code[:60]}" if isinstance(code, str) else ""
