"""The state of the fake workspace: users, channels, messages, views and files, with the rules that hold for both sides:
limits of payloads, triggers that work once and for three seconds, response_urls, hashes of views.

What must not live here: requests and answers (`web_api`), envelopes (`socket_mode`), and what people do (`workspace`).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import quote

import trio
from trio_websocket import WebSocketConnection

from fluentsd.testing.slack.http import Response
from fluentsd.testing.slack.limits import Surface, problems

TEAM, APP_TOKEN, BOT_TOKEN = "T0001", "xapp-1-test", "xoxb-test"
SCOPES = (
    "commands,chat:write,app_mentions:read,im:history,im:write,users:read,usergroups:read,channels:read,groups:read,"
    "files:read,files:write"
)
#: Seconds that a trigger works.
TRIGGER_LIVES = 3.0


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
                about = {"block_id": block.get("block_id", "b")}
                if one.get("type") == "button" and one["text"]["text"].startswith(label):
                    return dict(one) | about
                for entry in one.get("options", ()) if one.get("type") == "overflow" else ():
                    if entry["text"]["text"].startswith(label):
                        return {"type": "overflow", "action_id": one["action_id"], "selected_option": entry} | about
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
class State:
    """What there is in the workspace, and the changes that both sides make."""

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
    lacks: frozenset[str] = frozenset()  #: kinds of blocks that the workspace does not take yet
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

    def check(self, payload: Mapping[str, Any], surface: Surface) -> str:
        """Why a payload is refused; "" if it is not. What every workspace refuses is the app's mistake."""
        found = problems(payload, surface)
        self.refusals += found
        lacks = any(block.get("type") in self.lacks for block in payload.get("blocks", ()))
        return "invalid_blocks" if found or lacks else ""

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
