"""Whether people have been contacted in a campaign: the reads of the few cases in which a claim or an outcome does not
know it. The number of such people is a counter (`counters.CONTACTED`), so that a live card costs the same for ten
people and for a million."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.api import Outcome
from fluentsd.store.db.statements import among, json_of
from fluentsd.store.tables import attempt, enrollment

_MADE = (
    select(attempt.c.campaign_id, attempt.c.contact_id)
    .join(enrollment, enrollment.c.id == attempt.c.enrollment_id)
    .where(among(enrollment.c.contact_id, "ids"))
    .where(attempt.c.outcome.is_(None) | (attempt.c.outcome != Outcome.not_sent.value))
    .distinct()
)


async def those_with_attempts(conn: AsyncConnection, contact_ids: Collection[int]) -> set[tuple[int, int]]:
    """(campaign, contact) of every attempt to these people that was made, or may have been."""
    rows = await conn.execute(_MADE, {"ids": json_of(contact_ids)})
    return {(int(campaign), int(contact)) for campaign, contact in rows}
