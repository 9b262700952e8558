"""Everything that is held of one person, for an export. Nothing is changed here."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.attempts.queries import to_contact
from fluentsd.store.tables import (
    attempt,
    campaign,
    contact,
    contact_point,
    content,
    enrollment,
    membership,
    point,
    record,
    record_alias,
    segment,
    source,
    suppression,
)


async def held_of(conn: AsyncConnection, contact_id: int) -> dict[str, list[dict[str, Any]]]:
    """Rows about one person for an export."""
    mine = {
        "contact": select(contact).where(contact.c.id == contact_id),
        "points": select(point, contact_point.c.position, contact_point.c.former)
        .join(contact_point, contact_point.c.point_id == point.c.id)
        .where(contact_point.c.contact_id == contact_id)
        .order_by(contact_point.c.position, point.c.id),
        "enrollments": select(campaign.c.ref, enrollment)
        .join(campaign, campaign.c.id == enrollment.c.campaign_id)
        .where(enrollment.c.contact_id == contact_id)
        .order_by(enrollment.c.id),
        "texts": select(content).where(content.c.contact_id == contact_id).order_by(content.c.id),
        "stop_list": select(suppression)
        .where(suppression.c.value.in_(_values_of(contact_id)))
        .order_by(suppression.c.id),
    }
    return {name: [dict(row) for row in (await conn.execute(st)).mappings()] for name, st in mine.items()}


async def records_of(conn: AsyncConnection, contact_id: int) -> list[dict[str, Any]]:
    """What each source says of a person, with its other keys and the segments it is or was in."""
    statement = select(record, source.c.name.label("source"), source.c.kind.label("source_kind"))
    statement = statement.join(source, source.c.id == record.c.source_id).where(record.c.contact_id == contact_id)
    found = []
    for row in (await conn.execute(statement.order_by(record.c.id))).mappings().all():
        aliases = select(record_alias.c.key).where(record_alias.c.record_id == row["id"])
        aliases = aliases.where(record_alias.c.object == row["object"])
        names = select(segment.c.name, membership.c.joined_at, membership.c.left_at)
        names = names.join(membership, membership.c.segment_id == segment.c.id)
        names = names.where(membership.c.record_id == row["id"])
        keys = list((await conn.execute(aliases)).scalars())
        known = dict(row) | {"fields": json.loads(row["fields"]), "aliases": keys}
        found.append(known | {"segments": [dict(s) for s in (await conn.execute(names)).mappings()]})
    return found


async def without_others(
    conn: AsyncConnection, contact_id: int, entries: Sequence[Mapping[str, Any]], shared: Collection[str]
) -> list[dict[str, Any]]:
    """Entries of the suppression list without what another person may have said: of a point that others share, an entry
    that comes from no attempt to this person has no evidence and no reason of its lifting."""
    theirs = set((await conn.execute(select(attempt.c.id).where(to_contact(contact_id)))).scalars())

    def visible(entry: Mapping[str, Any]) -> dict[str, Any]:
        is_own = entry["value"] not in shared or (entry["evidence"] or {}).get("attempt") in theirs
        return {**entry} if is_own else {**entry, "evidence": None, "lifted_because": None}

    return [visible(entry) for entry in entries]


def _values_of(contact_id: int) -> Select[str]:
    mine = contact_point.c.contact_id == contact_id
    return select(point.c.value).join(contact_point, contact_point.c.point_id == point.c.id).where(mine)
