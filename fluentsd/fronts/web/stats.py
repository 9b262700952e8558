"""Counters of the web front: webhooks by channel and result, responses by status, errors by place in the code.

No personal data is kept here: labels are channels, results, routes and statuses, a small fixed set. An error is logged
by its place in the code, never by its message, which may hold a person's text.
"""

from __future__ import annotations

import traceback
from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Any

from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.wakeup import EngineClock

#: The same error at the same place is logged once in this time; every one is counted.
SAME_FAULT_AFTER = 60 * SECOND
#: Most places kept; beyond it all are dropped, so that many new ones cannot fill the memory.
PLACES_AT_MOST = 256


class Result(StrEnum):
    """The result of one webhook."""

    taken = "taken"  #: committed
    nothing = "nothing"  #: authentic, without a report to keep
    pickup = "pickup"  #: a call that was picked up, answered with the engine's verdict
    repeated = "repeated"  #: identical to a request taken before
    forged = "forged"  #: not authentic
    malformed = "malformed"  #: cannot be read
    unknown = "unknown"  #: no such channel, or no attempt of it with that token
    too_large = "too_large"
    too_slow = "too_slow"
    crowded_out = "crowded_out"  #: too many at once; the provider gets a 503 and repeats
    unavailable = "unavailable"  #: the database timed out; the provider gets a 503 and repeats
    failed = "failed"  #: a bug in the plugin or in fluentsd


class WebStats:
    """Counts since the daemon started."""

    def __init__(self, clock: EngineClock, log: Any) -> None:
        self._clock, self._log = clock, log
        self.webhooks: Counter[tuple[str, str]] = Counter()
        self.answers: Counter[int] = Counter()
        self.faults = 0
        self.opt_outs = 0
        self.connections = 0  #: open now
        self.in_progress = 0  #: requests being answered now
        self._logged_at: dict[tuple[str, str, str], int] = {}
        self._forged_at: dict[str, int] = {}

    def webhook(self, channel: str, result: Result) -> None:
        self.webhooks[channel, result.value] += 1

    def fault(self, event: str, why: BaseException, **about: Any) -> None:
        """Count an error, and log it unless the same one was logged a moment ago."""
        self.faults += 1
        while isinstance(why, BaseExceptionGroup):
            why = why.exceptions[0]
        frames = traceback.extract_tb(why.__traceback__)[-4:]
        where = " < ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in reversed(frames))
        place, now = (event, type(why).__name__, where), self._clock.now()
        if now - self._logged_at.get(place, now - SAME_FAULT_AFTER) < SAME_FAULT_AFTER:
            return
        if len(self._logged_at) >= PLACES_AT_MOST:
            self._logged_at.clear()
        self._logged_at[place] = now
        self._log.error(event, error=place[1], where=where, **about)

    def forged(self, channel: str, client: str) -> None:
        """Log forged requests at most once an hour per channel; a wrong secret or public_url looks the same."""
        now = self._clock.now()
        if now - self._forged_at.get(channel, now - 3600 * SECOND) >= 3600 * SECOND:
            self._forged_at[channel] = now
            hint = "forged requests, or the channel's secret or [http] public_url differs from the provider's"
            self._log.warning("web.forged", channel=channel, client=client, hint=hint)
