"""Requests of verbs to the engine's loops. They are values; the loops that take them are elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field

import trio


@dataclass(slots=True, eq=False)
class Withdrawal:
    """A request to cancel the calls of a halted campaign that are not answered yet."""

    campaign_id: int
    withdrawn: int = 0  #: calls that were cancelled
    done: trio.Event = field(default_factory=trio.Event)
