"""Calls to Slack's Web API: Slack's own client in threads, at the pace of `rates`.

Also the one place that knows Slack's addresses: a response_url that is not Slack's own is refused, so that no answer
and no token leaves for another host.
"""

from __future__ import annotations

import http.client
import json
import logging
import re
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from io import SEEK_END
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import trio
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from fluentsd.api import Unavailable, trouble
from fluentsd.config import SlackSettings
from fluentsd.fronts.slack.rates import Rates

#: Seconds until one request times out.
PATIENCE = 10
#: The longest pause, in seconds, that a call waits for by itself; a longer one is `Unavailable`.
WAITS_AT_MOST = 5.0
#: Hosts of response_url, of commercial and of government workspaces.
HOOKS = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})
#: Hosts of uploaded files.
FILES = frozenset({"files.slack.com", "files.slack-gov.com"})
#: Seconds until the fetching or sending of a file times out between two parts of it.
FILE_PATIENCE = 30
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
#: Slack's own troubles, which pass.
_PASSING = frozenset({"fatal_error", "internal_error", "service_unavailable", "request_timeout", "team_added_to_org"})


class SlackRefused(Exception):
    """Slack refused a call; `error` is its code (`channel_not_found`), `messages` are details about blocks, `needed` is
    the scope that is missing."""

    def __init__(self, method: str, error: str, messages: tuple[str, ...] = (), needed: str = "") -> None:
        details = "; ".join(messages[:3]) or needed
        super().__init__(f"{method}: {error}" + (f" ({details})" if details else ""))
        self.method, self.error, self.messages, self.needed = method, error, messages, needed

    @property
    def lacks(self) -> str:
        """What the app lacks and who adds it, as a sentence; "" if this is not about a scope."""
        if self.error != "missing_scope":
            return ""
        scope = f"the scope {self.needed}" if self.needed else "a scope"
        return (f"the app lacks {scope} in Slack. An admin adds it under OAuth & Permissions at the app's page, "
                "installs the app again, and sees with `fluentsd slack check` that nothing is missing")  # fmt: skip


class TooLarge(Exception):
    """A file is larger than asked for; the rest of it was not fetched."""


