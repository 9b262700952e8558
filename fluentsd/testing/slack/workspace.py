"""The workspace: users, groups, channels, messages and views, and people who type and click.

It refuses late acknowledgements, dead and used triggers, the sixth use of a response_url, stale hashes of views,
channels that the app is not in, and payloads beyond the limits. Faults are put in with `fail`, `away` and `disconnect`.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any
from urllib.parse import quote

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, serve_websocket
from wsproto.events import Ping
from wsproto.utilities import LocalProtocolError

from fluentsd.testing.slack import http
from fluentsd.testing.slack.http import Request, Response
from fluentsd.testing.slack.limits import error_problems, problems

TEAM, APP_TOKEN, BOT_TOKEN = "T0001", "xapp-1-test", "xoxb-test"
SCOPES = (
    "commands,chat:write,app_mentions:read,im:history,im:write,users:read,usergroups:read,channels:read,groups:read,"
    "files:read,files:write"
)
#: Seconds for an acknowledgement; seconds that a trigger works; views on top of each other.
ACK_WITHIN, TRIGGER_LIVES, VIEWS_AT_MOST = 3.0, 3.0, 3


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
    author: str = ""  #: the person who wrote it; "" for the app

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
    stacks: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  #: user → ids of the open views
    files: dict[str, tuple[dict[str, Any], bytes]] = field(default_factory=dict)
    version: int = 0  #: grows with every change
    app_name: str = "fluents"
    now: Callable[[], float] = lambda: 1_700_000_000.0  #: the time of messages

    def __post_init__(self) -> None:
        self.address = ""
        self._numbers = count(1)
        self._faults: dict[str, list[Response | None]] = defaultdict(list)
        self._triggers: dict[str, tuple[float, str]] = {}
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
            self.changed()
            while True:
                message = json.loads(await socket.get_message())
                self.acks[message["envelope_id"]].append(Ack(trio.current_time(), message.get("payload")))
                self.changed()
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
        if request.path.startswith("/files/"):
            return self._file(request)
        if request.path.startswith("/upload/"):
            return self._uploaded(request)
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
        self.changed()
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
        if wrong := self.check(args, "message"):
            return wrong
        shown = self.show(channel, args, "", args.get("thread_ts", ""))
        return {"channel": channel, "ts": shown.ts, "message": {"ts": shown.ts, "text": shown.text}}

    def _chat_postEphemeral(self, args: Any) -> Any:
        if wrong := self.check(args, "message"):
            return wrong
        return {"message_ts": self.show(args["channel"], args, args["user"]).ts}

    def _chat_update(self, args: Any) -> Any:
        shown = self.messages.get((args["channel"], args["ts"]))
        if shown is None:
            return "message_not_found"
        if wrong := self.check(args, "message"):
            return wrong
        shown.text, shown.blocks, shown.edits = args["text"], args.get("blocks", []), shown.edits + 1
        return {"channel": shown.channel, "ts": shown.ts, "text": shown.text}

    def _chat_getPermalink(self, args: Any) -> Any:
        return {"permalink": f"https://acme.slack.com/archives/{args['channel']}/p{args['message_ts']}"}

    def _views_open(self, args: Any) -> Any:
        user = self._use_trigger(args["trigger_id"])
        if not user.startswith("U"):
            return user
        if wrong := self.check(args["view"], "modal"):
            return wrong
        self.stacks[user] = []
        return {"view": self.put_view(user, args["view"])}

    def _views_push(self, args: Any) -> Any:
        user = self._use_trigger(args["trigger_id"])
        if not user.startswith("U"):
            return user
        if wrong := self.check(args["view"], "modal"):
            return wrong
        if len(self.stacks[user]) >= VIEWS_AT_MOST:
            return "push_limit_reached"
        return {"view": self.put_view(user, args["view"])}

    def _views_update(self, args: Any) -> Any:
        view = self.views.get(args["view_id"])
        if view is None:
            return "not_found"
        if args.get("hash") and args["hash"] != view["hash"]:
            return "hash_conflict"
        if wrong := self.check(args["view"], "modal"):
            return wrong
        return {"view": self.change_view(view["id"], args["view"])}

    def _views_publish(self, args: Any) -> Any:
        if wrong := self.check(args["view"], "home"):
            return wrong
        self.homes[args["user_id"]] = {
            **args["view"], "id": f"VH{args['user_id']}", "hash": f"{next(self._numbers)}.h"
        }  # fmt: skip
        return {"view": self.homes[args["user_id"]]}

    # ── views ────────────────────────────────────────────────────────────────────────────────────────────────────

    def put_view(self, user: str, view: Mapping[str, Any]) -> dict[str, Any]:
        """A new view on top of a person's open ones."""
        id_, stack = f"V{next(self._numbers)}", self.stacks[user]
        made = {
            **view, "id": id_, "team_id": TEAM, "hash": f"{next(self._numbers)}.h", "state": {"values": {}},
            "root_view_id": stack[0] if stack else id_, "previous_view_id": stack[-1] if stack else None,
        }  # fmt: skip
        self.views[id_] = made
        stack.append(id_)
        self.changed()
        return made

    def change_view(self, id_: str, view: Mapping[str, Any]) -> dict[str, Any]:
        """Another content of an open view."""
        kept = {name: self.views[id_][name] for name in ("root_view_id", "previous_view_id", "team_id")}
        self.views[id_] = {**view, **kept, "id": id_, "hash": f"{next(self._numbers)}.h", "state": {"values": {}}}
        self.changed()
        return self.views[id_]

    def close_views(self, user: str, keep: int) -> None:
        """Close the open views of a person from the top until `keep` are left."""
        for id_ in self.stacks[user][keep:]:
            self.views.pop(id_, None)
        del self.stacks[user][keep:]
        self.changed()

    def _use_trigger(self, trigger: str) -> str:
        """The user of a trigger, which works once; or why it does not."""
        began, user = self._triggers.pop(trigger, (None, ""))
        if began is None:
            return "exchanged_trigger_id"
        return user if trio.current_time() - began <= TRIGGER_LIVES else "expired_trigger_id"

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _file(self, request: Request) -> Response:
        """The content of a file; the page of a login for all who have no token, as Slack answers them."""
        if request.headers.get("authorization") != f"Bearer {BOT_TOKEN}":
            return Response(b"<!DOCTYPE html><title>Slack</title>", headers={"Content-Type": "text/html"})
        found = self.files.get(request.path.split("/")[2])
        return Response(b"not found", 404) if found is None else Response(
            found[1], headers={"Content-Type": str(found[0]["mimetype"])})  # fmt: skip

    def _conversations_open(self, args: Any) -> Any:
        return {"channel": {"id": f"D{args['users']}"}} if args["users"] in self.users else "user_not_found"

    def _files_getUploadURLExternal(self, args: Any) -> Any:
        made = self.add_file("UBOT", args["filename"], b"", "text/csv")
        self.files[made["id"]] = made | {"size": int(args["length"])}, b""
        return {"upload_url": f"{self.address}/upload/{made['id']}", "file_id": made["id"]}

    def _uploaded(self, request: Request) -> Response:
        """The content of a file that the app sends."""
        id_ = request.path.rpartition("/")[2]
        if len(request.body) != self.files[id_][0]["size"]:
            return Response(b"wrong length", 400)
        self.files[id_] = self.files[id_][0], request.body
        return Response(b"OK - 0")

    def _files_completeUploadExternal(self, args: Any) -> Any:
        names = [self.files[one["id"]][0]["name"] for one in args["files"]]
        self.show(args["channel_id"], {"text": f"{args.get('initial_comment', '')} {' '.join(names)}"}, "")
        return {"files": [self.files[one["id"]][0] for one in args["files"]]}

    def _files_info(self, args: Any) -> Any:
        return {"file": self.files[args["file"]][0]} if args["file"] in self.files else "file_not_found"

    def add_file(self, user: str, name: str, content: bytes, mimetype: str) -> dict[str, Any]:
        """A file that a person uploads; the object that Slack sends of it."""
        id_ = f"F{next(self._numbers)}"
        url = f"{self.address}/files/{id_}/{quote(name)}"
        made = {
            "id": id_, "name": name, "title": name, "mimetype": mimetype, "filetype": name.rpartition(".")[2].lower(),
            "size": len(content), "user": user, "mode": "hosted", "url_private": url, "url_private_download": url,
        }  # fmt: skip
        self.files[id_] = made, content
        return made

    async def wait_changed(self, since: int) -> int:
        """The version after `since`, as soon as there is one."""
        while self.version <= since:
            await self._changed.wait()
        return self.version

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
        elif self.check(args, "message"):
            return Response(b"invalid_blocks", 400)
        elif args.get("replace_original") and shown is not None:
            shown.text, shown.blocks, shown.edits = args["text"], args.get("blocks", []), shown.edits + 1
        else:
            self.show(channel, args, "" if args.get("response_type") == "in_channel" else user)
        self.changed()
        return Response(b"ok")

    def show(self, channel: str, args: Mapping[str, Any], user: str, thread: str = "", author: str = "") -> Shown:
        """A new message: ephemeral for `user`, or for all; written by the app, or by the person `author`."""
        shown = Shown(
            channel,
            f"{self.now():.0f}.{next(self._numbers):06d}",
            args.get("text", ""),
            args.get("blocks", []),
            user,
            thread,
            author=author,
        )
        if user:
            self.ephemerals.append(shown)
        else:
            self.messages[channel, shown.ts] = shown
        self.changed()
        return shown

    def check(self, payload: Mapping[str, Any], surface: str) -> str:
        found = problems(payload, surface)
        self.refusals += found
        return "invalid_blocks" if found else ""

    def _trigger(self, user: str) -> str:
        id_ = f"{next(self._numbers)}.trigger"
        self._triggers[id_] = trio.current_time(), user
        return id_

    def hook(self, shown: Shown | None, user: str, channel: str) -> str:
        url = f"{self.address}/hook/{next(self._numbers)}"
        self._hooks[url] = shown, user, channel, 0
        return url

    def changed(self) -> None:
        """Wake all who wait for a change."""
        self.version += 1
        self._changed.set()
        self._changed = trio.Event()


async def _answer_ping(self: WebSocketConnection, event: Ping) -> None:
    """Answer a ping, unless this side is closing already: trio-websocket would end the whole server."""
    with suppress(LocalProtocolError):
        await _ANSWER_PING(self, event)


_ANSWER_PING = WebSocketConnection._handle_ping_event
WebSocketConnection._handle_ping_event = _answer_ping  # type: ignore[method-assign]


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
