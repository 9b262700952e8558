"""Segments of a CRM that campaigns follow: the links, the state of each walk, and who is in them.

A membership is *present*, *missing* (a complete walk did not name it, or the source said that it left) or has *left*.
Nobody who is missing is contacted; they exit when their campaign's grace is over. What must not live here: the rule of
how much may change at once (`domain.membership`), the exit itself (`engine.sync.changes`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, bindparam, delete, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.state_machines import CampaignState, EnrollmentState
from fluentsd.store.db.bulk_insert import Insert
from fluentsd.store.db.statements import among, json_of
from fluentsd.store.enrollments.rows import ENROLLMENT_COLUMNS, EnrollmentRow
from fluentsd.store.tables import (
    campaign,
    campaign_segment,
    contact,
    enrollment,
    membership,
    record,
    record_alias,
    segment,
    source,
)

#: Segments of campaigns in these states are followed.
_FOLLOWING = (CampaignState.draft, CampaignState.scheduled, CampaignState.active, CampaignState.paused)
_AT_REST = (EnrollmentState.queued, EnrollmentState.errored)
_PRESENT = and_(membership.c.missing_since_at.is_(None), membership.c.left_at.is_(None))
_MISSING = and_(membership.c.missing_since_at.is_not(None), membership.c.left_at.is_(None))


class Link(NamedTuple):
    """One campaign's link to a segment. `leaves_after`: microseconds, None when nobody leaves; `reenter`: "" as the
    campaign says; `started`: whether the campaign has been started."""

    campaign_id: int
    ref: str
    leaves_after: int | None
    reenter: str
    attestation_id: int | None
    started: bool


class SegmentRow(NamedTuple):
    """A segment with the state of its walk. `key`: as the campaign's file names it; `ref`: the id in its CRM."""

    id: int
    source_id: int
    key: str
    name: str
    ref: str
    size: int | None
    walked_at: int | None
    walk_cursor: str | None
    walk_began_at: int | None
    since: str | None
    read_at: int | None
    problem: str
    held: str
    released_at: int | None


_COLUMNS = tuple(segment.c[name] for name in SegmentRow._fields)


async def link(
    conn: AsyncConnection,
    campaign_id: int,
    source_id: int,
    key: str,
    *,
    leaves_after: int | None,
    reenter: str,
    attestation_id: int | None,
) -> int:
    """Link a campaign to a segment, or change the link; returns the segment's id."""
    mine = (segment.c.source_id == source_id, segment.c.key == key)
    segment_id = (await conn.execute(select(segment.c.id).where(*mine))).scalar()
    if segment_id is None:
        made = await conn.execute(insert(segment).values(source_id=source_id, key=key, name=key))
        assert made.inserted_primary_key is not None  # noqa: S101 - an INSERT of one row has one
        segment_id = made.inserted_primary_key[0]
    values: dict[str, Any] = {"leaves_after": leaves_after, "reenter": reenter}
    if attestation_id is not None:
        values["attestation_id"] = attestation_id
    there = (campaign_segment.c.campaign_id == campaign_id, campaign_segment.c.segment_id == segment_id)
    if not (await conn.execute(update(campaign_segment).where(*there).values(**values))).rowcount:
        row = {"campaign_id": campaign_id, "segment_id": segment_id}
        await conn.execute(insert(campaign_segment).values(**row, **values))
    return int(segment_id)


async def unlink_others(conn: AsyncConnection, campaign_id: int, keep: Collection[int]) -> int:
    """Remove the campaign's links to all segments but these; its people stay. Returns how many were removed."""
    mine = (campaign_segment.c.campaign_id == campaign_id, campaign_segment.c.segment_id.not_in(list(keep)))
    return (await conn.execute(delete(campaign_segment).where(*mine))).rowcount


_WANTED = (
    select(campaign_segment.c.segment_id)
    .join(campaign, campaign.c.id == campaign_segment.c.campaign_id)
    .where(campaign.c.state.in_(_FOLLOWING))
)
_FOLLOWED = (
    select(*_COLUMNS)
    .join(source, source.c.id == segment.c.source_id)
    .where(source.c.kind == "crm", source.c.name == bindparam("b_source"), segment.c.id.in_(_WANTED))
    .order_by(segment.c.id)
)
_OF_CAMPAIGN = (
    select(source.c.name, *_COLUMNS)
    .join(source, source.c.id == segment.c.source_id)
    .join(campaign_segment, campaign_segment.c.segment_id == segment.c.id)
    .join(campaign, campaign.c.id == campaign_segment.c.campaign_id)
    .where(campaign.c.id == bindparam("b_campaign"), campaign.c.state.in_(_FOLLOWING))
    .order_by(segment.c.id)
)
_ONE = select(*_COLUMNS).where(segment.c.id == bindparam("b_id"))


