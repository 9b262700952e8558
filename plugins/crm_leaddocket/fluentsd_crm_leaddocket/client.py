"""Lead Docket's API on the daemon's HTTP client: slow by choice, errors as decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from fluentsd.api import (
    InDoubt,
    NeedsHuman,
    Rejected,
    RequestBudget,
    Tools,
    Unavailable,
    retry_after,
    without_personal_data,
)
from fluentsd_crm_leaddocket.settings import Settings

TIMEOUT = httpx.Timeout(60.0, connect=5.0)
TRIES, PAUSE, SECOND = 4, 2.0, 1_000_000
#: Seconds after a 429, times the number of tries; Lead Docket names none itself.
AFTER_429 = 5.0


class NotFound(LookupError):
    """Lead Docket has no such thing."""


class Invalid(NeedsHuman):
    """Lead Docket answered 400: it refuses what was asked, with this message."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: JSON, and its time (epoch microseconds by Lead Docket's clock; 0 if unknown)."""

    body: Any
    at: int


class LeaddocketClient:
    """The requests of one firm."""

    def __init__(self, settings: Settings, tools: Tools, budget: RequestBudget) -> None:
        self._settings, self._tools, self._budget = settings, tools, budget

    async def get(self, path: str, query: Mapping[str, Any] | None = None, *, urgent: bool = False) -> Reply:
        """Read something; raises `NotFound`, `Invalid`, `Unavailable` or `NeedsHuman`."""
        pause, why = PAUSE, ""
        for tried in range(TRIES):
            answer = await self._once("GET", path, query, None, urgent, tried + 1)
            if isinstance(answer, httpx.Response) and answer.status_code < 500 and answer.status_code not in (408, 429):
                try:
                    return self._reply(answer)
                except ValueError:
                    why = "Lead Docket's answer is not JSON"
            else:
                why = f"Lead Docket does not answer ({_what(answer)})"
            if tried + 1 < TRIES:
                await self._tools.clock.sleep_until(self._tools.clock.now() + round(pause * SECOND))
                pause *= 2
        raise Unavailable(why, after=60)

    async def write(self, method: str, path: str, body: Any, *, urgent: bool = False) -> Reply:
        """Change something, once. Raises `InDoubt` when the answer was lost, `Rejected` when it is refused."""
        answer = await self._once(method, path, None, body, urgent, 1)
        if isinstance(answer, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)):
            raise Unavailable("Lead Docket cannot be reached")
        if not isinstance(answer, httpx.Response) or answer.status_code >= 500 or answer.status_code == 408:
            raise InDoubt(f"Lead Docket's answer to a write was lost ({_what(answer)})")
        if answer.status_code == 429:
            raise Unavailable("Lead Docket limits requests", after=AFTER_429)
        try:
            return self._reply(answer)
        except (NotFound, Invalid) as why:
            raise Rejected(f"Lead Docket refuses the write: {why}") from why
        except ValueError:
            return Reply(None, 0)  # it was accepted; some writes answer with plain text

    async def _once(
        self, method: str, path: str, query: Mapping[str, Any] | None, body: Any, urgent: bool, tries: int
    ) -> httpx.Response | httpx.HTTPError:
        headers = {"api_key": self._settings.api_key, "Accept": "application/json"}
        params = {key: value for key, value in (query or {}).items() if value is not None}
        async with self._budget.request(urgent=urgent):
            try:
                answer = await self._tools.http().request(
                    method, f"{self._settings.base_url}{path}", params=params, json=body, headers=headers,
                    timeout=TIMEOUT, follow_redirects=False,
                )  # fmt: skip
            except httpx.HTTPError as why:
                return why
        if answer.status_code == 429:
            after = retry_after(answer.headers.get("retry-after"), self._tools.clock.now(), AFTER_429 * tries)
            self._budget.refused(after, "Lead Docket limits requests")
        elif answer.status_code < 500:
            self._budget.succeeded()
        return answer

    def _reply(self, answer: httpx.Response) -> Reply:
        status = answer.status_code
        if status in (401, 403) or answer.is_redirect:  # a redirect leads to the sign-in page
            raise NeedsHuman(
                f"Lead Docket refuses the key (HTTP {status}). Nothing was changed; let an administrator create an API "
                "key, and set api_key"
            )
        if status == 404:
            raise NotFound(f"HTTP 404: {without_personal_data(answer.text)}")
        if status >= 300:
            raise Invalid(f"Lead Docket refuses the request (HTTP {status}): {without_personal_data(answer.text)}")
        at = 0
        if stamp := answer.headers.get("date"):
            try:
                at = round(parsedate_to_datetime(stamp).timestamp()) * SECOND
            except ValueError:
                at = 0
        return Reply(answer.json() if answer.content else None, at)


def _what(answer: httpx.Response | httpx.HTTPError) -> str:
    return f"HTTP {answer.status_code}" if isinstance(answer, httpx.Response) else type(answer).__name__
