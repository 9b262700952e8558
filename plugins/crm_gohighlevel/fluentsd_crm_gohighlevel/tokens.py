"""The bearer token: a private integration token, or OAuth access tokens with refresh tokens that are good once.

A new refresh token is on disk before its access token is used, so that a crash never loses the connection. One task at
a time refreshes.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import httpx
import trio

from fluentsd.api import NeedsHuman, Tools, Unavailable
from fluentsd_crm_gohighlevel.settings import Settings

SECOND = 1_000_000
TIMEOUT = httpx.Timeout(20.0, connect=5.0)
#: An access token is replaced this long before it ends, in microseconds.
EARLY = 300 * SECOND


class Tokens:
    """The tokens of one location."""

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self._settings, self._tools = settings, tools
        self._file = Path(tools.folder) / "oauth.json"
        self._lock = trio.Lock()
        self._kept: dict[str, Any] | None = None

    async def bearer(self, ended: str = "") -> str:
        """The token of the next request; a new one if the last was `ended`. A static token has no other."""
        if self._settings.token:
            return self._settings.token
        async with self._lock:
            kept = self._kept or await self._tools.run_sync(self._load)
            fresh = kept.get("access") and kept["access"] != ended
            if not fresh or self._tools.clock.now() > int(kept["ends_at"]) - EARLY:
                kept = await self._refresh(str(kept["refresh"]))
            self._kept = kept
            return str(kept["access"])

    @property
    def can_refresh(self) -> bool:
        """Whether a token that ended can be replaced."""
        return not self._settings.token

    async def _refresh(self, refresh: str) -> dict[str, Any]:
        form = {
            "client_id": self._settings.client_id, "client_secret": self._settings.client_secret,
            "grant_type": "refresh_token", "refresh_token": refresh, "user_type": "Location",
        }  # fmt: skip
        url = f"{self._settings.base_url}/oauth/token"
        try:
            answer = await self._tools.http().post(url, data=form, timeout=TIMEOUT, follow_redirects=False)
        except httpx.HTTPError as why:
            raise Unavailable(f"GoHighLevel's sign-in cannot be reached ({type(why).__name__})") from why
        if answer.status_code >= 500 or answer.status_code == 429:
            raise Unavailable(f"GoHighLevel's sign-in answers HTTP {answer.status_code}", after=60)
        if answer.status_code != 200:
            raise NeedsHuman(
                f"GoHighLevel refuses the refresh token (HTTP {answer.status_code}); install the app in the location "
                "again, and set the new refresh_token"
            )
        try:
            body = answer.json()
            body["refresh_token"], body["access_token"]
        except (ValueError, KeyError, TypeError) as why:
            raise Unavailable("GoHighLevel's sign-in answers without tokens", after=60) from why
        kept = {
            "given": self._given(), "refresh": str(body["refresh_token"]), "access": str(body["access_token"]),
            "ends_at": self._tools.clock.now() + int(body.get("expires_in", 86_399)) * SECOND,
        }  # fmt: skip
        with trio.CancelScope(shield=True):  # the old token is used up
            await self._tools.run_sync(self._save, kept)
        return kept

    def _given(self) -> str:
        return hashlib.blake2b(self._settings.refresh_token.encode(), digest_size=16).hexdigest()

    def _load(self) -> dict[str, Any]:
        """The tokens on disk, if they descend from the configured one; else the configured one."""
        try:
            kept: dict[str, Any] = json.loads(self._file.read_text("utf-8"))
            if kept["given"] == self._given():
                return kept
        except (OSError, ValueError, KeyError):
            pass
        return {"refresh": self._settings.refresh_token, "access": "", "ends_at": 0}

    def _save(self, kept: dict[str, Any]) -> None:
        fresh = self._file.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(json.dumps(kept))
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(self._file)
