"""Attempts as people read them: filtered lists and single ones, with campaign, recipient, caller ID and texts.

What must not live here: what the engine reads of attempts (`queries`), and any change.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Label, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.attempts.unknown import UNDECIDED
from fluentsd.store.tables import after_call, attempt, campaign, content, enrollment, number, point


async def newest_attempts(
    conn: AsyncConnection,
    *,
    campaign_id: int | None,
    most: int,
    contact_ids: Collection[int] | None = None,
    outcome: str | None = None,
    since: int | None = None,
    undecided: bool = False,
    disposition: str | None = None,
    channel: str | None = None,
    attempt_id: str | None = None,
) -> list[dict[str, Any]]:
    """Attempts, newest first, with recipient and caller ID; `undecided`: only unknown ones that wait for a decision."""
    statement = (
        select(
            attempt.c.id, campaign.c.ref, attempt.c.step, attempt.c.try_no, attempt.c.channel,
            attempt.c.contact_id.label("contact"), point.c.value.label("to"), number.c.e164.label("sender"),
            attempt.c.state, attempt.c.outcome,
            attempt.c.reason, attempt.c.claimed_at, attempt.c.settled_at, attempt.c.duration_s,
            attempt.c.cost_micros, attempt.c.currency, attempt.c.disposition, attempt.c.callback_at,
            attempt.c.provider_ref,
            *(_newest_text(kind) for kind in ("reply", "transcript", "recording", "summary", "analysis")),
            after_call.c.state.label("analysis_state"), after_call.c.problem.label("analysis_problem"),
        )
        .join(campaign, campaign.c.id == attempt.c.campaign_id)
        .join(point, point.c.id == attempt.c.point_id, isouter=True)
        .join(number, number.c.id == attempt.c.number_id, isouter=True)
        .join(after_call, after_call.c.attempt_id == attempt.c.id, isouter=True)
        .order_by(attempt.c.id.desc())
        .limit(most)
    )  # fmt: skip
    filters = (
        (attempt.c.campaign_id, campaign_id), (attempt.c.outcome, outcome), (attempt.c.disposition, disposition),
        (attempt.c.channel, channel), (attempt.c.id, attempt_id),
    )  # fmt: skip
    statement = statement.where(*(column == wanted for column, wanted in filters if wanted is not None))
    if contact_ids is not None:
        theirs = select(enrollment.c.id).where(enrollment.c.contact_id.in_(list(contact_ids)))
        statement = statement.where(attempt.c.enrollment_id.in_(theirs))
    if since is not None:
        statement = statement.where(attempt.c.claimed_at >= since)
    if undecided:
        statement = statement.where(*UNDECIDED)
    rows = [dict(row) for row in (await conn.execute(statement)).mappings()]
    return [
        row | {"direction": "out", "analysis": json.loads(row["analysis"])["fields"] if row["analysis"] else {}}
        for row in rows
    ]


def _newest_text(kind: str) -> Label[str]:
    """The attempt's newest text of a kind, in a column of that name."""
    of_kind = select(content.c.text).where(content.c.attempt_id == attempt.c.id, content.c.kind == kind)
    return of_kind.order_by(content.c.id.desc()).limit(1).scalar_subquery().label(kind)


async def attempts_by_id(conn: AsyncConnection, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Attempts by their ids: recipient, step and outcome."""
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
