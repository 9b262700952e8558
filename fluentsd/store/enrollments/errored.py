"""People in error: the causes in a campaign, and what a retry needs. Nothing is changed here."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.state_machines import EnrollmentState
from fluentsd.store.tables import contact_point, enrollment, point


async def causes(conn: AsyncConnection, campaign_id: int) -> list[dict[str, Any]]:
    """Causes of error, most frequent first, each with a few of its people."""
    here = (enrollment.c.campaign_id == campaign_id, enrollment.c.state == EnrollmentState.errored)
    statement = select(enrollment.c.reason, func.count(), func.min(enrollment.c.id)).where(*here)
    rows = await conn.execute(
        statement.group_by(enrollment.c.reason).order_by(func.count().desc(), enrollment.c.reason)
    )
    found = []
    for reason, count, _ in rows:
        people = await _some_points(conn, campaign_id, reason)
        found.append({"cause": reason, "people": int(count), "some": people})
    return found


async def _some_points(conn: AsyncConnection, campaign_id: int, reason: str) -> list[str]:
    statement = (
        select(point.c.value)
        .join(contact_point, contact_point.c.point_id == point.c.id)
        .join(enrollment, enrollment.c.contact_id == contact_point.c.contact_id)
        .where(enrollment.c.campaign_id == campaign_id, enrollment.c.state == EnrollmentState.errored)
        .where(enrollment.c.reason == reason, contact_point.c.position == 0)
        .order_by(enrollment.c.id)
        .limit(3)
    )
    return list((await conn.execute(statement)).scalars())


async def of_campaign(conn: AsyncConnection, campaign_id: int, reason: str | None, contact_id: int | None) -> list[Any]:
    """People in error, of one cause or person or all: what a retry needs."""
    statement = select(enrollment.c.id, enrollment.c.step, enrollment.c.version_id).where(
        enrollment.c.campaign_id == campaign_id, enrollment.c.state == EnrollmentState.errored
    )
    if reason is not None:
        statement = statement.where(enrollment.c.reason == reason)
    if contact_id is not None:
        statement = statement.where(enrollment.c.contact_id == contact_id)
    return list((await conn.execute(statement.order_by(enrollment.c.id))).all())
