"""Twilio's SDK on the daemon's shared HTTP client, natively on Trio.

The SDK builds requests and reads answers; the shared client carries them. Nothing is logged (the SDK's own client logs
telephone numbers), no redirect is followed (it would change a POST), and an error answer becomes `Refusal` here,
because the SDK's exceptions lack the Retry-After header.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
from twilio.http import AsyncHttpClient  # type: ignore[import-untyped]  # the SDK ships no types
from twilio.http.response import Response  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from fluentsd_channel_sms.account import Account
from fluentsd_channel_sms.error_codes import NoAnswer, NotReached, Refusal
from fluentsd_channel_sms.wording import in_words

#: Seconds to connect, and then for each wait for bytes: together below the default channel timeout of 30 s.
CONNECT_WITHIN, ANSWER_WITHIN = 5.0, 12.0
#: The longest time that Twilio may ask us to wait, seconds.
LONGEST_WAIT = 3600.0
#: Stops the SDK from reading the environment; all settings come from the configuration.
_NO_ENVIRONMENT = {"TWILIO_EDGE": "", "TWILIO_REGION": ""}


def connect(account: Account, http: Callable[[], httpx.AsyncClient]) -> Client:
    """The SDK's client for one account."""
    user, password = account.login
    carrier = SharedHttpClient(http, account.base_url)
    return Client(user, password, account.account_sid, http_client=carrier, environment=_NO_ENVIRONMENT)


class SharedHttpClient(AsyncHttpClient):  # type: ignore[misc]  # the SDK ships no types
    """The SDK's HTTP client interface: one method."""

    def __init__(self, http: Callable[[], httpx.AsyncClient], base_url: str = "") -> None:
        super().__init__(logging.getLogger(__name__), is_async=True)
        self._http, self._base_url = http, base_url

    async def request(
        self,
        method: str,
        uri: str,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the SDK's signature; our timeouts apply
        allow_redirects: bool = False,
    ) -> Response:
        """Send one request; raises `Refusal`, `NotReached` before a byte was sent, or `NoAnswer`."""
        try:
            answer = await self._http().request(
                method,
                self._address(uri),
                params=dict(params) if params else None,
                data=dict(data) if data else None,
                headers=dict(headers or {}),
                auth=auth,
                timeout=httpx.Timeout(ANSWER_WITHIN, connect=CONNECT_WITHIN),
                follow_redirects=False,
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as why:
            raise NotReached(f"Twilio cannot be reached: {in_words(why)}") from why
        except httpx.HTTPError as why:
            raise NoAnswer(f"Twilio's answer was lost: {in_words(why)}") from why
        if not answer.is_success:
            raise _refusal(answer)
        return Response(answer.status_code, answer.text, answer.headers)

    def _address(self, uri: str) -> str:
        """The URL of a request: Twilio's, or the origin of the fake in a test."""
        if not self._base_url:
            return uri
        parts = urlsplit(uri)
        return f"{self._base_url}{parts.path}{f'?{parts.query}' if parts.query else ''}"


def _refusal(answer: httpx.Response) -> Refusal:
    code, words = None, "no message from Twilio"
    try:
        content = json.loads(answer.text)
        code, words = int(content["code"]), str(content.get("message") or content.get("title") or "")
    except (ValueError, TypeError, KeyError, AttributeError):
        pass  # a proxy's page or a cut-off answer: no code
    return Refusal(answer.status_code, code, words[:300], _seconds(answer.headers))


def _seconds(headers: Mapping[str, str]) -> float | None:
    """The seconds of Retry-After, which is a number or a date (RFC 9110, 10.2.3), which counts from the answer's."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return min(float(text), LONGEST_WAIT)
    try:
        after = parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("date", ""))
        return min(max(after.total_seconds(), 0.0), LONGEST_WAIT)
    except (ValueError, TypeError):  # none, or no date, or one of two without a zone
        return None
