"""Requests to the API: what each status means, and which errors assert that nothing was accepted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import httpx

from fluentsd.api import NeedsHuman, Rejected, Tools, Unavailable, retry_after, trouble
from fluentsd_channel_fluents.settings import UUID, Settings

#: Seconds to connect, and for each answer; seconds to wait without Retry-After.
CONNECT_WITHIN, ANSWER_WITHIN, BACK_OFF = 5.0, 15.0, 10.0


#: Calls in a page of the list, and the pages that are read for one question.
PAGE_AT_MOST, PAGES_AT_MOST = 50, 20


class NoAnswer(Exception):
    """The request may have been accepted: its answer was lost, or cannot be read."""


#: Statuses of a request that may have been taken all the same: it timed out there, or came too early.
_IN_DOUBT = (408, 425)


class _Page(NamedTuple):
    """A page of the list of calls."""

    calls: list[Mapping[str, Any]]
    has_more: bool


class Service:
    """The account's API over the shared client."""

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self._settings, self._http, self._now = settings, tools.http, tools.clock.now

    async def create(self, body: Mapping[str, Any]) -> str:
        """Create a call; its id. Raises `Unavailable`, `Rejected` and `NeedsHuman` only if nothing was accepted."""
        answer = await self._ask("POST", "/v1/calls/create", json=body)
        if answer.status_code == 402:
            raise NeedsHuman("Fluents asks to be paid (402); see the account's billing")
        if 400 <= answer.status_code < 500 and answer.status_code not in _IN_DOUBT:
            raise Rejected(f"Fluents refuses the call ({answer.status_code})", fault="message")
        ref = _object(answer)["id"]
        if not isinstance(ref, str) or not UUID.fullmatch(ref):
            raise NoAnswer("Fluents' answer has no call in it")
        return ref

    async def call(self, ref: str) -> Mapping[str, Any] | None:
        """One call; None when the account has none of this id."""
        answer = await self._ask("GET", "/v1/calls", params={"id": ref})
        return None if answer.status_code in (400, 404, 422) else _object(answer)

    async def newest(
        self, most: int, is_wanted: Callable[[Mapping[str, Any]], bool] = lambda call: False
    ) -> list[Mapping[str, Any]]:
        """The account's newest calls, as far as the list tells; no further pages once one has a wanted call. A page may
        be shorter than asked."""
        found: list[Mapping[str, Any]] = []
        for number in range(1, PAGES_AT_MOST + 1):
            page = await self._page(min(most, PAGE_AT_MOST), number)
            found += page.calls
            if not page.has_more or len(found) >= most or any(map(is_wanted, page.calls)):
                break
        return found[:most]

    async def _page(self, size: int, number: int) -> _Page:
        wanted = {"page": number, "size": size, "sort_column": "start_time", "sort_desc": "true"}
        found = _object(await self._ask("GET", "/v1/calls/list", params=wanted), "items")
        items = found["items"] if isinstance(found["items"], list) else []
        has_more = found.get("has_more")
        if not isinstance(has_more, bool):
            has_more = len(items) >= size
        return _Page([one for one in items if isinstance(one, dict)], has_more)

    async def end(self, ref: str) -> bool:
        """End a call; whether the API has ended it."""
        return (await self._ask("POST", "/v1/calls/end", params={"id": ref})).status_code in (200, 201, 204)

    async def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self._settings.key}"}
        timeout = httpx.Timeout(ANSWER_WITHIN, connect=CONNECT_WITHIN)
        try:
            answer: httpx.Response = await self._http().request(
                method, self._settings.base_url + path, headers=headers, timeout=timeout, follow_redirects=False, **more
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as why:
            raise Unavailable(f"Fluents cannot be reached ({trouble(why)})", BACK_OFF) from why
        except httpx.HTTPError as why:
            raise NoAnswer(f"Fluents' answer was lost ({trouble(why)})") from why
        if answer.status_code in (401, 403):
            raise NeedsHuman(f"Fluents refuses the key ({answer.status_code}); correct [channel.phone] key")
        if answer.status_code == 429:
            raise Unavailable(
                "Fluents asks to slow down", retry_after(answer.headers.get("retry-after"), self._now(), BACK_OFF)
            )
        if answer.status_code >= 500:
            raise NoAnswer(f"Fluents answers {answer.status_code}")
        return answer


def _object(answer: httpx.Response, needed: str = "id") -> dict[str, Any]:
    """The object in an answer, which has what is needed of it."""
    try:
        found = answer.json()
    except ValueError:
        found = None
    if answer.status_code not in (200, 201) or not isinstance(found, dict) or needed not in found:
        raise NoAnswer(f"Fluents' answer cannot be read ({answer.status_code})")
    return found
