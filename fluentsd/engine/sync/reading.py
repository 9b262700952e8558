"""What one source says, read by its fields: pages, records fetched for their ids, whom a stored page wakes up.

What must not live here: when a source is asked and for what (`loop`, `segment_pages`, `opt_outs`), how one record is
read (`fields`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import trio

from fluentsd.api import Kind, Page, Record, Source
from fluentsd.domain.events import Event
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.runtime import Runtime
from fluentsd.engine.sync.fields import Fields, RecordRead
from fluentsd.engine.sync.records import SourceRef, Stored
from fluentsd.store import contacts, outbox
from fluentsd.store.db import Connection

#: The catalogue of fields is read again after this time.
CATALOGUE_AGE = 24 * 3600 * SECOND
KINDS: tuple[Kind, ...] = get_args(Kind)
#: Records read between two checkpoints, about 2 ms.
AT_ONCE = 25


class Reading:
    """Reads what one source says. `ref`: the source in the database, with the id 0 until `begin`."""

    def __init__(self, runtime: Runtime, name: str, source: Source) -> None:
        self.runtime, self.name, self.source = runtime, name, source
        self.state = runtime.syncs[name]
        self.options = self.state.options
        self.ref = SourceRef(name, 0)
        self._fields: Fields | None = None
        self._fields_at = 0
        #: Fields that records had and the catalogue had not, also when it was read again for them.
        self._strange: set[str] = set()

    async def begin(self, now: int) -> None:
        source_id = await self.runtime.store.run(contacts.source_id, "crm", self.name, now)
        self.ref = SourceRef(self.name, source_id)
        self.runtime.plans.fresh_within[source_id] = self.options.consent_max_age

    async def page(self, page: Page, at: int) -> list[RecordRead]:
        """The records of a page, fetched when the page has only their ids, and read by the fields."""
        found: Sequence[Record] | None = page.records
        if found is None:
            found = await self._fetch(list(page.refs))
        return await self.records(found, at)

    async def records(self, found: Sequence[Record], at: int) -> list[RecordRead]:
        """These records, read by the fields."""
        fields = await self._known(at)
        if strange := {name for record in found for name in record.fields} - fields.names - self._strange:
            self._strange |= strange
            fields = await self._known(at, is_stale=True)  # a column may be new, and say who has opted out
        read = []
        for place, record in enumerate(found):
            read.append(fields.read(record))
            if place % AT_ONCE == AT_ONCE - 1:
                await trio.lowlevel.checkpoint()
        return read

    async def _fetch(self, ids: list[str]) -> list[Record]:
        most = max(1, self.source.limits.refresh)
        found: list[Record] = []
        for start in range(0, len(ids), most):
            found += await self.source.refresh(ids[start : start + most])
        return found

    async def _known(self, at: int, *, is_stale: bool = False) -> Fields:
        if self._fields is None or is_stale or at - self._fields_at > CATALOGUE_AGE:
            options = self.options
            self._fields = Fields(await self.source.catalogue(), options.meanings, options.region)
            self._fields_at = at
            self.state.mapping = self._fields.mapping
            self.state.protected = frozenset(kind for kind in KINDS if self._fields.protects(kind))
            for name in self._fields.unknown:
                self.runtime.log.warning("sync.unknown_field", source=self.name, field=name)
        return self._fields

    async def tell(self, event: Event) -> None:
        """Post an event of the sync."""
        at = self.runtime.clock.now()

        async def unit(conn: Connection) -> None:
            await outbox.post(conn, event, at=at)

        await self.runtime.store.run(unit)

    def heed(self, stored: Stored) -> None:
        """Wake up whom a page concerns."""
        runtime = self.runtime
        if stored.back or stored.opt_outs:
            runtime.dispatcher_wakeup.notify()
        if stored.opt_outs:
            runtime.cancellation_wakeup.notify()
        if stored.ended:
            runtime.enrollment_ended(stored.ended)
