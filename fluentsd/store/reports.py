"""Figures and lists for reports, read-only."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.api import Kind
from fluentsd.domain.state_machines import AttemptState, EnrollmentState
from fluentsd.store.tables import (
    after_call,
    attempt,
    campaign,
    contact_point,
    content,
    enrollment,
    number,
    point,
)


async def at_steps(conn: AsyncConnection, campaign_id: int) -> dict[str, int]:
    """How many people stand at each step, waiting or in work."""
    here = (
        enrollment.c.campaign_id == campaign_id,
        enrollment.c.state.in_((EnrollmentState.queued, EnrollmentState.active)),
    )
    rows = await conn.execute(select(enrollment.c.step, func.count()).where(*here).group_by(enrollment.c.step))
    return {step: int(count) for step, count in rows}


async def held_people(conn: AsyncConnection, campaign_id: int) -> dict[str, int]:
    """People in the campaign but out of the queue until a fact changes, by reason."""
    here = (enrollment.c.campaign_id == campaign_id, enrollment.c.held)
    rows = await conn.execute(select(enrollment.c.reason, func.count()).where(*here).group_by(enrollment.c.reason))
    return {reason: int(count) for reason, count in rows}


async def exits(conn: AsyncConnection, campaign_id: int) -> dict[str, int]:
    """People who left, by exit criterion; follow-ups after calls are no further people."""
    left = (enrollment.c.campaign_id == campaign_id, enrollment.c.state == EnrollmentState.exited)
    statement = select(enrollment.c.reason, func.count()).where(*left).group_by(enrollment.c.reason)
    found = {reason: int(count) for reason, count in await conn.execute(statement)}
    for reason, count in await conn.execute(statement.where(enrollment.c.follows.is_not(None))):
        found[reason] -= int(count)
    return {reason: count for reason, count in found.items() if count}


#: Unknown attempts without a decision.
_UNPROVED = (attempt.c.state == AttemptState.unknown, attempt.c.dismissed_at.is_(None))


async def unknown_count(conn: AsyncConnection, campaign_id: int) -> int:
    """How many unknown attempts wait for a decision."""
    mine = (attempt.c.campaign_id == campaign_id, *_UNPROVED)
    return int((await conn.execute(select(func.count()).select_from(attempt).where(*mine))).scalar_one())


async def errors(conn: AsyncConnection, campaign_id: int) -> list[dict[str, Any]]:
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


async def errored(conn: AsyncConnection, campaign_id: int, reason: str | None, contact_id: int | None) -> list[Any]:
    """People in error, of one cause or person or all: what a retry needs."""
    statement = select(enrollment.c.id, enrollment.c.step, enrollment.c.version_id).where(
        enrollment.c.campaign_id == campaign_id, enrollment.c.state == EnrollmentState.errored
    )
    if reason is not None:
        statement = statement.where(enrollment.c.reason == reason)
    if contact_id is not None:
        statement = statement.where(enrollment.c.contact_id == contact_id)
    return list((await conn.execute(statement.order_by(enrollment.c.id))).all())


async def places(conn: AsyncConnection, contact_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """Every enrollment of these people."""
    statement = (
        select(
            enrollment.c.contact_id, campaign.c.ref, enrollment.c.state, enrollment.c.reason,
            enrollment.c.step, enrollment.c.due_at,
        )
        .join(campaign, campaign.c.id == enrollment.c.campaign_id)
        .where(enrollment.c.contact_id.in_(list(contact_ids)))
        .order_by(enrollment.c.id)
    )  # fmt: skip
    found: dict[int, list[dict[str, Any]]] = {}
    for row in (await conn.execute(statement)).mappings():
        facts = dict(row)
        found.setdefault(facts.pop("contact_id"), []).append(facts)
    return found


async def attempts(
    conn: AsyncConnection,
    *,
    campaign_id: int | None,
    most: int,
    contact_ids: Collection[int] | None = None,
    outcome: str | None = None,
    since: int | None = None,
    unproved: bool = False,
    disposition: str | None = None,
    channel: str | None = None,
    attempt_id: str | None = None,
) -> list[dict[str, Any]]:
    """Attempts, newest first, with recipient and caller ID; `unproved` for only those that wait for a decision."""
    statement = (
        select(
            attempt.c.id, campaign.c.ref, attempt.c.step, attempt.c.try_no, attempt.c.channel,
            attempt.c.contact_id.label("contact"), point.c.value.label("to"), number.c.e164.label("sender"),
            attempt.c.state, attempt.c.outcome,
            attempt.c.reason, attempt.c.claimed_at, attempt.c.settled_at, attempt.c.duration_s,
            attempt.c.cost_micros, attempt.c.currency, attempt.c.disposition, attempt.c.callback_at,
            attempt.c.provider_ref,
            select(content.c.text).where(content.c.attempt_id == attempt.c.id, content.c.kind == "reply")
            .order_by(content.c.id.desc()).limit(1).scalar_subquery().label("reply"),
            select(content.c.text).where(content.c.attempt_id == attempt.c.id, content.c.kind == "transcript")
            .order_by(content.c.id.desc()).limit(1).scalar_subquery().label("transcript"),
            select(content.c.text).where(content.c.attempt_id == attempt.c.id, content.c.kind == "recording")
            .order_by(content.c.id.desc()).limit(1).scalar_subquery().label("recording"),
            select(content.c.text).where(content.c.attempt_id == attempt.c.id, content.c.kind == "summary")
            .order_by(content.c.id.desc()).limit(1).scalar_subquery().label("summary"),
            select(content.c.text).where(content.c.attempt_id == attempt.c.id, content.c.kind == "analysis")
            .order_by(content.c.id.desc()).limit(1).scalar_subquery().label("analysis"),
            after_call.c.state.label("analysis_state"), after_call.c.problem.label("analysis_problem"),
        )
        .join(campaign, campaign.c.id == attempt.c.campaign_id)
        .join(point, point.c.id == attempt.c.point_id, isouter=True)
        .join(number, number.c.id == attempt.c.number_id, isouter=True)
        .join(after_call, after_call.c.attempt_id == attempt.c.id, isouter=True)
        .order_by(attempt.c.id.desc())
        .limit(most)
    )  # fmt: skip
    if campaign_id is not None:
        statement = statement.where(attempt.c.campaign_id == campaign_id)
    if contact_ids is not None:
        theirs = select(enrollment.c.id).where(enrollment.c.contact_id.in_(list(contact_ids)))
        statement = statement.where(attempt.c.enrollment_id.in_(theirs))
    if outcome is not None:
        statement = statement.where(attempt.c.outcome == outcome)
    filters = ((attempt.c.disposition, disposition), (attempt.c.channel, channel), (attempt.c.id, attempt_id))
    statement = statement.where(*(column == wanted for column, wanted in filters if wanted is not None))
    if since is not None:
        statement = statement.where(attempt.c.claimed_at >= since)
    if unproved:
        statement = statement.where(*_UNPROVED)
    rows = [dict(row) for row in (await conn.execute(statement)).mappings()]
    return [
        row | {"direction": "out", "analysis": json.loads(row["analysis"])["fields"] if row["analysis"] else {}}
        for row in rows
    ]


async def cases(conn: AsyncConnection, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Single attempts by id: recipient, step and outcome."""
    statement = (
        select(
            attempt.c.id, campaign.c.ref, attempt.c.contact_id, attempt.c.step, attempt.c.channel,
            point.c.value.label("to"), attempt.c.outcome, attempt.c.reason, attempt.c.claimed_at,
        )
        .join(campaign, campaign.c.id == attempt.c.campaign_id)
        .join(point, point.c.id == attempt.c.point_id, isouter=True)
        .where(attempt.c.id.in_(list(ids)))
    )  # fmt: skip
    return {row["id"]: dict(row) for row in (await conn.execute(statement)).mappings()}


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


async def dispositions(conn: AsyncConnection) -> dict[str, int]:
    """What the answered calls of every campaign came to, counted; "" is a call of which nothing was noted."""
    word = func.coalesce(attempt.c.disposition, "")
    statement = (
        select(word, func.count()).where(attempt.c.channel == "phone", attempt.c.outcome == "answered").group_by(word)
    )
    return {str(found): int(count) for found, count in await conn.execute(statement)}


async def history(conn: AsyncConnection) -> list[tuple[Kind, str, int, float | None]]:
    """How attempts of every campaign ended: channel, outcome, how many, their mean length in seconds if known."""
    statement = (
        select(attempt.c.channel, attempt.c.outcome, func.count(), func.avg(attempt.c.duration_s))
        .where(attempt.c.outcome.is_not(None), attempt.c.outcome.not_in(("not_sent", "unknown")))
        .group_by(attempt.c.channel, attempt.c.outcome)
    )
    return [(channel, outcome, int(count), mean) for channel, outcome, count, mean in await conn.execute(statement)]
