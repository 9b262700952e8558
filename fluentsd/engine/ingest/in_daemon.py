"""One import in the daemon's own process: the batch service without verbs, for an upload or a sync.

What must not live here: what an import does (`service`), whether its caller may do it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fluentsd.domain.consent import Attestation
from fluentsd.domain.contacts.upserts import ContactUpsert
from fluentsd.engine.ingest import service
from fluentsd.engine.ingest.batches import Taken
from fluentsd.engine.ingest.import_run import Run
from fluentsd.engine.runtime import Runtime
from fluentsd.store import audit
from fluentsd.store.db import Connection


class DaemonIngest:
    """The batch service for one import (`file_import.Ingest`). `by` stands in the audit log; `attestation` is what a
    named person says of the people's consent."""

    def __init__(
        self, runtime: Runtime, source: str, ref: str | None, by: str, attestation: Attestation | None = None
    ) -> None:
        self._runtime, self._source, self._ref = runtime, source, ref
        self._by, self._attestation = by, attestation
        self._run: Run | None = None

    async def begin(self) -> int:
        """See `service.begin`; returns the size of a batch."""
        at = self._runtime.clock.now()

        async def unit(conn: Connection) -> Run:
            run = await service.begin(conn, self._runtime, self._source, self._ref, self._attestation, self._by, at)
            details, target = service.audit_details(run, self._attestation), self._ref or self._source
            await audit.note(conn, at=at, actor=self._by, verb="import", target=target, details=details)
            return run

        self._run = await self._runtime.store.run(unit)
        return self._run.at_once

    async def take(self, people: Sequence[ContactUpsert], *, keep_duplicates: bool) -> Taken:
        """See `service.take`."""
        run, at = self._begun(), self._runtime.clock.now()
        taken = await self._runtime.store.run(
            service.take, self._runtime, run, people, keep_duplicates=keep_duplicates, by=self._by, at=at
        )
        if taken.enrolled or taken.back:
            self._runtime.dispatcher_wakeup.notify()
        return taken

    async def end(self, counts: Mapping[str, int], *, whole: bool, confirmed: bool) -> int:
        """See `service.end`; returns how many people left."""
        run, at = self._begun(), self._runtime.clock.now()
        return await service.end(self._runtime, run, counts, whole=whole, confirmed=confirmed, by=self._by, at=at)

    def _begun(self) -> Run:
        if self._run is None:
            raise RuntimeError("the import has not begun")
        return self._run
