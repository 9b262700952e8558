"""The suppression list: whom we never contact, by channel, with evidence. Append-only; a lift is a recorded act."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.db.statements import among, json_of
from fluentsd.store.tables import point, suppression

#: The reason and the actor of an opt-out that came from the person.
_OWN = {"reason": "opted_out", "by": "contact"}
_STOPPED = select(suppression.c.value, suppression.c.channel).where(
    among(suppression.c.value, "values"), suppression.c.lifted_at.is_(None)
)
_SAID = select(
    suppression.c.kind, suppression.c.value, suppression.c.channel, suppression.c.reason, suppression.c.by
).where(among(suppression.c.value, "values"), suppression.c.lifted_at.is_(None))


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
    """Put (kind, value) pairs on the list; an entry with the same reason and actor is not repeated."""
    there = {tuple(row) for row in await conn.execute(_SAID, {"values": json_of(value for _, value in values)})}
    rows = [
        {"kind": kind, "value": value, "channel": channel, "reason": reason, "evidence": evidence, "by": by, "at": at}
        for kind, value in values
        if (kind, value, channel, reason, by) not in there
    ]
    if rows:
        await conn.execute(insert(suppression), rows)


async def add_contact(
    conn: AsyncConnection, contact_id: int, *, reason: str, by: str, at: int, evidence: Mapping[str, Any] | None = None
) -> None:
    """Put every number and address of a person on the list, for every channel."""
    rows = await conn.execute(select(point.c.kind, point.c.value).where(point.c.contact_id == contact_id))
    await add(conn, [(kind, value) for kind, value in rows], reason=reason, by=by, at=at, evidence=evidence)


async def lift_own(conn: AsyncConnection, kind: str, value: str, *, at: int, because: str, once: bool = False) -> int:
    """Lift what a number or address asked for by itself, for it alone; returns how many entries that were.

    With `once`, `because` names the request that asks for it, and one that has been heard before lifts nothing: it
    would undo an opt-out that came after it. So it is remembered even if there is nothing to lift.
    """
    this = (suppression.c.kind == kind, suppression.c.value == value)
    lifted = {"lifted_at": at, "lifted_by": "contact", "lifted_because": because}
    if (
        once
        and (await conn.execute(select(suppression.c.id).where(*this, suppression.c.lifted_because == because))).first()
    ):
        return 0
    own = (suppression.c.lifted_at.is_(None), *(suppression.c[name] == word for name, word in _OWN.items()))
    count = (await conn.execute(update(suppression).where(*this, *own).values(**lifted))).rowcount
    if once and not count:
        heard = {"kind": kind, "value": value, "channel": "*", "reason": "resubscribed", "by": "contact", "at": at}
        await conn.execute(insert(suppression).values(**heard, **lifted))
    return count


async def listing(conn: AsyncConnection, words: str, since: int, most: int) -> list[dict[str, Any]]:
    """Entries that hold, by id, from `since` on; with `words` only those whose number, address or reason has them."""
    statement = (
        select(suppression)
        .where(suppression.c.lifted_at.is_(None), suppression.c.id > since)
        .order_by(suppression.c.id)
        .limit(most)
    )
    if words:
        like = f"%{words.lower().replace('%', '')}%"
        statement = statement.where(
            func.lower(suppression.c.value).like(like) | func.lower(suppression.c.reason).like(like)
        )
    return [dict(row) for row in (await conn.execute(statement)).mappings()]


async def history(conn: AsyncConnection, names: Sequence[str]) -> list[dict[str, Any]]:
    """Every entry of a number or address under any of its names, oldest first, lifted or not."""
    statement = select(suppression).where(suppression.c.value.in_(names)).order_by(suppression.c.id)
    return [dict(row) for row in (await conn.execute(statement)).mappings()]


async def already(conn: AsyncConnection, values: Sequence[str], channel: str) -> set[str]:
    """Which of these are on the list for this channel, or for all of them, already."""
    statement = select(suppression.c.value).where(
        among(suppression.c.value, "values"),
        suppression.c.lifted_at.is_(None),
        suppression.c.channel.in_(("*", channel)),
    )
    return set((await conn.execute(statement, {"values": json_of(values)})).scalars())


async def lift(conn: AsyncConnection, names: Sequence[str], *, by: str, because: str, at: int) -> int:
    """Lift every entry of a number or address; the entries stay, with who lifted them, when and why."""
    mine = (suppression.c.value.in_(names), suppression.c.lifted_at.is_(None))
    done = update(suppression).where(*mine).values(lifted_at=at, lifted_by=by, lifted_because=because)
    return (await conn.execute(done)).rowcount
