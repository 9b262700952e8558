"""Exits decided outside the flow: by hand, by a fact, in one campaign or in all."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from fluentsd.domain.state_machines import EnrollmentState
from fluentsd.store import contacts, counters, enrollments
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import End, EnrollmentRow
from fluentsd.store.enrollments import queries as enrollment_queries


async def leave(conn: Connection, rows: Sequence[EnrollmentRow], reason: str, at: int, deltas: counters.Deltas) -> None:
    """queued, active or errored → exited(reason), whatever the flow had planned."""
    await _exit(conn, rows, reason, at, deltas)
    await enrollments.free(conn, [row.contact_id for row in rows], at)


async def exit_everywhere(
    conn: Connection, contact_ids: Collection[int], reason: str, at: int, deltas: counters.Deltas
) -> set[int]:
    """End the enrollments of these people in every campaign; returns the campaigns they ended in."""
    await contacts.reserve(conn, contact_ids)
    rows = await enrollment_queries.open_of(conn, contact_ids)
    await _exit(conn, rows, reason, at, deltas)
    return {row.campaign_id for row in rows}


async def exit_one(
    conn: Connection, enrollment_id: int, contact_id: int, reason: str, at: int, deltas: counters.Deltas
) -> None:
    """End one enrollment of this person, if it lasts."""
    rows = [row for row in await enrollment_queries.open_of(conn, [contact_id]) if row.id == enrollment_id]
    await leave(conn, rows, reason, at, deltas)


async def _exit(conn: Connection, rows: Sequence[EnrollmentRow], reason: str, at: int, deltas: counters.Deltas) -> None:
    await enrollments.leave_queue(conn, [row.id for row in rows])
    exited = EnrollmentState.exited
    ends = [End(row.id, exited, reason, at, row.unreached, row.outcomes, row.last_outcome) for row in rows]
    await enrollments.end(conn, ends)
    for row in rows:
        counters.moved(deltas, row.campaign_id, row.state, exited)
