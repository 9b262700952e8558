"""Leaving by membership: people who are on none of the lists they came from exit the campaign.

The only way in which a list lets people go, whatever its source. The list's memberships are compared with the run
first; then, unless so many would leave that a person has to confirm it, those missing have left and their people exit.
What must not live here: SQL, the reading of lists.
"""

from __future__ import annotations

from fluentsd.engine.campaigns.exits import leave
from fluentsd.engine.ingest.import_run import Run
from fluentsd.engine.runtime import Runtime
from fluentsd.store import campaigns, counters, memberships
from fluentsd.store.db import Connection
from fluentsd.store.memberships import START, Place

#: The segment of a source that is one whole list, such as a CSV file.
LIST = "list"
#: This many people may leave a list without a confirmation.
FEW_GONE = 10
#: Records compared, and memberships confirmed, in one transaction; people who exit in one.
COMPARED, EXITED = 1_000, 250


class CannotLeave(Exception):
    """Nobody can leave by this list, or so many would that a person has to confirm it; nobody left."""


async def leave_by_list(runtime: Runtime, run: Run, at: int, *, confirmed: bool) -> int:
    """The run was the source's whole list: people of this source who were not in it, and whom no other list or source
    holds, exit the campaign (left_segment). Returns how many. Raises `CannotLeave`, and then nobody left."""
    campaign_id = run.campaign_id
    if campaign_id is None:
        raise CannotLeave("people can leave only a campaign, and none was named; nobody was removed")
    ref, leaves = await runtime.store.read(_exits_on_leaving, campaign_id)
    if not leaves:
        raise CannotLeave(f"{ref} does not exit people for this; add left_segment to its exit.on")
    store = runtime.store
    segment_id = await store.run(memberships.segment_of, run.source_id, LIST)
    after: Place | None = START
    while after is not None:
        after = await store.run(memberships.compare, segment_id, run.source_id, run.at, after, COMPARED)
    gone, here = await store.read(memberships.count_without_segment, campaign_id, segment_id, run.source_id)
    if gone > here / 2 and gone > FEW_GONE and not confirmed:
        raise CannotLeave(
            f"{gone} of {here} people of this list are missing from the file, more than half; nobody was removed; if "
            "the file is complete, import it again and confirm it"
        )
    while await store.run(memberships.confirm_missing, segment_id, at, COMPARED):
        pass
    left = 0
    while part := await store.run(_exit_some, campaign_id, segment_id, at):
        left += part
    await store.run(memberships.walked, segment_id, run.at)
    if left:
        runtime.enrollment_ended({campaign_id})
    return left


async def _exits_on_leaving(conn: Connection, campaign_id: int) -> tuple[str, bool]:
    row = await campaigns.by_id(conn, campaign_id)
    return row.ref, "left_segment" in row.spec.exit.on


async def _exit_some(conn: Connection, campaign_id: int, segment_id: int, at: int) -> int:
    gone = await memberships.some_without_segment(conn, campaign_id, segment_id, EXITED)
    deltas = counters.Deltas()
    await leave(conn, gone, "left_segment", at, deltas)
    await counters.add(conn, deltas)
    return len(gone)
