"""Targets of the outbox: what receives events. The protocol, and the decision that an exception of a target means.

Which topics a target receives is a matter of settings (`domain.subscriptions`), because an event is posted where no
target lives: by a command of the shell. What must not live here: a target, and the order of deliveries (`deliver`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Protocol

import trio

from fluentsd.api import Unavailable
from fluentsd.domain.time.durations import SECOND


class Posted(NamedTuple):
    """An event as a target receives it. `id` is the same at every repetition; `at`: epoch microseconds."""

    id: int
    topic: str
    key: str
    payload: Mapping[str, Any]
    at: int


class Target(Protocol):
    """Receives events one at a time per key, several keys at once; an event that it accepted may come again.

    `deliver` returns when the event is accepted, and bounds its own time. `Unavailable`, a time-out or an `OSError` say
    that the target is down: nothing is sent to it until a probe gets through. With `only_this` the one event waits and
    the others go on. Any other exception refuses this event: it is tried again, and in the end it is a dead letter.

    A target for which minutes do not matter may have `gathers`: the microseconds from the first event to a delivery.
    Further events come meanwhile, so that many are read and settled in one transaction.
    """

    @property
    def name(self) -> str:
        """As the subscriptions call it."""

    @property
    def keeps_delivered(self) -> bool:
        """Whether a delivered event keeps its row until retention deletes it."""

    async def deliver(self, event: Posted) -> None: ...


Meaning = Literal["down", "wait", "refused"]


def meaning_of(error: Exception) -> Meaning:
    """What an exception of `deliver` says: about the target, or about the event alone."""
    if isinstance(error, Unavailable):
        return "wait" if error.only_this else "down"
    return "down" if isinstance(error, (OSError, trio.TooSlowError)) else "refused"


def asked_pause(error: Exception) -> int:
    """The pause in microseconds that the target asked for."""
    return round(error.after * SECOND) if isinstance(error, Unavailable) else 0
