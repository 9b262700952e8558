"""The segments that campaigns follow: their people, the instant for which they are known, and what is wrong.

What must not live here: the verbs that show it (`sources`, `campaigns`), and the sync itself (`engine.sync`).
"""

from __future__ import annotations

from fluentsd.engine.runtime import Runtime
from fluentsd.engine.sync.state import News, SyncState
from fluentsd.store import segments
from fluentsd.store.db import Connection
from fluentsd.store.segments import SegmentRow
from fluentsd.verbs.execute import Answer

#: The problem of a source that campaigns follow and that is neither in the settings nor connected.
NOT_CONNECTED = "it is not connected here, so its people wait; connect it"


async def of_campaign(conn: Connection, runtime: Runtime, campaign_id: int) -> list[Answer]:
    """The segments that a campaign follows; none of one that has ended."""
    rows = await segments.of_campaign(conn, campaign_id)
    return [await one(conn, runtime, name, row) for name, row in rows]


async def one(conn: Connection, runtime: Runtime, name: str, row: SegmentRow) -> Answer:
    """One segment of the source of this name."""
    state = runtime.syncs.get(name)
    of_source = NOT_CONNECTED if state is None else state.problem
    problem = row.problem or of_source
    news = state.news.get(row.id, News()) if state is not None else News()
    present, missing = await segments.count_members(conn, row.id)
    began = row.walk_began_at
    return {
        "source": name,
        "segment": row.name,
        "key": row.key,
        "id": row.ref,
        "campaigns": [link.ref for link in await segments.links_of(conn, row.id)],
        "people": present,
        "missing": missing,
        "size": row.size,
        "as_of_at": row.read_at,
        "walked_at": row.walked_at,
        "is_walking": began is not None,
        "named": await segments.count_named(conn, row.id, began) if began is not None else None,
        "problem": problem,
        "next_try_at": next_try(state) if state is not None and problem == state.problem else None,
        "held": row.held,
        "joined": news.joined,
        "left": news.left,
    }


def next_try(state: SyncState) -> int | None:
    """When a source that cannot be reached is asked again by itself."""
    return state.again_at if state.problem else None
