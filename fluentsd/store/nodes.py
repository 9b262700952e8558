"""Nodes: which process may insert attempts, and how many claims this database has seen.

A process takes over under an *epoch*, one more than any before. Every insert of an attempt asks `grant` in its own
transaction, which updates the node's row only while the epoch is still this process's own. So a process that was
replaced commits no attempt, whatever it believes. The update locks the row, so a takeover waits for a claim in
progress. The same update numbers the claims; the high-water mark beside the database keeps the newest number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import ColumnElement, bindparam, exists, func, insert, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.tables import hold, node

#: The hold of everything: its scope, and its only target.
INSTALLATION, EVERYTHING = "installation", "all"
_CLOCK: Mapping[str, ColumnElement[int]] = {
    "sqlite": literal_column("CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)"),
    "postgresql": literal_column("CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"),
}


class Writer(NamedTuple):
    """The right to insert attempts: this process's node and epoch."""

    node: str
    epoch: int


class Fenced(Exception):
    """Another process has taken over this database."""

    def __init__(self) -> None:
        super().__init__(
            "another fluentsd has taken over this database, so this one contacts nobody any more and ends. Nothing was "
            "sent twice. Stop one of the two; a supervisor may start this one again"
        )


class InstallationHeld(Exception):
    """Everything is held, so nobody is contacted."""


HELD = exists(select(hold.c.id).where(hold.c.scope == INSTALLATION, hold.c.lifted_at.is_(None)))
_GRANT = (
    update(node)
    .where(node.c.id == bindparam("b_node"), node.c.epoch == bindparam("b_epoch"), ~HELD)
    .values(claims=node.c.claims + 1)
    .returning(node.c.claims)
)


async def grant(conn: AsyncConnection, writer: Writer) -> int:
    """The number of the claim in this transaction. Raises `Fenced` or `InstallationHeld`."""
    number: int | None = (await conn.execute(_GRANT, {"b_node": writer.node, "b_epoch": writer.epoch})).scalar()
    if number is None:
        raise InstallationHeld if await is_writer(conn, writer) else Fenced
    return number


async def is_writer(conn: AsyncConnection, writer: Writer) -> bool:
    """Whether this process may still claim."""
    found = select(node.c.epoch).where(node.c.id == writer.node)
    return bool((await conn.execute(found)).scalar() == writer.epoch)


async def take_over(conn: AsyncConnection, node_id: str) -> Writer:
    """Become the one process that may claim; every other one is fenced from the commit on."""
    known = select(node.c.id, node.c.epoch, node.c.claims).order_by(node.c.id).with_for_update()
    rows = (await conn.execute(known)).all()
    epoch = 1 + max((row.epoch for row in rows), default=0)
    claims = max((row.claims for row in rows), default=0)
    beat_at = _CLOCK[conn.dialect.name]
    if node_id not in {row.id for row in rows}:
        await conn.execute(insert(node).values(id=node_id))
    await conn.execute(update(node).where(node.c.id != node_id).values(epoch=0))
    mine = update(node).where(node.c.id == node_id)
    await conn.execute(mine.values(epoch=epoch, claims=claims, beat_at=beat_at))
    return Writer(node_id, epoch)


async def beat(conn: AsyncConnection, writer: Writer) -> bool:
    """Note that this process lives; False when it is no longer the one that may claim."""
    mine = update(node).where(node.c.id == writer.node, node.c.epoch == writer.epoch)
    return (await conn.execute(mine.values(beat_at=_CLOCK[conn.dialect.name]))).rowcount == 1


async def leave(conn: AsyncConnection, writer: Writer) -> None:
    """Note that this process ended in order and sends nothing any more: nobody has to wait for it."""
    await conn.execute(update(node).where(node.c.id == writer.node, node.c.epoch == writer.epoch).values(beat_at=0))


async def last_beat(conn: AsyncConnection) -> tuple[int, int]:
    """When the process that may claim last showed that it lives, and how many microseconds ago; 0 and 0 without one."""
    clock = _CLOCK[conn.dialect.name]
    found = select(node.c.beat_at, clock - node.c.beat_at).where(node.c.epoch > 0, node.c.beat_at > 0)
    row = (await conn.execute(found)).first()
    return (row[0], row[1]) if row is not None else (0, 0)


async def others_alive(conn: AsyncConnection, node_id: str, within: int) -> dict[str, int]:
    """Other nodes that may claim and have beaten within so many microseconds, with their last beats."""
    alive = (node.c.id != node_id, node.c.epoch > 0, node.c.beat_at > _CLOCK[conn.dialect.name] - within)
    return {row.id: row.beat_at for row in await conn.execute(select(node.c.id, node.c.beat_at).where(*alive))}


async def claims_so_far(conn: AsyncConnection) -> int:
    """The number of the newest claim; 0 when there was none."""
    return int((await conn.execute(select(func.max(node.c.claims)))).scalar() or 0)


async def raise_claims(conn: AsyncConnection, node_id: str, above: int) -> int:
    """Number the next claims above `above`, so that a database that was left behind stays recognisable as older."""
    number = max(above, await claims_so_far(conn)) + 1
    mine = update(node).where(node.c.id == node_id).values(claims=number)
    if (await conn.execute(mine)).rowcount == 0:
        await conn.execute(insert(node).values(id=node_id, claims=number))
    return number
