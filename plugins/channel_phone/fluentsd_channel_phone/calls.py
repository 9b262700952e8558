"""What this process knows of calls under way, by Twilio's SID: the conversation, the detection, a transfer.

Kept in memory: after a restart a call is known by its attempt alone, and its conversation begins again.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

import trio

from fluentsd_channel_phone.conversation import Conversation
from fluentsd_channel_phone.evidence import Evidence

#: Calls that are remembered; the oldest is forgotten first.
REMEMBERED = 5000


@dataclass(slots=True)
class LiveCall:
    """One call. `is_connected`: Twilio was told to open the conversation. `sockets`: how many serve it now.
    `concluded` is set when Twilio has said that the call is over, or when another socket goes on with it."""

    ref: str
    evidence: Evidence = field(default_factory=Evidence)
    conversation: Conversation | None = None
    began_at: int | None = None
    is_connected: bool = False
    sockets: int = 0
    concluded: trio.Event = field(default_factory=trio.Event)
    is_resumed: bool = False
    is_cut_off: bool = False  #: its socket broke and nothing went on with it; the person was on the line
    is_reported: bool = False
    duration_s: int | None = None
    recording: str = ""
    caller_id: str = ""
    token: str | None = None  #: of the attempt; None in a call that the person makes to us
    address: str | None = None  #: the person's number
    has_colleague: bool = False  #: a colleague took it


class Calls:
    """The calls of this process."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, LiveCall] = OrderedDict()

    def find(self, ref: str) -> LiveCall | None:
        """A call that is known."""
        return self._known.get(ref)

    def known(self, ref: str) -> LiveCall:
        """The call, made known by this."""
        if ref not in self._known:
            self._known[ref] = LiveCall(ref)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return self._known[ref]
