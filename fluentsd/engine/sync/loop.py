"""The loop of one source: what is due next, and one guard for its errors.

The guard turns every error of a plugin into a pause of this source; others go on. What must not live here: the pages of
segments (`segment_pages`), opt-outs (`opt_outs`), limits of requests (the plugin's).
"""

from __future__ import annotations

import trio

from fluentsd.api import NeedsHuman, Source, Unavailable
from fluentsd.domain.events import SyncFailed, SyncRecovered
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.runtime import STORE_PAUSE, Runtime
from fluentsd.engine.sync.opt_outs import OptOutReader
from fluentsd.engine.sync.pauses import FIRST_PAUSE, LONGEST_PAUSE
from fluentsd.engine.sync.reading import Reading
from fluentsd.engine.sync.segment_pages import SegmentPages
from fluentsd.store import holds, segments
from fluentsd.store.db import Connection
from fluentsd.store.segments import SegmentRow
from fluentsd.unavailable import StoreUnavailable

_A_PERSON = "needs a person: "
#: How long a source cannot be reached before people are told, who can do nothing about a short time.
TOLD_AFTER = 3600 * SECOND
_UNEXPECTED = "the source {} could not read an answer (sync.error in the log); nobody leaves, and it is tried again"


class SourceSync:
    """Follows the segments of one source."""

    def __init__(self, runtime: Runtime, name: str, source: Source) -> None:
        self._runtime, self._name = runtime, name
        self._state = runtime.syncs[name]
        self._reading = Reading(runtime, name, source)
        self._opt_outs, self._pages = OptOutReader(self._reading), SegmentPages(self._reading)
        self._pause = FIRST_PAUSE
        #: Opt-outs and pages that are due take turns: however many people wait, those who have left are noticed.
        self._opt_outs_next = True

    async def run(self) -> None:
        """Run until cancelled."""
        runtime = self._runtime
        while True:
            try:
                until = await self._guarded_turn()
            except StoreUnavailable as why:
                runtime.store_state.lost(str(why))
                until = runtime.clock.now() + STORE_PAUSE
            if until is None or until > runtime.clock.now():
                await self._runtime.sync_wakeups[self._name].wait_until(runtime.clock, until)
            else:
                await trio.lowlevel.checkpoint()

    async def _guarded_turn(self) -> int | None:
        """One piece of work; returns when the next is due (None: at the next wake-up). While the source rests after a
        failure, the opt-outs of people who are due are still read: a quota that is used up for walks may have some."""
        clock, state = self._runtime.clock, self._state
        rests = state.again_at > clock.now()
        try:
            until = await (self._turn_at_rest() if rests else self._turn())
        except StoreUnavailable:
            raise
        except Exception as why:  # noqa: BLE001 - the guard at the edge of each plugin
            return await self._failed(*self._meaning_of(why), rests=rests)
        if rests:
            return until
        if state.problem:
            self._runtime.log.info("sync.recovered", source=self._name)
            self._opt_outs.source_recovered(clock.now())
        if state.is_told:
            await self._reading.tell(SyncRecovered(source=self._name))
            state.is_told = False
        state.problem, state.problem_since, self._pause = "", None, FIRST_PAUSE
        return until

    def _meaning_of(self, error: Exception) -> tuple[str, int]:
        """An error for people, and the pause after it."""
        if isinstance(error, Unavailable):
            return str(error), max(round(error.after * SECOND), SECOND)
        if isinstance(error, NeedsHuman):
            return f"{_A_PERSON}{error}", LONGEST_PAUSE
        self._runtime.log.error("sync.error", source=self._name, error=repr(error)[:500])
        pause, self._pause = self._pause, min(2 * self._pause, LONGEST_PAUSE)
        return _UNEXPECTED.format(self._name), pause

    async def _failed(self, why: str, pause: int, *, rests: bool) -> int:
        """Remember why the source cannot be reached, and when the next try is; tell it once, when a person has to act
        or it lasts."""
        state, now = self._state, self._runtime.clock.now()
        if rests:
            return min(state.again_at, max(self._opt_outs.not_before, now + SECOND))
        if not state.problem:
            self._runtime.log.warning("sync.unavailable", source=self._name, reason=why[:500])
            state.problem_since = now
        state.problem, state.again_at = why, now + pause
        lasted = now - (state.problem_since or now)
        if not state.is_told and (why.startswith(_A_PERSON) or lasted >= TOLD_AFTER):
            await self._reading.tell(SyncFailed(source=self._name, because=why))
            state.is_told = True
        return state.again_at

    async def _turn_at_rest(self) -> int:
        """Read the opt-outs of people who are due, and nothing else."""
        runtime, again_at = self._runtime, self._state.again_at
        now = runtime.clock.now()
        if self._opt_outs.not_before > now:
            return min(again_at, self._opt_outs.not_before)
        if not self._reading.ref.id:
            return again_at
        is_held, stale, _ = await runtime.store.read(self._look, now)
        if is_held or not stale:
            return again_at
        await self._opt_outs.read(stale, now)
        return now

    async def _turn(self) -> int | None:
        runtime, now = self._runtime, self._runtime.clock.now()
        if not self._reading.ref.id:
            await self._reading.begin(now)
        is_held, stale, rows = await runtime.store.read(self._look, now)
        if is_held:
            return None
        due = sorted((self._pages.due_at(row), row.id, row) for row in rows)
        has_turn = self._opt_outs_next or not due or due[0][0] > now
        if stale and self._opt_outs.not_before <= now and has_turn:
            self._opt_outs_next = False
            await self._opt_outs.read(stale, now)
            return now
        self._opt_outs_next = True
        if not due or due[0][0] > now:
            times = [due[0][0]] if due else []
            return min([*times, self._opt_outs.not_before] if stale else times, default=None)
        await self._pages.serve(due[0][2], now)
        return now

    async def _look(self, conn: Connection, now: int) -> tuple[bool, dict[str, int], list[SegmentRow]]:
        """Whether the source is held; some records, by key, that have to be read again for people who are due; the
        segments that are followed."""
        is_held = await holds.is_held(conn, "source", self._name, now)
        return is_held, await self._opt_outs.some(conn, now), await segments.followed(conn, self._name)
