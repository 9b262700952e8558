"""The attempts in flight: claimed and handed to a channel, without an outcome yet. Kept in memory, for limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set

from fluentsd.api import Kind


class InFlight:
    """Open attempts, counted by channel and by lane; concurrency limits them."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[int, Kind]] = {}
        self._count: Counter[Kind | tuple[int, Kind]] = Counter()
        self.closes_at: dict[str, int] = {}  #: calls → when their contact window closes, in epoch microseconds
        #: Committed by this run, and their send has not ended; no look-up proves anything yet.
        self.sending: set[str] = set()
        self.recording: Counter[Kind] = Counter()  #: outcome known and being written; these slots are free soon

    def __len__(self) -> int:
        return len(self._open)

    @property
    def tokens(self) -> Set[str]:
        """The ids of all open attempts."""
        return self._open.keys()

    def add(self, attempt_id: str, campaign_id: int, kind: Kind, closes_at: int | None = None) -> None:
        """Count an attempt; `closes_at` is set for a call."""
        if closes_at is not None:
            self.closes_at[attempt_id] = closes_at
        self._open[attempt_id] = (campaign_id, kind)
        self._count[kind] += 1
        self._count[campaign_id, kind] += 1

    def remove(self, attempt_id: str) -> bool:
        """Count the attempt as ended; False if it was not in flight."""
        found = self._open.pop(attempt_id, None)
        self.closes_at.pop(attempt_id, None)
        if found is not None:
            self._count[found[1]] -= 1
            self._count[found] -= 1
        return found is not None

    def of(self, kind: Kind, campaign_id: int | None = None) -> int:
        """Open attempts of a channel, in one campaign or in all."""
        return self._count[kind if campaign_id is None else (campaign_id, kind)]
