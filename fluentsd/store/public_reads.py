"""Reads for the web front: the owner of a token, and metrics for monitoring. Nothing is written here, and no result
names a person."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.counters import CONTACTED
from fluentsd.store.db.statements import among, json_of
from fluentsd.store.tables import attempt, campaign, counter

_CHANNELS = select(attempt.c.id, attempt.c.channel).where(among(attempt.c.id, "ids"))


async def channels_of(conn: AsyncConnection, tokens: Sequence[str]) -> dict[str, str]:
    """The channel of each of these tokens that is an attempt's: look-ups by primary key, in one statement."""
    rows = await conn.execute(_CHANNELS, {"ids": json_of(tokens)})
    return {row.id: row.channel for row in rows}


async def campaign_name(conn: AsyncConnection, token: str) -> str | None:
    """The name of the campaign that an attempt was made in."""
    statement = select(campaign.c.name).join(attempt, attempt.c.campaign_id == campaign.c.id)
    found: str | None = (await conn.execute(statement.where(attempt.c.id == token))).scalar()
    return found


async def attempts_since(conn: AsyncConnection, at: int) -> dict[tuple[str, str], int]:
    """Attempts claimed since an instant by channel and outcome ("open" for those without one). An id begins with its
    moment, so this walks the newest end of the primary key, however long the history is."""
    outcome = func.coalesce(attempt.c.outcome, "open")
    statement = select(attempt.c.channel, outcome, func.count()).where(attempt.c.id >= f"{at // 1000:012x}")
    rows = await conn.execute(statement.group_by(attempt.c.channel, outcome))
    return {(channel, name): int(count) for channel, name, count in rows}


async def people(conn: AsyncConnection) -> dict[tuple[str, str], int]:
    """People of each campaign that is not archived, by state: from the counters, not by counting."""
    statement = (
        select(campaign.c.ref, counter.c.state, func.sum(counter.c.count))
        .join(campaign, campaign.c.id == counter.c.campaign_id)
        .where(campaign.c.archived_at.is_(None), counter.c.state != CONTACTED)
        .group_by(campaign.c.ref, counter.c.state)
        .order_by(campaign.c.ref, counter.c.state)
    )
    return {(ref, state): int(count) for ref, state, count in await conn.execute(statement)}
