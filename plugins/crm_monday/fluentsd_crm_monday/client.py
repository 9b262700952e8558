"""monday's GraphQL on the daemon's HTTP client: one call at a time, errors before data, errors as decisions.

An answer with errors is a failure even if it has data too: half a page is no page. Failed calls count towards the day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import trio

from fluentsd.api import (
    InDoubt,
    Invalid,
    NeedsHuman,
    Rejected,
    RequestBudget,
    Tools,
    Unavailable,
    retry_after,
    server_time,
    without_personal_data,
)
from fluentsd_crm_monday.documents import ALL
from fluentsd_crm_monday.settings import Settings

TIMEOUT = httpx.Timeout(65.0, connect=5.0)  # monday gives a query 60 s
TRIES, PAUSE, SECOND = 3, 2.0, 1_000_000
_DAILY = ("DAILY_LIMIT_EXCEEDED", "DAILYLIMITEXCEEDED")
_LIMITED = (
    "COMPLEXITY_BUDGET_EXHAUSTED", "COMPLEXITYEXCEPTION", "MAXCONCURRENCYEXCEEDED", "RATE_LIMIT_EXCEEDED",
    "RATE LIMIT EXCEEDED", "IP_RATE_LIMIT_EXCEEDED", "CONCURRENCY_LIMIT_EXCEEDED", "MINUTE_LIMIT_EXCEEDED",
)  # fmt: skip
_SERVER = ("INTERNAL_SERVER_ERROR", "INTERNALSERVERERROR", "API_TEMPORARILY_BLOCKED")


class CursorEnded(ValueError):
    """The cursor is older than 60 minutes; the walk begins again."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The data of an answer, and its time (epoch microseconds by monday's clock; 0 if unknown)."""

    data: Any
    at: int


@dataclass(frozen=True, slots=True)
class _Failure:
    """What is wrong with an answer: monday's code in capitals, its message, and the seconds that it asks to wait."""

    code: str
    words: str
    after: float | None = None


class MondayClient:
    """The calls of one account."""

    def __init__(self, settings: Settings, tools: Tools, budget: RequestBudget) -> None:
        self._settings, self._tools, self._budget = settings, tools, budget
        self._writes = trio.Lock()

    async def read(self, operation: str, variables: Mapping[str, Any], *, urgent: bool = False) -> Reply:
        """Read something; raises `CursorEnded`, `Invalid`, `Unavailable` or `NeedsHuman`."""
        pause, why = PAUSE, ""
        for tried in range(TRIES):
            answer = await self._once(operation, variables, urgent)
            if isinstance(answer, Reply):
                return answer
            self._decide(answer)
            why = answer.words
            if tried + 1 < TRIES:
                await self._tools.clock.sleep_until(self._tools.clock.now() + round(pause * SECOND))
                pause *= 2
        raise Unavailable(f"monday.com does not answer ({why})", after=60)

    async def write(self, operation: str, variables: Mapping[str, Any], *, urgent: bool = False) -> Reply:
        """Change something, once and alone: monday warns of writes at the same time. Raises `InDoubt` when the answer
        was lost, `Rejected` when monday refuses it."""
        async with self._writes:
            answer = await self._once(operation, variables, urgent)
        if isinstance(answer, Reply):
            return answer
        if answer.code == "UNREACHABLE":
            raise Unavailable("monday.com cannot be reached")
        if answer.code == "LOST" or answer.code in _SERVER:
            raise InDoubt(f"monday.com's answer to a write was lost ({answer.words})")
        try:
            self._decide(answer)
        except Invalid as why:
            raise Rejected(f"monday.com refuses the write: {why}") from why
        raise Unavailable(f"monday.com cannot write now ({answer.words})", after=answer.after or 30)

    def _decide(self, failure: _Failure) -> None:
        """Raise for a failure that no repetition mends."""
        code, words = failure.code, failure.words
        if code in _DAILY:
            raise Unavailable("monday.com's daily limit of calls is reached", after=self._until_reset())
        if "CURSOR" in code or "cursor" in words.casefold():
            raise CursorEnded(f"monday.com's cursor has ended ({words}); begin again")
        if "UNAUTH" in code or code == "401" or "not authenticated" in words.casefold():
            raise NeedsHuman(f"monday.com refuses the token ({words}). Nothing was changed; create a token and set it")
        if code not in ("UNREACHABLE", "LOST", *_SERVER, *_LIMITED):
            raise Invalid(f"monday.com refuses the request ({code}): {words}")

    def _until_reset(self) -> float:
        resets_at = self._budget.used().resets_at or 0
        return max(1.0, (resets_at - self._tools.clock.now()) / SECOND)

    async def _once(self, operation: str, variables: Mapping[str, Any], urgent: bool) -> Reply | _Failure:
        headers = {"Authorization": self._settings.token, "API-Version": self._settings.version}
        body = {"query": ALL[operation], "operationName": operation, "variables": dict(variables)}
        async with self._budget.request(urgent=urgent):
            try:
                answer = await self._tools.http().post(
                    f"{self._settings.base_url}/v2", json=body, headers=headers, timeout=TIMEOUT, follow_redirects=False
                )
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as why:
                return _Failure("UNREACHABLE", type(why).__name__)
            except httpx.HTTPError as why:
                return _Failure("LOST", type(why).__name__)
        failure = _failure(answer, self._tools.clock.now())
        if failure is None:
            self._budget.succeeded()
            return Reply(answer.json()["data"], server_time(answer.headers.get("date")))
        if failure.code in _DAILY:
            self._budget.refused_for_the_day("monday.com's daily limit of calls is reached")
        elif failure.code in _LIMITED:
            self._budget.refused(failure.after or 30.0, f"monday.com limits calls ({failure.code})")
        return failure


def _failure(answer: httpx.Response, now: int) -> _Failure | None:
    """What is wrong with an answer; None for whole data without errors."""
    try:
        body = answer.json()
    except ValueError:
        code = str(answer.status_code) if 400 <= answer.status_code < 500 else "LOST"
        return _Failure(_by_status(answer.status_code) or code, f"HTTP {answer.status_code}, no JSON")
    errors = body.get("errors") if isinstance(body, dict) else [{"message": "an answer that is no object"}]
    if isinstance(body, dict) and not errors and (body.get("error_code") or body.get("error_message")):
        errors = [{"message": body.get("error_message"), "extensions": {"code": body.get("error_code")}}]
    if not errors and answer.status_code == 200 and isinstance(body.get("data"), dict):
        return None
    first: Mapping[str, Any] = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    extensions = first.get("extensions") or {}
    code = str(extensions.get("code") or _by_status(answer.status_code) or answer.status_code).upper()
    after = extensions.get("retry_in_seconds")
    header = answer.headers.get("retry-after")
    seconds = float(after) if isinstance(after, (int, float)) else retry_after(header, now) if header else None
    return _Failure(code, without_personal_data(str(first.get("message") or f"HTTP {answer.status_code}")), seconds)


def _by_status(status: int) -> str:
    return {401: "401", 403: "401", 429: "RATE_LIMIT_EXCEEDED"}.get(status, "LOST" if status >= 500 else "")
