"""/healthz: each part of the house, whether it is well, and when it was last seen to be.

Looking changes nothing and wakes nobody: it reads what waits in the database and asks whether something has waited too
long for the part whose work it is. The status is 503 when the house itself cannot work (store, dispatcher,
reconciler). A channel that is held or backs off, or an outbox whose listener is away, is told as not well with status
200: starting the daemon anew would not mend it. Nothing in it is about a person. Strangers may ask as often as they
like: a look serves everybody for a second.
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

#: How long something may wait for the part whose work it is before that part is not well.
OVERDUE_AFTER = 120 * SECOND
#: Seconds the store has to answer.
STORE_PATIENCE = 3.0
#: How long one look serves everybody.
FRESH_FOR = 1 * SECOND
#: Parts without which nobody is contacted.
VITAL = ("store", "dispatcher", "reconciler")

Part = dict[str, Any]


class Health:
    """Looks at the house when somebody asks."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._last_success: dict[str, int] = {}
        self._passes, self._passed_at = runtime.wakeups, runtime.clock.now()
        self._turn = trio.Lock()
        self._looked_at = -FRESH_FOR
        self._found: dict[str, Part] = {}

    async def show(self, _request: Request) -> Response:
        """GET /healthz."""
        found = await self.look()
        vital = all(found[part]["ok"] for part in VITAL)
        told = {"ok": all(part["ok"] for part in found.values()), "parts": found}
        return JSONResponse(told, 200 if vital else 503)

    async def look(self) -> dict[str, Part]:
        """Each part: `ok`, `why` when not, `last_success` (ISO, or null), `age_s`."""
        async with self._turn:
            now = self._runtime.clock.now()
            if not self._looked_at <= now < self._looked_at + FRESH_FOR:
                self._found = await self._look(now)
                self._looked_at = now
            return self._found

    async def _look(self, now: int) -> dict[str, Part]:
        why = await self._ask_store(now)
        return {part: self._told(part, reason, now) for part, reason in why.items()}

    async def _ask_store(self, now: int) -> dict[str, str]:
        """What is wrong with each part, "" when nothing is."""
        try:
            with trio.fail_after(STORE_PATIENCE):
                backlog = await queries.backlog(self._runtime, now)
        except (StoreUnavailable, trio.TooSlowError):
            gone = "the database does not answer"
            return dict.fromkeys(("store", "dispatcher", "reconciler", "outbox", *self._runtime.channels), gone)
        opens = [at for lane in backlog.lanes if (at := self._opens_at(lane)) is not None]
        return {
            "store": "",
            "dispatcher": self._stuck(min(opens, default=None), now),
            "reconciler": _late(backlog.reconciler_at, now),
            "outbox": _late(backlog.outbox_at, now),
            **{kind: self._channel(kind, backlog.held_channels, now) for kind in self._runtime.channels},
        }

    def _opens_at(self, lane: queries.LaneDue) -> int | None:
        """When a lane can be served; None when it waits for room in flight, which is no fault."""
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
        """Somebody has long been due, and the dispatcher has not looked in all that time."""
        if self._runtime.wakeups != self._passes:
            self._passes, self._passed_at = self._runtime.wakeups, now
        if self._runtime.closing:
            return "the daemon is leaving"
        return "" if now - self._passed_at < OVERDUE_AFTER else _late(since_at, now)

    def _channel(self, kind: str, held: frozenset[str], now: int) -> str:
        if kind in held:
            return "held; see: fluentsd holds"
        until = next(
            channel_state.backs_off_until for name, channel_state in self._runtime.channels.items() if name == kind
        )
        return f"backing off for {(until - now) // SECOND} s" if until > now else ""

    def _told(self, part: str, why: str, now: int) -> Part:
        if not why:
            self._last_success[part] = now
        last = self._last_success.get(part)
        told: Part = {"ok": not why, "last_success": None, "age_s": None}
        if last is not None:
            moment = dt.datetime.fromtimestamp(last / 1_000_000, dt.UTC)
            told |= {"last_success": moment.isoformat(timespec="seconds"), "age_s": (now - last) // SECOND}
        return told | ({"why": why} if why else {})


def _late(since_at: int | None, now: int) -> str:
    if since_at is None or now - since_at < OVERDUE_AFTER:
        return ""
    return f"something has been due for {(now - since_at) // SECOND} s"
