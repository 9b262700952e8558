"""HubSpot's SDK in a thread: one connection pool for all endpoints, answers as plain JSON, errors as decisions.

The SDK's ready-made methods fix the API version, decode a page of contacts in 34 ms under the GIL and have no time-out;
its `ApiClient.call_api` does the same requests with our paths, raw answers and a time-out. It is imported in the thread
at the first request, so that a daemon without HubSpot never loads it. Retries and pauses happen here, in Trio.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fluentsd.api import (
    ANY,
    InDoubt,
    Invalid,
    NeedsHuman,
    NotFound,
    OAuthApp,
    OAuthTokens,
    Rejected,
    RequestBudget,
    RestReply,
    Shape,
    Tools,
    Unavailable,
    malformed,
    mismatch,
    retry_after,
    server_time,
    without_personal_data,
)
from fluentsd_crm_hubspot import paths
from fluentsd_crm_hubspot.settings import Settings

#: Seconds to connect and to wait for an answer.
TIMEOUT = (5.0, 30.0)
#: Tries of a read, and the seconds before the second one; each further pause is twice as long.
TRIES, PAUSE = 4, 1.0
SECOND = 1_000_000
#: Statuses that say "not now": a lock, a migration of the account.
LATER = (423, 425, 477)


@dataclass(frozen=True, slots=True)
class _Raw:
    """A response as it arrived; status 0 means that no request left, -1 that the answer was lost."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class HubspotClient:
    """The requests of one account."""

    def __init__(self, settings: Settings, tools: Tools, budget: RequestBudget, searches: RequestBudget) -> None:
        self._settings, self._tools = settings, tools
        self._budget, self._searches = budget, searches
        self._oauth = None if settings.token else OAuthTokens(_app(settings), tools)
        self._api: Any = None

    async def get(
        self,
        path: str,
        query: Mapping[str, Any] | None = None,
        *,
        urgent: bool = False,
        shape: Shape = ANY,
        **place: str,
    ) -> RestReply:
        """Read something; raises `NotFound`, `Invalid`, `Unavailable` (`Malformed`) or `NeedsHuman`."""
        return await self._read("GET", path, query, None, urgent, place, shape)

    async def ask(self, path: str, body: Any, *, urgent: bool = False, shape: Shape = ANY, **place: str) -> RestReply:
        """Read something by a POST (search, batch read)."""
        return await self._read("POST", path, None, body, urgent, place, shape)

    async def write(
        self,
        method: str,
        path: str,
        body: Any,
        query: Mapping[str, Any] | None = None,
        *,
        urgent: bool = False,
        shape: Shape = ANY,
        **place: str,
    ) -> RestReply:
        """Change something, once. Raises `InDoubt` when the answer was lost or cannot be read, `Rejected` when HubSpot
        refuses it."""
        for _ in range(TRIES):
            raw = await self._once(method, path, query, body, urgent, place)
            if raw.status in (-1, 408) or raw.status >= 500:
                raise InDoubt(f"HubSpot's answer to a write was lost ({_status(raw)})")
            if raw.status == 0:
                raise Unavailable("HubSpot cannot be reached")
            if raw.status in LATER:
                raise Unavailable(f"HubSpot cannot write this now ({_status(raw)})", only_this=True)
            if raw.status != 429:
                try:
                    reply = self._reply(raw)
                    wrong = mismatch(reply.body, shape)
                except (NotFound, Invalid) as why:
                    raise Rejected(f"HubSpot refuses the write: {why}") from why
                except (ValueError, RecursionError):
                    wrong = "it is not JSON"
                if wrong:
                    raise InDoubt(f"HubSpot's answer to {method} {path} cannot be used: {wrong}")
                return reply
        raise Unavailable("HubSpot answers 429 again and again", after=60)

    async def _read(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        body: Any,
        urgent: bool,
        place: Mapping[str, str],
        shape: Shape,
    ) -> RestReply:
        call = f"{method} {path.replace('{object}', place.get('object', ''))}"
        pause, why = PAUSE, Unavailable("HubSpot answers 429 again and again", after=60)
        for tried in range(TRIES):
            raw = await self._once(method, path, query, body, urgent, place)
            if raw.status == 429:
                why = Unavailable("HubSpot answers 429 again and again", after=60)
                continue
            if raw.status == 404 and _is_web_page(raw):
                why = malformed("HubSpot", call, "it is a web page, not JSON")
            elif 0 < raw.status < 500 and raw.status not in (408, *LATER):
                try:
                    reply = self._reply(raw)
                except (ValueError, RecursionError):
                    why = malformed("HubSpot", call, "it is not JSON")
                else:
                    if wrong := mismatch(reply.body, shape):
                        raise malformed("HubSpot", call, wrong)
                    return reply
            else:
                words = "cannot be reached" if raw.status == 0 else f"does not answer ({_status(raw)})"
                why = Unavailable(f"HubSpot {words}", after=60)
            if tried + 1 < TRIES:
                await self._tools.clock.sleep_until(self._tools.clock.now() + round(pause * SECOND))
                pause *= 2
        raise why

    async def _once(
        self, method: str, path: str, query: Mapping[str, Any] | None, body: Any, urgent: bool, place: Mapping[str, str]
    ) -> _Raw:
        """One request, again with a new token if the last has ended."""
        if self._oauth is None:
            return await self._sent(self._settings.token, method, path, query, body, urgent, place)
        token = await self._oauth.bearer()
        raw = await self._sent(token, method, path, query, body, urgent, place)
        if raw.status == 401:  # an access token ends after half an hour, in the midst of a walk
            token = await self._oauth.bearer(ended=token)
            raw = await self._sent(token, method, path, query, body, urgent, place)
        return raw

    async def _sent(
        self,
        token: str,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        body: Any,
        urgent: bool,
        place: Mapping[str, str],
    ) -> _Raw:
        """One request within the budgets; a 429 closes the budget that it names."""
        is_search = path.endswith("/search") and "/objects/" in path
        url = path.format(**{key: quote(value, safe="") for key, value in place.items()})
        if is_search:
            async with self._searches.request(urgent=urgent), self._budget.request(urgent=urgent):
                raw: _Raw = await self._tools.run_sync(self._call, token, method, url, query, body)
        else:
            async with self._budget.request(urgent=urgent):
                raw = await self._tools.run_sync(self._call, token, method, url, query, body)
        self._learn(raw, self._searches if is_search else self._budget)
        return raw

    def _learn(self, raw: _Raw, budget: RequestBudget) -> None:
        now = self._tools.clock.now()
        daily, left = (_number(raw.headers.get(f"x-hubspot-ratelimit-daily{end}")) for end in ("", "-remaining"))
        if daily is not None:
            self._budget.learn_day(daily, left)
        if raw.status == 429:
            policy = str(_error(raw).get("policyName", ""))
            if policy.upper() == "DAILY":
                self._budget.refused_for_the_day("HubSpot's daily limit of requests is reached")
            else:
                limited = self._searches if policy.upper() == "SECONDLY" else budget
                after = retry_after(raw.headers.get("retry-after"), now, 1.0 if policy.upper() == "SECONDLY" else 10.0)
                limited.refused(after, f"HubSpot limits requests ({policy or 'no policy named'})")
        elif 0 < raw.status < 500:
            budget.succeeded()
            interval = _number(raw.headers.get("x-hubspot-ratelimit-interval-milliseconds"))
            if _number(raw.headers.get("x-hubspot-ratelimit-remaining")) == 0 and interval:
                self._budget.close(min(interval / 1000, 60.0), "HubSpot's limit of requests is reached")

    def _reply(self, raw: _Raw) -> RestReply:
        error = _error(raw) if raw.status >= 400 else {}
        words = _words(error) or f"HTTP {raw.status}"
        if raw.status == 401:
            raise NeedsHuman(
                f"HubSpot refuses the key ({words}). Nothing was changed. Check that it is complete, active and not "
                "expired (Settings, Integrations, Service Keys), and set token"
            )
        if raw.status == 403:
            raise NeedsHuman(f"HubSpot refuses this: {words}. {missing_scopes(error)}", only_this=True)
        if raw.status == 404:
            raise NotFound(words)
        if raw.status >= 400:
            raise Invalid(words)
        return RestReply(json.loads(raw.data) if raw.data else None, server_time(raw.headers.get("date")))

    def _call(self, token: str, method: str, url: str, query: Mapping[str, Any] | None, body: Any) -> _Raw:
        """One request, in a thread."""
        if self._api is None:
            self._api = _connect(self._settings)
        import urllib3

        pairs = [(key, str(value)) for key, value in (query or {}).items() if value is not None]
        headers = {
            "Accept": "application/json", "Content-Type": "application/json", "Authorization": f"Bearer {token}",
        }  # fmt: skip
        try:
            answer = self._api.call_api(
                url, method, None, pairs, headers, body=body, auth_settings=[],
                _return_http_data_only=True, _preload_content=False, _request_timeout=TIMEOUT,
            )  # fmt: skip
            return _Raw(answer.status, _lower(answer.headers), answer.data)
        except urllib3.exceptions.MaxRetryError as why:
            cause = why.reason
            begun = not isinstance(
                cause, (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)
            )
            return _Raw(-1 if begun else 0, {}, b"")
        except urllib3.exceptions.HTTPError:
            return _Raw(-1, {}, b"")
        except Exception as why:  # each API namespace of the SDK has an exception class of its own
            status = getattr(why, "status", None)
            if not isinstance(status, int):
                raise
            body_text = getattr(why, "body", None) or b""
            data = body_text if isinstance(body_text, bytes) else str(body_text).encode()
            return _Raw(status, _lower(getattr(why, "headers", None) or {}), data)


