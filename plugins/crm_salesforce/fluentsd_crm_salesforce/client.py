"""simple-salesforce in a thread, one request at a time: answers as plain JSON, errors as decisions.

The library has no time-outs and no retries, signs in by a flow that Salesforce retires, and is not made for several
threads; so the session comes from `tokens`, and retries and pauses happen here, in Trio. It is imported in the thread
at the first request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fluentsd.api import (
    ANY,
    COUNT,
    FLAG,
    TEXT,
    InDoubt,
    Maybe,
    NeedsHuman,
    NotFound,
    Rejected,
    RequestBudget,
    RestReply,
    Shape,
    Tools,
    Unavailable,
    call_name,
    count_of,
    malformed,
    mismatch,
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
#: Times that a query begins again because Salesforce does not know its place any more.
AGAIN = 2
_GRANT = (
    "give the user of the app a permission set with API access and read access to these objects and fields (README)"
)
#: Refusals that concern the whole org.
_ORG = ("API_DISABLED_FOR_ORG", "API_CURRENTLY_DISABLED")
_BUSY = ("UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "QUERY_TIMEOUT", "REQUEST_RUNNING_TOO_LONG")


class Refused(NeedsHuman):
    """Salesforce answered 400: `code` is its error code, the message its own."""

    def __init__(self, code: str, words: str) -> None:
        fix = f"; {_GRANT}" if code == "INVALID_TYPE" else ""
        super().__init__(f"Salesforce refuses the request ({code}): {words}{fix}", only_this=True)
        self.code, self.words = code, words


class _PlaceLost(Exception):
    """Salesforce does not know the place of a query any more."""


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

    async def query(
        self, soql: str, *, deleted: bool = False, urgent: bool = False, row: Shape | None = None
    ) -> RestReply:
        """All rows of a query that is limited by itself, each of the form `row`; `deleted` includes the recycle bin. A
        place that Salesforce does not know any more only needs the query again."""
        for _ in range(AGAIN + 1):
            try:
                return await self._rows(soql, deleted, urgent, {} if row is None else row)
            except _PlaceLost:
                continue
        raise Unavailable("Salesforce loses the place of a query again and again", after=60)

    async def count(self, soql: str) -> RestReply:
        """The number that a `SELECT COUNT()` finds, whose answer has no rows; None when it names no number."""
        reply = await self.get("query", {"q": soql}, shape={"totalSize": Maybe(COUNT)})
        return RestReply(count_of(reply.body.get("totalSize")), reply.at)

    async def _rows(self, soql: str, deleted: bool, urgent: bool, row: Shape) -> RestReply:
        path = "queryAll" if deleted else "query"
        shape: Shape = {
            "records": [row], "done": FLAG, "totalSize": Maybe(COUNT), "nextRecordsUrl": Maybe(TEXT),
        }  # fmt: skip
        reply = await self.get(path, {"q": soql}, urgent=urgent, shape=shape)
        rows, body, seen = list(reply.body["records"]), reply.body, set[str]()
        while not body["done"]:
            following = path_of(body.get("nextRecordsUrl"))
            if following is None or following in seen:
                raise malformed("Salesforce", f"GET {path}", "it is not done and has no usable nextRecordsUrl")
            seen.add(following)
            try:
                body = (await self.get(following, urgent=urgent, shape=shape)).body
            except Refused as why:
                if why.code != "INVALID_QUERY_LOCATOR":
                    raise
                raise _PlaceLost from why
            except NotFound as why:
                raise _PlaceLost from why
            rows += body["records"]
        total = count_of(reply.body.get("totalSize"))
        if total is not None and len(rows) < total:
            raise malformed(
                "Salesforce", f"GET {path}", f"it has {len(rows)} of {total} records and says that it is done"
            )
        return RestReply(rows, reply.at)

    async def get(
        self, path: str, params: Mapping[str, Any] | None = None, *, urgent: bool = False, shape: Shape = ANY
    ) -> RestReply:
        """Read something of this form; raises `NotFound`, `Refused`, `Unavailable` (`Malformed`) or `NeedsHuman`."""
        pause, why = PAUSE, Unavailable("Salesforce limits requests", after=60)
        for tried in range(TRIES):
            raw = await self._signed_in("GET", path, params, None, urgent)
            code = _code(raw)
            if raw.status == 429:
                why = Unavailable("Salesforce limits requests", after=60)
            elif raw.status == -2 or (raw.status == 404 and not isinstance(raw.body, list)):
                why = malformed("Salesforce", call_name("GET", path), "it is not JSON")
            elif raw.status in (0, -1) or raw.status >= 500 or code in _BUSY:
                what = "cannot be reached" if raw.status == 0 else f"does not answer ({_words(raw)})"
                why = Unavailable(f"Salesforce {what}", after=60)
            else:
                reply = self._reply(raw)
                if wrong := mismatch(reply.body, shape):
                    raise malformed("Salesforce", call_name("GET", path), wrong)
                return reply
            if tried + 1 < TRIES:
                await self._tools.clock.sleep_until(self._tools.clock.now() + round(pause * SECOND))
                pause *= 2
        raise why

    async def write(self, method: str, path: str, body: Any, *, urgent: bool = False, shape: Shape = ANY) -> RestReply:
        """Change something, once. Raises `InDoubt` when the answer was lost or cannot be read, `Rejected` when
        Salesforce refuses it."""
        raw = await self._signed_in(method, path, None, body, urgent)
        code = _code(raw)
        if raw.status in (-1, -2) or raw.status >= 500:
            raise InDoubt(f"Salesforce's answer to a write was lost ({_words(raw)})")
        if raw.status == 0 or raw.status == 429 or code in _BUSY:
            raise Unavailable(f"Salesforce cannot write now ({_words(raw)})", only_this=code == "UNABLE_TO_LOCK_ROW")
        try:
            reply = self._reply(raw)
        except (NotFound, Refused) as why:
            raise Rejected(f"Salesforce refuses the write: {why}") from why
        if isinstance(reply.body, Mapping) and reply.body.get("success") is False:
            errors = without_personal_data(str(reply.body.get("errors") or "no reason"))
            raise Rejected(f"Salesforce refuses the write: {errors}")
        if wrong := mismatch(reply.body, shape):
            raise InDoubt(f"Salesforce's answer to {call_name(method, path)} cannot be used: {wrong}")
        return reply

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
            why = "Salesforce's daily limit of requests is reached"
            self._budget.refused_for_the_day(why, now + LIMIT_REST, rolling=True)
            raise Unavailable(why, after=60 if urgent else LIMIT_REST / SECOND)
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
            words = f"Salesforce refuses this ({words}). Nothing was changed; {_GRANT}"
            raise NeedsHuman(words, only_this=code not in _ORG)
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
        except (TypeError, ValueError, RecursionError):  # of the library, at an answer that it does not expect
            return _Raw(-2, self._headers, None)
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


def path_of(url: Any) -> str | None:
    """The path of an address that Salesforce gives for the next page, without the version; None for any other."""
    match = re.fullmatch(r"/services/data/v[\d.]+/([\w./-]+)", url) if isinstance(url, str) else None
    return None if match is None or ".." in match[1] else match[1]


def _code(raw: _Raw) -> str:
    first = raw.body[0] if isinstance(raw.body, list) and raw.body else None
    return str(first.get("errorCode", "")) if raw.status >= 300 and isinstance(first, dict) else ""


def _words(raw: _Raw) -> str:
    if raw.status <= 0:
        return {0: "no connection", -1: "no answer", -2: "no JSON"}[raw.status]
    if isinstance(raw.body, list) and raw.body and isinstance(raw.body[0], dict):
        return without_personal_data(f"{raw.body[0].get('errorCode')}: {raw.body[0].get('message')}")
    return f"HTTP {raw.status}"
