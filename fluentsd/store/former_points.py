"""Points that a CRM's record does not name any more, and no other record names in its place.

A record that names another point of the kind is an upsert's (`contact_upserts`), which knows both. Here is the record
whose field is empty now: nobody is contacted by what it said before.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.contacts.identity import PointKey, points_in
from fluentsd.store.contacts import points_of
from fluentsd.store.db.statements import Prepared, among, field, json_of
from fluentsd.store.tables import contact_point, record

_OF_CONTACTS = select(record.c.id, record.c.contact_id, record.c.fields).where(among(record.c.contact_id, "ids"))
_FORMER = Prepared[tuple[int, int]](
    ("contact", "point"),
    update(contact_point)
    .where(contact_point.c.contact_id == field("contact"), contact_point.c.point_id == field("point"))
    .values(former=True),
)


async def withdraw(conn: AsyncConnection, without: Mapping[int, tuple[int, Collection[str]]]) -> None:
    """Make the points of these kinds that a record named until now former ones of its contact. `without`: record id →
    its contact's id and the kinds. Called before the records are stored as they are now."""
    contact_ids = {contact_id for contact_id, _ in without.values()}
    gone: dict[int, set[PointKey]] = {}
    still: dict[int, set[PointKey]] = {}
    for record_id, contact_id, fields in await conn.execute(_OF_CONTACTS, {"ids": json_of(contact_ids)}):
        _, kinds = without.get(record_id, (contact_id, ()))
        for point in points_in(json.loads(fields)):
            (gone if point[0] in kinds else still).setdefault(contact_id, set()).add(point)
    known = await points_of(conn, list(gone))
    rows = [
        (contact_id, point.id)
        for contact_id, points in gone.items()
        for point in known.get(contact_id, ())
        if not point.former and (point.kind, point.value) in points - still.get(contact_id, set())
    ]
    await _FORMER.many(conn, sorted(rows))
