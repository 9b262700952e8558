"""Reads Twilio's verified requests about calls: pick-ups, statuses, machine detection, the end of a conversation.

Each kind has its own URL, the attempt's callback URL with `?for=…`, because their fields overlap. Twilio delivers
late, twice and in any order; each request says only what it proves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qs, urlsplit

_SID = re.compile(r"CA[0-9a-fA-F]{32}")
_TOKEN = re.compile(r"[0-9a-f]{32}")
_NUMBER = re.compile(r"([0-9]{1,9})(?:\.[0-9]*)?")
_WORD = re.compile(r"[a-z][a-z_-]{1,30}")


class Purpose(StrEnum):
    """What Twilio asks or reports."""

    pickup = "pickup"  #: the call was picked up: what to do with it?
    status = "status"
    machine = "machine"  #: a person or a machine
    end = "end"  #: the conversation's WebSocket has ended: what next?
    dialled = "dialled"  #: a transfer has ended
    key = "key"  #: a key during an announcement
    recording = "recording"


@dataclass(frozen=True, slots=True)
class Event:
    """One request. `token` is the attempt's, None for an inbound call."""

    purpose: Purpose
    ref: str
    token: str | None
    status: str
    fields: Mapping[str, str]

    @property
    def is_on_the_line(self) -> bool:
        """Whether the person is, after the conversation's WebSocket has ended: what CallStatus says, and without it the
        session, which is "completed" when the person has hung up."""
        return self.status == "in-progress" or not (self.status or self.fields.get("SessionStatus") == "completed")

    def number(self, name: str) -> int | None:
        """A field that is a number, without its fraction."""
        found = _NUMBER.fullmatch(self.fields.get(name, "").strip())
        return int(found[1]) if found else None


def url_for(callback: str, purpose: Purpose) -> str:
    """The URL for one kind of request about an attempt."""
    return f"{callback}?for={purpose}"


def read(url: str, fields: Mapping[str, str]) -> Event:
    """The event in a verified request; ValueError when it is invalid."""
    parts = urlsplit(url)
    last = parts.path.rpartition("/")[2]
    token = last if _TOKEN.fullmatch(last) else None
    named = parse_qs(parts.query).get("for", [Purpose.pickup if token is None else Purpose.status])[0]
    if named not in set(Purpose):
        raise ValueError("a purpose that was never asked for")
    ref, status = fields.get("CallSid", ""), fields.get("CallStatus", "")
    if not _SID.fullmatch(ref):
        raise ValueError("a request without CallSid")
    if status and not _WORD.fullmatch(status):
        raise ValueError("CallStatus has a value that Twilio never gives it")
    return Event(Purpose(named), ref, token, status, fields)
