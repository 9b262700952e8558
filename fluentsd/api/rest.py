"""A provider's JSON API over HTTP: retries, limits and errors, the same for all; a plugin says what is its own.

A read is repeated after a lost answer, a 5xx, 408 or 429; a write never is, because the first one may have arrived.
What must not live here: the paths, headers and error words of one provider.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, ClassVar

from fluentsd.api.channel import Tools
from fluentsd.api.error_words import trouble
from fluentsd.api.errors import InDoubt, NeedsHuman, Rejected, Unavailable
from fluentsd.api.request_budget import RequestBudget, retry_after
from fluentsd.api.shapes import ANY, Shape, malformed, mismatch
from fluentsd.api.vendor_text import without_personal_data

if TYPE_CHECKING:
    import httpx

SECOND = 1_000_000
_WEB_PAGE = "it is a web page, not JSON"


class NotFound(LookupError):
    """The provider has no such thing."""


class Invalid(NeedsHuman):
    """The provider refuses what was asked, with this message; other questions are not affected."""

    def __init__(self, what: str) -> None:
        super().__init__(what, only_this=True)


@dataclass(frozen=True, slots=True)
class RestReply:
    """An answer: JSON, and its time (epoch microseconds by the provider's clock; 0 if unknown)."""

    body: Any
    at: int


def server_time(date: str | None) -> int:
    """The instant of a Date header in epoch microseconds; 0 without one, or with one that is none."""
    try:
        return round(parsedate_to_datetime(date).timestamp()) * SECOND if date else 0
    except ValueError:
        return 0


class RestClient:
    """The requests of one account. A plugin names the provider, gives the headers, and turns the provider's own errors
    into decisions in `refuse`."""

    #: The provider's name for people.
    name: ClassVar[str]
    #: Seconds to connect, and for an answer.
    timeouts: ClassVar[tuple[float, float]] = (5.0, 30.0)
    #: Tries of a read, and the seconds before the second one; each further pause is twice as long.
    tries: ClassVar[int] = 4
    pause: ClassVar[float] = 1.0
    #: Seconds to wait after a 429 that does not say how long, times the number of tries.
    after_429: ClassVar[float] = 10.0
    #: Whether a write is accepted whose answer is no JSON.
    writes_answer_text: ClassVar[bool] = False

    def __init__(self, base_url: str, tools: Tools, budget: RequestBudget) -> None:
        self._base_url, self._tools, self._budget = base_url, tools, budget

    async def headers(self) -> Mapping[str, str]:
        """The headers of a request, with the credentials."""
        raise NotImplementedError

    def refuse(self, answer: httpx.Response) -> None:
        """Raise `NotFound`, `Invalid` or `NeedsHuman` for an answer that is an error."""
        raise NotImplementedError

    async def renew(self, answer: httpx.Response) -> bool:
        """Whether the credentials have ended and there are new ones, so that the request is made again."""
        return False

    def heed(self, answer: httpx.Response, tried: int) -> None:
        """Tell the budget what the answer says of limits. `tried`: tries of this request, this one included."""
        if answer.status_code == 429:
            after = retry_after(answer.headers.get("retry-after"), self._tools.clock.now(), self.after_429 * tried)
            self._budget.refused(after, f"{self.name} limits requests")
        elif answer.status_code < 500:
            self._budget.succeeded()

    async def read(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        urgent: bool = False,
        shape: Shape = ANY,
    ) -> RestReply:
        """Read something that has this form; raises `NotFound`, `Invalid`, `Unavailable` (`Malformed` for an answer in
        another form) or `NeedsHuman`. A web page with the status 404 says nothing about a record."""
        pause, why = self.pause, Unavailable(self.name, after=60)
        for tried in range(1, self.tries + 1):
            answer = await self._once(method, path, query, body, urgent, tried)
            if isinstance(answer, Exception) or answer.status_code >= 500 or answer.status_code in (408, 429):
                why = Unavailable(f"{self.name} does not answer ({_what(answer)})", after=60)
            elif is_web_page(answer) and (answer.is_success or answer.status_code == 404):
                why = malformed(self.name, call_name(method, path), _WEB_PAGE)
            else:
                try:
                    reply = self._reply(answer)
                except (ValueError, RecursionError):
                    why = malformed(self.name, call_name(method, path), "it is not JSON")
                else:
                    if wrong := mismatch(reply.body, shape):
                        raise malformed(self.name, call_name(method, path), wrong)
                    return reply
            if tried < self.tries:
                await self._tools.clock.sleep_until(self._tools.clock.now() + round(pause * SECOND))
                pause *= 2
        raise why

    async def write(self, method: str, path: str, body: Any, *, urgent: bool = False, shape: Shape = ANY) -> RestReply:
        """Change something, once. Raises `InDoubt` when the answer was lost or has another form, `Rejected` when the
        write is refused."""
        import httpx

        answer = await self._once(method, path, None, body, urgent, 1)
        if isinstance(answer, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)):
            raise Unavailable(f"{self.name} cannot be reached")
        if isinstance(answer, Exception) or answer.status_code >= 500 or answer.status_code == 408:
            raise InDoubt(f"{self.name}'s answer to a write was lost ({_what(answer)})")
        if answer.status_code == 429:
            raise Unavailable(f"{self.name} limits requests", after=self.after_429)
        if answer.status_code in (423, 425):
            raise Unavailable(f"{self.name} cannot write this now ({_what(answer)})", only_this=True)
        if answer.is_success and is_web_page(answer):
            raise InDoubt(f"{self.name}'s answer to {call_name(method, path)} cannot be used: {_WEB_PAGE}")
        try:
            reply = self._reply(answer)
        except (NotFound, Invalid) as why:
            raise Rejected(f"{self.name} refuses the write: {why}") from why
        except (ValueError, RecursionError) as why:
            if self.writes_answer_text:
                return RestReply(None, 0)
            raise InDoubt(f"{self.name}'s answer to a write is not JSON") from why
        if wrong := mismatch(reply.body, shape):
            raise InDoubt(f"{self.name}'s answer to {call_name(method, path)} cannot be used: {wrong}")
        return reply

    async def _once(
        self, method: str, path: str, query: Mapping[str, Any] | None, body: Any, urgent: bool, tried: int
    ) -> httpx.Response | httpx.HTTPError:
        answer = await self._sent(method, path, query, body, urgent, tried)
        if not isinstance(answer, Exception) and await self.renew(answer):
            answer = await self._sent(method, path, query, body, urgent, tried)
        return answer

    async def _sent(
        self, method: str, path: str, query: Mapping[str, Any] | None, body: Any, urgent: bool, tried: int
    ) -> httpx.Response | httpx.HTTPError:
        """One request within the budget, or the error that took its answer's place."""
        import httpx

        headers = {"Accept": "application/json", **await self.headers()}
        params = {key: value for key, value in (query or {}).items() if value is not None}
        connect, whole = self.timeouts
        async with self._budget.request(urgent=urgent):
            try:
                answer = await self._tools.http().request(
                    method, f"{self._base_url}{path}", params=params, json=body, headers=headers,
                    timeout=httpx.Timeout(whole, connect=connect), follow_redirects=False,
                )  # fmt: skip
            except httpx.HTTPError as why:
                return why
        self.heed(answer, tried)
        return answer

    def _reply(self, answer: httpx.Response) -> RestReply:
        if answer.status_code >= 300:
            self.refuse(answer)
            raise Invalid(f"HTTP {answer.status_code}: {without_personal_data(answer.text)}")
        return RestReply(answer.json() if answer.content else None, server_time(answer.headers.get("date")))


def call_name(method: str, path: str) -> str:
    """A request for people, with "…" for each id in its path."""
    parts = ("…" if re.search(r"\d.*\d|@|%", part) or len(part) > 24 else part for part in path.split("/"))
    return f"{method} {'/'.join(parts)}"


def is_web_page(answer: httpx.Response) -> bool:
    """Whether an answer is HTML: of a proxy, a sign-in page, a site under maintenance."""
    return "html" in answer.headers.get("content-type", "") or answer.content.lstrip()[:1] == b"<"


def _what(answer: httpx.Response | httpx.HTTPError) -> str:
    return trouble(answer) if isinstance(answer, Exception) else f"HTTP {answer.status_code}"