async def followed(conn: AsyncConnection, source_name: str) -> list[SegmentRow]:
    """The segments of a source that a campaign follows, in the order of their ids."""
    return [SegmentRow._make(row) for row in await conn.execute(_FOLLOWED, {"b_source": source_name})]


async def of_campaign(conn: AsyncConnection, campaign_id: int) -> list[tuple[str, SegmentRow]]:
    """The segments that a campaign follows, each with the name of its source."""
    rows = await conn.execute(_OF_CAMPAIGN, {"b_campaign": campaign_id})
    return [(name, SegmentRow._make(rest)) for name, *rest in rows]


async def get(conn: AsyncConnection, segment_id: int) -> SegmentRow:
    """One segment."""
    return SegmentRow._make((await conn.execute(_ONE, {"b_id": segment_id})).one())


async def note(conn: AsyncConnection, segment_id: int, **values: Any) -> None:
    """Change the state of a segment: columns of `SegmentRow`."""
    await conn.execute(update(segment).where(segment.c.id == segment_id).values(**values))


_LINKS = (
    select(
        campaign.c.id,
        campaign.c.ref,
        campaign_segment.c.leaves_after,
        campaign_segment.c.reenter,
        campaign_segment.c.attestation_id,
        campaign.c.started_at.is_not(None),
    )
    .join(campaign_segment, campaign_segment.c.campaign_id == campaign.c.id)
    .where(campaign_segment.c.segment_id == bindparam("b_id"), campaign.c.state.in_(_FOLLOWING))
    .order_by(campaign.c.id)
)


async def links_of(conn: AsyncConnection, segment_id: int) -> list[Link]:
    """The campaigns that follow a segment."""
    return [Link._make((*row[:5], bool(row[5]))) for row in await conn.execute(_LINKS, {"b_id": segment_id})]


#: Before opt-outs that a walk could not read, and that a look-up of the one record may.
TO_LOOK_UP = "?"


class Known(NamedTuple):
    """A record that the store has: its id, its contact, its opt-outs when it was last read, its address in the CRM."""

    id: int
    contact_id: int
    opted_out: str
    unreadable: str
    url: str


#: `object` of records that are known by an id of their own, and of the old ids of a record that are our contacts.
BY_ID, BY_CONTACT = "row", "contact"
_KNOWN = select(
    record.c.key, record.c.id, record.c.contact_id, record.c.opted_out, record.c.unreadable, record.c.url
).where(record.c.source_id == bindparam("source"), record.c.object == BY_ID, among(record.c.key, "keys"))


async def known(conn: AsyncConnection, source_id: int, keys: Collection[str]) -> dict[str, Known]:
    """The records of a source with these ids in it."""
    rows = await conn.execute(_KNOWN, {"source": source_id, "keys": json_of(keys)})
    return {key: Known(*rest) for key, *rest in rows}


async def note_addresses(conn: AsyncConnection, urls: Mapping[int, str]) -> None:
    """Remember where these records are in their CRM, for people: id → address."""
    if urls:
        mine = update(record).where(record.c.id == bindparam("b_id")).values(url=bindparam("b_url"))
        await conn.execute(mine, [{"b_id": id_, "b_url": url} for id_, url in urls.items()])


async def note_opt_outs(conn: AsyncConnection, record_id: int, opted_out: str, unreadable: str) -> None:
    """Remember what a record said of opt-outs, and which of them could not be read."""
    mine = update(record).where(record.c.id == record_id)
    await conn.execute(mine.values(opted_out=opted_out, unreadable=unreadable))


async def looked_up(conn: AsyncConnection, record_ids: Sequence[int], at: int) -> None:
    """The source was asked for these records at `at`, and does not have them any more."""
    await conn.execute(update(record).where(among(record.c.id, "ids")).values(seen_at=at), {"ids": json_of(record_ids)})


_ALIAS = Insert(
    record_alias, "source_id", "object", "key", "record_id",
    then="ON CONFLICT (source_id, object, key) DO UPDATE SET record_id = excluded.record_id",
)  # fmt: skip


