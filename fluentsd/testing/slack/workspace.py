"""The workspace: users, groups, channels, messages and views, and people who type and click.

It refuses late acknowledgements, dead and used triggers, the sixth use of a response_url, stale hashes of views,
channels that the app is not in, and payloads beyond the limits. Faults are put in with `fail`, `away` and `disconnect`.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, serve_websocket
from wsproto.events import Ping
from wsproto.utilities import LocalProtocolError

from fluentsd.testing.slack import http
from fluentsd.testing.slack.http import Request, Response
from fluentsd.testing.slack.limits import problems

TEAM, APP_TOKEN, BOT_TOKEN = "T0001", "xapp-1-test", "xoxb-test"
SCOPES = (
    "commands,chat:write,app_mentions:read,im:history,im:write,users:read,usergroups:read,channels:read,groups:read"
)
ACK_WITHIN = 3.0


class LateAck(AssertionError):
    """The app did not acknowledge an envelope within three seconds."""


@dataclass(eq=False)
class Shown:
    """A message as a user sees it. `history`: all the blocks it ever had."""

    channel: str
    ts: str
    text: str
    blocks: list[Any]
    user: str = ""  #: of an ephemeral message
    thread_ts: str = ""
    deleted: bool = False
    edits: int = 0

    @property
    def whole(self) -> str:
        """All that can be read in it."""
        return json.dumps([self.text, self.blocks], ensure_ascii=False)

    def button(self, label: str) -> Mapping[str, Any]:
        for block in self.blocks:
            for one in [*block.get("elements", ()), block.get("accessory") or {}]:
                if one.get("type") == "button" and one["text"]["text"].startswith(label):
                    return dict(one) | {"block_id": block.get("block_id", "b")}
        raise AssertionError(f"no button {label!r} in {self.buttons}")

    @property
    def buttons(self) -> list[str]:
        return [
            one["text"]["text"]
            for block in self.blocks
            for one in block.get("elements", ())
            if one.get("type") == "button"
        ]


@dataclass(eq=False)
class Ack:
    at: float
    payload: Any


@dataclass
class Workspace:
    """State of the fake, and what its people do."""

    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    channels: dict[str, bool] = field(default_factory=dict)  #: id → whether the app is in it
    messages: dict[tuple[str, str], Shown] = field(default_factory=dict)
    ephemerals: list[Shown] = field(default_factory=list)
    views: dict[str, dict[str, Any]] = field(default_factory=dict)
    homes: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    refusals: list[str] = field(default_factory=list)  #: what was wrong in the app's payloads
    acks: dict[str, list[Ack]] = field(default_factory=lambda: defaultdict(list))
    scopes: str = SCOPES
    is_away: bool = False
    sockets: list[WebSocketConnection] = field(default_factory=list)
    opened: int = 0

    def __post_init__(self) -> None:
        self.address = ""
        self._numbers = count(1)
        self._faults: dict[str, list[Response | None]] = defaultdict(list)
        self._triggers: dict[str, float] = {}
        self._hooks: dict[str, tuple[Shown | None, str, str, int]] = {}
        self._changed = trio.Event()
        self._socket_address = ""

    # ── people of the workspace ──────────────────────────────────────────────────────────────────────────────────

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
        trigger, hook = self._trigger(), self._hook(None, user, channel)
        before = len(self.ephemerals)
        payload = {
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
            "response_url": hook,
            "trigger_id": trigger,
        } | more
        ack = await self.send("slash_commands", payload)
        if ack.payload and (ack.payload.get("blocks") or ack.payload.get("text")):
            self._check(ack.payload, "message")
            public = ack.payload.get("response_type") == "in_channel"
            self._show(channel, ack.payload, "" if public else user)
            if ack.payload.get("text") == "Working on it…":
                before += 1
            if public:
                return list(self.messages.values())[-1]
        return await self.next_ephemeral(before)

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
        payload = self._interaction("block_actions", user) | {
            "container": {
                "type": "message",
                "message_ts": shown.ts,
                "channel_id": shown.channel,
                "is_ephemeral": bool(shown.user),
            },
            "channel": {"id": shown.channel, "name": "sales"},
            "message": {"ts": shown.ts, "text": shown.text, "blocks": shown.blocks},
            "response_url": self._hook(shown, user, shown.channel),
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
        payload = self._interaction("view_submission", user) | {
            "view": {**view, "state": {"values": state}, "team_id": TEAM},
            "response_urls": [],
        }
        ack = await self.send("interactive", payload)
        if ack.payload and ack.payload.get("view"):
            self._check(ack.payload["view"], "modal")
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

    def _interaction(self, kind: str, user: str) -> dict[str, Any]:
        theirs = self.users.get(user, {}).get("team_id", TEAM)
        return {
            "type": kind,
            "team": {"id": TEAM, "domain": "acme"},
            "api_app_id": "A1",
            "token": "t",
            "user": {"id": user, "username": "x", "name": "x", "team_id": theirs},
            "trigger_id": self._trigger(),
        }

    # ── the socket ───────────────────────────────────────────────────────────────────────────────────────────────

    async def send(self, kind: str, payload: Any, *, accepts: bool = True, envelope_id: str = "") -> Ack:
        """Send an envelope on the newest connection; `LateAck` without an acknowledgement in time."""
        id_ = envelope_id or f"e-{next(self._numbers)}"
        had = len(self.acks[id_])
        envelope = {"envelope_id": id_, "type": kind, "payload": payload, "accepts_response_payload": accepts}
        with trio.fail_after(10):
            while not self.sockets:
                await self._changed.wait()
        await self.sockets[-1].send_message(json.dumps(envelope))
        with trio.move_on_after(ACK_WITHIN):
            while len(self.acks[id_]) == had:
                await self._changed.wait()
            return self.acks[id_][-1]
        raise LateAck(f"{kind} {json.dumps(payload)[:200]}")

    async def disconnect(self, reason: str) -> None:
        """Announce the end of the newest connection, as Slack does."""
        await self.sockets[-1].send_message(json.dumps({"type": "disconnect", "reason": reason, "debug_info": {}}))

    async def wait_opened(self, number: int) -> None:
        with trio.fail_after(15):
            while self.opened < number:
                await self._changed.wait()

    async def _serve_socket(self, request: WebSocketRequest) -> None:
        if self.is_away:
            await request.reject(503)
            return
        socket = await request.accept()
        self.sockets.append(socket)
        hello = {
            "type": "hello",
            "num_connections": len(self.sockets),
            "connection_info": {"app_id": "A1"},
            "debug_info": {},
        }
        try:
            await socket.send_message(json.dumps(hello))
            self.opened += 1
            self._notify()
            while True:
                message = json.loads(await socket.get_message())
                self.acks[message["envelope_id"]].append(Ack(trio.current_time(), message.get("payload")))
                self._notify()
        except ConnectionClosed:
            pass
        finally:
            if socket in self.sockets:
                self.sockets.remove(socket)

    # ── the Web API ──────────────────────────────────────────────────────────────────────────────────────────────

    def fail(self, method: str, error: str = "", *, status: int = 200, retry_after: int = 0, times: int = 1) -> None:
        """Let the next calls of a method fail: with an error, a status, or 429 with Retry-After."""
        body = {"ok": False, "error": error or "ratelimited"}
        response = Response(
            body, 429 if retry_after else status, {"Retry-After": str(retry_after)} if retry_after else {}
        )
        self._faults[method] += [response] * times

    async def _answer(self, request: Request) -> Response | None:
        if self.is_away:
            return None
        if request.path.startswith("/hook/"):
            return self._respond(request)
        method = request.path.partition("?")[0].removeprefix("/api/")
        self.calls[method] += 1
        if self._faults[method]:
            return self._faults[method].pop(0)
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token != (APP_TOKEN if method == "apps.connections.open" else BOT_TOKEN):
            return Response({"ok": False, "error": "invalid_auth"})
        handler = getattr(self, "_" + method.replace(".", "_"), None)
        if handler is None:
            return Response({"ok": False, "error": "unknown_method"})
        found = handler(request.arguments)
        self._notify()
        found = {"ok": False, "error": found} if isinstance(found, str) else {"ok": True, **found}
        return Response(found, headers={"x-oauth-scopes": self.scopes, "x-accepted-oauth-scopes": ""})

    def _apps_connections_open(self, _: Any) -> Any:
        return {"url": f"{self._socket_address}/link/?ticket={next(self._numbers)}"}

    def _auth_test(self, _: Any) -> Any:
        return {
            "url": "https://acme.slack.com/",
            "team": "Acme",
            "user": "fluents",
            "team_id": TEAM,
            "user_id": "UBOT",
            "bot_id": "B1",
        }

    def _users_info(self, args: Any) -> Any:
        return {"user": self.users[args["user"]]} if args["user"] in self.users else "user_not_found"

    def _usergroups_users_list(self, args: Any) -> Any:
        return {"users": self.groups[args["usergroup"]]} if args["usergroup"] in self.groups else "no_such_subteam"

    def _usergroups_list(self, _: Any) -> Any:
        return {"usergroups": [{"id": id_, "handle": id_.lower()} for id_ in self.groups]}

    def _conversations_info(self, args: Any) -> Any:
        id_ = args["channel"]
        return (
            {"channel": {"id": id_, "name": "sales", "is_member": self.channels[id_]}}
            if id_ in self.channels
            else "channel_not_found"
        )

    def _chat_postMessage(self, args: Any) -> Any:
        channel = args["channel"]
        if channel in self.users:
            channel = f"D{channel}"
        elif channel.startswith("D"):
            pass
        elif channel not in self.channels:
            return "channel_not_found"
        elif not self.channels[channel]:
            return "not_in_channel"
        if wrong := self._check(args, "message"):
            return wrong
        shown = self._show(channel, args, "", args.get("thread_ts", ""))
        return {"channel": channel, "ts": shown.ts, "message": {"ts": shown.ts, "text": shown.text}}

    def _chat_postEphemeral(self, args: Any) -> Any:
        if wrong := self._check(args, "message"):
            return wrong
        return {"message_ts": self._show(args["channel"], args, args["user"]).ts}

    def _chat_update(self, args: Any) -> Any:
        shown = self.messages.get((args["channel"], args["ts"]))
        if shown is None:
            return "message_not_found"
        if wrong := self._check(args, "message"):
            return wrong
        shown.text, shown.blocks, shown.edits = args["text"], args.get("blocks", []), shown.edits + 1
        return {"channel": shown.channel, "ts": shown.ts, "text": shown.text}

    def _chat_getPermalink(self, args: Any) -> Any:
        return {"permalink": f"https://acme.slack.com/archives/{args['channel']}/p{args['message_ts']}"}

    def _views_open(self, args: Any) -> Any:
        began = self._triggers.pop(args["trigger_id"], None)
        if began is None:
            return "exchanged_trigger_id"
        if trio.current_time() - began > 3:
            return "expired_trigger_id"
        if wrong := self._check(args["view"], "modal"):
            return wrong
        id_ = f"V{next(self._numbers)}"
        self.views[id_] = {**args["view"], "id": id_, "hash": f"{next(self._numbers)}.h", "state": {"values": {}}}
        return {"view": self.views[id_]}

    def _views_update(self, args: Any) -> Any:
        view = self.views.get(args["view_id"])
        if view is None:
            return "not_found"
        if args.get("hash") and args["hash"] != view["hash"]:
            return "hash_conflict"
        if wrong := self._check(args["view"], "modal"):
            return wrong
        self.views[args["view_id"]] = {**args["view"], "id": view["id"], "hash": f"{next(self._numbers)}.h"}
        return {"view": self.views[args["view_id"]]}

    def _views_publish(self, args: Any) -> Any:
        if wrong := self._check(args["view"], "home"):
            return wrong
        self.homes[args["user_id"]] = args["view"]
        return {"view": args["view"]}

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _respond(self, request: Request) -> Response:
        url = f"{self.address}{request.path}"
        if url not in self._hooks:
            return Response(b"no_text", 404)
        shown, user, channel, used = self._hooks[url]
        if used >= 5:
            self.refusals.append("sixth use of a response_url")
            return Response({"ok": False, "error": "used_url"}, 404)
        self._hooks[url] = shown, user, channel, used + 1
        args = request.arguments
        if args.get("delete_original"):
            if shown is not None:
                shown.deleted, shown.edits = True, shown.edits + 1
        elif self._check(args, "message"):
            return Response(b"invalid_blocks", 400)
        elif args.get("replace_original") and shown is not None:
            shown.text, shown.blocks, shown.edits = args["text"], args.get("blocks", []), shown.edits + 1
        else:
            self._show(channel, args, "" if args.get("response_type") == "in_channel" else user)
        self._notify()
        return Response(b"ok")

    def _show(self, channel: str, args: Mapping[str, Any], user: str, thread: str = "") -> Shown:
        shown = Shown(
            channel, f"1700000000.{next(self._numbers):06d}", args.get("text", ""), args.get("blocks", []), user, thread
        )
        if user:
            self.ephemerals.append(shown)
        else:
            self.messages[channel, shown.ts] = shown
        self._notify()
        return shown

    def _check(self, payload: Mapping[str, Any], surface: str) -> str:
        found = problems(payload, surface)
        self.refusals += found
        return "invalid_blocks" if found else ""

    def _trigger(self) -> str:
        id_ = f"{next(self._numbers)}.trigger"
        self._triggers[id_] = trio.current_time()
        return id_

    def _hook(self, shown: Shown | None, user: str, channel: str) -> str:
        url = f"{self.address}/hook/{next(self._numbers)}"
        self._hooks[url] = shown, user, channel, 0
        return url

    def _notify(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


async def _answer_ping(self: WebSocketConnection, event: Ping) -> None:
    """Answer a ping, unless this side is closing already: trio-websocket would end the whole server."""
    with suppress(LocalProtocolError):
        await _ANSWER_PING(self, event)


_ANSWER_PING = WebSocketConnection._handle_ping_event
WebSocketConnection._handle_ping_event = _answer_ping  # type: ignore[method-assign]


@asynccontextmanager
async def fake_slack() -> AsyncIterator[Workspace]:
    """A workspace with a manager (U1), a second one (U2), a viewer (U3) and an admin (U9), and a channel C1."""
    workspace = Workspace()
    for id_, name in (("U1", "Dana"), ("U2", "Kim"), ("U3", "Vera"), ("U9", "Ada")):
        workspace.add_user(id_, name)
    workspace.groups["S1"] = ["U1", "U2"]
    workspace.channels["C1"] = True
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(
            partial(trio.serve_tcp, partial(http.serve, answer=workspace._answer), 0, host="127.0.0.1")
        )
        workspace.address = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        server = await nursery.start(partial(serve_websocket, workspace._serve_socket, "127.0.0.1", 0, None))
        workspace._socket_address = f"ws://127.0.0.1:{server.port}"
        yield workspace
        nursery.cancel_scope.cancel()
