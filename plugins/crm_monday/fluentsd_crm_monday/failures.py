"""What an answer of monday with errors means: to be tried again, refused for good, or a matter of the token. Pure.

monday answers most errors with HTTP 200, and says the status in the body; its codes come in several spellings. An error
that asks to wait, or has a status that says so, is never taken for a refusal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from fluentsd.api import count_of, retry_after, without_personal_data

#: "server": it may have happened; "limited", "locked", "daily": it has not, and may later.
FailureKind = Literal[
    "unreachable", "server", "malformed", "limited", "locked", "daily", "cursor", "token", "forbidden", "invalid"
]
#: Codes in capitals, without what is neither letter nor digit.
_LIMITED = frozenset({
    "COMPLEXITYBUDGETEXHAUSTED", "COMPLEXITYEXCEPTION", "MAXCONCURRENCYEXCEEDED", "RATELIMITEXCEEDED",
    "IPRATELIMITEXCEEDED", "CONCURRENCYLIMITEXCEEDED", "MINUTELIMITEXCEEDED", "MINUTERATELIMITEXCEEDED",
    "FIELDLIMITEXCEEDED", "FIELDMINUTERATELIMITEXCEEDED",
})  # fmt: skip
_LIMITED_WORDS = re.compile(r"\brate\b.*\bexceeded\b|concurrency limit|budget exhausted|too many requests")
#: What the older form of an answer says in its message alone.
_RESET = re.compile(r"\breset in (\d{1,5}) seconds?\b")
_SERVER = frozenset({"INTERNALSERVERERROR", "APITEMPORARILYBLOCKED"})
_TOKEN = frozenset({"UNAUTHENTICATED", "NOTAUTHENTICATED", "UNAUTHORIZED", "INVALIDTOKEN"})
#: The order in which errors of one answer count: one that passes makes the whole worth another try.
_FIRST: tuple[FailureKind, ...] = ("token", "daily", "limited", "locked", "server", "cursor", "forbidden", "invalid")


@dataclass(frozen=True, slots=True)
class Failure:
    """What is wrong with an answer: monday's code, its message, and the seconds that it asks to wait."""

    kind: FailureKind
    code: str
    words: str
    after: float | None = None


def failure_of(answer: httpx.Response, now: int) -> Failure | None:
    """What is wrong with an answer; None for whole data without errors."""
    try:
        body = answer.json()
    except (ValueError, RecursionError):
        if answer.status_code < 400:
            return Failure("malformed", "", "it is not JSON")
        body = {}
    if not isinstance(body, Mapping):
        return Failure("malformed", "", "it is no object")
    found = [_one(error, body, answer, now) for error in _errors(body)]
    if found:
        return min(found, key=lambda one: _FIRST.index(one.kind))
    if answer.status_code != 200:
        return _one({}, body, answer, now)
    return None if isinstance(body.get("data"), Mapping) else Failure("malformed", "", "it has no data")


def _errors(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    errors = body.get("errors")
    for one in errors if isinstance(errors, list) else [errors] if errors else []:
        yield one if isinstance(one, Mapping) else {"message": str(one)}
    if not errors and (body.get("error_code") or body.get("error_message")):
        yield {"message": body.get("error_message"), "extensions": {"code": body.get("error_code")}}


def _one(error: Mapping[str, Any], body: Mapping[str, Any], answer: httpx.Response, now: int) -> Failure:
    extensions = error.get("extensions")
    about: Mapping[str, Any] = extensions if isinstance(extensions, Mapping) else {}
    code = str(about.get("code") or "")
    given = (about.get("status_code"), body.get("status_code"), code, answer.status_code)
    status = next((one for each in given if (one := count_of(each)) and 400 <= one < 600), answer.status_code)
    words = without_personal_data(str(error.get("message") or f"HTTP {status}"))
    after = _seconds(about, body, answer, now)
    return Failure(_kind(code, status, words.casefold(), after), code or f"HTTP {status}", words, after)


def _kind(code: str, status: int, words: str, after: float | None) -> FailureKind:
    plain = re.sub(r"[^A-Z0-9]", "", code.upper())
    if plain == "DAILYLIMITEXCEEDED" or "daily limit" in words:
        return "daily"
    if status == 423 or "LOCKED" in plain or "currently locked" in words:
        return "locked"
    if status == 429 or plain in _LIMITED or _LIMITED_WORDS.search(words):
        return "limited"
    if status == 408 or status >= 500 or plain in _SERVER:
        return "server"
    if "CURSOR" in plain or "cursor" in words:
        return "cursor"
    if status == 401 or plain in _TOKEN or "not authenticated" in words:
        return "token"
    if after is not None:
        return "limited"
    return "forbidden" if status == 403 or "UNAUTHORIZED" in plain else "invalid"


def _seconds(about: Mapping[str, Any], body: Mapping[str, Any], answer: httpx.Response, now: int) -> float | None:
    for place in (about, about.get("error_data"), body.get("error_data"), about.get("extensions")):
        asked = place.get("retry_in_seconds") if isinstance(place, Mapping) else None
        if isinstance(asked, (int, float)) and not isinstance(asked, bool):
            return min(max(float(asked), 1.0), 86_400.0)
    header = answer.headers.get("retry-after")
    if header:
        return retry_after(header, now)
    told = _RESET.search(str(body))
    return float(told[1]) if told else None
