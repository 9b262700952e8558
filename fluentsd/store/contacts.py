"""Contacts, their points, and what each source says of them: upserts in batches, one person under many formats.

A person is found again by any normalised number or address. What a source says (`record`) is kept per source, so a
second import of the same file updates and never doubles.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import bindparam, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.schema import Table

from fluentsd.domain.gate import Point
from fluentsd.store.prepared import among, json_of
from fluentsd.store.schema import contact, point, record, source

_RECORD = text(
    "INSERT INTO record (source_id, object, key, contact_id, fields, seen_at)"
    " VALUES (:source_id, :object, :key, :contact_id, :fields, :seen_at)"
    " ON CONFLICT (source_id, object, key) DO UPDATE SET"
    " fields = excluded.fields, seen_at = excluded.seen_at, contact_id = excluded.contact_id"
)

_POINTS = (
    select(point.c.contact_id, point.c.id, point.c.kind, point.c.value, point.c.dead_on)
    .where(among(point.c.contact_id, "ids"))
    .order_by(point.c.contact_id, point.c.position, point.c.id)
)
_FIELDS = (
    select(record.c.contact_id, record.c.fields)
    .where(among(record.c.contact_id, "ids"))
    .order_by(record.c.seen_at, record.c.id)
)
#: A value is unique per kind; asking for both kinds lets the index serve.
_OWNERS = select(point.c.kind, point.c.value, point.c.contact_id).where(
    point.c.kind.in_(("phone", "email")), among(point.c.value, "values")
)
_SEEN = select(record.c.contact_id).where(
    among(record.c.contact_id, "ids"), record.c.source_id == bindparam("source"), record.c.seen_at == bindparam("at")
)
_CHANGE = (
    update(contact)
    .where(contact.c.id == bindparam("b_id"))
    .values(
        zones=bindparam("zones"),
        zone_basis=bindparam("zone_basis"),
        states=bindparam("states"),
        language=bindparam("language"),
        updated_at=bindparam("updated_at"),
    )
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One person as a source says it, normalised: points in order of preference, candidate zones, fields."""

    key: str
    points: Sequence[tuple[str, str]]
    zones: tuple[str, ...] = ()
    zone_basis: str = "none"
    states: tuple[str, ...] = ()
    language: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of one arrival: its contact, and whether the person was new or came twice in this run."""

    contact_id: int
    is_new: bool
    is_duplicate: bool


async def source_id(conn: AsyncConnection, kind: str, name: str, at: int) -> int:
    """The source of that name, made if need be."""
    found = (await conn.execute(select(source.c.id).where(source.c.kind == kind, source.c.name == name))).scalar()
    if found is not None:
        return int(found)
    result = await conn.execute(insert(source).values(kind=kind, name=name, config={}, created_at=at))
    assert result.inserted_primary_key is not None  # noqa: S101 - an INSERT of one row has one
    return int(result.inserted_primary_key[0])


async def new_ids(conn: AsyncConnection, table: Table, count: int) -> list[int]:
    """Ids for rows about to be inserted together, so that their children can name them."""
    if count == 0:
        return []
    if conn.dialect.name == "postgresql":
        statement = text(f"SELECT nextval(pg_get_serial_sequence('{table.name}', 'id')) FROM generate_series(1, :n)")  # noqa: S608 - our own table's name
        return [int(i) for i in (await conn.execute(statement, {"n": count})).scalars()]
    first = int((await conn.execute(select(func.coalesce(func.max(table.c.id), 0)))).scalar_one()) + 1
    return list(range(first, first + count))


async def upsert(
    conn: AsyncConnection, source: int, arrivals: Sequence[Arrival], *, at: int, later_wins: bool = False
) -> list[Settled]:
    """Take in one batch. Somebody already seen in this run (same source, same `at`) is a duplicate and left as is,
    unless `later_wins`. Answers come in the order of `arrivals`."""
    known = await _owners(conn, [value for person in arrivals for value in person.points])
    seen = await _seen(conn, source, set(known.values()), at)
    fresh = new_ids_needed(arrivals, known)
    ids = iter(await new_ids(conn, contact, fresh))
    settled: list[Settled] = []
    batch = _Batch(source, at)
    for person in arrivals:
        owner = next((known[p] for p in person.points if p in known), None)
        is_new = owner is None
        contact_id = next(ids) if owner is None else owner
        duplicate = contact_id in seen
        seen.add(contact_id)
        settled.append(Settled(contact_id, is_new, duplicate))
        if duplicate and not later_wins:
            continue
        batch.take(person, contact_id, is_new=is_new, known=known)
    await batch.write(conn)
    return settled


def new_ids_needed(arrivals: Sequence[Arrival], known: Mapping[tuple[str, str], int]) -> int:
    """At most this many arrivals are new people (two may turn out to be one)."""
    return sum(1 for person in arrivals if not any(p in known for p in person.points))


class _Batch:
    """The rows of one batch, gathered and then written table by table."""

    def __init__(self, source: int, at: int) -> None:
        self.source, self.at = source, at
        self.contacts: list[dict[str, Any]] = []
        self.changed: dict[int, dict[str, Any]] = {}
        self.points: list[dict[str, Any]] = []
        self.records: dict[str, dict[str, Any]] = {}

    def take(self, person: Arrival, contact_id: int, *, is_new: bool, known: dict[tuple[str, str], int]) -> None:
        said = {
            "zones": ",".join(person.zones),
            "zone_basis": person.zone_basis,
            "states": ",".join(person.states),
            "language": person.language,
            "updated_at": self.at,
        }
        if is_new:
            self.contacts.append({"id": contact_id, "created_at": self.at, **said})
        else:
            self.changed[contact_id] = said
        for position, (kind, value) in enumerate(person.points):
            if (kind, value) not in known:
                known[kind, value] = contact_id
                row = {"contact_id": contact_id, "kind": kind, "value": value, "position": position}
                self.points.append(row)
        self.records[person.key] = {
            "source_id": self.source,
            "object": "row",
            "key": person.key,
            "contact_id": contact_id,
            "fields": json.dumps(dict(person.fields), ensure_ascii=False, separators=(",", ":")),
            "seen_at": self.at,
        }

    async def write(self, conn: AsyncConnection) -> None:
        new = {row["id"] for row in self.contacts}
        if self.contacts:
            await conn.execute(insert(contact), self.contacts)
        changed = [{"b_id": i, **said} for i, said in self.changed.items() if i not in new]
        if changed:
            await conn.execute(_CHANGE, changed)
        if self.points:
            await conn.execute(insert(point), self.points)
        if self.records:
            await conn.execute(_RECORD, list(self.records.values()))


async def _owners(conn: AsyncConnection, points: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    values = {"values": json_of({value for _, value in points})}
    return {(kind, value): int(owner) for kind, value, owner in await conn.execute(_OWNERS, values)}


async def _seen(conn: AsyncConnection, source: int, contact_ids: set[int], at: int) -> set[int]:
    run = {"ids": json_of(contact_ids), "source": source, "at": at}
    return {int(i) for i in (await conn.execute(_SEEN, run)).scalars()}


async def points_of(conn: AsyncConnection, contact_ids: Sequence[int]) -> dict[int, list[Point]]:
    """The points of each contact, in order of preference."""
    found: dict[int, list[Point]] = {}
    for contact_id, point_id, kind, value, dead_on in await conn.execute(_POINTS, {"ids": json_of(contact_ids)}):
        found.setdefault(contact_id, []).append(Point(point_id, kind, value, dead_on))
    return found


async def fields_of(conn: AsyncConnection, contact_ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """What all sources say of each contact, the latest word winning."""
    found: dict[int, dict[str, str]] = {}
    for contact_id, fields in await conn.execute(_FIELDS, {"ids": json_of(contact_ids)}):
        found.setdefault(contact_id, {}).update(json.loads(fields))
    return found


async def mark_dead(conn: AsyncConnection, rows: Sequence[tuple[int, str]]) -> None:
    """Remember that points cannot be reached on a channel: (point id, channel)."""
    for point_id, channel in rows:
        dead: str = (await conn.execute(select(point.c.dead_on).where(point.c.id == point_id))).scalar() or ""
        channels = sorted({*filter(None, dead.split(",")), channel})
        await conn.execute(update(point).where(point.c.id == point_id).values(dead_on=",".join(channels)))


async def find(conn: AsyncConnection, words: str, most: int) -> list[dict[str, Any]]:
    """People by number, address, or any word of what a source says of them; newest first."""
    like = f"%{words.lower().replace('%', '')}%"
    by_point = select(point.c.contact_id).where(func.lower(point.c.value).like(like))
    by_field = select(record.c.contact_id).where(func.lower(record.c.fields).like(like))
    statement = (
        select(contact.c.id, contact.c.zones, contact.c.zone_basis)
        .where(contact.c.id.in_(by_point.union(by_field)), contact.c.erased_at.is_(None))
        .order_by(contact.c.id.desc())
        .limit(most)
    )
    return [dict(row) for row in (await conn.execute(statement)).mappings()]


async def by_point(conn: AsyncConnection, value: str) -> int | None:
    """Whose number or address this is."""
    found = (await conn.execute(select(point.c.contact_id).where(point.c.value == value))).scalar()
    return None if found is None else int(found)
