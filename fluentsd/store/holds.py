"""Holds: a stop with a scope, a reason and a name. A held lane is not served; no waiting row is rewritten for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.events import HoldLifted, HoldPlaced
from fluentsd.store import outbox
from fluentsd.store.db.statements import among, json_of
from fluentsd.store.tables import hold, number

_OF_ONE = select(hold.c.reason).where(
    hold.c.scope == bindparam("b_scope"),
    hold.c.target == bindparam("b_target"),
    hold.c.lifted_at.is_(None),
    hold.c.until_at.is_(None) | (hold.c.until_at > bindparam("b_at")),
)


async def place(
    conn: AsyncConnection,
    scope: str,
    target: str,
    *,
    reason: str,
    by: str,
    at: int,
    until_at: int | None = None,
    cases: Sequence[str] = (),
) -> bool:
    """Place a hold until it is lifted or its time is over; False when it is held for the same reason already.
    `cases` are the attempts that brought it about."""
    same = select(hold.c.id).where(*_mine(scope, target, at), hold.c.reason == reason)
    if (await conn.execute(same)).first() is not None:
        return False
    held = {"scope": scope, "target": target, "reason": reason, "by": by, "since_at": at, "until_at": until_at}
    await conn.execute(insert(hold).values(held | ({"cases": list(cases)} if cases else {})))
    if outbox.is_wanted(conn, HoldPlaced.topic):
        about = {"scope": scope, "target": await _name(conn, scope, target), "reason": reason}
        await outbox.post(conn, HoldPlaced(**about, by=by, until_at=until_at, cases=list(cases) or None), at=at)
    return True


async def lift(conn: AsyncConnection, scope: str, target: str, at: int, *, reason: str = "") -> int:
    """Lift every hold on one thing, or those whose reason begins so; returns how many there were."""
    if (await conn.execute(_OF_ONE, {"b_scope": scope, "b_target": target, "b_at": at})).first() is None:
        return 0  # mostly nothing is held
    mine = (*_mine(scope, target, at), hold.c.reason.startswith(reason, autoescape=True))
    if outbox.is_wanted(conn, HoldLifted.topic):
        name = await _name(conn, scope, target)
        reasons = (await conn.execute(select(hold.c.reason).where(*mine).order_by(hold.c.id))).scalars()
        lifted = [HoldLifted(scope=scope, target=name, reason=one) for one in reasons]
        await outbox.post(conn, *lifted, at=at)
    return (await conn.execute(update(hold).where(*mine).values(lifted_at=at))).rowcount


async def _name(conn: AsyncConnection, scope: str, target: str) -> str:
    """The target as an event names it: a caller ID by its database id."""
    if scope != "number":
        return target
    found = (await conn.execute(select(number.c.id).where(number.c.e164 == target))).scalar()
    return "unknown" if found is None else str(found)


async def is_held(conn: AsyncConnection, scope: str, target: str, at: int, *, reason: str = "") -> bool:
    """Whether one thing is held at this moment, for any reason or for one that begins so."""
    of_one = (await conn.execute(_OF_ONE, {"b_scope": scope, "b_target": target, "b_at": at})).scalars()
    return any(one.startswith(reason) for one in of_one)


_LAST_SINCE = select(func.max(hold.c.since_at)).where(
    hold.c.scope == bindparam("b_scope"), hold.c.target == bindparam("b_target")
)


async def last_since(conn: AsyncConnection, scope: str, target: str) -> int | None:
    """When one thing was last held; it may not be any more."""
    found: int | None = (await conn.execute(_LAST_SINCE, {"b_scope": scope, "b_target": target})).scalar()
    return found


async def open_holds(conn: AsyncConnection, at: int) -> list[dict[str, Any]]:
    """What is held at this moment, oldest first."""
    statement = (
        select(hold.c.scope, hold.c.target, hold.c.reason, hold.c.by, hold.c.since_at, hold.c.until_at, hold.c.cases)
        .where(*_open(at))
        .order_by(hold.c.id)
    )
    return [dict(row) for row in (await conn.execute(statement)).mappings()]


#: The scope of a hold on a person, whatever campaign they are in.
CONTACT = "contact"
#: The reason of a hold on a person for which none was given.
TAKEN_OVER = "taken over by a colleague"


class OnContact(NamedTuple):
    """A hold on a person: by whom, since when (epoch microseconds), why."""

    by: str
    since_at: int
    reason: str


def person(contact_id: int) -> str:
    """The target of a hold on a person; commands take it as a person, too."""
    return f"#{contact_id}"


_ANY_CONTACT = select(hold.c.id).where(hold.c.scope == CONTACT, hold.c.lifted_at.is_(None)).limit(1)


async def on_contacts(conn: AsyncConnection, contact_ids: Collection[int], at: int) -> dict[int, OnContact]:
    """Those of these people who are held, each with the latest hold."""
    if (await conn.execute(_ANY_CONTACT)).first() is None:  # mostly nobody is
        return {}
    names = {person(contact_id): contact_id for contact_id in contact_ids}
    statement = (
        select(hold.c.target, hold.c.by, hold.c.since_at, hold.c.reason)
        .where(hold.c.scope == CONTACT, among(hold.c.target, "names"), *_open(at))
        .order_by(hold.c.id)
    )
    rows = await conn.execute(statement, {"names": json_of(names)})
    return {names[target]: OnContact(*rest) for target, *rest in rows}


def _mine(scope: str, target: str, at: int) -> tuple[ColumnElement[bool], ...]:
    return hold.c.scope == scope, hold.c.target == target, *_open(at)


def _open(at: int) -> tuple[ColumnElement[bool], ...]:
    return hold.c.lifted_at.is_(None), hold.c.until_at.is_(None) | (hold.c.until_at > at)
