"""Courses that end whatever was planned: by hand, by a fact, everywhere at once."""

from __future__ import annotations

from collections.abc import Sequence

from fluentsd.domain.states import EnrollmentState
from fluentsd.engine.dispatch.claim import end_row
from fluentsd.store import contacts, counters, enrollments
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import queries as enrollment_queries
from fluentsd.store.enrollments.manual_changes import EnrollmentRow


async def leave(
    conn: Connection, courses: Sequence[EnrollmentRow], reason: str, at: int, deltas: counters.Deltas
) -> None:
    """End some courses by hand or by a fact, whatever was planned: queued, active or errored → exited(reason)."""
    await enrollments.leave_queue(conn, [course.id for course in courses])
    ends = [end_row(c.id, EnrollmentState.exited, reason, at, c.unreached, c.outcomes, c.last_outcome) for c in courses]
    await enrollments.end(conn, ends)
    await enrollments.free(conn, [course.contact_id for course in courses], at)
    for course in courses:
        counters.moved(deltas, course.campaign_id, course.state, EnrollmentState.exited)


async def exit_everywhere(conn: Connection, contact_id: int, reason: str, at: int, deltas: counters.Deltas) -> set[int]:
    """End a person's course in every campaign; returns the campaigns it ended in."""
    await contacts.reserve(conn, [contact_id])
    rows = await enrollment_queries.open_of_contact(conn, contact_id)
    await enrollments.leave_queue(conn, [row["id"] for row in rows])
    kept = ("unreached", "outcomes", "last_outcome")
    ends = [end_row(row["id"], EnrollmentState.exited, reason, at, *(row[k] for k in kept)) for row in rows]
    await enrollments.end(conn, ends)
    for row in rows:
        counters.moved(deltas, row["campaign_id"], row["state"], EnrollmentState.exited)
    return {row["campaign_id"] for row in rows}
