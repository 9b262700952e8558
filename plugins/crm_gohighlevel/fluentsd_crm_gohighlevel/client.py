"""GoHighLevel's API: the version header, its limits, and tokens that end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

import httpx

from fluentsd.api import (
    Invalid,
    NeedsHuman,
    NotFound,
    OAuthApp,
    OAuthTokens,
    RequestBudget,
    RestClient,
    Tools,
    without_personal_data,
)
from fluentsd_crm_gohighlevel.settings import Settings

#: The version of contacts, opportunities and locations.
VERSION = "2021-07-28"
#: What GoHighLevel says, with the status 400, of a contact that it does not have. Other things are "not found" too.
_NO_CONTACT = re.compile(r"contact(?: with(?: the)? id:? \S+)?(?: is| was)? not found\b", re.IGNORECASE)
#: The scope of a path; contacts are written with another one.
_SCOPES = (
    (r"/locations/[^/]+/tags", "locations/tags.readonly"),
    (r"/locations/[^/]+/customFields", "locations/customFields.readonly"),
    (r"/opportunities/", "opportunities.readonly"),
    (r"/contacts/search", "contacts.readonly"),
)  # fmt: skip


class GohighlevelClient(RestClient):
    """The requests of one location."""

    name: ClassVar[str] = "GoHighLevel"

    def __init__(self, settings: Settings, tools: Tools, budget: RequestBudget) -> None:
        super().__init__(settings.base_url, tools, budget)
        self._token = settings.token
        self._oauth = None if settings.token else OAuthTokens(_app(settings), tools)

    async def headers(self) -> Mapping[str, str]:
        """The version and the bearer token."""
        token = self._token if self._oauth is None else await self._oauth.bearer()
        return {"Authorization": f"Bearer {token}", "Version": VERSION}

    async def renew(self, answer: httpx.Response) -> bool:
        """Get another access token after a 401 that is not about scopes."""
        if self._oauth is None or answer.status_code != 401 or "scope" in _words(answer):
            return False
        await self._oauth.bearer(ended=answer.request.headers["Authorization"].removeprefix("Bearer "))
        return True

    def heed(self, answer: httpx.Response, tried: int) -> None:
        """Learn the location's limits from the headers."""
        numbers = {
            name: int(text) for name in ("limit-daily", "daily-remaining", "interval-milliseconds", "remaining")
            if (text := answer.headers.get(f"x-ratelimit-{name}", "")).isdecimal()
        }  # fmt: skip
        if "limit-daily" in numbers:
            self._budget.learn_day(numbers["limit-daily"], numbers.get("daily-remaining"))
        if answer.status_code == 429 and numbers.get("daily-remaining") == 0:
            self._budget.refused_for_the_day("GoHighLevel's daily limit of requests is reached")
            return
        super().heed(answer, 1)
        if answer.status_code < 500 and answer.status_code != 429 and numbers.get("remaining") == 0:
            interval = numbers.get("interval-milliseconds", 10_000)
            self._budget.close(min(interval / 1000, 60.0), "GoHighLevel's limit of requests is reached")

    def refuse(self, answer: httpx.Response) -> None:
        """Raise what an error means."""
        status, words = answer.status_code, _words(answer)
        if status in (401, 403):
            if "scope" in words or status == 403:
                scope = _scope(answer.request.method, answer.request.url.path)
                fix = f"give the integration the scope {scope}"
                raise NeedsHuman(f"GoHighLevel refuses this ({words}); {fix}", only_this=True)
            raise NeedsHuman(
                f"GoHighLevel refuses the token ({words}). Nothing was changed; create a private integration, set token"
            )
        if status == 404 or (status == 400 and _NO_CONTACT.match(words)):
            raise NotFound(words)
        raise Invalid(f"GoHighLevel refuses the request (HTTP {status}): {words}")


def _scope(method: str, path: str) -> str:
    """The scope that a request needs."""
    named = next((scope for pattern, scope in _SCOPES if re.match(pattern, path)), None)
    return named or ("contacts.readonly" if method == "GET" else "contacts.write")


def _app(settings: Settings) -> OAuthApp:
    """The marketplace app; its refresh tokens are good once."""
    return OAuthApp(
        "GoHighLevel", f"{settings.base_url}/oauth/token", settings.client_id, settings.client_secret,
        settings.refresh_token, "install the app in the location again, and set the new refresh_token",
        form={"user_type": "Location"}, life=86_399,
    )  # fmt: skip


def _words(answer: httpx.Response) -> str:
    """The message of an error: text, or a list of texts."""
    try:
        message = answer.json().get("message", "")
    except (ValueError, AttributeError):
        return f"HTTP {answer.status_code}"
    return without_personal_data("; ".join(str(one) for one in message) if isinstance(message, list) else str(message))
