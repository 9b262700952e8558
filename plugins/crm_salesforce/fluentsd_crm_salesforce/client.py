"""simple-salesforce in a thread, one request at a time: answers as plain JSON, errors as decisions.

The library has no time-outs and no retries, signs in by a flow that Salesforce retires, and is not made for several
threads; so the session comes from `tokens`, and retries and pauses happen here, in Trio. It is imported in the thread
at the first request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from fluentsd.api import (
    InDoubt,
    NeedsHuman,
    NotFound,
    Rejected,
    RequestBudget,
    RestReply,
    Tools,
    Unavailable,
    retry_after,
    server_time,
    without_personal_data,
)
from fluentsd_crm_salesforce.settings import Settings
from fluentsd_crm_salesforce.tokens import Session, Tokens

TIMEOUT = (5.0, 60.0)
TRIES, PAUSE = 4, 1.0
SECOND = 1_000_000
#: After REQUEST_LIMIT_EXCEEDED: the quota is that of the last 24 hours, so it comes back bit by bit.
LIMIT_REST = 3600 * SECOND
_BUSY = ("UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "QUERY_TIMEOUT", "REQUEST_RUNNING_TOO_LONG")


class Refused(NeedsHuman):
    """Salesforce answered 400: `code` is its error code, the message its own."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(f"Salesforce refuses the request ({code}): {words}")
        self.code, self.words = code, words


@dataclass(frozen=True, slots=True)
class _Raw:
    """A response as it arrived; status 0: no request left, -1: the answer was lost, -2: it cannot be read."""

    status: int
    headers: Mapping[str, str]
    body: Any


