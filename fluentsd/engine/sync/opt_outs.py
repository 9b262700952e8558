"""Opt-outs of people who are due, read again from one source before they are contacted.

What must not live here: when a person counts as due for it (`freshness`), the order of a source's work (`loop`).
"""

from __future__ import annotations

from collections.abc import Mapping

from fluentsd.api import Unavailable
from fluentsd.domain.gate import Reason
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.sync import records
from fluentsd.engine.sync.pauses import LONGEST_PAUSE
from fluentsd.engine.sync.reading import Reading
from fluentsd.engine.sync.records import Stored
from fluentsd.store import enrollments, segments, source_facts
from fluentsd.store.db import Connection
from fluentsd.unavailable import StoreUnavailable

#: How much longer opt-outs wait after a failure than all else.
CONSENT_PAUSE = 30 * SECOND


class OptOutReader:
    """Reads the opt-outs of one source's people. `not_before`: when it may read again after it could not."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._runtime, self._source = reading.runtime, reading.source
        self.not_before = 0

    def source_recovered(self, now: int) -> None:
        """Other work of the source succeeds again, perhaps because a person has mended it: the pause after a failure
        is no longer as long."""
        self.not_before = min(self.not_before, now + CONSENT_PAUSE)

    async def some(self, conn: Connection, now: int) -> dict[str, int]:
        """Some records, by key, that have to be read again for people who are due."""
        before, most = now - self._reading.options.consent_max_age, max(1, self._source.limits.refresh)
        return await source_facts.some_stale(conn, self._reading.ref.id, Reason.source_stale, before, most)

    async def read(self, stale: Mapping[str, int], now: int) -> None:
        """Read opt-outs again; after a failure only when the pause that the source asks for is over, and other work
        has had its turn."""
        try:
            await self._read(stale, now)
        except StoreUnavailable:
            raise
        except Exception as why:
            pause = round(why.after * SECOND) if isinstance(why, Unavailable) else LONGEST_PAUSE
            self.not_before = now + pause + CONSENT_PAUSE
            raise
        self.not_before = 0

    async def _read(self, stale: Mapping[str, int], now: int) -> None:
        """Read these records again; the people who were held for them go on."""
        found = await self._source.refresh(list(stale))
        read = await self._reading.records(found, now)
        answered = {record.id for record in found} | {key for record in found for key in record.aliases}

        async def store_fresh(conn: Connection) -> Stored:
            stored = await records.store(conn, self._runtime, self._reading.ref, read, at=now)
            gone = [record_id for key, record_id in stale.items() if key not in answered]
            await segments.miss_everywhere(conn, gone, now)
            await segments.looked_up(conn, list(stale.values()), now)
            known = await segments.known(conn, self._reading.ref.id, list(stale))
            people = [one.contact_id for one in known.values()]
            await enrollments.release_held(conn, now, contact_ids=people, reason=Reason.source_stale, most=10_000)
            return stored

        self._reading.heed(await self._runtime.store.run(store_fresh))
        self._runtime.dispatcher_wakeup.notify()
