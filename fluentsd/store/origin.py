"""Where a database comes from: its id, made once, and how far its history goes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import exists, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.api import Kind
from fluentsd.domain.state_machines import AttemptState
from fluentsd.domain.time.durations import SECOND
from fluentsd.store import nodes
from fluentsd.store.nodes import INSTALLATION
from fluentsd.store.tables import attempt, audit, contact_point, enrollment, hold, meta, number, point

_KEY = "database_id"
#: A test message is no attempt; its provider lists it within this time after the audit's entry.
TEST_TAKES = 60 * SECOND
_NEWEST_CLAIM = select(attempt.c.claimed_at).order_by(attempt.c.id.desc()).limit(1)  # ids begin with their moment


@dataclass(frozen=True, slots=True)
class Origin:
    """`database`: None before the id is made. `claims` and `claimed_at`: number and time of the newest claim."""

    database: str | None
    claims: int
    claimed_at: int
    has_people: bool


async def look(conn: AsyncConnection) -> Origin:
    """The database's id and history."""
    name: str | None = (await conn.execute(select(meta.c.value).where(meta.c.key == _KEY))).scalar()
    claimed_at: int = (await conn.execute(_NEWEST_CLAIM)).scalar() or 0
    people = bool((await conn.execute(select(exists(select(enrollment.c.id))))).scalar())
    return Origin(name, await nodes.claims_so_far(conn), claimed_at, people or bool(claimed_at))


async def name_database(conn: AsyncConnection, name: str) -> None:
    """Give the database its id."""
    await conn.execute(insert(meta).values(key=_KEY, value=name))


async def last_known(conn: AsyncConnection) -> int:
    """The newest moment of which this database certainly knows: that of the newest enrollment, claim or test message,
    or of the newest release of the whole installation; 0 without any."""
    moments = (
        select(enrollment.c.enrolled_at).order_by(enrollment.c.id.desc()).limit(1),
        _NEWEST_CLAIM,
        select(func.max(audit.c.at) + TEST_TAKES).where(audit.c.verb == "test"),
        select(func.max(hold.c.lifted_at)).where(hold.c.scope == INSTALLATION),
    )
    return max([(await conn.execute(one)).scalar() or 0 for one in moments])


async def known_refs(conn: AsyncConnection, channel: Kind, refs: Collection[str]) -> set[str]:
    """Those of a provider's references that belong to attempts of this database."""
    mine = (attempt.c.channel == channel, attempt.c.provider_ref.in_(list(refs)))
    return set((await conn.execute(select(attempt.c.provider_ref).where(*mine))).scalars())


async def contacts_unaware(conn: AsyncConnection, channel: Kind, places: Collection[str]) -> set[str]:
    """Those numbers or addresses that are a contact's, and to which no attempt of the channel is in doubt."""
    doubt = exists().where(
        attempt.c.point_id == point.c.id,
        attempt.c.channel == channel,
        attempt.c.provider_ref.is_(None),
        or_(attempt.c.state == AttemptState.open, attempt.c.state == AttemptState.unknown),
    )
    kind = "email" if channel == "email" else "phone"
    mine = (point.c.kind == kind, point.c.value.in_(list(places)))
    theirs = (*mine, exists().where(contact_point.c.point_id == point.c.id), ~doubt)
    return set((await conn.execute(select(point.c.value).where(*theirs))).scalars())


async def caller_ids(conn: AsyncConnection) -> set[str]:
    """Our caller IDs."""
    return set((await conn.execute(select(number.c.e164))).scalars())


async def looked_up(conn: AsyncConnection) -> int:
    """Open attempts that no provider is known to have: the reconciler still asks about them."""
    mine = (attempt.c.state == AttemptState.open, attempt.c.accepted_at.is_(None))
    return int((await conn.execute(select(func.count()).select_from(attempt).where(*mine))).scalar_one())