async def alias(conn: AsyncConnection, source_id: int, keys: Sequence[str], record_id: int) -> None:
    """Old ids of a record in its source, of which we have no record."""
    await _ALIAS.many(conn, [(source_id, BY_ID, key, record_id) for key in keys])


async def merge(conn: AsyncConnection, loser_ids: Sequence[int], winner: Known) -> None:
    """Records that were merged into another: they speak of its person from now on, and their ids lead to it, as the
    people do of whom they spoke: what still happens to these is written to the winner."""
    if not loser_ids:
        return
    losers = {"ids": json_of(loser_ids)}
    statement = select(record.c.source_id, record.c.key, record.c.contact_id).where(among(record.c.id, "ids"))
    rows = (await conn.execute(statement, losers)).all()
    await conn.execute(
        update(record_alias).where(among(record_alias.c.record_id, "ids")).values(record_id=winner.id), losers
    )
    await _ALIAS.many(conn, [(source_id, BY_ID, key, winner.id) for source_id, key, _ in rows])
    people = [(source_id, str(contact_id)) for source_id, _, contact_id in rows if contact_id != winner.contact_id]
    await _ALIAS.many(conn, [(source_id, BY_CONTACT, contact_id, winner.id) for source_id, contact_id in people])
    await conn.execute(update(record).where(among(record.c.id, "ids")).values(contact_id=winner.contact_id), losers)


_NAMED = Insert(
    membership, "segment_id", "record_id", "joined_at", "seen_at",
    then="ON CONFLICT (segment_id, record_id) DO UPDATE SET seen_at = excluded.seen_at,"
    " joined_at = CASE WHEN membership.left_at IS NULL THEN membership.joined_at ELSE excluded.joined_at END,"
    " missing_since_at = NULL, left_at = NULL",
)  # fmt: skip


async def name_members(conn: AsyncConnection, segment_id: int, record_ids: Sequence[int], at: int, seen_at: int) -> int:
    """These records are in the segment, as the walk or change that began at `seen_at` says; returns how many were not.
    Members that were missing are present again; one that had left has joined again."""
    ids = sorted(set(record_ids))
    there = await _count(conn, segment_id, _PRESENT, among(membership.c.record_id, "ids"), ids=json_of(ids))
    await _NAMED.many(conn, [(segment_id, record_id, at, seen_at) for record_id in ids])
    return len(ids) - there


async def miss(conn: AsyncConnection, segment_id: int, record_ids: Sequence[int], at: int) -> int:
    """These members are proved to have left; they are missing from `at` on. Returns how many were present."""
    mine = (membership.c.segment_id == segment_id, _PRESENT, among(membership.c.record_id, "ids"))
    statement = update(membership).where(*mine).values(missing_since_at=at)
    return (await conn.execute(statement, {"ids": json_of(record_ids)})).rowcount


async def miss_everywhere(conn: AsyncConnection, record_ids: Sequence[int], at: int) -> None:
    """These records are gone from their source: they are missing from every segment."""
    statement = update(membership).where(_PRESENT, among(membership.c.record_id, "ids")).values(missing_since_at=at)
    await conn.execute(statement, {"ids": json_of(record_ids)})


async def miss_unnamed(conn: AsyncConnection, segment_id: int, walk_began_at: int, at: int) -> int:
    """Members that a complete walk did not name are missing from `at` on; returns how many."""
    mine = (membership.c.segment_id == segment_id, _PRESENT, membership.c.seen_at < walk_began_at)
    return (await conn.execute(update(membership).where(*mine).values(missing_since_at=at))).rowcount


async def _count(conn: AsyncConnection, segment_id: int, *which: ColumnElement[bool], **given: Any) -> int:
    statement = select(func.count()).select_from(membership).where(membership.c.segment_id == segment_id, *which)
    return int((await conn.execute(statement, given)).scalar_one())


async def count_members(conn: AsyncConnection, segment_id: int) -> tuple[int, int]:
    """How many members are present, and how many are missing and have not left yet."""
    return await _count(conn, segment_id, _PRESENT), await _count(conn, segment_id, _MISSING)


async def count_missing_after(conn: AsyncConnection, segment_id: int, at: int) -> int:
    """How many members who have not left yet are missing since a time after `at`."""
    return await _count(conn, segment_id, _MISSING, membership.c.missing_since_at > at)


async def count_named(conn: AsyncConnection, segment_id: int, since: int) -> int:
    """How many members the walk that began at `since` has named so far."""
    return await _count(conn, segment_id, membership.c.seen_at >= since)


