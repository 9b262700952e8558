"""The frames of ConversationRelay, Twilio's WebSocket protocol of a conversation: JSON texts in both directions.

Fields that are not known are ignored, numbers may be decimal, and a frame that makes no sense is `Strange`, which
changes nothing. Reference: https://www.twilio.com/docs/voice/conversationrelay/websocket-messages.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: The longest text of a person in one frame, characters.
SPEECH_AT_MOST = 4000


_NOT = (False, "false", None)


@dataclass(frozen=True, slots=True)
class Setup:
    """The first frame; `ref` is the call's SID."""

    ref: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the person said; `last` False is a part of it."""

    text: str
    last: bool


@dataclass(frozen=True, slots=True)
class Interrupt:
    """The person spoke over the agent; `heard` is what was played of the agent's text."""

    heard: str


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the person's phone."""

    digit: str


@dataclass(frozen=True, slots=True)
class Speaking:
    """Whether the agent's voice is heard now."""

    now: bool


@dataclass(frozen=True, slots=True)
class Trouble:
    """An error that Twilio reports, for the log."""

    what: str


@dataclass(frozen=True, slots=True)
class Strange:
    """A frame that is not known or not valid."""

    why: str


Frame = Setup | Prompt | Interrupt | Key | Speaking | Trouble | Strange


def read(raw: str | bytes) -> Frame:
    """One frame from Twilio; never raises."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return Strange("a frame that is not JSON")
    if not isinstance(found, dict):
        return Strange("a frame that is no object")
    match found.get("type"):
        case "setup":
            return Setup(_text(found, "callSid"))
        case "prompt":
            return Prompt(_text(found, "voicePrompt")[:SPEECH_AT_MOST], found.get("last", True) not in _NOT)
        case "interrupt":
            return Interrupt(_text(found, "utteranceUntilInterrupt")[:SPEECH_AT_MOST])
        case "dtmf":
            digit = str(found.get("digit"))
            return Key(digit) if len(digit) == 1 and digit in "0123456789*#ABCD" else Strange("a key that is none")
        case "info" if found.get("name") == "agentSpeaking":
            return Speaking(_text(found, "value") == "on")
        case "error":
            return Trouble(_text(found, "description")[:200])
        case kind:
            return Strange(f"a frame of type {kind if isinstance(kind, str) and len(kind) < 40 else 'unknown'}")


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def say(token: str, *, last: bool = False) -> str:
    """A part of the agent's text; the last part ends the turn."""
    return json.dumps({"type": "text", "token": token, "last": last}, ensure_ascii=False)


def end(handoff: Mapping[str, str]) -> str:
    """The end of the conversation; `handoff` reaches the action URL as JSON text."""
    return json.dumps({"type": "end", "handoffData": json.dumps(handoff)})
