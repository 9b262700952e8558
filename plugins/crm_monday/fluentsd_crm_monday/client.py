"""monday's GraphQL on the daemon's HTTP client: one call at a time, errors before data, errors as decisions.

A read whose answer has errors is a failure even if it has data too: half a page is no page. A write that has its id has
happened, whatever errors stand beside it. Failed calls count towards the day. What an error means: `failures`.
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
    malformed,
    mismatch,
    server_time,
    trouble,
)
from fluentsd_crm_monday.documents import ALL, SHAPES
from fluentsd_crm_monday.failures import Failure, failure_of
from fluentsd_crm_monday.settings import Settings

TIMEOUT = httpx.Timeout(65.0, connect=5.0)  # monday gives a query 60 s
TRIES, PAUSE, SECOND = 3, 2.0, 1_000_000


class CursorEnded(ValueError):
    """The cursor is older than 60 minutes; the walk begins again."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The data of an answer, and its time (epoch microseconds by monday's clock; 0 if unknown)."""

    data: Any
    at: int


class MondayClient:
    """The calls of one account."""

    def __init__(self, settings: Settings, tools: Tools, budget: RequestBudget) -> None:
        self._settings, self._tools, self._budget = settings, tools, budget
        self._writes = trio.Lock()

    async def read(self, operation: str, variables: Mapping[str, Any], *, urgent: bool = False) -> Reply:
        """Read something; raises `CursorEnded`, `Invalid`, `Unavailable` or `NeedsHuman`."""
        pause, why = PAUSE, Unavailable("monday.com does not answer", after=60)
        for tried in range(TRIES):
            answer = await self._once(operation, variables, urgent)
            if isinstance(answer, Reply):
                if wrong := mismatch(answer.data, SHAPES[operation], "the data"):
                    raise malformed("monday.com", f"the query {operation}", wrong)
                return answer
            self._decide(answer)
            why = Unavailable(f"monday.com does not answer ({answer.words})", after=answer.after or 60)
            if answer.kind == "malformed":
                why = malformed("monday.com", f"the query {operation}", answer.words)
            if tried + 1 < TRIES:
                await self._tools.clock.sleep_until(self._tools.clock.now() + round(pause * SECOND))
                pause *= 2
        raise why

    async def write(self, operation: str, variables: Mapping[str, Any], *, urgent: bool = False) -> Reply:
        """Change something, once and alone: monday warns of writes at the same time. Raises `InDoubt` when the answer
        was lost, `Rejected` when monday refuses it, `Unavailable` when it is to be tried again later."""
        async with self._writes:
            answer = await self._once(operation, variables, urgent, is_write=True)
        if isinstance(answer, Reply):
            if wrong := mismatch(answer.data, SHAPES[operation], "the data"):
                raise InDoubt(f"monday.com's answer to the write {operation} cannot be used: {wrong}")
            return answer
        if answer.kind == "unreachable":
            raise Unavailable("monday.com cannot be reached")
        if answer.kind in ("server", "malformed"):
            raise InDoubt(f"monday.com's answer to a write was lost ({answer.words})")
        try:
            self._decide(answer)
        except Invalid as why:
            raise Rejected(str(why)) from why
        words = f"monday.com cannot write now ({answer.words})"
        raise Unavailable(words, after=answer.after or 30, only_this=answer.kind == "locked")

    def _decide(self, failure: Failure) -> None:
        """Raise for a failure that no repetition mends."""
        code, words = failure.code, failure.words
        if failure.kind == "daily":
            after = failure.after or self._until_reset()
            raise Unavailable("monday.com's daily limit of calls is reached", after=after)
        if failure.kind == "cursor":
            raise CursorEnded(f"monday.com's cursor has ended ({words}); begin again")
        if failure.kind == "token":
            raise NeedsHuman(f"monday.com refuses the token ({words}). Nothing was changed; create a token and set it")
        if failure.kind == "forbidden":
            raise Invalid(f"monday.com refuses this ({code}): {words}; let the token's user see and edit the board")
        if failure.kind == "invalid":
            raise Invalid(f"monday.com refuses the request ({code}): {words}")

    def _until_reset(self) -> float:
        resets_at = self._budget.used().resets_at or 0
        return max(1.0, (resets_at - self._tools.clock.now()) / SECOND)

    async def _once(
        self, operation: str, variables: Mapping[str, Any], urgent: bool, *, is_write: bool = False
    ) -> Reply | Failure:
        headers = {"Authorization": self._settings.token, "API-Version": self._settings.version}
        body = {"query": ALL[operation], "variables": variables, "operationName": operation}
        async with self._budget.request(urgent=urgent):
            try:
                answer = await self._tools.http().post(
                    f"{self._settings.base_url}/v2", json=body, headers=headers, timeout=TIMEOUT, follow_redirects=False
                )
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as why:
                return Failure("unreachable", "", trouble(why))
            except httpx.HTTPError as why:
                return Failure("server", "", trouble(why))
        failure = failure_of(answer, self._tools.clock.now())
        if failure is None or (is_write and _is_written(answer, operation)):
            self._budget.succeeded()
            return Reply(answer.json()["data"], server_time(answer.headers.get("date")))
        if failure.kind == "daily":
            until = None if failure.after is None else self._tools.clock.now() + round(failure.after * SECOND)
            self._budget.refused_for_the_day("monday.com's daily limit of calls is reached", until)
        elif failure.kind == "limited":
            self._budget.refused(failure.after or 30.0, f"monday.com limits calls ({failure.code or failure.words})")
        return failure


def _is_written(answer: httpx.Response, operation: str) -> bool:
    """Whether the data of an answer with errors has the id of what was written."""
    try:
        body = answer.json()
    except ValueError:
        return False
    return isinstance(body, Mapping) and not mismatch(body.get("data"), SHAPES[operation])
