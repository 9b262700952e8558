"""What a campaign has spent, by day and currency. A day is a number of days since 1970-01-01 in the campaign's zone."""

from __future__ import annotations

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.tables import spend

_ADD = text(
    "INSERT INTO spend (campaign_id, day, currency, micros) VALUES (:campaign_id, :day, :currency, :micros)"
    " ON CONFLICT (campaign_id, day, currency) DO UPDATE SET micros = spend.micros + excluded.micros"
)


async def add(conn: AsyncConnection, campaign_id: int, currency: str, day: int, micros: int) -> None:
    """Count money on a day; a negative amount gives a reservation back."""
    row = {"campaign_id": campaign_id, "day": day, "currency": currency, "micros": micros}
    await conn.execute(_ADD, row)


async def on_day(conn: AsyncConnection, campaign_id: int, currency: str, day: int) -> int:
    """Micros spent on a day."""
    mine = (spend.c.campaign_id == campaign_id, spend.c.day == day, spend.c.currency == currency)
    return int((await conn.execute(select(spend.c.micros).where(*mine))).scalar() or 0)