def _not_entered(campaign_id: int) -> ColumnElement[bool]:
    """A member whose person is not in the campaign, or was in it and has joined the segment since."""
    return ~exists().where(
        enrollment.c.campaign_id == campaign_id,
        enrollment.c.contact_id == record.c.contact_id,
        or_(enrollment.c.ended_at.is_(None), enrollment.c.ended_at >= membership.c.joined_at),
    )


async def count_to_enroll(conn: AsyncConnection, segment_id: int, campaign_id: int) -> int:
    """How many members are not in the campaign."""
    statement = (
        select(func.count(record.c.contact_id.distinct()))
        .join(membership, membership.c.record_id == record.c.id)
        .where(membership.c.segment_id == segment_id, _PRESENT, _not_entered(campaign_id))
    )
    return int((await conn.execute(statement)).scalar_one())


class Member(NamedTuple):
    """A person in a segment, with what their first due time depends on."""

    record_id: int
    contact_id: int
    zones: str
    states: str
    conflict: bool


async def some_to_enroll(
    conn: AsyncConnection, segment_id: int, campaign_id: int, after: int, most: int
) -> list[Member]:
    """Members who are not in the campaign, in the order of their records after that one."""
    statement = (
        select(record.c.id, contact.c.id, contact.c.zones, contact.c.states, contact.c.conflict)
        .join(membership, membership.c.record_id == record.c.id)
        .join(contact, contact.c.id == record.c.contact_id)
        .where(membership.c.segment_id == segment_id, record.c.id > after, _PRESENT, _not_entered(campaign_id))
        .order_by(record.c.id)
        .limit(most)
    )
    return [Member._make(row) for row in await conn.execute(statement)]


def _in_any_segment(campaign_id: int) -> Any:
    """Contacts present in a segment that the campaign follows."""
    return (
        select(record.c.contact_id)
        .join(membership, membership.c.record_id == record.c.id)
        .join(campaign_segment, campaign_segment.c.segment_id == membership.c.segment_id)
        .where(campaign_segment.c.campaign_id == campaign_id, _PRESENT)
    )


async def some_to_exit(
    conn: AsyncConnection, segment_id: int, campaign_id: int, missing_until: int, most: int
) -> list[EnrollmentRow]:
    """Enrollments at rest of people who are missing from the segment since `missing_until` or longer, and present in no
    segment of the campaign."""
    missing = (
        select(record.c.contact_id)
        .join(membership, membership.c.record_id == record.c.id)
        .where(membership.c.segment_id == segment_id, membership.c.missing_since_at <= missing_until)
    )
    statement = (
        select(*ENROLLMENT_COLUMNS)
        .where(
            enrollment.c.campaign_id == campaign_id,
            enrollment.c.state.in_(_AT_REST),
            enrollment.c.contact_id.in_(missing),
            enrollment.c.contact_id.not_in(_in_any_segment(campaign_id)),
        )
        .order_by(enrollment.c.id)
        .limit(most)
    )
    return [EnrollmentRow._make(row) for row in await conn.execute(statement)]


async def leave_missing(conn: AsyncConnection, segment_id: int, missing_until: int, at: int) -> int:
    """missing → left, for members missing since `missing_until` or longer."""
    mine = (membership.c.segment_id == segment_id, _MISSING, membership.c.missing_since_at <= missing_until)
    return (await conn.execute(update(membership).where(*mine).values(left_at=at))).rowcount


async def first_missing(conn: AsyncConnection, segment_id: int) -> int | None:
    """Since when the longest missing member who has not left is missing."""
    mine = (membership.c.segment_id == segment_id, _MISSING)
    found: int | None = (await conn.execute(select(func.min(membership.c.missing_since_at)).where(*mine))).scalar()
    return found


async def crms_of(conn: AsyncConnection, contact_ids: Collection[int]) -> list[str]:
    """The CRMs that have a record of one of these people."""
    theirs = (source.c.kind == "crm", among(record.c.contact_id, "ids"))
    found = select(source.c.name).join(record, record.c.source_id == source.c.id).where(*theirs).distinct()
    return sorted((await conn.execute(found, {"ids": json_of(contact_ids)})).scalars())


async def crm_sources(conn: AsyncConnection) -> dict[str, int]:
    """The ids of the sources that are CRMs, by name."""
    rows = await conn.execute(select(source.c.name, source.c.id).where(source.c.kind == "crm"))
    return {name: int(source_id) for name, source_id in rows}
