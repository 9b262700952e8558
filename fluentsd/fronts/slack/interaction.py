"""One interaction of a person with the app: a command, a click, a submitted view, a message. Values only.

`read` makes it from the payload of an envelope; every field that Slack leaves out is empty. What must not live here:
who may do what (`people`), and what is done (`router`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["command", "action", "submission", "closed", "suggestion", "shortcut", "event", "other"]
_KINDS: Mapping[str, Kind] = {
    "block_actions": "action", "view_submission": "submission", "view_closed": "closed",
    "block_suggestion": "suggestion", "shortcut": "shortcut", "message_action": "shortcut", "event_callback": "event",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Interaction:
    """`name`: the command, action id, callback id or event type. `text`: what was typed. `value`: of the button, or
    what a submitted view remembers; `chosen`: the option of a select, or a picked date. `foreign`: whether the payload
    itself says that the user belongs to another workspace. `acted_at`: when an element was used, in seconds, 0 if Slack
    does not say; payloads are not always handled in their order."""

    kind: Kind
    name: str = ""
    user: str = ""
    team: str = ""
    channel: str = ""
    text: str = ""
    value: Mapping[str, Any] = field(default_factory=dict)
    chosen: str = ""
    trigger_id: str = ""
    response_url: str = ""
    message_ts: str = ""
    thread_ts: str = ""
    is_ephemeral: bool = False
    view: Mapping[str, Any] = field(default_factory=dict)
    event: Mapping[str, Any] = field(default_factory=dict)
    foreign: bool = False
    key: str = ""
    acted_at: float = 0.0

    @property
    def request_id(self) -> str:
        """The same for a repetition of this interaction, and for no other."""
        return "slack-" + hashlib.blake2b(self.key.encode(), digest_size=16).hexdigest()

    @property
    def is_in_modal(self) -> bool:
        return self.view.get("type") == "modal"

    @property
    def answers(self) -> Mapping[str, Any]:
        """What the inputs of the view hold, as Slack has it: block → element → state."""
        found = _table(_table(self.view, "state"), "values")
        return {block: inputs for block, inputs in found.items() if isinstance(inputs, Mapping)}

    @property
    def value_of_view(self) -> Mapping[str, Any]:
        """What the view itself remembers, where `value` is that of the clicked element."""
        return _json(_text(self.view, "private_metadata"))

    def state(self, block: str) -> Any:
        """What a submitted view has in an input block: text, the value of an option, an id or a time; None if empty."""
        for element in self.answers.get(block, {}).values():
            option = element.get("selected_option")
            if isinstance(option, Mapping):
                return option.get("value")
            for name in ("value", "selected_user", "selected_date_time", "selected_channel", "selected_conversation"):
                if element.get(name) is not None:
                    return element[name]
        return None


def read(body: Mapping[str, Any]) -> Interaction:
    """The interaction in a payload."""
    if "command" in body:
        return _command(body)
    kind = _KINDS.get(str(body.get("type", "")), "other")
    return _event(body) if kind == "event" else _interactive(kind, body)


def _command(body: Mapping[str, Any]) -> Interaction:
    team = _text(body, "team_id")
    theirs = _text(body, "user_team_id")
    return Interaction(
        "command",
        name=_text(body, "command"),
        user=_text(body, "user_id"),
        team=team,
        channel=_text(body, "channel_id"),
        text=_text(body, "text"),
        trigger_id=_text(body, "trigger_id"),
        response_url=_text(body, "response_url"),
        foreign=_is_foreign(theirs, team, _text(body, "enterprise_id")),
        key=_whole(body),
    )


def _interactive(kind: Kind, body: Mapping[str, Any]) -> Interaction:
    user, team = _table(body, "user"), _text(_table(body, "team"), "id")
    actions = body.get("actions") or [{}]
    action: Mapping[str, Any] = actions[0] if kind == "action" and isinstance(actions[0], Mapping) else {}
    container, message, view = _table(body, "container"), _table(body, "message"), _table(body, "view")
    value = _value(action) if kind == "action" else _json(_text(view, "private_metadata"))
    chosen = _text(value, "act") if kind == "action" else ""  # an entry of a menu names its own action
    name = chosen or _text(action, "action_id") or _text(body, "action_id") or _text(body, "callback_id")
    return Interaction(
        kind,
        name=name or _text(view, "callback_id"),
        user=_text(user, "id"),
        team=team or _text(user, "team_id"),
        channel=_text(_table(body, "channel"), "id") or _text(container, "channel_id"),
        text=_text(body, "value"),
        value=value,
        chosen=_text(_table(action, "selected_option"), "value") or _text(action, "selected_date"),
        trigger_id=_text(body, "trigger_id"),
        response_url=_text(body, "response_url"),
        message_ts=_text(message, "ts") or _text(container, "message_ts"),
        thread_ts=_text(message, "thread_ts") or _text(container, "thread_ts"),
        is_ephemeral=bool(container.get("is_ephemeral")),
        view=view,
        foreign=_is_foreign(_text(user, "team_id"), team, _text(_table(body, "enterprise"), "id")),
        key=_whole(body),
        acted_at=_seconds(_text(action, "action_ts")),
    )


def _event(body: Mapping[str, Any]) -> Interaction:
    event, team = _table(body, "event"), _text(body, "team_id")
    theirs = _text(event, "user_team") or _text(event, "source_team")
    return Interaction(
        "event",
        name=_text(event, "type"),
        user=_text(event, "user"),
        team=team,
        channel=_text(event, "channel"),
        text=_text(event, "text"),
        message_ts=_text(event, "ts"),
        thread_ts=_text(event, "thread_ts"),
        event=event,
        foreign=_is_foreign(theirs, team, _text(body, "enterprise_id")),
        key=f"event {body['event_id']}" if _text(body, "event_id") else _whole(body),
    )


def _is_foreign(theirs: str, team: str, enterprise: str) -> bool:
    """Whether the payload itself says that the user belongs to another workspace. Within an organisation a user may
    have another home; `people` asks Slack then."""
    return bool(theirs and not enterprise) and theirs != team


def _whole(body: Mapping[str, Any]) -> str:
    """A payload as a key: Slack sends the same one again when it repeats an interaction."""
    return json.dumps(body, sort_keys=True, default=str)


def _value(action: Mapping[str, Any]) -> Mapping[str, Any]:
    option = action.get("selected_option")
    chosen = _text(option, "value") if isinstance(option, Mapping) else _text(action, "value")
    return _json(chosen)


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _json(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _table(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = body.get(name)
    return found if isinstance(found, Mapping) else {}


def _text(body: Mapping[str, Any], name: str) -> str:
    found = body.get(name)
    return found if isinstance(found, str) else ""
