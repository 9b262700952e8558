"""Requests of verbs to the engine's loops. They are values; other modules run the loops that take them."""

from __future__ import annotations

from dataclasses import dataclass, field

import trio


@dataclass(slots=True, eq=False)
class Withdrawal:
    """A request to cancel calls that are not answered yet: of a halted campaign, or (None) all. `by` is what withdraws
    them."""

    campaign_id: int | None
    by: str = "a pause"
    withdrawn: int = 0  #: calls that were cancelled
    done: trio.Event = field(default_factory=trio.Event)
