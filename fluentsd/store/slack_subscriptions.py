"""What the channels of Slack show, where a person has said so."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.tables import slack_subscription


@dataclass(frozen=True, slots=True)
class SlackSubscription:
    """One channel's wish. `kind`: alerts or digest; `campaign`: its ref, "" for all; `wanted`: the kinds of messages,
    separated by commas, or the time of the digest with its zone; "" is nothing."""

    channel: str
    kind: str
    campaign: str
    wanted: str
    by: str
    since_at: int


async def every(conn: AsyncConnection) -> list[SlackSubscription]:
    """All of them, the oldest first."""
    rows = await conn.execute(select(slack_subscription).order_by(slack_subscription.c.since_at))
    return [SlackSubscription(**row) for row in rows.mappings()]


async def keep(conn: AsyncConnection, new: SlackSubscription) -> None:
    """Keep a wish in place of an earlier one about the same. One for all campaigns replaces every one of the
    channel."""
    mine = (slack_subscription.c.channel == new.channel, slack_subscription.c.kind == new.kind)
    same = mine if not new.campaign else (*mine, slack_subscription.c.campaign == new.campaign)
    await conn.execute(delete(slack_subscription).where(*same))
    row = {name: getattr(new, name) for name in ("channel", "kind", "campaign", "wanted", "by", "since_at")}
    await conn.execute(insert(slack_subscription).values(row))
