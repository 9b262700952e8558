"""A channel's recent answers that prove nothing: 5xx, HTML, nonsense, time-outs. Pure; one value per channel.

Each such answer leaves a person's attempt in doubt. One alone is an accident; from the second in a row on, the channel
sends one at a time with a growing pause, and a few more suspend it. Any readable answer, a refusal too, ends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fluentsd.domain.time.durations import SECOND

#: Unclear answers in a row that slow a channel down, and that suspend it.
SLOWS_AFTER: Final = 2
SUSPENDS_AFTER: Final = 5
#: Pauses after the second, third … unclear answer in a row, microseconds.
PAUSES: Final = (1 * SECOND, 2 * SECOND, 4 * SECOND)
#: From this many sends in flight on, a channel has recovered.
RECOVERED_AT: Final = 64


@dataclass(slots=True)
class Trouble:
    """`in_a_row`: unclear answers since the last clear one."""

    in_a_row: int = 0
    allowed: int | None = None  #: sends in flight while the channel recovers, doubled by each clear answer; None: all
    pause_until: int = 0
    is_suspended: bool = False

    def unclear(self, at: int) -> bool:
        """Count one; True when it suspends the channel. Answers that arrive during a pause belong to the same moment
        and count, but do not lengthen the pause."""
        self.in_a_row += 1
        if self.in_a_row >= SLOWS_AFTER:
            self.allowed = 1
        if self.in_a_row >= SLOWS_AFTER and at >= self.pause_until:
            self.pause_until = at + PAUSES[min(self.in_a_row - SLOWS_AFTER, len(PAUSES) - 1)]
        if self.in_a_row >= SUSPENDS_AFTER and not self.is_suspended:
            self.is_suspended = True
            return True
        return False

    def answered(self) -> None:
        """The provider gave an answer that can be read."""
        self.in_a_row, self.pause_until = 0, 0
        if self.allowed is not None:
            self.allowed = self.allowed * 2 if self.allowed < RECOVERED_AT else None

    def resume(self) -> None:
        """The suspension is over; the first send decides how it goes on."""
        self.is_suspended, self.in_a_row, self.pause_until, self.allowed = False, 0, 0, 1

    def at_most(self, concurrency: int) -> int:
        """How many attempts may be in flight."""
        if self.is_suspended:
            return 0
        return concurrency if self.allowed is None else min(concurrency, self.allowed)
