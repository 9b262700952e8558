"""What a campaign has spent, by day and currency. A day is a number of days since 1970-01-01 in the campaign's zone."""

from __future__ import annotations

from sqlalchemy import bindparam, select, text
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


_ON_DAY = select(spend.c.micros).where(
    spend.c.campaign_id == bindparam("b_campaign"),
    spend.c.day == bindparam("b_day"),
    spend.c.currency == bindparam("b_currency"),
)


async def on_day(conn: AsyncConnection, campaign_id: int, currency: str, day: int) -> int:
    """Micros spent on a day."""
    given = {"b_campaign": campaign_id, "b_day": day, "b_currency": currency}
    return int((await conn.execute(_ON_DAY, given)).scalar() or 0)
