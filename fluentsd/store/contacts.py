"""Contacts, their points, and what each source says of them: reads, and small changes.

A point may belong to several contacts (a household, a switchboard); `contact_point` says to whom. What must not live
here: imports (`contact_upserts`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.schema import Table

from fluentsd.domain.contacts.identity import Name, kind_of, name_in
from fluentsd.domain.gate import Point
from fluentsd.store.db.statements import among, json_of
from fluentsd.store.tables import contact, contact_point, enrollment, point, record, record_alias, source
from fluentsd.text import like

_POINTS = (
    select(contact_point.c.contact_id, point.c.id, point.c.kind, point.c.value, point.c.dead_on, contact_point.c.former)
    .join(point, point.c.id == contact_point.c.point_id)
    .where(among(contact_point.c.contact_id, "ids"))
    .order_by(contact_point.c.contact_id, contact_point.c.position, contact_point.c.point_id)
)
_FIELDS = (
    select(record.c.contact_id, record.c.fields)
    .where(among(record.c.contact_id, "ids"))
    .order_by(record.c.seen_at, record.c.id)
)
_RESERVE = select(contact.c.id).where(among(contact.c.id, "ids")).order_by(contact.c.id).with_for_update()
#: A record that is part of another one now, and says nothing any more.
IS_MERGED = (
    select(record_alias.c.key)
    .where(*(record_alias.c[name] == record.c[name] for name in ("source_id", "object", "key")))
    .exists()
)


async def reserve(conn: AsyncConnection, contact_ids: Collection[int]) -> None:
    """Lock these people until the transaction ends. Every transaction that locks enrollments of queued people calls
    this first, as the claim does, so that no two wait for each other. SQLite has one writer and needs no lock."""
    if contact_ids and conn.dialect.name == "postgresql":
        await conn.execute(_RESERVE, {"ids": json_of(sorted(set(contact_ids)))})


async def is_source(conn: AsyncConnection, id_: int) -> bool:
    """Whether there is a source with this id."""
    return (await conn.execute(select(source.c.id).where(source.c.id == id_))).first() is not None


async def source_id(conn: AsyncConnection, kind: str, name: str, at: int) -> int:
    """The source of that name, made if need be."""
    found = (await conn.execute(select(source.c.id).where(source.c.kind == kind, source.c.name == name))).scalar()
    if found is not None:
        return int(found)
    result = await conn.execute(insert(source).values(kind=kind, name=name, config={}, created_at=at))
    assert result.inserted_primary_key is not None  # noqa: S101 - an INSERT of one row has one
    return int(result.inserted_primary_key[0])


async def keep_shape(conn: AsyncConnection, source_id: int, shape: Mapping[str, Any] | None) -> None:
    """Keep what was said of the columns of a source's file; None forgets it."""
    config = {} if shape is None else dict(shape)
    await conn.execute(update(source).where(source.c.id == source_id).values(config=config))


#: Sources whose files are compared with a new one.
_COMPARED = 500


async def shape_like(conn: AsyncConnection, name: str, headings: Sequence[str]) -> tuple[str, dict[str, Any]] | None:
    """The latest source of files with these headings, one of this name first, and what was said of its columns."""
    mine = select(source.c.name, source.c.config).where(source.c.kind == "csv")
    rows = (await conn.execute(mine.order_by(source.c.id.desc()).limit(_COMPARED))).all()
    alike = [(row.name, row.config) for row in rows if (row.config or {}).get("headings") == list(headings)]
    return next((one for one in alike if one[0] == name), alike[0] if alike else None)


@cache
def _last_id(table: Table) -> Select[Any]:
    return select(func.coalesce(func.max(table.c.id), 0))


async def new_ids(conn: AsyncConnection, table: Table, count: int) -> list[int]:
    """Ids for rows about to be inserted together, so that their children can name them."""
    if count == 0:
        return []
    if conn.dialect.name == "postgresql":
        statement = text(f"SELECT nextval(pg_get_serial_sequence('{table.name}', 'id')) FROM generate_series(1, :n)")  # noqa: S608 - our own table's name
        return [int(i) for i in (await conn.execute(statement, {"n": count})).scalars()]
    first = int((await conn.execute(_last_id(table))).scalar_one()) + 1
    return list(range(first, first + count))


async def points_of(conn: AsyncConnection, contact_ids: Sequence[int]) -> dict[int, list[Point]]:
    """The points of each contact, in order of preference."""
    found: dict[int, list[Point]] = {}
    for contact_id, *one in (await conn.execute(_POINTS, {"ids": json_of(contact_ids)})).all():
        found.setdefault(contact_id, []).append(Point(*one))
    return found


