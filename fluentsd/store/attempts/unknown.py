"""Attempts whose outcome could not be proved, and a person's decision about them: retry or dismiss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.state_machines import AttemptState
from fluentsd.store.attempts.queries import to_contact
from fluentsd.store.enrollments import reserve_those
from fluentsd.store.tables import attempt, contact, enrollment, point


class Unproved(NamedTuple):
    """An attempt without proof, and where its person is now. `tries`: how many tries of this step there are."""

    id: str
    enrollment_id: int
    contact_id: int
    step: str
    channel: str
    to: str | None
    version_id: int
    state: str
    reason: str
    at_step: str
    at_try: int
    unreached: int
    outcomes: str
    last_outcome: str
    zones: str
    states: str
    tries: int


#: Unknown attempts about which nobody has decided.
UNDECIDED = (attempt.c.state == AttemptState.unknown, attempt.c.dismissed_at.is_(None))

_other = attempt.alias("other")
_TRIES = (
    select(func.count())
    .where(_other.c.enrollment_id == attempt.c.enrollment_id, _other.c.step == attempt.c.step)
    .scalar_subquery()
)
_UNPROVED = (
    select(
        attempt.c.id, attempt.c.enrollment_id, attempt.c.contact_id, attempt.c.step, attempt.c.channel, point.c.value,
        enrollment.c.version_id, enrollment.c.state, enrollment.c.reason, enrollment.c.step, enrollment.c.try_no,
        enrollment.c.unreached, enrollment.c.outcomes, enrollment.c.last_outcome, contact.c.zones, contact.c.states,
        _TRIES,
    )
    .join(enrollment, enrollment.c.id == attempt.c.enrollment_id)
    .join(contact, contact.c.id == attempt.c.contact_id)
    .join(point, point.c.id == attempt.c.point_id, isouter=True)
    .where(*UNDECIDED)
    .order_by(attempt.c.id)
)  # fmt: skip


async def count(conn: AsyncConnection, campaign_id: int) -> int:
    """How many unknown attempts of a campaign wait for a decision."""
    mine = (attempt.c.campaign_id == campaign_id, *UNDECIDED)
    return int((await conn.execute(select(func.count()).select_from(attempt).where(*mine))).scalar_one())


async def of_campaign(
    conn: AsyncConnection, campaign_id: int, *, contact_id: int | None, attempt_id: str | None
) -> list[Unproved]:
    """The undecided ones of a campaign, oldest first, locked where the database can; only those of one person, or the
    one with this id, if given."""
    mine: list[ColumnElement[bool]] = [attempt.c.campaign_id == campaign_id]
    if contact_id is not None:
        mine.append(to_contact(contact_id))
    if attempt_id is not None:
        mine.append(attempt.c.id == attempt_id)
    whose = select(attempt.c.enrollment_id).where(*mine, *UNDECIDED)
    await reserve_those(conn, enrollment.c.id.in_(whose), most=1_000_000)
    rows = await conn.execute(_UNPROVED.where(*mine).with_for_update(of=attempt))
    return [Unproved._make(row) for row in rows]


async def decided(conn: AsyncConnection, ids: Sequence[str], at: int) -> None:
    """A person has decided about them: they are no longer listed; their state stays unknown."""
    mine = (attempt.c.id.in_(list(ids)), attempt.c.state == AttemptState.unknown)
    await conn.execute(update(attempt).where(*mine).values(dismissed_at=at))
