"""Limits the requests of one account: pace, requests at once, a share of the day's quota.

A source makes each request inside `async with budget.request()`. The budget waits for the next slot on the given clock;
it slows down when the provider says that little is left or answers 429, and it raises `Unavailable` instead of waiting
for hours when the day's share is used up. The arithmetic is in pure functions above the class.
"""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

from fluentsd.api.channel import Clock
from fluentsd.api.errors import Unavailable
from fluentsd.api.source import Usage

SECOND = 1_000_000
DAY = 86_400 * SECOND
#: The longest wait inside a request, in microseconds; a longer one is the caller's business, as `Unavailable`.
LONGEST_WAIT = 60 * SECOND
#: The share of a day's quota for this program, and the share that is always left to others.
USUAL_SHARE, USUAL_RESERVE = 0.4, 0.2
#: After a 429 the pace is divided by this, at most to this part, and comes back by this factor a request.
SLOWER, SLOWEST, FASTER = 2.0, 16.0, 0.98
#: How often an urgent request is tried after the provider said that the day's quota is used up, in microseconds.
URGENT_AGAIN = 60 * SECOND
#: How long to leave a quota alone of which others have used most, in microseconds.
REST = 900 * SECOND
#: Seconds to wait after a 429 that does not say how long.
USUAL_RETRY = 10.0


@dataclass(frozen=True, slots=True)
class Pace:
    """One request each `interval` microseconds, after `burst` at once."""

    interval: int
    burst: int = 1


def take_slot(pace: Pace, due_at: int, now: int) -> tuple[int, int]:
    """When the next request may start, and the new `due_at`: the time at which all requests so far are paid for."""
    paid_at = max(due_at, now)
    return max(now, paid_at - (pace.burst - 1) * pace.interval), paid_at + pace.interval


def next_utc_midnight(now: int) -> int:
    """The next midnight in UTC, where most quotas are renewed."""
    return (now // DAY + 1) * DAY


def retry_after(text: str | None, now: int, usual: float = USUAL_RETRY) -> float:
    """The seconds of a Retry-After header (a number or a date), at least 0 and at most a day; `usual` without one."""
    if not text:
        return usual
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - now / SECOND
        except ValueError:
            return usual
    return min(max(seconds, 0.0), 86_400.0) if math.isfinite(seconds) else usual


def allowance(daily: int, share: float) -> int:
    """The requests a day that this program may make."""
    return max(1, int(daily * share))


class RequestBudget:
    """The requests of one account.

    `interval` is microseconds between requests, `burst` how many may start at once, `concurrency` how many may run at
    once. `daily` is the account's quota, of which this program uses `share`; it may be corrected by `learn_day`.
    `resets` gives the next renewal. The day's count survives a restart in `file`.
    """

    def __init__(
        self,
        clock: Clock,
        interval: int,
        *,
        burst: int = 1,
        concurrency: int = 4,
        daily: int | None = None,
        share: float = USUAL_SHARE,
        resets: Callable[[int], int] = next_utc_midnight,
        file: Path | None = None,
    ) -> None:
        import trio  # only here: reading the configuration loads this API and needs no trio

        self._clock, self._pace = clock, Pace(interval, burst)
        self._share, self._resets, self._file = share, resets, file
        self._daily = daily

        self._at_once = trio.CapacityLimiter(concurrency)
        self._due_at = 0
        self._closed_until = 0
        self._slowness = 1.0
        self._count, self._resets_at = self._remembered()
        self._left: int | None = None
        self._over_until = 0
        self._urgent_at = 0
        self._rest_until = 0
        self._why = self._over_why = ""

    @asynccontextmanager
    async def request(self, *, urgent: bool = False) -> AsyncIterator[None]:
        """Wait for a slot and count one request; raises `Unavailable` when the day's share is used up or the wait is
        long. `urgent` (an opt-out, a question about consent) may use the whole quota."""
        async with self._at_once:
            await self._slot(urgent)
            self._count_one()
            yield

    async def _slot(self, urgent: bool) -> None:
        while True:
            now = self._clock.now()
            self._check_day(now, urgent)
            if self._closed_until - now > LONGEST_WAIT:
                raise Unavailable(self._why, after=(self._closed_until - now) / SECOND)
            pace = Pace(round(self._pace.interval * self._slowness), self._pace.burst if self._slowness <= 1 else 1)
            start, self._due_at = take_slot(pace, self._due_at, max(now, self._closed_until))
            await self._clock.sleep_until(start)
            if self._closed_until <= start:
                return

    def succeeded(self) -> None:
        """The provider answered in time: the pace comes back after a slow-down."""
        self._slowness = max(1.0, self._slowness * FASTER)

    def refused(self, after: float, why: str) -> None:
        """The provider answered 429: no request for `after` seconds, and then a slower pace."""
        self.close(after, why)
        self._slowness = min(SLOWEST, self._slowness * SLOWER)

    def close(self, after: float, why: str) -> None:
        """No request for `after` seconds."""
        self._closed_until = max(self._closed_until, self._clock.now() + round(after * SECOND))
        self._why = why

    def refused_for_the_day(self, why: str, resets_at: int | None = None, *, rolling: bool = False) -> None:
        """The provider says that the day's quota is used up. A `rolling` quota comes back bit by bit: an urgent request
        is still tried once a minute."""
        now = self._clock.now()
        self._over_until, self._over_why = resets_at or self._resets(now), why
        self._urgent_at = now + URGENT_AGAIN if rolling else self._over_until

    def learn_day(self, daily: int | None, left: int | None = None) -> None:
        """The provider tells the account's quota, and how much of it all programs together have left."""
        if daily is not None:
            self._daily = daily
        self._left = left

    def used(self) -> Usage:
        """The requests of today."""
        self._roll(self._clock.now())
        allowed = None if self._daily is None else allowance(self._daily, self._share)
        return Usage(self._count, self._daily, allowed, self._resets_at)

    def _check_day(self, now: int, urgent: bool) -> None:
        self._roll(now)
        until = min(self._over_until, self._urgent_at) if urgent else self._over_until
        if now < until:
            raise Unavailable(self._over_why, after=(until - now) / SECOND)
        if urgent or self._daily is None:
            return
        allowed = allowance(self._daily, self._share)
        after = (self._resets_at - now) / SECOND
        if self._count >= allowed:
            why = f"{self._count} of {allowed} requests of today are used (daily_share {self._share:g})"
            raise Unavailable(f"{why}; the account's quota is {self._daily}", after=after)
        if self._left is not None and self._left < self._daily * USUAL_RESERVE:
            self._left = None  # the next request asks again: a rolling quota comes back bit by bit
            self._rest_until = min(self._resets_at, now + REST)
        if now < self._rest_until:
            why = f"the account has used {100 - 100 * USUAL_RESERVE:.0f} % of its {self._daily} requests of today"
            raise Unavailable(f"{why}; the rest is for others", after=(self._rest_until - now) / SECOND)

    def _count_one(self) -> None:
        self._count += 1
        if self._file is not None and self._count % max(1, (self._daily or 0) // 1000) == 0:
            fresh = self._file.with_suffix(".new")
            fresh.write_text(json.dumps({"requests": self._count, "resets_at": self._resets_at}), "utf-8")
            fresh.replace(self._file)

    def _roll(self, now: int) -> None:
        if now >= self._resets_at:
            self._count, self._resets_at, self._left = 0, self._resets(now), None

    def _remembered(self) -> tuple[int, int]:
        try:
            kept = json.loads(self._file.read_text("utf-8")) if self._file is not None else {}
            return int(kept["requests"]), int(kept["resets_at"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0, 0
