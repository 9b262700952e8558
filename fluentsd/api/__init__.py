"""The plugin API.

A plugin imports this package (and its own SDK) and nothing else of fluentsd; the engine imports no plugin. What lives
here: the values exchanged with plugins, the protocol of a channel, the tools of a plugin, and the errors by which a
plugin decides the next action of the engine. What must not: I/O, waiting, or tables.

One rule prevents duplicate contacts: `Unavailable` and `Rejected` raised from `Channel.send` assert that the provider
accepted *nothing*. Any other end of a send (another exception, a timeout, a cancellation) leaves the attempt open, and
the engine calls `Channel.lookup` to find out what happened.
"""

from __future__ import annotations

import pluggy

from fluentsd.api.channel import Channel, Clock, Links, Register, Tools
from fluentsd.api.errors import Forged, NeedsHuman, PluginError, Rejected, Unavailable
from fluentsd.api.values import (
    Absent,
    Attempt,
    Cancelled,
    CannotTell,
    Fault,
    Finding,
    Found,
    Inbound,
    Kind,
    Lookup,
    Message,
    Outcome,
    Owned,
    Receipt,
    Request,
)
from fluentsd.plugin_config import ConfigProblem, Table, a_rate

__all__ = [
    "Absent",
    "Attempt",
    "Cancelled",
    "CannotTell",
    "Channel",
    "Clock",
    "ConfigProblem",
    "Fault",
    "Finding",
    "Forged",
    "Found",
    "Inbound",
    "Kind",
    "Links",
    "Lookup",
    "Message",
    "NeedsHuman",
    "Outcome",
    "Owned",
    "PluginError",
    "Receipt",
    "Register",
    "Rejected",
    "Request",
    "Table",
    "Tools",
    "Unavailable",
    "a_rate",
    "asks_to_stop",
    "hookimpl",
]

#: Marks a plugin's hook implementations: `@hookimpl`.
hookimpl = pluggy.HookimplMarker("fluentsd")


def asks_to_stop(text: str) -> bool:
    """Whether a person's text is an opt-out; one detection for SMS, e-mail and calls."""
    from fluentsd.optout import asks_to_stop as read  # only here: a plugin without replies does not load it

    return read(text)
