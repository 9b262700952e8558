"""What the attempts of every campaign came to so far: the history that a forecast assumes to go on."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.api import Kind
from fluentsd.store.tables import attempt


async def dispositions(conn: AsyncConnection) -> dict[str, int]:
    """What the answered calls of every campaign came to, counted; "" is a call of which nothing was noted."""
    word = func.coalesce(attempt.c.disposition, "")
    statement = (
        select(word, func.count()).where(attempt.c.channel == "phone", attempt.c.outcome == "answered").group_by(word)
    )
    return {str(found): int(count) for found, count in await conn.execute(statement)}


async def outcomes(conn: AsyncConnection) -> list[tuple[Kind, str, int, float | None]]:
    """How attempts of every campaign ended: channel, outcome, how many, their mean length in seconds if known."""
    statement = (
        select(attempt.c.channel, attempt.c.outcome, func.count(), func.avg(attempt.c.duration_s))
        .where(attempt.c.outcome.is_not(None), attempt.c.outcome.not_in(("not_sent", "unknown")))
        .group_by(attempt.c.channel, attempt.c.outcome)
    )
    return [(channel, outcome, int(count), mean) for channel, outcome, count, mean in await conn.execute(statement)]
