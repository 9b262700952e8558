"""The page and the requests it makes. It listens on loopback, below a path with a secret: a web page of elsewhere that
guesses the port can neither read nor do anything.

`state` is answered when something has changed since the version that the page has. Every other request is what the
chosen person does, and is answered when the app has acknowledged it; the outcome is seen in the state.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from importlib import resources
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import trio

from fluentsd.testing.slack.client import BOT, Client, Where
from fluentsd.testing.slack.http import Request, Response
from fluentsd.testing.slack.workspace import LateAck, Workspace

#: Seconds until an unchanged state is answered all the same, so that no proxy or browser gives up.
WAITS = 25.0
#: Messages that the page gets.
MESSAGES_AT_MOST = 300
#: The most that the time may be set forward at once, in seconds.
AHEAD_AT_MOST = 31 * 86_400
FILES = {"": "index.html", "preview.js": "preview.js", "blocks.js": "blocks.js", "mrkdwn.js": "mrkdwn.js",
         "preview.css": "preview.css", "leads.csv": ""}  # fmt: skip
KINDS = {"html": "text/html; charset=utf-8", "js": "text/javascript", "css": "text/css", "csv": "text/csv"}
#: The page runs its own scripts only, and nothing may frame it.
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src * data:; style-src 'self' 'unsafe-inline'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
}  # fmt: skip


class Steps(Protocol):
    """A clock that can be set forward, in microseconds."""

    def now(self) -> int: ...
    def step(self, by: int) -> None: ...


class Page:
    """The page of one workspace. `speed`: seconds of `clock` in one of a watch; `roles`: user → what they may do, as it
    is shown; `leads`: a CSV file to try; `zone`: in which times are shown."""

    def __init__(
        self, workspace: Workspace, clock: Steps, speed: float, roles: Mapping[str, str], leads: bytes, zone: str
    ) -> None:
        self._slack, self._clock, self._speed, self._roles = workspace, clock, speed, roles
        self._leads, self._zone = leads, zone
        self.path = f"/{secrets.token_urlsafe(16)}/"
        self._acts: dict[str, Callable[[Client, Mapping[str, Any]], Awaitable[Mapping[str, Any] | None]]] = {
            "say": self._say, "home": self._home, "click": self._click, "suggest": self._suggest,
            "submit": self._submit, "close": self._close, "upload": self._upload, "clock": self._set_clock,
        }  # fmt: skip

    async def answer(self, request: Request) -> Response:
        """One request of the browser."""
        parts = urlsplit(request.path)
        host = request.headers.get("host", "").rpartition(":")[0]
        if host not in ("127.0.0.1", "localhost") or not parts.path.startswith(self.path):
            return Response(b"not found", 404, {"Content-Type": "text/plain"})
        name = parts.path.removeprefix(self.path)
        if name in FILES:
            return self._file(name)
        if name == "state":
            return await self._state(parse_qs(parts.query).get("since", ["-1"])[0])
        if name in self._acts and request.headers.get("content-type", "").startswith("application/json"):
            return await self._act(name, request.arguments)
        return Response({"problem": "this is no request of the page"}, 404, HEADERS)

    def _file(self, name: str) -> Response:
        kind = {"Content-Type": KINDS[(FILES[name] or name).rpartition(".")[2]]}
        if name == "leads.csv":
            return Response(self._leads, headers=HEADERS | kind)
        content = (resources.files("fluentsd.preview") / "static" / FILES[name]).read_bytes()
        return Response(content, headers=HEADERS | kind)

    # ── what is shown ────────────────────────────────────────────────────────────────────────────────────────────

    async def _state(self, since: str) -> Response:
        with trio.move_on_after(WAITS):
            await self._slack.wait_changed(int(since) if since.lstrip("-").isdecimal() else -1)
        return Response(json.dumps(self.state(), ensure_ascii=False).encode(), headers=HEADERS)

    def state(self) -> dict[str, Any]:
        """All that the page shows, as JSON values; times are seconds since 1970."""
        slack = self._slack
        shown = sorted([*slack.messages.values(), *slack.ephemerals], key=lambda one: float(one.ts))
        return {
            "version": slack.version,
            "app": slack.app_name,
            "bot": BOT,
            "now": self._clock.now() / 1_000_000,
            "speed": self._speed,
            "zone": self._zone,
            "people": [
                {"id": id_, "name": slack.users[id_]["profile"]["display_name"], "role": role}
                for id_, role in self._roles.items()
            ],
            "channels": [{"id": id_, "name": "sales"} for id_ in slack.channels],
            "messages": [
                {
                    "channel": one.channel, "ts": one.ts, "thread": one.thread_ts, "text": one.text,
                    "blocks": one.blocks, "only": one.user, "author": one.author, "deleted": one.deleted,
                    "edits": one.edits, "at": float(one.ts.partition(".")[0]),
                }
                for one in shown[-MESSAGES_AT_MOST:]
            ],
            "homes": slack.homes,
            "views": {user: [slack.views[id_] for id_ in stack] for user, stack in slack.stacks.items()},
        }  # fmt: skip

    # ── what a person does ───────────────────────────────────────────────────────────────────────────────────────

    async def _act(self, name: str, given: Mapping[str, Any]) -> Response:
        user = str(given.get("user", ""))
        if user not in self._roles:
            return Response({"problem": "there is no such person here"}, 400, HEADERS)
        try:
            answer = await self._acts[name](Client(self._slack, user), given)
        except LookupError as why:
            return Response({"problem": f"{why}."}, 200, HEADERS)
        except LateAck:
            return Response({"problem": "The app has not answered within three seconds."}, 200, HEADERS)
        except trio.TooSlowError:
            return Response({"problem": "The app is not connected."}, 200, HEADERS)
        except (TypeError, ValueError):
            return Response({"problem": "this is no request of the page"}, 400, HEADERS)
        return Response(dict(answer or {}), headers=HEADERS)

    async def _say(self, client: Client, given: Mapping[str, Any]) -> None:
        channel = str(given["channel"])
        if channel not in self._slack.channels and channel != f"D{client.user}":
            raise LookupError("there is no such channel")
        await client.say(channel, str(given["text"])[:4000], str(given.get("thread", "")))

    async def _home(self, client: Client, _: Mapping[str, Any]) -> None:
        await client.open_home()

    async def _click(self, client: Client, given: Mapping[str, Any]) -> None:
        payload = dict(given["payload"])
        if payload.pop("type", "") == "button":
            payload.clear()  # a button has only what the message gave it
        await client.click(_where(given), str(given["block"]), str(given["action"]), payload, dict(given["state"]))

    async def _suggest(self, client: Client, given: Mapping[str, Any]) -> Mapping[str, Any]:
        found = await client.suggest(_where(given), str(given["block"]), str(given["action"]), str(given["query"]))
        return {"options": found}

    async def _submit(self, client: Client, given: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"errors": await client.submit(str(given["view"]), dict(given["state"]))}

    async def _close(self, client: Client, given: Mapping[str, Any]) -> None:
        await client.close(str(given["view"]))

    async def _upload(self, client: Client, given: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            content = base64.b64decode(str(given["data"]), validate=True)
        except binascii.Error:
            raise ValueError("the file is not in base64") from None
        name = str(given["name"])[:200] or "file"
        kind = KINDS.get(name.rpartition(".")[2].lower(), "application/octet-stream")
        return {"file": self._slack.add_file(client.user, name, content, kind)}

    async def _set_clock(self, _: Client, given: Mapping[str, Any]) -> None:
        self._clock.step(min(max(int(given["seconds"]), 0), AHEAD_AT_MOST) * 1_000_000)
        self._slack.changed()


def _where(given: Mapping[str, Any]) -> Where:
    return Where(*(str(given.get(name, "")) for name in ("channel", "ts", "view")))
