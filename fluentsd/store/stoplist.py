"""The stop list: whom we never contact, by channel, with evidence. Append-only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.prepared import among, json_of
from fluentsd.store.schema import point, stop

_STOPPED = select(stop.c.value, stop.c.channel).where(among(stop.c.value, "values"), stop.c.lifted_at.is_(None))


async def stopped(conn: AsyncConnection, values: Iterable[str]) -> dict[str, frozenset[str]]:
    """For each of these numbers and addresses that is on the list: the channels, "*" for all."""
    found: dict[str, set[str]] = {}
    for value, channel in await conn.execute(_STOPPED, {"values": json_of(values)}):
        found.setdefault(value, set()).add(channel)
    return {value: frozenset(channels) for value, channels in found.items()}


async def add(
    conn: AsyncConnection,
    values: Sequence[tuple[str, str]],
    *,
    reason: str,
    by: str,
    at: int,
    channel: str = "*",
    evidence: Mapping[str, Any] | None = None,
) -> None:
    """Put (kind, value) pairs on the list."""
    rows = [
        {"kind": kind, "value": value, "channel": channel, "reason": reason, "evidence": evidence, "by": by, "at": at}
        for kind, value in values
    ]
    if rows:
        await conn.execute(insert(stop), rows)


async def add_contact(
    conn: AsyncConnection, contact_id: int, *, reason: str, by: str, at: int, evidence: Mapping[str, Any] | None = None
) -> None:
    """Put every number and address of a person on the list, for every channel."""
    rows = await conn.execute(select(point.c.kind, point.c.value).where(point.c.contact_id == contact_id))
    await add(conn, [(kind, value) for kind, value in rows], reason=reason, by=by, at=at, evidence=evidence)
