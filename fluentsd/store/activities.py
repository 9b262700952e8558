"""Reads for the write-back: what happened in an attempt, and the records of its person in one source."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.tables import attempt, campaign, content, inbound_call, number, point, record, record_alias, source


class AttemptDone(NamedTuple):
    """One attempt. Times are epoch microseconds."""

    channel: str
    step: str
    outcome: str
    claimed_at: int
    settled_at: int | None
    duration_s: int | None
    campaign: str
    point: str
    sender: str
    disposition: str


async def of_attempt(conn: AsyncConnection, attempt_id: str) -> AttemptDone | None:
    """The attempt; None when its person was erased."""
    statement = (
        select(
            attempt.c.channel, attempt.c.step, attempt.c.outcome, attempt.c.claimed_at, attempt.c.settled_at,
            attempt.c.duration_s, campaign.c.name, point.c.value, number.c.e164, attempt.c.disposition,
        )
        .join(campaign, campaign.c.id == attempt.c.campaign_id)
        .outerjoin(point, point.c.id == attempt.c.point_id)
        .outerjoin(number, number.c.id == attempt.c.number_id)
        .where(attempt.c.id == attempt_id)
    )  # fmt: skip
    row = (await conn.execute(statement)).first()
    if row is None:
        return None
    return AttemptDone(*(row[:2]), row[2] or "", *(row[3:7]), row[7] or "", row[8] or "", row[9] or "")


class CallDone(NamedTuple):
    """A call that a person made to us. Times are epoch microseconds."""

    began_at: int
    outcome: str
    disposition: str
    duration_s: int | None
    point: str
    sender: str


async def of_received_call(conn: AsyncConnection, call_id: str) -> CallDone | None:
    """The call; None when its person was erased."""
    statement = (
        select(
            inbound_call.c.began_at, inbound_call.c.outcome, inbound_call.c.disposition, inbound_call.c.duration_s,
            point.c.value, number.c.e164,
        )
        .outerjoin(point, point.c.id == inbound_call.c.point_id)
        .outerjoin(number, number.c.id == inbound_call.c.number_id)
        .where(inbound_call.c.id == call_id, inbound_call.c.contact_id.is_not(None))
    )  # fmt: skip
    row = (await conn.execute(statement)).first()
    return CallDone(row[0], row[1] or "", row[2] or "", row[3], row[4] or "", row[5] or "") if row is not None else None


async def words_of(conn: AsyncConnection, attempt_id: str, kind: str) -> tuple[str, int]:
    """The latest text of a kind (body, reply, transcript, summary), and when it was kept; "" without one."""
    statement = select(content.c.text, content.c.created_at).where(
        content.c.attempt_id == attempt_id, content.c.kind == kind
    )
    row = (await conn.execute(statement.order_by(content.c.id.desc()).limit(1))).first()
    return (row.text, row.created_at) if row is not None else ("", 0)


async def records_in(conn: AsyncConnection, source_name: str, contact_id: int) -> list[str]:
    """The ids in that source of a person's records, and of the winners into which they were merged. A merged record
    itself is left out: its CRM refuses a write to it, or keeps the same activity twice at the winner."""
    old = record_alias.alias("old")
    merged = exists().where(
        old.c.source_id == record.c.source_id, old.c.object == "row", old.c.key == record.c.key,
        old.c.record_id != record.c.id,
    )  # fmt: skip
    this = select(source.c.id).where(source.c.kind == "crm", source.c.name == source_name)
    own = select(record.c.id).where(record.c.contact_id == contact_id)
    winners = select(record_alias.c.record_id).where(
        record_alias.c.source_id.in_(this),
        record_alias.c.object == "contact",
        record_alias.c.key == str(contact_id),
    )
    statement = (
        select(record.c.key)
        .where(record.c.id.in_(own.union(winners)), record.c.source_id.in_(this), record.c.object == "row", ~merged)
        .order_by(record.c.id)
    )
    return list((await conn.execute(statement)).scalars())
