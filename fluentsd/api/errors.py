"""The errors by which a plugin decides the next action of the engine: one for each decision."""

from __future__ import annotations

from fluentsd.api.outcome import Fault, Outcome


class PluginError(Exception):
    """A plugin's decision about the next action of the engine. One subclass per decision."""


class Unavailable(PluginError):
    """The provider accepted nothing but may later; the same step is tried again after `after` seconds.

    The whole channel waits as long, unless `only_this` attempt has to wait (a greylisted mailbox).
    """

    def __init__(self, why: str, after: float = 30.0, *, only_this: bool = False) -> None:
        super().__init__(why)
        self.after = after
        self.only_this = only_this


class InDoubt(Unavailable):
    """The answer to a source's write was lost: it may have been written. The next try looks for it first."""


class Malformed(Unavailable):
    """A source's answer does not have its documented form, so that nothing is known from it: nobody leaves, the segment
    of the question waits, and the others go on."""

    def __init__(self, why: str, after: float = 60.0) -> None:
        super().__init__(why, after)


class Rejected(PluginError):
    """The provider accepted nothing and never will for this person on this channel; the flow goes on.

    `outcome` is the outcome of the step (`failed`, `bounced`; `opted_out` puts the person on the suppression list for
    every channel). `dead` marks the number or address as unreachable on this channel; `fault` is the cause.
    """

    def __init__(
        self, why: str, *, outcome: Outcome = Outcome.failed, dead: bool = False, fault: Fault = "person"
    ) -> None:
        super().__init__(why)
        self.outcome = outcome
        self.dead = dead
        self.fault = fault


class Forged(PluginError):
    """A request of unproved origin; it is ignored."""


class NeedsHuman(PluginError):
    """The provider accepted nothing and will not until a person acts (credentials, registration, funds).

    The whole channel is held, or with `only_sender` only the caller ID of the message. A whole source waits, or with
    `only_this` only what was asked for: a segment that the credentials may not read, a value that is refused.
    """

    def __init__(self, what: str, *, only_sender: bool = False, only_this: bool = False) -> None:
        super().__init__(what)
        self.only_sender = only_sender
        self.only_this = only_this


class SocketClosed(Exception):
    """The WebSocket of a call has ended: closed by either side, or broken. `code` is the WebSocket's close code (1000:
    the other side ended it in order; 1006: the connection broke)."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"closed with {code}" + (f": {reason}" if reason else ""))
        self.code, self.reason = code, reason
