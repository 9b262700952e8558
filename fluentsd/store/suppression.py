"""The suppression list: whom we never contact, by channel, with evidence. Append-only; a lift is a recorded act."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, case, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.events import OptedOut
from fluentsd.store import outbox
from fluentsd.store.db.statements import among, json_of
from fluentsd.store.tables import contact_point, enrollment, point, suppression
from fluentsd.text import like

#: The kinds of points.
KINDS = ("phone", "email")
#: The reason and the actor of an opt-out that came from the person.
_OWN = {"reason": "opted_out", "by": "contact"}
#: The reason of an entry that a user has made.
BY_OPERATOR = "operator"
#: How the reason of an entry begins that a column of an imported list gave; the source's name follows.
BY_LIST = "opted out in "
#: The actor of an opt-out that a CRM says: "source:hubspot".
FROM_SOURCE = "source:"
#: The time of an entry that decides its order among what the person said.
_ORDER = func.coalesce(suppression.c.said_at, suppression.c.at)
_SAID_AGAIN = update(suppression).where(
    among(suppression.c.value, "values"),
    suppression.c.lifted_at.is_(None),
    *(suppression.c[name] == word for name, word in _OWN.items()),
)
_OWNERS = (
    select(contact_point.c.contact_id)
    .join(point, point.c.id == contact_point.c.point_id)
    .where(point.c.kind.in_(KINDS), among(point.c.value, "values"))  # the index begins with the kind
    .distinct()
)
#: The points of a person. Their kind is compared in Python: SQLite would read all points of the kind instead.
_POINTS = (
    select(point.c.kind, point.c.value)
    .join(contact_point, contact_point.c.point_id == point.c.id)
    .where(contact_point.c.contact_id == bindparam("contact"))
    .order_by(point.c.id)
)
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


@dataclass(frozen=True, slots=True)
class OptOuts:
    """People of one campaign who are on the list: all, those of them whom a column of an imported list put there, and
    by channel ("*" for all)."""

    people: int = 0
    by_list: int = 0
    channels: Mapping[str, int] = field(default_factory=dict)


async def of_campaign(conn: AsyncConnection, campaign_id: int) -> OptOuts:
    """The people of a campaign, whatever became of them there, of whom a number or address is on the list."""
    who = contact_point.c.contact_id
    by_list = case((suppression.c.reason.like(f"{BY_LIST}%"), who))
    entries = (
        select(suppression.c.channel, func.count(who.distinct()), func.count(by_list.distinct()))
        .join(point, (point.c.value == suppression.c.value) & (point.c.kind == suppression.c.kind))
        .join(contact_point, contact_point.c.point_id == point.c.id)
        .join(enrollment, enrollment.c.contact_id == who)
        .where(enrollment.c.campaign_id == campaign_id, suppression.c.lifted_at.is_(None))
    )
    channels = {name: n for name, n, _ in await conn.execute(entries.group_by(suppression.c.channel))}
    if not channels:
        return OptOuts()
    _, people, listed = (await conn.execute(entries.with_only_columns(func.min(suppression.c.channel),
        func.count(who.distinct()), func.count(by_list.distinct())))).one()  # fmt: skip
    return OptOuts(int(people), int(listed), {name: int(n) for name, n in sorted(channels.items())})


async def add(
    conn: AsyncConnection,
    values: Sequence[tuple[str, str]],
    *,
    reason: str,
    by: str,
    at: int,
    channel: str = "*",
    evidence: Mapping[str, Any] | None = None,
    said_at: int | None = None,
) -> None:
    """Put (kind, value) pairs on the list, and post it for their owners; an entry with the same reason and actor is not
    repeated. `said_at`: when the person said so; an entry that is there already keeps the latest such time."""
    there = {tuple(row) for row in await conn.execute(_SAID, {"values": json_of(value for _, value in values)})}
    rows = [
        {
            "kind": kind,
            "value": value,
            "channel": channel,
            "reason": reason,
            "evidence": evidence,
            "by": by,
            "at": at,
            "said_at": said_at,
        }
        for kind, value in values
        if (kind, value, channel, reason, by) not in there
    ]
    if said_at is not None and len(rows) < len(values):
        again = {"values": json_of(value for _, value in values)}
        await conn.execute(_SAID_AGAIN.values(said_at=said_at).where(said_at > _ORDER), again)
    if rows:
        await conn.execute(insert(suppression), rows)
        if outbox.is_wanted(conn, OptedOut.topic):
            source = by.removeprefix(FROM_SOURCE) if by.startswith(FROM_SOURCE) else ""
            owners = await conn.execute(_OWNERS, {"values": json_of(row["value"] for row in rows)})
            events = [OptedOut(contact=contact, channel=channel, source=source) for (contact,) in owners]
            await outbox.post(conn, *events, at=at)


async def add_contact(
    conn: AsyncConnection,
    contact_id: int,
    *,
    reason: str,
    by: str,
    at: int,
    channel: str = "*",
    evidence: Mapping[str, Any] | None = None,
    said_at: int | None = None,
) -> None:
    """Put the numbers and addresses of a person on the list, those that others share included: all of them for every
    channel, or those that serve the one channel."""
    wanted = KINDS if channel == "*" else ("email" if channel == "email" else "phone",)
    mine = await conn.execute(_POINTS, {"contact": contact_id})
    points = [(kind, value) for kind, value in mine if kind in wanted]
    await add(conn, points, reason=reason, by=by, at=at, channel=channel, evidence=evidence, said_at=said_at)


async def lift_own(conn: AsyncConnection, kind: str, value: str, *, at: int, because: str, said_at: int) -> int:
    """Lift what a number or address asked for by itself until `said_at`, for it alone; returns how many entries that
    were. An opt-out that the person sent later stays, also if it arrived earlier."""
    own = (suppression.c.lifted_at.is_(None), *(suppression.c[name] == word for name, word in _OWN.items()))
    this = (suppression.c.kind == kind, suppression.c.value == value, said_at >= _ORDER)
    lifted = {"lifted_at": at, "lifted_by": "contact", "lifted_because": because}
    return (await conn.execute(update(suppression).where(*this, *own).values(**lifted))).rowcount


async def listing(conn: AsyncConnection, words: str, since: int, most: int) -> list[dict[str, Any]]:
    """Entries that hold, by id, from `since` on; with `words` only those whose number, address or reason has them."""
    statement = (
        select(suppression)
        .where(suppression.c.lifted_at.is_(None), suppression.c.id > since)
        .order_by(suppression.c.id)
        .limit(most)
    )
    if words:
        pattern = like(words.lower())
        in_value = func.lower(suppression.c.value).like(pattern, escape="\\")
        statement = statement.where(in_value | func.lower(suppression.c.reason).like(pattern, escape="\\"))
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


async def lift_entries(conn: AsyncConnection, ids: Sequence[int], *, by: str, because: str, at: int) -> int:
    """Lift these entries; returns how many held."""
    mine = update(suppression).where(among(suppression.c.id, "ids"), suppression.c.lifted_at.is_(None))
    done = mine.values(lifted_at=at, lifted_by=by, lifted_because=because)
    return (await conn.execute(done, {"ids": json_of(ids)})).rowcount


async def lift(conn: AsyncConnection, names: Sequence[str], *, by: str, because: str, at: int) -> int:
    """Lift every entry of a number or address; the entries stay, with who lifted them, when and why."""
    mine = (suppression.c.value.in_(names), suppression.c.lifted_at.is_(None))
    done = update(suppression).where(*mine).values(lifted_at=at, lifted_by=by, lifted_because=because)
    return (await conn.execute(done)).rowcount