class WebApi:
    """Calls methods of the Web API. `busy` holds a simulated clock while a thread works."""

    def __init__(
        self, settings: SlackSettings, log: Any, busy: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> None:
        self._settings, self._log, self._busy = settings, log, busy
        quiet = logging.getLogger("fluentsd.slack_sdk")
        quiet.setLevel(logging.CRITICAL)  # it would log requests, with what people wrote
        self.client = WebClient(
            token=settings.bot_token, base_url=settings.api_url, timeout=PATIENCE, retry_handlers=[], logger=quiet
        )
        self._rates = Rates()
        self._threads = trio.CapacityLimiter(20)

    async def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """The answer of a method. Raises `SlackRefused`, or `Unavailable` with the pause that Slack asked for."""
        return (await self.call_with_headers(method, **arguments))[0]

    async def call_with_headers(self, method: str, **arguments: Any) -> tuple[dict[str, Any], Mapping[str, str]]:
        """The answer of a method, and the headers of the response."""
        function = getattr(self.client, method.replace(".", "_"))
        waited = 0.0
        while True:
            pause = self._rates.reserve(method, arguments.get("channel"), trio.current_time())
            with self._busy():
                await trio.sleep(pause)
                try:
                    found = await trio.to_thread.run_sync(
                        partial(function, **arguments), limiter=self._threads, abandon_on_cancel=True
                    )
                    return dict(found.data), _lower(found.headers)
                except SlackApiError as why:
                    asked = self._asked_pause(method, why)
                except (OSError, http.client.HTTPException, SlackClientError) as why:
                    raise Unavailable(f"Slack cannot be reached ({trouble(why)})", 0.0) from why
            waited += asked
            if waited > WAITS_AT_MOST:
                raise Unavailable(f"Slack asked for a pause of {asked:g} s ({method})", asked)

    def _asked_pause(self, method: str, why: SlackApiError) -> float:
        """The seconds that Slack asked to wait; any other refusal is raised."""
        response: Any = why.response
        status, data = response.status_code, response.data
        if status == 429 or (isinstance(data, dict) and data.get("error") in ("ratelimited", "rate_limited")):
            asked = _seconds(_lower(response.headers).get("retry-after", ""))
            self._rates.pause(method, asked, trio.current_time())
            self._log.info("slack.rate_limited", method=method, seconds=asked)
            return asked
        error = str(data.get("error") or "") if isinstance(data, dict) else ""
        if not re.fullmatch(r"[\w.-]{2,80}", error):  # no answer of Slack: a proxy's page, or nothing
            error = ""
        if status >= 500 or not error or error in _PASSING:
            raise Unavailable(f"Slack answered {status} {error}".rstrip(), 0.0) from why
        details = (data.get("response_metadata") or {}).get("messages") or data.get("errors") or ()
        raise SlackRefused(method, error, tuple(map(str, details)), str(data.get("needed") or "")) from why

    async def open_socket(self) -> str:
        """The address of a new Socket Mode connection."""
        answer = await self.call("apps.connections.open", app_token=self._settings.app_token)
        url = str(answer.get("url", ""))
        secure = "wss" if self._settings.api_url.startswith("https") else ("wss", "ws")
        if urlsplit(url).scheme not in secure:
            raise SlackRefused("apps.connections.open", "the answer has no address of a WebSocket")
        return url

    async def respond(self, response_url: str, message: Mapping[str, Any]) -> None:
        """Post to a response_url, after a short pause if Slack asks for one. Raises `SlackRefused` if it is not Slack's
        own, used up or expired, `Unavailable`."""
        if not self.is_hook(response_url):
            raise SlackRefused("response_url", "the address is not Slack's own; nothing was sent")
        body, waited = json.dumps(message).encode(), 0.0
        while True:
            with self._busy():
                status, words, pause = await trio.to_thread.run_sync(
                    _post, response_url, body, limiter=self._threads, abandon_on_cancel=True
                )
                waited += pause
                if status != 429 or waited > WAITS_AT_MOST:
                    break
                await trio.sleep(pause)
        if status == 429 or status >= 500:
            raise Unavailable(f"Slack answered {status}", max(pause, 1.0))
        if status != 200:
            raise SlackRefused("response_url", words or f"status {status}")

    async def send_file(self, channel: str, name: str, file: BinaryIO, words: str) -> None:
        """Share a file, open at its begin, in a channel, in Slack's three steps. It is read as it is sent, so its size
        does not matter. Raises `SlackRefused`, `Unavailable`."""
        size = file.seek(0, SEEK_END)
        file.seek(0)
        place = await self.call("files.getUploadURLExternal", filename=name, length=size)
        url = str(place.get("upload_url", ""))
        if not self.is_file(url):
            raise SlackRefused("files", "the address is not Slack's own; nothing was sent")
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        with self._busy():
            status, _, pause = await trio.to_thread.run_sync(
                partial(_post, url, file, headers, FILE_PATIENCE), limiter=self._threads, abandon_on_cancel=True
            )
        if status == 429 or status >= 500:
            raise Unavailable(f"Slack answered {status}", max(pause, 1.0))
        if status != 200:
            raise SlackRefused("files", f"status {status}")
        files = [{"id": str(place.get("file_id", "")), "title": name}]
        await self.call("files.completeUploadExternal", files=files, channel_id=channel, initial_comment=words)

    async def download(self, url: str, at_most: int) -> bytes:
        """A file of the workspace, fetched with the app's token. Raises `SlackRefused` for an address that is not
        Slack's own and for a refusal, `TooLarge`, `Unavailable`."""
        if not self.is_file(url):
            raise SlackRefused("files", "the address is not Slack's own; no token was sent")
        with self._busy():
            return await trio.to_thread.run_sync(
                _fetch, url, self._settings.bot_token, at_most, limiter=self._threads, abandon_on_cancel=True
            )

    def is_hook(self, url: str) -> bool:
        """Whether a response_url belongs to the same Slack as the Web API."""
        return self._is_slacks(url, lambda host: host in HOOKS)

    def is_file(self, url: str) -> bool:
        """Whether the address of a file belongs to the same Slack as the Web API."""
        return self._is_slacks(url, lambda host: host in FILES or host.endswith((".slack.com", ".slack-gov.com")))

    def _is_slacks(self, url: str, is_known: Callable[[str], bool]) -> bool:
        parts, api = urlsplit(url), urlsplit(self._settings.api_url)
        if api.hostname in _LOOPBACK:
            return parts.hostname in _LOOPBACK
        if api.hostname in ("slack.com", "slack-gov.com") or (api.hostname or "").endswith(".slack.com"):
            return parts.scheme == "https" and is_known(parts.hostname or "") and parts.port in (None, 443)
        return parts.scheme == api.scheme and parts.hostname == api.hostname


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


_JSON: Mapping[str, str] = {"Content-Type": "application/json; charset=utf-8"}


def _post(
    url: str, body: bytes | BinaryIO, headers: Mapping[str, str] = _JSON, patience: float = PATIENCE
) -> tuple[int, str, float]:
    """The status of a request, Slack's code for a refusal ("" if it tells none), and the seconds that it asks to wait
    (0 if it does not)."""
    request = urllib.request.Request(url, body, dict(headers))  # noqa: S310 - is_hook, is_file
    try:
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=patience) as answer:
            return int(answer.status), "", 0.0
    except urllib.error.HTTPError as why:
        with why:
            pause = _seconds(str(why.headers.get("Retry-After") or "")) if why.code == 429 else 0.0
            return why.code, _code(why.read(2000)), pause
    except (OSError, http.client.HTTPException) as why:
        raise Unavailable(f"Slack cannot be reached ({trouble(why)})", 0.0) from why


