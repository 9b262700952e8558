"""The messages that the Slack front keeps current: where each is, and the hash of what it shows."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.tables import slack_post


@dataclass(frozen=True, slots=True)
class SlackPost:
    """One message. `kind`: card, reply or lead; `about`: the campaign's ref or the attempt's id; `remind_at`: when
    somebody is reminded of it, None for never."""

    kind: str
    about: str
    channel: str
    ts: str
    shown: str
    updated_at: int
    remind_at: int | None = None


async def find(conn: AsyncConnection, kind: str, about: str, channel: str) -> SlackPost | None:
    """The message about something in a channel."""
    mine = select(slack_post).where(*_key(kind, about, channel))
    row = (await conn.execute(mine)).mappings().first()
    return None if row is None else SlackPost(**row)


async def of_kind(conn: AsyncConnection, kind: str) -> list[SlackPost]:
    """Every message of a kind, the longest not updated first."""
    rows = await conn.execute(select(slack_post).where(slack_post.c.kind == kind).order_by(slack_post.c.updated_at))
    return [SlackPost(**row) for row in rows.mappings()]


async def save(conn: AsyncConnection, post: SlackPost) -> None:
    """Remember a message, in place of an earlier one about the same."""
    values = {"ts": post.ts, "shown": post.shown, "updated_at": post.updated_at, "remind_at": post.remind_at}
    key = _key(post.kind, post.about, post.channel)
    if (await conn.execute(update(slack_post).where(*key).values(**values))).rowcount == 0:
        row = {"kind": post.kind, "about": post.about, "channel": post.channel}
        await conn.execute(insert(slack_post).values(**row, **values))


async def forget(conn: AsyncConnection, post: SlackPost) -> None:
    """A message that is gone, or is kept current no more."""
    await conn.execute(delete(slack_post).where(*_key(post.kind, post.about, post.channel)))


def _key(kind: str, about: str, channel: str) -> tuple[ColumnElement[bool], ...]:
    return slack_post.c.kind == kind, slack_post.c.about == about, slack_post.c.channel == channel
