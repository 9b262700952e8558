"""How old the opt-outs of a CRM's records may be when their person is contacted, known before the first claim.

A source that is not there, because its connection was not copied with the database, holds its people like one that is
down, as long as a campaign follows it.
"""

from __future__ import annotations

from fluentsd.domain.sync_options import USUAL
from fluentsd.engine.runtime import Runtime
from fluentsd.store import segments
from fluentsd.store.db import Connection


async def demand(runtime: Runtime) -> None:
    """Set the age for each source of the database."""

    async def unit(conn: Connection) -> dict[int, int]:
        found = {}
        for name, source_id in (await segments.crm_sources(conn)).items():
            if name in runtime.syncs:
                found[source_id] = runtime.syncs[name].options.consent_max_age
            elif await segments.followed(conn, name):
                found[source_id] = USUAL.consent_max_age
                runtime.log.warning("sync.source_missing", source=name, effect="its people wait")
        return found

    runtime.plans.fresh_within.update(await runtime.store.read(unit))