def _fetch(url: str, token: str, at_most: int) -> bytes:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - is_file
    try:
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=FILE_PATIENCE) as answer:
            content: bytes = answer.read(at_most + 1)
            kind = str(answer.headers.get("content-type", ""))
    except urllib.error.HTTPError as why:
        with why:
            if why.code == 429 or why.code >= 500:
                raise Unavailable(f"Slack answered {why.code}", 1.0) from why
            raise SlackRefused("files", f"status {why.code}") from why
    except (OSError, http.client.HTTPException) as why:
        raise Unavailable(f"Slack cannot be reached ({trouble(why)})", 0.0) from why
    if len(content) > at_most:
        raise TooLarge
    if kind.startswith("text/html"):  # Slack's page for signing in
        raise SlackRefused("files", "missing_scope")
    return content


def _code(body: bytes) -> str:
    """The error in the body of a refusal, which is text or JSON; "" if there is none that looks like one."""
    text = body.decode("utf-8", "replace").strip()
    try:
        found = json.loads(text)
    except ValueError:
        found = text
    code = str(found.get("error", "")) if isinstance(found, dict) else str(found)
    return code if re.fullmatch(r"[a-z_]{3,60}", code) else ""


def _lower(headers: Mapping[str, Any]) -> dict[str, str]:
    return {str(k).lower(): v if isinstance(v, str) else ",".join(v) for k, v in dict(headers).items()}


def _seconds(text: str) -> float:
    """The seconds of a Retry-After header, one to 3,600; one second if there is none that can be read."""
    found = re.match(r"\d{1,9}", text.strip(), re.ASCII)
    return float(min(max(int(found[0]), 1), 3600)) if found else 1.0
