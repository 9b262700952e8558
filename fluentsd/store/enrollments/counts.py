"""The people of a campaign, counted: by step, by hold, by exit and by reason. Nothing is changed here."""

from __future__ import annotations

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.state_machines import EnrollmentState
from fluentsd.store.tables import enrollment


async def at_steps(conn: AsyncConnection, campaign_id: int) -> dict[str, int]:
    """How many people are queued or active at each step."""
    here = (
        enrollment.c.campaign_id == campaign_id,
        enrollment.c.state.in_((EnrollmentState.queued, EnrollmentState.active)),
    )
    rows = await conn.execute(select(enrollment.c.step, func.count()).where(*here).group_by(enrollment.c.step))
    return {step: int(count) for step, count in rows}


async def held(conn: AsyncConnection, campaign_id: int) -> dict[str, int]:
    """People in the campaign but out of the queue until a fact changes, by reason."""
    here = (enrollment.c.campaign_id == campaign_id, enrollment.c.held)
    rows = await conn.execute(select(enrollment.c.reason, func.count()).where(*here).group_by(enrollment.c.reason))
    return {reason: int(count) for reason, count in rows}


async def exited(conn: AsyncConnection, campaign_id: int) -> dict[str, int]:
    """People who left, by exit criterion; follow-ups after calls are no further people."""
    left = (enrollment.c.campaign_id == campaign_id, enrollment.c.state == EnrollmentState.exited)
    statement = select(enrollment.c.reason, func.count()).where(*left).group_by(enrollment.c.reason)
    found = {reason: int(count) for reason, count in await conn.execute(statement)}
    for reason, count in await conn.execute(statement.where(enrollment.c.follows.is_not(None))):
        found[reason] -= int(count)
    return {reason: count for reason, count in found.items() if count}


async def by_reason(conn: AsyncConnection, campaign_id: int, at: int) -> list[tuple[str, bool, str, bool, int]]:
    """People by state, held or not, reason, and whether due after this instant; without the reasons of errors."""
    reason = case((enrollment.c.state == EnrollmentState.errored, ""), else_=enrollment.c.reason)
    later = case((enrollment.c.due_at > at, 1), else_=0)
    statement = (
        select(enrollment.c.state, enrollment.c.held, reason, later, func.count())
        .where(enrollment.c.campaign_id == campaign_id, enrollment.c.follows.is_(None))
        .group_by(enrollment.c.state, enrollment.c.held, reason, later)
    )
    rows = await conn.execute(statement)
    return [(state, bool(held), why, bool(is_later), int(count)) for state, held, why, is_later, count in rows]
