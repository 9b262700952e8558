"""What a campaign has spent, by day and currency."""

from __future__ import annotations

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.gate import DAY
from fluentsd.store.tables import spend

_ADD = text(
    "INSERT INTO spend (campaign_id, day, currency, micros) VALUES (:campaign_id, :day, :currency, :micros)"
    " ON CONFLICT (campaign_id, day, currency) DO UPDATE SET micros = spend.micros + excluded.micros"
)


async def add(conn: AsyncConnection, campaign_id: int, currency: str, at: int, micros: int) -> None:
    """Count money on the day of `at`; a negative amount gives a reservation back."""
    row = {"campaign_id": campaign_id, "day": at // DAY, "currency": currency, "micros": micros}
    await conn.execute(_ADD, row)


async def on_day_of(conn: AsyncConnection, campaign_id: int, currency: str, at: int) -> int:
    """Micros spent on the day of `at`."""
    mine = (spend.c.campaign_id == campaign_id, spend.c.day == at // DAY, spend.c.currency == currency)
    return int((await conn.execute(select(spend.c.micros).where(*mine))).scalar() or 0)
