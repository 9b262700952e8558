"""What the web front counts and says of itself: figures by channel and result, faults by place.

No personal data comes in here: labels are channels, results, routes and statuses, all of them few and our own words.
A fault is told by where it happened, never by its message, which may hold what a person wrote.
"""

from __future__ import annotations

import traceback
from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Any

from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.runtime import EngineClock

#: The same fault at the same place is logged once in this time; the count goes on.
SAME_FAULT_AFTER = 60 * SECOND
#: Places remembered; beyond it all are forgotten, so that a flood of new ones cannot grow the memory.
PLACES_AT_MOST = 256


class Result(StrEnum):
    """What became of one webhook."""

    taken = "taken"  #: committed
    nothing = "nothing"  #: authentic, and says nothing that is kept
    repeated = "repeated"  #: taken before, word for word
    forged = "forged"  #: does not prove where it comes from
    malformed = "malformed"  #: authentic or not decoded, and makes no sense
    unknown = "unknown"  #: no such channel, or no attempt of it by that token
    too_large = "too_large"
    too_slow = "too_slow"
    unavailable = "unavailable"  #: the database did not take it in time; the provider is asked to come again
    failed = "failed"  #: the plugin or the house broke


class WebStats:
    """Figures since the daemon began."""

    def __init__(self, clock: EngineClock, log: Any) -> None:
        self._clock, self._log = clock, log
        self.webhooks: Counter[tuple[str, str]] = Counter()
        self.answers: Counter[int] = Counter()
        self.faults = 0
        self.opt_outs = 0
        self.connections = 0  #: open now
        self.in_progress = 0  #: requests being answered now
        self._told: dict[tuple[str, str, str], int] = {}
        self._forging: dict[str, int] = {}

    def webhook(self, channel: str, result: Result) -> None:
        self.webhooks[channel, result.value] += 1

    def fault(self, event: str, why: BaseException, **about: Any) -> None:
        """Count a fault, and log it unless the same one has just been logged."""
        self.faults += 1
        while isinstance(why, BaseExceptionGroup):
            why = why.exceptions[0]
        frames = traceback.extract_tb(why.__traceback__)[-4:]
        where = " < ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in reversed(frames))
        place, now = (event, type(why).__name__, where), self._clock.now()
        if now - self._told.get(place, now - SAME_FAULT_AFTER) < SAME_FAULT_AFTER:
            return
        if len(self._told) >= PLACES_AT_MOST:
            self._told.clear()
        self._told[place] = now
        self._log.error(event, error=place[1], where=where, **about)

    def forged(self, channel: str, client: str) -> None:
        """Say once in a while that a channel gets forgeries: a wrong secret or public_url looks the same."""
        now = self._clock.now()
        if now - self._forging.get(channel, now - 3600 * SECOND) >= 3600 * SECOND:
            self._forging[channel] = now
            hint = "strangers try, or the channel's secret or [http] public_url is not what the provider signs with"
            self._log.warning("web.forged", channel=channel, client=client, hint=hint)