def _app(settings: Settings) -> OAuthApp:
    return OAuthApp(
        "HubSpot", f"{settings.base_url}{paths.SIGN_IN}", settings.client_id, settings.client_secret,
        settings.refresh_token, "install the app in the account again, and set the new refresh_token",
    )  # fmt: skip


def _connect(settings: Settings) -> Any:
    """The SDK's client of one API, used for all of them: each attribute access would open connections of its own."""
    import urllib3
    from hubspot import HubSpot  # type: ignore[import-untyped]  # the SDK ships no types

    retry = urllib3.Retry(total=0, redirect=0, raise_on_redirect=False)
    hubspot = HubSpot(host=settings.base_url, retry=retry)
    return hubspot.crm.lists.lists_api.api_client


def missing_scopes(error: Mapping[str, Any]) -> str:
    """The fix of a 403, with the scopes that HubSpot names."""
    found: set[str] = set()
    errors = error.get("errors")
    for part in [error, *(errors if isinstance(errors, list) else [])]:
        context = part.get("context") if isinstance(part, dict) else None
        if isinstance(context, dict):
            for key in ("requiredGranularScopes", "missingScopes", "requiredScopes"):
                named = context.get(key)
                found |= {str(one) for one in named} if isinstance(named, list) else set()
    scopes = f"the scopes {', '.join(sorted(found))}" if found else "the scopes of the plugin's README"
    return f"Give the key {scopes} (edit it in HubSpot, then wait a minute)"


def _lower(headers: Any) -> dict[str, str]:
    return {str(name).lower(): str(value) for name, value in headers.items()}


def _is_web_page(raw: _Raw) -> bool:
    return "html" in raw.headers.get("content-type", "") or raw.data.lstrip()[:1] == b"<"


def _error(raw: _Raw) -> dict[str, Any]:
    try:
        found = json.loads(raw.data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _words(error: Mapping[str, Any]) -> str:
    return without_personal_data(" ".join(str(error[key]) for key in ("category", "message") if error.get(key)))


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None


def _status(raw: _Raw) -> str:
    return f"HTTP {raw.status}" if raw.status > 0 else "no answer"