class SalesforceClient:
    """The requests of one org."""

    def __init__(self, settings: Settings, tools: Tools, budget: RequestBudget) -> None:
        self._settings, self._tools, self._budget = settings, tools, budget
        self._tokens = Tokens(settings, tools)
        self._connected: tuple[Session, Any] | None = None
        self._headers: Mapping[str, str] = {}

    async def query(self, soql: str, *, deleted: bool = False, urgent: bool = False) -> RestReply:
        """All rows of a query that is limited by itself; `deleted` includes the recycle bin."""
        reply = await self.get("queryAll" if deleted else "query", {"q": soql}, urgent=urgent)
        rows, body = list(reply.body["records"]), reply.body
        while not body.get("done", True) and body.get("nextRecordsUrl"):
            locator = str(body["nextRecordsUrl"]).rpartition("/")[2]
            body = (await self.get(f"query/{quote(locator)}", urgent=urgent)).body
            rows += body["records"]
        return RestReply(rows, reply.at)

    async def get(self, path: str, params: Mapping[str, Any] | None = None, *, urgent: bool = False) -> RestReply:
        """Read something; raises `NotFound`, `Refused`, `Unavailable` or `NeedsHuman`."""
        pause, why = PAUSE, ""
        for tried in range(TRIES):
            raw = await self._signed_in("GET", path, params, None, urgent)
            code = _code(raw)
            if raw.status == 429:
                why = "Salesforce limits requests"
            elif raw.status in (0, -1, -2) or raw.status >= 500 or code in _BUSY:
                why = (
                    "Salesforce cannot be reached" if raw.status == 0 else f"Salesforce does not answer ({_words(raw)})"
                )
            else:
                return self._reply(raw)
            if tried + 1 < TRIES:
                await self._tools.clock.sleep_until(self._tools.clock.now() + round(pause * SECOND))
                pause *= 2
        raise Unavailable(why, after=60)

    async def write(self, method: str, path: str, body: Any, *, urgent: bool = False) -> RestReply:
        """Change something, once. Raises `InDoubt` when the answer was lost, `Rejected` when Salesforce refuses it."""
        raw = await self._signed_in(method, path, None, body, urgent)
        code = _code(raw)
        if raw.status in (-1, -2) or raw.status >= 500:
            raise InDoubt(f"Salesforce's answer to a write was lost ({_words(raw)})")
        if raw.status == 0 or raw.status == 429 or code in _BUSY:
            raise Unavailable(f"Salesforce cannot write now ({_words(raw)})")
        try:
            return self._reply(raw)
        except (NotFound, Refused) as why:
            raise Rejected(f"Salesforce refuses the write: {why}") from why

    async def _signed_in(
        self, method: str, path: str, params: Mapping[str, Any] | None, body: Any, urgent: bool
    ) -> _Raw:
        """One request; a session that ended is replaced once."""
        session = await self._tokens.session()
        raw = await self._once(session, method, path, params, body, urgent)
        if raw.status == 401:
            session = await self._tokens.session(ended=session)
            raw = await self._once(session, method, path, params, body, urgent)
        return raw

    async def _once(
        self, session: Session, method: str, path: str, params: Mapping[str, Any] | None, body: Any, urgent: bool
    ) -> _Raw:
        async with self._budget.request(urgent=urgent):
            raw: _Raw = await self._tools.run_sync(self._call, session, method, path, params, body)
        now = self._tools.clock.now()
        usage = raw.headers.get("sforce-limit-info", "").partition("api-usage=")[2].partition(";")[0]
        used, _, daily = usage.partition("/")
        if used.isdecimal() and daily.strip().isdecimal():
            self._budget.learn_day(int(daily), int(daily) - int(used))
        if _code(raw) == "REQUEST_LIMIT_EXCEEDED":
            self._budget.refused_for_the_day("Salesforce's daily limit of requests is reached", now + LIMIT_REST)
            raise Unavailable("Salesforce's daily limit of requests is reached", after=LIMIT_REST / SECOND)
        if raw.status == 429:
            self._budget.refused(retry_after(raw.headers.get("retry-after"), now), "Salesforce limits requests")
        elif 0 < raw.status < 500:
            self._budget.succeeded()
        return raw

    def _reply(self, raw: _Raw) -> RestReply:
        code, words = _code(raw), _words(raw)
        if raw.status == 401:
            raise NeedsHuman(f"Salesforce refuses a new session ({words}); check the app's policies and the user")
        if raw.status == 403:
            raise NeedsHuman(
                f"Salesforce refuses this ({words}). Nothing was changed; give the user of the app a permission set "
                "with API access and read access to these objects and fields (README)"
            )
        if raw.status == 404:
            raise NotFound(words)
        if raw.status >= 300:
            raise Refused(code or f"HTTP {raw.status}", words)
        return RestReply(raw.body, server_time(raw.headers.get("date")))

    def _call(self, session: Session, method: str, path: str, params: Mapping[str, Any] | None, body: Any) -> _Raw:
        """One request, in a thread."""
        import requests
        from simple_salesforce.exceptions import SalesforceError

        if self._connected is None or self._connected[0] != session:
            self._connected = (session, self._connect(session))
        salesforce = self._connected[1]
        self._headers = {}
        more = {} if body is None else {"json": body}
        try:
            found = salesforce.restful(path, dict(params or {}), method, timeout=TIMEOUT, allow_redirects=False, **more)
        except SalesforceError as why:
            return _Raw(why.status, self._headers, why.content)
        except (requests.ConnectTimeout, requests.exceptions.SSLError, requests.exceptions.ProxyError):
            return _Raw(0, {}, None)
        except requests.ConnectionError as why:
            refused = "NewConnectionError" in repr(why) or "NameResolutionError" in repr(why)
            return _Raw(0 if refused else -1, {}, None)
        except requests.JSONDecodeError:
            return _Raw(-2, self._headers, None)
        except requests.RequestException:
            return _Raw(-1, {}, None)
        return _Raw(200, self._headers, found)

    def _connect(self, session: Session) -> Any:
        import requests
        from simple_salesforce.api import Salesforce

        carrier = requests.Session()
        carrier.trust_env = False  # REQUESTS_CA_BUNDLE and .netrc would override what we set
        carrier.hooks["response"].append(self._note)
        salesforce = Salesforce(
            session_id=session.token, instance_url=session.instance_url, version=self._settings.version,
            session=carrier, object_pairs_hook=dict,
        )  # fmt: skip
        if urlsplit(session.instance_url).scheme == "http":  # a double on this machine
            salesforce.base_url = f"{session.instance_url}/services/data/v{self._settings.version}/"
        return salesforce

    def _note(self, response: Any, *_: Any, **__: Any) -> None:
        self._headers = {str(name).lower(): str(value) for name, value in response.headers.items()}


def _code(raw: _Raw) -> str:
    first = raw.body[0] if isinstance(raw.body, list) and raw.body else None
    return str(first.get("errorCode", "")) if raw.status >= 300 and isinstance(first, dict) else ""


def _words(raw: _Raw) -> str:
    if raw.status <= 0:
        return {0: "no connection", -1: "no answer", -2: "no JSON"}[raw.status]
    if isinstance(raw.body, list) and raw.body and isinstance(raw.body[0], dict):
        return without_personal_data(f"{raw.body[0].get('errorCode')}: {raw.body[0].get('message')}")
    return f"HTTP {raw.status}"
