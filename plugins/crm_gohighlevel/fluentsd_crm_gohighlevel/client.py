"""GoHighLevel's API on the daemon's HTTP client: the version header, limits, errors as decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from fluentsd.api import (
    InDoubt,
    NeedsHuman,
    OAuthApp,
    OAuthTokens,
    Rejected,
    RequestBudget,
    Tools,
    Unavailable,
    retry_after,
    without_personal_data,
)
from fluentsd_crm_gohighlevel.settings import Settings

#: The version of contacts, opportunities and locations.
VERSION = "2021-07-28"
TIMEOUT = httpx.Timeout(30.0, connect=5.0)
TRIES, PAUSE, SECOND = 4, 1.0, 1_000_000


class NotFound(LookupError):
    """GoHighLevel has no such thing."""


class Invalid(NeedsHuman):
    """GoHighLevel answered 400 or 422: it refuses what was asked, with this message."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: JSON, and its time (epoch microseconds by GoHighLevel's clock; 0 if unknown)."""

    body: Any
    at: int


class GohighlevelClient:
    """The requests of one location."""

    def __init__(self, settings: Settings, tools: Tools, budget: RequestBudget) -> None:
        self._settings, self._tools, self._budget = settings, tools, budget
        self._oauth = None if settings.token else OAuthTokens(_app(settings), tools)

    async def read(
        self, method: str, path: str, *, query: Mapping[str, Any] | None = None, body: Any = None, urgent: bool = False
    ) -> Reply:
        """Read something; raises `NotFound`, `Invalid`, `Unavailable` or `NeedsHuman`."""
        pause, why = PAUSE, ""
        for tried in range(TRIES):
            answer = await self._once(method, path, query, body, urgent)
            if isinstance(answer, httpx.Response) and answer.status_code < 500 and answer.status_code not in (408, 429):
                try:
                    return self._reply(answer)
                except ValueError:
                    why = "GoHighLevel's answer is not JSON"
            else:
                why = f"GoHighLevel does not answer ({_what(answer)})"
            if tried + 1 < TRIES:
                await self._tools.clock.sleep_until(self._tools.clock.now() + round(pause * SECOND))
                pause *= 2
        raise Unavailable(why, after=60)

    async def write(self, method: str, path: str, body: Any, *, urgent: bool = False) -> Reply:
        """Change something, once. Raises `InDoubt` when the answer was lost, `Rejected` when it is refused."""
        answer = await self._once(method, path, None, body, urgent)
        if isinstance(answer, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)):
            raise Unavailable("GoHighLevel cannot be reached")
        if not isinstance(answer, httpx.Response) or answer.status_code >= 500 or answer.status_code == 408:
            raise InDoubt(f"GoHighLevel's answer to a write was lost ({_what(answer)})")
        if answer.status_code == 429:
            raise Unavailable("GoHighLevel limits requests", after=10)
        try:
            return self._reply(answer)
        except (NotFound, Invalid) as why:
            raise Rejected(f"GoHighLevel refuses the write: {why}") from why
        except ValueError as why:
            raise InDoubt("GoHighLevel's answer to a write is not JSON") from why

    async def _once(
        self, method: str, path: str, query: Mapping[str, Any] | None, body: Any, urgent: bool
    ) -> httpx.Response | httpx.HTTPError:
        token = self._settings.token if self._oauth is None else await self._oauth.bearer()
        answer = await self._send(token, method, path, query, body, urgent)
        ended = isinstance(answer, httpx.Response) and answer.status_code == 401 and "scope" not in _words(answer)
        if ended and self._oauth is not None:
            token = await self._oauth.bearer(ended=token)
            answer = await self._send(token, method, path, query, body, urgent)
        return answer

    async def _send(
        self, token: str, method: str, path: str, query: Mapping[str, Any] | None, body: Any, urgent: bool
    ) -> httpx.Response | httpx.HTTPError:
        headers = {"Authorization": f"Bearer {token}", "Version": VERSION, "Accept": "application/json"}
        params = {key: value for key, value in (query or {}).items() if value is not None}
        async with self._budget.request(urgent=urgent):
            try:
                answer = await self._tools.http().request(
                    method, f"{self._settings.base_url}{path}", params=params, json=body, headers=headers,
                    timeout=TIMEOUT, follow_redirects=False,
                )  # fmt: skip
            except httpx.HTTPError as why:
                return why
        self._learn(answer)
        return answer

    def _learn(self, answer: httpx.Response) -> None:
        numbers = {
            name: int(text) for name in ("limit-daily", "daily-remaining", "interval-milliseconds", "remaining")
            if (text := answer.headers.get(f"x-ratelimit-{name}", "")).isdecimal()
        }  # fmt: skip
        if "limit-daily" in numbers:
            self._budget.learn_day(numbers["limit-daily"], numbers.get("daily-remaining"))
        if answer.status_code == 429:
            if numbers.get("daily-remaining") == 0:
                self._budget.refused_for_the_day("GoHighLevel's daily limit of requests is reached")
            else:
                after = retry_after(answer.headers.get("retry-after"), self._tools.clock.now())
                self._budget.refused(after, "GoHighLevel limits requests")
        elif answer.status_code < 500:
            self._budget.succeeded()
            if numbers.get("remaining") == 0:
                interval = numbers.get("interval-milliseconds", 10_000)
                self._budget.close(min(interval / 1000, 60.0), "GoHighLevel's limit of requests is reached")

    def _reply(self, answer: httpx.Response) -> Reply:
        status, words = answer.status_code, _words(answer)
        if status in (401, 403):
            if "scope" in words or status == 403:
                raise NeedsHuman(f"GoHighLevel refuses this ({words}); give the integration the scopes of the README")
            raise NeedsHuman(
                f"GoHighLevel refuses the token ({words}). Nothing was changed; create a private integration, set token"
            )
        if status == 404 or (status == 400 and "not found" in words.casefold()):
            raise NotFound(words)
        if status >= 300:
            raise Invalid(f"GoHighLevel refuses the request (HTTP {status}): {words}")
        at = 0
        if stamp := answer.headers.get("date"):
            try:
                at = round(parsedate_to_datetime(stamp).timestamp()) * SECOND
            except ValueError:
                at = 0
        return Reply(answer.json() if answer.content else None, at)


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


def _what(answer: httpx.Response | httpx.HTTPError) -> str:
    return f"HTTP {answer.status_code}" if isinstance(answer, httpx.Response) else type(answer).__name__
