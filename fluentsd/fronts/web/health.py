"""/healthz: the health of each part of the daemon, and the last time it was healthy.

A check changes nothing and wakes no task: it reads the backlog from the database and finds work that is overdue. The
status is 503 when a vital part fails (store, dispatcher, reconciler). A channel that is held or backs off, an outbox
whose listener fails, Slack that is not connected, or an installation that is held as a whole, is unhealthy with status
200, because a restart of the daemon would not fix it. The response holds no personal data. One check serves all
requests of a second, so any number of requests is cheap.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import trio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.runtime import Runtime
from fluentsd.unavailable import StoreUnavailable
from fluentsd.verbs import queries

#: A part is unhealthy when its work is overdue by this much.
OVERDUE_AFTER = 120 * SECOND
#: Seconds until the store's answer times out.
STORE_PATIENCE = 3.0
#: One check serves all requests for this long.
FRESH_FOR = 1 * SECOND
#: Parts without which no contact is made.
VITAL = ("store", "dispatcher", "reconciler")

Part = dict[str, Any]


class Health:
    """Checks the parts of the daemon on request."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._last_success: dict[str, int] = {}
        self._passes, self._passed_at = runtime.wakeups, runtime.clock.now()
        self._turn = trio.Lock()
        self._checked_at = -FRESH_FOR
        self._found: dict[str, Part] = {}

    async def show(self, _request: Request) -> Response:
        """GET /healthz."""
        found = await self.check()
        vital = all(found[part]["ok"] for part in VITAL)
        body = {"ok": all(part["ok"] for part in found.values()), "parts": found}
        return JSONResponse(body, 200 if vital else 503)

    async def check(self) -> dict[str, Part]:
        """Each part: `ok`, `why` if it is not, `last_success` (ISO, or null), `age_s`."""
        async with self._turn:
            now = self._runtime.clock.now()
            if not self._checked_at <= now < self._checked_at + FRESH_FOR:
                self._found = await self._check(now)
                self._checked_at = now
            return self._found

    async def _check(self, now: int) -> dict[str, Part]:
        problems = await self._problems(now)
        return {part: self._part(part, reason, now) for part, reason in problems.items()}

    async def _problems(self, now: int) -> dict[str, str]:
        """The problem of each part, "" if it has none."""
        try:
            with trio.fail_after(STORE_PATIENCE):
                backlog = await queries.backlog(self._runtime, now)
        except (StoreUnavailable, trio.TooSlowError):
            gone = "the database does not answer"
            parts = ("store", "dispatcher", "reconciler", "outbox", "installation", *self._runtime.channels)
            return dict.fromkeys(parts, gone)
        opens = [at for lane in backlog.lanes if (at := self._opens_at(lane)) is not None]
        return {
            "store": self._runtime.store_state.problem.partition(" (")[0],  # a full disk can still be read
            "dispatcher": self._stuck(min(opens, default=None), now),
            "reconciler": _late(backlog.reconciler_at, now),
            "outbox": self._outbox(backlog.outbox_at, now),
            "installation": backlog.all_held_because,
            **{kind: self._channel(kind, backlog.held_channels, now) for kind in self._runtime.channels},
            **{front: problem() for front, problem in self._runtime.fronts.items()},
        }

    def _opens_at(self, lane: queries.LaneDue) -> int | None:
        """The time at which a lane can be served; None if it waits for a free slot in flight, which is no problem."""
        runtime = self._runtime
        channel_state = runtime.channels.get(lane.channel)
        if channel_state is None or runtime.in_flight.of(channel_state.kind) >= channel_state.concurrency:
            return None
        opens_at = max(
            lane.next_slot_at,
            channel_state.next_slot_at,
            channel_state.backs_off_until,
            runtime.not_before.get(lane.lane_id, 0),
        )
        return max(lane.due_at, opens_at)

    def _stuck(self, since_at: int | None, now: int) -> str:
        """A problem if people are overdue and the dispatcher has made no pass since."""
        if self._runtime.wakeups != self._passes:
            self._passes, self._passed_at = self._runtime.wakeups, now
        if self._runtime.closing:
            return "the daemon is shutting down"
        return "" if now - self._passed_at < OVERDUE_AFTER else _late(since_at, now)

    def _channel(self, kind: str, held: frozenset[str], now: int) -> str:
        if kind in held:
            return "held; see: fluentsd holds"
        until = next(
            channel_state.backs_off_until for name, channel_state in self._runtime.channels.items() if name == kind
        )
        return f"backing off for {(until - now) // SECOND} s" if until > now else ""

    def _outbox(self, due_at: int | None, now: int) -> str:
        if down := sorted(self._runtime.targets_down):
            return f"{', '.join(down)} does not accept events; see: fluentsd outbox list"
        return _late(due_at, now)

    def _part(self, part: str, why: str, now: int) -> Part:
        if not why:
            self._last_success[part] = now
        last = self._last_success.get(part)
        result: Part = {"ok": not why, "last_success": None, "age_s": None}
        if last is not None:
            moment = dt.datetime.fromtimestamp(last / 1_000_000, dt.UTC)
            result |= {"last_success": moment.isoformat(timespec="seconds"), "age_s": (now - last) // SECOND}
        return result | ({"why": why} if why else {})


def _late(since_at: int | None, now: int) -> str:
    if since_at is None or now - since_at < OVERDUE_AFTER:
        return ""
    return f"work has been overdue for {(now - since_at) // SECOND} s"
