"""A channel's recent answers that prove nothing: 5xx, HTML, nonsense, time-outs. Pure; one value per channel.

Each such answer leaves a person's attempt in doubt; a readable one, a refusal too, makes up for half of it. So a
provider that fails every other time is found out as well. One unclear answer alone is an accident; from the second on
the channel sends one at a time with a growing pause, and a few more suspend it. After a suspension it is on probation:
the next unclear answer suspends it again, for longer, because then its check proves nothing about its messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fluentsd.domain.time.durations import SECOND

#: The weights of an unclear and of a clear answer.
UNCLEAR, CLEAR = 2, 1
#: Scores that slow a channel down (two unclear answers in a row), and that suspend it (five).
SLOWS_AT, SUSPENDS_AT = 2 * UNCLEAR, 5 * UNCLEAR
#: Pauses after the second, third … unclear answer in a row, microseconds.
PAUSES: Final = (1 * SECOND, 2 * SECOND, 4 * SECOND)
#: The shortest and the longest suspension of a channel on probation, microseconds.
PROBATION, LONGEST = 15 * SECOND, 300 * SECOND
#: From this many sends in flight on, a channel has recovered.
RECOVERED_AT: Final = 64


@dataclass(slots=True)
class UnclearAnswers:
    """`score`: unclear answers, less the clear ones since, from 0 to `SUSPENDS_AT`."""

    score: int = 0
    suspensions: int = 0  #: since the score was 0
    allowed: int | None = None  #: sends in flight while the channel recovers, doubled by each clear answer; None: all
    pause_until: int = 0
    is_suspended: bool = False

    def count(self, at: int) -> bool:
        """Count one; True when it suspends the channel. Answers that arrive during a pause belong to the same moment
        and count, but do not lengthen the pause."""
        self.score = min(self.score + UNCLEAR, SUSPENDS_AT)
        if self.score < SLOWS_AT:
            return False
        self.allowed = 1
        if at >= self.pause_until:
            self.pause_until = at + PAUSES[min((self.score - SLOWS_AT) // UNCLEAR, len(PAUSES) - 1)]
        if self.score < SUSPENDS_AT or self.is_suspended:
            return False
        self.is_suspended = True
        self.suspensions += 1
        return True

    def answered(self) -> None:
        """The provider gave an answer that can be read."""
        self.score, self.pause_until = max(self.score - CLEAR, 0), 0
        if not self.score:
            self.suspensions = 0
        if self.allowed is not None:
            self.allowed = self.allowed * 2 if self.allowed < RECOVERED_AT else None

    def resume(self) -> None:
        """The suspension is over; the first send decides how it goes on."""
        self.is_suspended, self.pause_until, self.allowed = False, 0, 1
        self.score = SUSPENDS_AT - UNCLEAR

    @property
    def rest(self) -> int:
        """Microseconds of a suspension before the channel may be tried again: none at first, then ever more."""
        return min(PROBATION << self.suspensions - 2, LONGEST) if self.suspensions > 1 else 0

    def at_most(self, concurrency: int) -> int:
        """How many attempts may be in flight."""
        if self.is_suspended:
            return 0
        return concurrency if self.allowed is None else min(concurrency, self.allowed)
