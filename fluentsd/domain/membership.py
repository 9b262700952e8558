"""Membership of segments: the effect of a segment's changes on the people in it. Pure.

What must not live here: the reading of a source, the rows of memberships (`store.segments`).
"""

from __future__ import annotations

from dataclasses import dataclass

from fluentsd.domain.time.durations import SECOND, Delay

#: A change of at most this many people is never held.
FEW = 20
#: The share of a segment's members that may join or leave at once.
SHARE = 0.10
STAY = "stay"
_EXIT = "exit after "


@dataclass(frozen=True, slots=True)
class Change:
    """What a sync would do: people who would join and leave, of so many members before."""

    joins: int
    leaves: int
    members: int

    def too_much(self, share: float = SHARE) -> str:
        """The change in words if a person has to release it, else ""."""
        most = max(FEW, int(self.members * share))
        parts = []
        if self.joins > most:
            parts.append(f"add {self.joins:,}")
        if self.leaves > most:
            parts.append(f"remove {self.leaves:,}")
        return f"would {' and '.join(parts)} of {self.members:,} people at once" if parts else ""


def leaves_after(text: str) -> int | None:
    """How long a person is missing from a segment before they exit, in microseconds; None when they stay. Raises
    ValueError for a text that is neither "stay" nor like "exit after 1 hour"."""
    if text == STAY:
        return None
    if text == "exit":
        return 0
    if not text.startswith(_EXIT):
        raise ValueError(f'{text!r} is not "exit after …", like "exit after 1 hour", or "stay"')
    return Delay.parse(text.removeprefix(_EXIT)).seconds * SECOND
