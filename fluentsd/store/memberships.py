"""Segments and their memberships: which records a source's list has, which are missing from it, which have left it.

A membership is made when a walk of the whole segment is compared with the source's records, and only differences are
written. A record that the walk did not name is *missing*; once that is confirmed it has *left*, and only then a person
leaves. A record seen again after that is in the source's data, whatever the list said before. What must not live here:
whether so many may leave, the exit itself (`engine.ingest.leaving`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, bindparam, func, insert, not_, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.state_machines import EnrollmentState
from fluentsd.store.db.bulk_insert import Insert
from fluentsd.store.enrollments.rows import ENROLLMENT_COLUMNS, EnrollmentRow
from fluentsd.store.tables import enrollment, membership, record, segment

_JOINED = Insert(
    membership, "segment_id", "record_id", "joined_at",
    then="ON CONFLICT (segment_id, record_id) DO UPDATE SET"
    " joined_at = excluded.joined_at, missing_since_at = NULL, left_at = NULL",
)  # fmt: skip
_MISSING = Insert(
    membership, "segment_id", "record_id", "joined_at", "missing_since_at",
    then="ON CONFLICT (segment_id, record_id) DO UPDATE SET missing_since_at = excluded.missing_since_at,"
    " left_at = NULL",
)  # fmt: skip


async def segment_of(conn: AsyncConnection, source_id: int, key: str) -> int:
    """The source's segment of that key, made if need be."""
    mine = (segment.c.source_id == source_id, segment.c.key == key)
    found = (await conn.execute(select(segment.c.id).where(*mine))).scalar()
    if found is not None:
        return int(found)
    result = await conn.execute(insert(segment).values(source_id=source_id, key=key, name=key))
    assert result.inserted_primary_key is not None  # noqa: S101 - an INSERT of one row has one
    return int(result.inserted_primary_key[0])


class Place(NamedTuple):
    """Where a comparison goes on: after the record with this object and key."""

    object: str
    key: str


START = Place("", "")
#: Records of a source in the order of its index, each with its membership.
_COMPARED = (
    select(record.c.object, record.c.key, record.c.id, record.c.seen_at, membership.c.joined_at,
           membership.c.missing_since_at)
    .outerjoin(
        membership, and_(membership.c.record_id == record.c.id, membership.c.segment_id == bindparam("b_segment"))
    )
    .where(
        record.c.source_id == bindparam("b_source"),
        tuple_(record.c.object, record.c.key) > tuple_(bindparam("b_object"), bindparam("b_key")),
    )
    .order_by(record.c.object, record.c.key)
    .limit(bindparam("b_most"))
)  # fmt: skip


async def compare(
    conn: AsyncConnection, segment_id: int, source_id: int, walk_at: int, after: Place, most: int
) -> Place | None:
    """Compare the source's next records with a whole walk of the segment that began at `walk_at`: a record seen since
    then is a member, any other is missing. Writes differences only; returns where to go on, None at the end."""
    given = {"b_segment": segment_id, "b_source": source_id, "b_object": after.object, "b_key": after.key}
    rows = (await conn.execute(_COMPARED, given | {"b_most": most})).all()
    joined, missing = [], []
    for _, _, record_id, seen_at, joined_at, missing_since_at in rows:
        if seen_at >= walk_at:
            if joined_at is None or missing_since_at is not None:
                joined.append((segment_id, record_id, walk_at))
        elif missing_since_at is None or missing_since_at <= seen_at:
            missing.append((segment_id, record_id, seen_at if joined_at is None else joined_at, walk_at))
    await _JOINED.many(conn, joined)
    await _MISSING.many(conn, missing)
    return Place(rows[-1].object, rows[-1].key) if len(rows) == most else None


async def confirm_missing(conn: AsyncConnection, segment_id: int, at: int, most: int) -> int:
    """missing → left, some of them; returns how many."""
    some = (
        select(membership.c.record_id)
        .where(
            membership.c.segment_id == segment_id,
            membership.c.missing_since_at.is_not(None),
            membership.c.left_at.is_(None),
        )
        .limit(most)
    )
    mine = (membership.c.segment_id == segment_id, membership.c.record_id.in_(some))
    return (await conn.execute(update(membership).where(*mine).values(left_at=at))).rowcount


async def walked(conn: AsyncConnection, segment_id: int, at: int) -> None:
    """Remember when the segment was last walked as a whole."""
    await conn.execute(update(segment).where(segment.c.id == segment_id).values(walked_at=at))


_OPEN = (EnrollmentState.queued, EnrollmentState.active, EnrollmentState.errored)
#: Nobody leaves while being contacted; the next walk lets them go.
_AT_REST = (EnrollmentState.queued, EnrollmentState.errored)


def _without_segment(campaign_id: int, segment_id: int, *, missing: bool) -> tuple[Any, ...]:
    """Enrollments at rest of people whom this segment has lost and whom no record holds. A record holds its person
    while it is in any segment, when its source keeps none of it, and when it was seen after it had left; `missing`:
    those missing from this segment count as having left it."""
    gone: ColumnElement[bool] = membership.c.left_at.is_not(None)
    if missing:
        gone = or_(gone, membership.c.segment_id == segment_id)
    ended = and_(membership.c.record_id == record.c.id, membership.c.missing_since_at > record.c.seen_at, gone)
    lost = (
        select(record.c.contact_id)
        .join(membership, ended)
        .where(membership.c.segment_id == segment_id)
    )  # fmt: skip
    present = and_(membership.c.record_id == record.c.id, or_(membership.c.missing_since_at.is_(None), not_(gone)))
    held = select(record.c.id).where(
        record.c.contact_id == enrollment.c.contact_id,
        or_(
            ~select(membership.c.record_id).where(ended).exists(),
            select(membership.c.record_id).where(present).exists(),
        ),
    )
    return (
        enrollment.c.campaign_id == campaign_id,
        enrollment.c.state.in_(_AT_REST),
        enrollment.c.contact_id.in_(lost),
        ~held.exists(),
    )


async def count_without_segment(
    conn: AsyncConnection, campaign_id: int, segment_id: int, source_id: int
) -> tuple[int, int]:
    """How many people would leave the campaign if those missing from the segment had left it, and how many people of
    its source are in the campaign in all."""
    gone = select(func.count()).select_from(enrollment).where(*_without_segment(campaign_id, segment_id, missing=True))
    mine = select(record.c.contact_id).where(record.c.source_id == source_id)
    here = (
        select(func.count())
        .select_from(enrollment)
        .where(
            enrollment.c.campaign_id == campaign_id, enrollment.c.state.in_(_OPEN), enrollment.c.contact_id.in_(mine)
        )
    )
    return int((await conn.execute(gone)).scalar_one()), int((await conn.execute(here)).scalar_one())


async def some_without_segment(
    conn: AsyncConnection, campaign_id: int, segment_id: int, most: int
) -> list[EnrollmentRow]:
    """Some enrollments of people who have left the segment and whom nothing else holds."""
    mine = _without_segment(campaign_id, segment_id, missing=False)
    statement = select(*ENROLLMENT_COLUMNS).where(*mine).order_by(enrollment.c.id).limit(most)
    return [EnrollmentRow._make(row) for row in await conn.execute(statement)]
