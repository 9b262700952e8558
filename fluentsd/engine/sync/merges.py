"""Records that a CRM has merged: their old ids lead to the winner, and their people are one.

A merge keeps the furthest enrollment in each campaign and exits the others as `merged`; no attempt moves.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from fluentsd.engine.campaigns.exits import leave
from fluentsd.store import counters, segments
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import EnrollmentRow
from fluentsd.store.enrollments import queries as enrollment_queries
from fluentsd.store.segments import Known

MERGED = "merged"


async def merge_aliases(conn: Connection, source_id: int, winner: Known, aliases: Sequence[str], at: int) -> set[int]:
    """Lead the old ids of a record to it; returns the campaigns in which an enrollment ended."""
    losers = {key: one for key, one in (await segments.known(conn, source_id, aliases)).items() if one.id != winner.id}
    await segments.alias(conn, source_id, [key for key in aliases if key not in losers], winner.id)
    ended: set[int] = set()
    for loser in losers.values():
        await segments.miss_everywhere(conn, [loser.id], at)
        if loser.contact_id != winner.contact_id:
            ended |= await _one_enrollment_each(conn, winner.contact_id, loser.contact_id, at)
    await segments.merge(conn, [loser.id for loser in losers.values()], winner)
    return ended


async def _one_enrollment_each(conn: Connection, winner_id: int, loser_id: int, at: int) -> set[int]:
    """In each campaign that has both people, the one who is further stays."""
    by_campaign: dict[int, list[EnrollmentRow]] = {}
    for row in await enrollment_queries.open_of(conn, [winner_id, loser_id]):
        by_campaign.setdefault(row.campaign_id, []).append(row)
    behind = [
        row
        for rows in by_campaign.values()
        if len({one.contact_id for one in rows}) > 1
        for row in sorted(rows, key=lambda one: (_progress(one), one.contact_id == winner_id))[:-1]
    ]
    if behind:
        deltas = counters.Deltas()
        await leave(conn, behind, MERGED, at, deltas)
        await counters.add(conn, deltas)
    return {row.campaign_id for row in behind}


def _progress(row: EnrollmentRow) -> tuple[int, int]:
    """How far an enrollment is: steps with an outcome, then tries of the present one."""
    return len(json.loads(row.outcomes)), row.try_no
