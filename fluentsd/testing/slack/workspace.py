"""The workspace: people who type, click and submit, on a fake Slack that is served on loopback.

It refuses late acknowledgements, dead and used triggers, the sixth use of a response_url, stale hashes of views,
channels that the app is not in, and payloads beyond the limits. Faults are put in with `fail`, `is_away` and
`disconnect`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import trio
from trio_websocket import serve_websocket

from fluentsd.testing.slack import http
from fluentsd.testing.slack.limits import error_problems
from fluentsd.testing.slack.socket_mode import LateAck, SocketMode
from fluentsd.testing.slack.state import APP_TOKEN, BOT_TOKEN, SCOPES, TEAM, Ack, Shown
from fluentsd.testing.slack.web_api import WebApi

__all__ = [
    "APP_TOKEN", "BOT_TOKEN", "SCOPES", "TEAM", "Ack", "LateAck", "Shown", "Workspace", "fake_slack", "serving",
]  # fmt: skip


class Workspace(WebApi, SocketMode):
    """The fake with its people."""

    def add_user(self, id_: str, name: str, zone: str = "America/New_York", **more: Any) -> str:
        self.users[id_] = {
            "id": id_,
            "name": name.lower(),
            "team_id": TEAM,
            "tz": zone,
            "deleted": False,
            "is_bot": False,
            "profile": {"display_name": name, "real_name": name},
        } | more
        return id_

    async def command(self, text: str, user: str = "U1", channel: str = "C1", **more: Any) -> Shown:
        """Type a slash command; the message that the user gets, however it comes."""
        before = len(self.ephemerals)
        payload = self.slash(text, user, channel) | more
        ack = await self.send("slash_commands", payload)
        if ack.payload and (ack.payload.get("blocks") or ack.payload.get("text")):
            self.check(ack.payload, "message")
            public = ack.payload.get("response_type") == "in_channel"
            self.show(channel, ack.payload, "" if public else user)
            if ack.payload.get("text") == "Working on it…":
                before += 1
            if public:
                return list(self.messages.values())[-1]
        return await self.next_ephemeral(before)

    def slash(self, text: str, user: str, channel: str) -> dict[str, Any]:
        """The payload of a slash command."""
        return {
            "token": "t",
            "team_id": TEAM,
            "team_domain": "acme",
            "channel_id": channel,
            "channel_name": "sales",
            "user_id": user,
            "user_name": self.users.get(user, {}).get("name", "x"),
            "command": "/campaign",
            "text": text,
            "api_app_id": "A1",
            "is_enterprise_install": "false",
            "response_url": self.hook(None, user, channel),
            "trigger_id": self._trigger(user),
        }

    async def next_ephemeral(self, since: int) -> Shown:
        with trio.fail_after(10):
            while len(self.ephemerals) <= since:
                await self._changed.wait()
        return self.ephemerals[-1]

    async def wait_shown(self, part: str) -> Shown:
        """The message of a channel in which this can be read."""
        with trio.fail_after(10):
            while True:
                for one in self.messages.values():
                    if part in one.whole:
                        return one
                await self._changed.wait()

    async def click(self, shown: Shown, label: str, user: str = "U1") -> Shown:
        """Click a button; the message that comes of it, which may be the clicked one with another content."""
        before, edits = len(self.ephemerals), sum(one.edits for one in self.ephemerals)
        await self.press(shown, label, user)
        with trio.fail_after(10):
            while len(self.ephemerals) == before and sum(one.edits for one in self.ephemerals) == edits:
                await self._changed.wait()
        return self.ephemerals[-1] if len(self.ephemerals) > before else shown

    async def press(self, shown: Shown, label: str, user: str = "U1") -> Ack:
        """Click a button and wait for the acknowledgement alone."""
        button = shown.button(label)
        payload = self.interaction("block_actions", user) | {
            "container": {
                "type": "message",
                "message_ts": shown.ts,
                "channel_id": shown.channel,
                "is_ephemeral": bool(shown.user),
            },
            "channel": {"id": shown.channel, "name": "sales"},
            "message": {"ts": shown.ts, "text": shown.text, "blocks": shown.blocks},
            "response_url": self.hook(shown, user, shown.channel),
            "actions": [
                {**{k: v for k, v in button.items() if k != "confirm"}, "action_ts": f"{next(self._numbers)}.1"}
            ],
        }
        return await self.send("interactive", payload)

    async def opened_view(self) -> dict[str, Any]:
        """The view that was opened last."""
        with trio.fail_after(10):
            while not self.views:
                await self._changed.wait()
        return list(self.views.values())[-1]

    async def submit(self, view: Mapping[str, Any], values: Mapping[str, Any], user: str = "U1") -> Ack:
        """Submit a view. `values`: the state of each input block."""
        state = {block: {"x": value} for block, value in values.items()}
        payload = self.interaction("view_submission", user) | {
            "view": {**view, "state": {"values": state}, "team_id": TEAM},
            "response_urls": [],
        }
        ack = await self.send("interactive", payload)
        if ack.payload and ack.payload.get("view"):
            self.check(ack.payload["view"], "modal")
        self.refusals += error_problems(view, (ack.payload or {}).get("errors") or {})
        return ack

    async def event(self, event: Mapping[str, Any], event_id: str = "") -> Ack:
        id_ = event_id or f"Ev{next(self._numbers)}"
        payload = {
            "token": "t",
            "team_id": TEAM,
            "api_app_id": "A1",
            "event": dict(event),
            "type": "event_callback",
            "event_id": id_,
            "event_time": 1,
            "authorizations": [{"team_id": TEAM, "user_id": "UBOT", "is_bot": True}],
        }
        return await self.send("events_api", payload, accepts=False)

    def interaction(self, kind: str, user: str) -> dict[str, Any]:
        theirs = self.users.get(user, {}).get("team_id", TEAM)
        return {
            "type": kind,
            "team": {"id": TEAM, "domain": "acme"},
            "api_app_id": "A1",
            "token": "t",
            "user": {"id": user, "username": "x", "name": "x", "team_id": theirs},
            "trigger_id": self._trigger(user),
        }


@asynccontextmanager
async def serving(workspace: Workspace) -> AsyncIterator[None]:
    """Serve a workspace on loopback; its `address` is known inside."""
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(
            partial(trio.serve_tcp, partial(http.serve, answer=workspace._answer), 0, host="127.0.0.1")
        )
        workspace.address = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        server = await nursery.start(partial(serve_websocket, workspace._serve_socket, "127.0.0.1", 0, None))
        workspace._socket_address = f"ws://127.0.0.1:{server.port}"
        yield
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def fake_slack() -> AsyncIterator[Workspace]:
    """A workspace with a manager (U1), a second one (U2), a viewer (U3) and an admin (U9), and a channel C1."""
    workspace = Workspace()
    for id_, name in (("U1", "Dana"), ("U2", "Kim"), ("U3", "Vera"), ("U9", "Ada")):
        workspace.add_user(id_, name)
    workspace.groups["S1"] = ["U1", "U2"]
    workspace.channels["C1"] = True
    async with serving(workspace):
        yield workspace
