"""A person's Slack client: types, clicks, fills and uploads, and does what the app's acknowledgement says.

It works with any block and any view of the workspace, so it knows nothing of the product.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from itertools import count
from typing import Any

from fluentsd.testing.slack.limits import error_problems, suggestion_problems
from fluentsd.testing.slack.workspace import Ack, LateAck, Shown, Workspace

#: The id of the app's own user.
BOT = "UBOT"
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Where:
    """The surface of an element: a message (`channel`, `ts`), a view (`view`), or the home of the app (neither)."""

    channel: str = ""
    ts: str = ""
    view: str = ""


class Client:
    """What one person does. Raises `LookupError` with a sentence for a message, view or element that is not there."""

    def __init__(self, workspace: Workspace, user: str, command: str = "/campaign") -> None:
        self._workspace, self.user, self._command = workspace, user, command

    async def say(self, channel: str, text: str, thread: str = "") -> None:
        """Send a text: a slash command, a mention of the app, a direct message, or words for other people."""
        slack = self._workspace
        if text.startswith("/"):
            await self._slash(channel, text)
            return
        content = self._escaped(text)
        shown = slack.show(channel, {"text": content}, "", thread, author=self.user)
        event = {"user": self.user, "text": content, "channel": channel, "ts": shown.ts, "event_ts": shown.ts} | (
            {"thread_ts": thread} if thread else {}
        )
        if channel.startswith("D"):
            await slack.event({"type": "message", "channel_type": "im", **event})
        elif f"<@{BOT}>" in content:
            await slack.event({"type": "app_mention", **event})

    async def _slash(self, channel: str, text: str) -> None:
        slack, (command, _, rest) = self._workspace, text.partition(" ")
        slack.show(channel, {"text": self._escaped(text)}, self.user, author=self.user)
        if command != self._command:
            slack.show(channel, {"text": f"`{escape(command)}` is no command here; try `{self._command}`"}, self.user)
            return
        try:
            ack = await slack.send("slash_commands", slack.slash(self._escaped(rest.strip()), self.user, channel))
        except LateAck:
            slack.show(channel, {"text": f"`{command}` failed with the error operation_timeout"}, self.user)
            return
        if ack.payload and (ack.payload.get("blocks") or ack.payload.get("text")):
            slack.check(ack.payload, "message")
            public = ack.payload.get("response_type") == "in_channel"
            slack.show(channel, ack.payload, "" if public else self.user)

    async def open_home(self) -> None:
        """Open the app's home."""
        await self._workspace.event({"type": "app_home_opened", "user": self.user, "channel": f"D{self.user}",
                                     "tab": "home"})  # fmt: skip

    async def click(
        self, where: Where, block_id: str, action_id: str, payload: Mapping[str, Any], state: Mapping[str, Any]
    ) -> None:
        """Use an element outside an input block, or one whose block tells the app of each change."""
        slack = self._workspace
        surface = self._surface(where)
        element = self._element(surface, block_id, action_id)
        about: dict[str, Any] = {
            name: element[name] for name in ("type", "action_id", "text", "value", "placeholder") if name in element
        }
        action = {**about, **payload, "block_id": block_id, "action_ts": f"{next(_numbers)}.1"}
        body = slack.interaction("block_actions", self.user) | {"actions": [action], "state": state}
        if isinstance(surface, Shown):
            body |= {
                "container": {
                    "type": "message", "message_ts": surface.ts, "channel_id": surface.channel,
                    "is_ephemeral": bool(surface.user),
                },
                "channel": {"id": surface.channel, "name": "sales"},
                "message": {"ts": surface.ts, "text": surface.text, "blocks": surface.blocks}
                | ({"thread_ts": surface.thread_ts} if surface.thread_ts else {}),
                "response_url": slack.hook(surface, self.user, surface.channel),
            }  # fmt: skip
        else:
            body |= {"container": {"type": "view", "view_id": surface["id"]}, "view": {**surface, "state": state}}
        await slack.send("interactive", body)

    async def suggest(self, where: Where, block_id: str, action_id: str, query: str) -> list[Mapping[str, Any]]:
        """The options of an external select."""
        surface = self._surface(where)
        self._element(surface, block_id, action_id)
        body = self._workspace.interaction("block_suggestion", self.user) | {
            "action_id": action_id, "block_id": block_id, "value": query,
        }  # fmt: skip
        if isinstance(surface, Shown):
            body |= {"container": {"type": "message", "message_ts": surface.ts, "channel_id": surface.channel}}
        else:
            body |= {"container": {"type": "view", "view_id": surface["id"]}, "view": surface}
        answer = (await self._workspace.send("interactive", body)).payload or {}
        self._workspace.refusals += suggestion_problems(answer)
        groups = [option for group in answer.get("option_groups", ()) for option in group["options"]]
        return list(answer.get("options", groups))

    async def submit(self, view_id: str, state: Mapping[str, Any]) -> Mapping[str, str]:
        """Submit a view and do what the app answers; the errors by block, if it refuses."""
        view = self._open_view(view_id)
        body = self._workspace.interaction("view_submission", self.user) | {
            "view": {**view, "state": state}, "response_urls": [],
        }  # fmt: skip
        return self._follow(await self._workspace.send("interactive", body), view_id)

    async def close(self, view_id: str) -> None:
        """Close a view, and tell the app if it wants to know."""
        view = self._open_view(view_id)
        stack = self._workspace.stacks[self.user]
        self._workspace.close_views(self.user, stack.index(view_id))
        if view.get("notify_on_close"):
            body = self._workspace.interaction("view_closed", self.user) | {"view": view, "is_cleared": False}
            await self._workspace.send("interactive", body)

    def _follow(self, ack: Ack, view_id: str) -> Mapping[str, str]:
        """Do what the acknowledgement of a submitted view says."""
        slack, answer = self._workspace, ack.payload or {}
        stack = slack.stacks[self.user]
        match answer.get("response_action"):
            case "errors":
                slack.refusals += error_problems(slack.views.get(view_id, {}), answer["errors"])
                return {str(block): str(why) for block, why in answer["errors"].items()}
            case "update":
                slack.check(answer["view"], "modal")
                slack.change_view(view_id, answer["view"])
            case "push":
                slack.check(answer["view"], "modal")
                slack.put_view(self.user, answer["view"])
            case "clear":
                slack.close_views(self.user, 0)
            case _:
                slack.close_views(self.user, stack.index(view_id) if view_id in stack else len(stack))
        return {}

    def _open_view(self, view_id: str) -> dict[str, Any]:
        if view_id not in self._workspace.stacks[self.user]:
            raise LookupError("this form is closed")
        return self._workspace.views[view_id]

    def _surface(self, where: Where) -> Shown | dict[str, Any]:
        slack = self._workspace
        if where.view:
            return self._open_view(where.view)
        if not where.ts:
            if self.user not in slack.homes:
                raise LookupError("the home of the app is not open")
            return slack.homes[self.user]
        for one in [*slack.messages.values(), *slack.ephemerals]:
            if (one.channel, one.ts) == (where.channel, where.ts) and not one.deleted and one.user in ("", self.user):
                return one
        raise LookupError("this message is not there any more")

    def _element(self, surface: Shown | dict[str, Any], block_id: str, action_id: str) -> Mapping[str, Any]:
        blocks = surface.blocks if isinstance(surface, Shown) else surface["blocks"]
        for index, block in enumerate(blocks):
            if block.get("block_id", f"b{index}") == block_id:
                for one in [*block.get("elements", ()), block.get("accessory") or {}, block.get("element") or {}]:
                    if one.get("action_id") == action_id:
                        return dict(one)
        raise LookupError("this button is not there any more; the message has changed")

    def _escaped(self, text: str) -> str:
        """As Slack sends what a person types: escaped, with mentions as ids."""
        found = escape(text, quote=False)
        for id_, user in sorted(self._workspace.users.items(), key=lambda one: -len(one[1]["profile"]["display_name"])):
            name = re.escape(user["profile"]["display_name"])
            found = re.sub(rf"@{name}(?!\w)", f"<@{id_}|{user['name']}>", found, flags=re.IGNORECASE)
        return re.sub(rf"@{self._workspace.app_name}(?!\w)", f"<@{BOT}>", found, flags=re.IGNORECASE)