async def fields_of(conn: AsyncConnection, contact_ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """What all sources say of each contact, the latest word winning."""
    found: dict[int, dict[str, str]] = {}
    for contact_id, fields in await conn.execute(_FIELDS, {"ids": json_of(contact_ids)}):
        found.setdefault(contact_id, {}).update(json.loads(fields))
    return found


async def field_names(conn: AsyncConnection) -> frozenset[str]:
    """The names of people's fields, as far as the latest records show them."""
    statement = select(record.c.fields).order_by(record.c.contact_id.desc()).limit(500)
    return frozenset(name for fields in (await conn.execute(statement)).scalars() for name in json.loads(fields))


async def mark_dead(conn: AsyncConnection, rows: Sequence[tuple[int, str]]) -> None:
    """Remember that points cannot be reached on a channel: (point id, channel)."""
    for point_id, channel in rows:
        dead: str = (await conn.execute(select(point.c.dead_on).where(point.c.id == point_id))).scalar() or ""
        channels = sorted({*filter(None, dead.split(",")), channel})
        await conn.execute(update(point).where(point.c.id == point_id).values(dead_on=",".join(channels)))


_UNTIL = bindparam("b_until", type_=contact.c.away_until_at.type)
_AWAY = (
    update(contact)
    .where(contact.c.id == bindparam("b_id"), contact.c.away_until_at.is_distinct_from(_UNTIL))
    .values(away_until_at=_UNTIL)
)


async def are_away(conn: AsyncConnection, back: Mapping[int, int | None]) -> None:
    """Remember when people are back; None: they are."""
    for contact_id, until_at in back.items():
        await conn.execute(_AWAY, {"b_id": contact_id, "b_until": until_at})


async def find(conn: AsyncConnection, words: str, most: int, campaign_id: int | None = None) -> list[dict[str, Any]]:
    """People by number, address, or any word of what a source says of them; newest first. `campaign_id`: only those who
    are or were in it."""
    pattern = like(words.lower())
    by_point = (
        select(contact_point.c.contact_id)
        .join(point, point.c.id == contact_point.c.point_id)
        .where(func.lower(point.c.value).like(pattern, escape="\\"))
    )
    by_field = select(record.c.contact_id).where(func.lower(record.c.fields).like(pattern, escape="\\"))
    statement = (
        select(contact.c.id, contact.c.zones, contact.c.zone_basis)
        .where(contact.c.id.in_(by_point.union(by_field)), contact.c.erased_at.is_(None))
        .order_by(contact.c.id.desc())
        .limit(most)
    )
    if campaign_id is not None:
        inside = select(enrollment.c.contact_id).where(enrollment.c.campaign_id == campaign_id)
        statement = statement.where(contact.c.id.in_(inside))
    return [dict(row) for row in (await conn.execute(statement)).mappings()]


async def owners(conn: AsyncConnection, value: str) -> list[int]:
    """The people to whom a number or address belongs, in the order of their ids."""
    return sorted(int(contact_id) for contact_id in (await conn.execute(_owners_of(value))).scalars())


async def who_speaks(conn: AsyncConnection, value: str) -> list[int]:
    """The people who write or call from a number or address: whose it is, or without an owner now, whose it was."""
    rows = (await conn.execute(_owners_of(value).add_columns(contact_point.c.former))).all()
    now = [contact_id for contact_id, former in rows if not former]
    return sorted(now or [contact_id for contact_id, _ in rows])


def _owners_of(value: str) -> Select[int]:
    """The contacts of a number or address, found by its index."""
    this = (point.c.kind == kind_of(value), point.c.value == value)
    return select(contact_point.c.contact_id).join(point, point.c.id == contact_point.c.point_id).where(*this)


async def zones_of(conn: AsyncConnection, contact_id: int) -> str:
    """The zones in which a person may be, as they are stored."""
    return str((await conn.execute(select(contact.c.zones).where(contact.c.id == contact_id))).scalar() or "")


async def exists(conn: AsyncConnection, contact_id: int) -> bool:
    """Whether there is a contact with this id who is not erased."""
    mine = (contact.c.id == contact_id, contact.c.erased_at.is_(None))
    return (await conn.execute(select(contact.c.id).where(*mine))).first() is not None


async def sharing(conn: AsyncConnection, contact_id: int) -> set[int]:
    """A person, and everybody who shares a point with them."""
    mine = select(contact_point.c.point_id).where(contact_point.c.contact_id == contact_id)
    rows = await conn.execute(select(contact_point.c.contact_id).where(contact_point.c.point_id.in_(mine)))
    return {contact_id, *rows.scalars()}


async def names_of(conn: AsyncConnection, contact_ids: Collection[int]) -> dict[int, set[Name]]:
    """Each contact's names, as every source writes them."""
    found: dict[int, set[Name]] = {}
    for contact_id, fields in await conn.execute(_FIELDS, {"ids": json_of(contact_ids)}):
        found.setdefault(contact_id, set()).add(name_in(json.loads(fields)))
    return found
