"""Stored people in pages, to be read again, and the changes that follow.

The reads take a plain connection, so that the doctor reads a file without opening the store; a unit of work calls them
by `conn.run_sync`. What must not live here: the comparison (`domain.contacts.rereading`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.contacts.identity import PointKey
from fluentsd.domain.contacts.rereading import Kept, SourceRecord
from fluentsd.domain.places.location import Place
from fluentsd.store.tables import attempt, contact, contact_point, inbound_call, point, record, source, suppression

_PEOPLE = (
    contact.c.id, contact.c.zones, contact.c.zone_basis, contact.c.states, contact.c.conflict,
)  # fmt: skip


def people(conn: Connection, after: int, most: int) -> list[Kept]:
    """The next people by id, erased ones left out."""
    page = select(*_PEOPLE).where(contact.c.id > after, contact.c.erased_at.is_(None)).order_by(contact.c.id)
    rows = conn.execute(page.limit(most)).all()
    if not rows:
        return []
    span = (rows[0].id, rows[-1].id)
    points: dict[int, list[PointKey]] = {}
    former: dict[int, set[PointKey]] = {}
    mine = (
        select(contact_point.c.contact_id, point.c.kind, point.c.value, contact_point.c.former)
        .join(point, point.c.id == contact_point.c.point_id)
        .where(contact_point.c.contact_id.between(*span))
        .order_by(contact_point.c.contact_id, contact_point.c.position, contact_point.c.point_id)
    )
    for contact_id, kind, value, is_former in conn.execute(mine):
        points.setdefault(contact_id, []).append((kind, value))
        if is_former:
            former.setdefault(contact_id, set()).add((kind, value))
    listed = (
        select(contact_point.c.contact_id, suppression.c.value, suppression.c.channel)
        .join(point, point.c.id == contact_point.c.point_id)
        .join(suppression, (suppression.c.value == point.c.value) & (suppression.c.kind == point.c.kind))
        .where(contact_point.c.contact_id.between(*span))
    )
    stopped: dict[int, set[tuple[str, str]]] = {}
    for contact_id, value, channel in conn.execute(listed):
        stopped.setdefault(contact_id, set()).add((value, channel))
    records = _records(conn, span)
    return [
        Kept(
            row.id, points.get(row.id, ()), row.zones, row.zone_basis, row.states, row.conflict,
            records.get(row.id, ()), stopped.get(row.id, frozenset()), former.get(row.id, frozenset()),
        )
        for row in rows
    ]  # fmt: skip


def _records(conn: Connection, span: tuple[int, int]) -> dict[int, list[SourceRecord]]:
    """What the sources say of the people with these ids, the newest first."""
    statement = (
        select(record.c.contact_id, record.c.fields, source.c.name, source.c.kind, source.c.config)
        .join(source, source.c.id == record.c.source_id)
        .where(record.c.contact_id.between(*span))
        .order_by(record.c.seen_at.desc(), record.c.id.desc())
    )
    found: dict[int, list[SourceRecord]] = {}
    for contact_id, fields, name, kind, config in conn.execute(statement):
        aside = frozenset((config or {}).get("aside", ()))
        found.setdefault(contact_id, []).append(SourceRecord(name, json.loads(fields), kind == "csv", aside))
    return found


def entries(conn: Connection, after: int, most: int) -> list[tuple[int, str, str, str, str]]:
    """The next entries of the suppression list that are in force: id, kind, value, channel, reason."""
    mine = (suppression.c.id, suppression.c.kind, suppression.c.value, suppression.c.channel, suppression.c.reason)
    page = select(*mine).where(suppression.c.id > after, suppression.c.lifted_at.is_(None)).order_by(suppression.c.id)
    return [(row[0], row[1], row[2], row[3], row[4]) for row in conn.execute(page.limit(most))]


def ever_listed(conn: Connection, values: Sequence[str]) -> set[tuple[str, str]]:
    """Which of these values were ever on the suppression list: (value, channel)."""
    mine = select(suppression.c.value, suppression.c.channel).where(suppression.c.value.in_(values))
    return {(value, channel) for value, channel in conn.execute(mine)}


async def move_point(conn: AsyncConnection, kind: str, was: str, becomes: str, extension: str = "") -> None:
    """Give a point its value of today, for everybody who has it. If there is a point with that value already, the two
    become one: its owners, its attempts and its calls are those of both."""
    old = await _point_id(conn, kind, was)
    if old is None:
        return  # another person shared it, and it is changed already
    new = await _point_id(conn, kind, becomes)
    owners = select(contact_point.c.contact_id).where(contact_point.c.point_id == old)
    for contact_id in (await conn.execute(owners)).scalars().all():
        await _rename_in_records(conn, contact_id, kind, was, becomes, extension)
    if new is None:
        await conn.execute(update(point).where(point.c.id == old).values(value=becomes))
        return
    theirs = select(contact_point.c.contact_id).where(contact_point.c.point_id == new)
    mine = contact_point.c.point_id == old
    current = select(contact_point.c.contact_id).where(mine, contact_point.c.former.is_(False))
    both = (contact_point.c.point_id == new, contact_point.c.contact_id.in_(current.scalar_subquery()))
    await conn.execute(update(contact_point).where(*both).values(former=False))
    await conn.execute(delete(contact_point).where(mine, contact_point.c.contact_id.in_(theirs.scalar_subquery())))
    for table in (contact_point, attempt, inbound_call):
        await conn.execute(update(table).where(table.c.point_id == old).values(point_id=new))
    await conn.execute(delete(point).where(point.c.id == old))


async def _point_id(conn: AsyncConnection, kind: str, value: str) -> int | None:
    found = await conn.execute(select(point.c.id).where(point.c.kind == kind, point.c.value == value))
    return found.scalar()


async def _rename_in_records(
    conn: AsyncConnection, contact_id: int, kind: str, was: str, becomes: str, extension: str
) -> None:
    """The field of the point in what the sources say of a person, which messages may name."""
    rows = await conn.execute(select(record.c.id, record.c.fields).where(record.c.contact_id == contact_id))
    for record_id, text in rows.all():
        fields = json.loads(text)
        if fields.get(kind) == was:
            fields[kind] = becomes
            if extension:
                fields.setdefault("phone_extension", extension)
            text_now = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
            await conn.execute(update(record).where(record.c.id == record_id).values(fields=text_now))


async def move(conn: AsyncConnection, contact_id: int, place: Place, at: int) -> None:
    """Give a person the place of today."""
    words = {"zones": ",".join(place.zones), "zone_basis": place.basis, "states": ",".join(place.states)}
    values = update(contact).where(contact.c.id == contact_id).values(**words)
    await conn.execute(values.values(conflict=place.conflict, updated_at=at))
