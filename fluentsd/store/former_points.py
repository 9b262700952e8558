"""Points that a CRM's record does not name any more, and no other record names in its place.

A record that names another point of the kind is an upsert's (`contact_upserts`), which knows both. Here is the record
whose field is empty now: nobody is contacted by what it said before.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.contacts.identity import PointKey, named_among
from fluentsd.store.contacts import IS_MERGED, points_of
from fluentsd.store.db.statements import Prepared, among, field, json_of
from fluentsd.store.tables import contact_point, record

_OF_CONTACTS = select(record.c.id, record.c.contact_id, record.c.fields).where(
    among(record.c.contact_id, "ids"), ~IS_MERGED
)
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
    said: dict[int, list[tuple[Collection[str], Mapping[str, str]]]] = {}
    for record_id, contact_id, fields in await conn.execute(_OF_CONTACTS, {"ids": json_of(contact_ids)}):
        _, kinds = without.get(record_id, (contact_id, ()))
        said.setdefault(contact_id, []).append((kinds, json.loads(fields)))
    known = await points_of(conn, list(said))
    rows = []
    for contact_id, records in said.items():
        ids = {(point.kind, point.value): point.id for point in known.get(contact_id, ()) if not point.former}
        rows += [(contact_id, ids[point]) for point in _withdrawn(ids, records)]
    await _FORMER.many(conn, sorted(rows))


def _withdrawn(
    points: Collection[PointKey], records: Sequence[tuple[Collection[str], Mapping[str, str]]]
) -> set[PointKey]:
    """Those of a contact's points that its records name no more. `records`: the kinds of which each has none now, and
    its fields until now. Where there is one record, every point is its own, also one that its fields do not show."""
    gone = set[PointKey]()
    for kinds, fields in records:
        of_kinds = {point for point in points if point[0] in kinds}
        gone |= of_kinds if len(records) == 1 else named_among(of_kinds, fields)
    for kinds, fields in records:
        gone -= named_among([point for point in gone if point[0] not in kinds], fields)
    return gone
