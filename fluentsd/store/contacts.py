"""Contacts, their points, and what each source says of them: upserts in batches, one person under many formats.

A person is found again by any normalised number or address. What a source says (`record`) is kept per source, so a
second import of the same file updates and never doubles.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import func, insert, select, text, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.schema import Table

from fluentsd.domain.gate import Point
from fluentsd.store.db.bulk_insert import Insert
from fluentsd.store.db.statements import Prepared, among, field, json_of
from fluentsd.store.tables import contact, point, record, source
from fluentsd.text import like

_CONTACT = Insert(
    contact, "id", "zones", "zone_basis", "conflict", "states", "consent", "scrubbed_at", "language", "created_at",
    "updated_at",
)  # fmt: skip
_POINT = Insert(point, "contact_id", "kind", "value", "position")
_RECORD = Insert(
    record, "source_id", "object", "key", "contact_id", "attestation_id", "fields", "seen_at",
    then="ON CONFLICT (source_id, object, key) DO UPDATE SET"
    " fields = excluded.fields, seen_at = excluded.seen_at, contact_id = excluded.contact_id,"
    " attestation_id = coalesce(excluded.attestation_id, record.attestation_id)",
)  # fmt: skip

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
#: Each kind for itself, so that every look-up in the index is for a point somebody has named.
_OWNERS = union_all(
    *(
        select(point.c.kind, point.c.value, point.c.contact_id).where(point.c.kind == kind, among(point.c.value, kind))
        for kind in ("phone", "email")
    )
)
#: The source and the time are compared in Python: asked for them, SQLite walks through all records of the source.
_SEEN = select(record.c.contact_id, record.c.source_id, record.c.seen_at).where(among(record.c.contact_id, "ids"))
_PLACE = ("zones", "zone_basis", "states", "conflict", "language", "updated_at")
_CHANGE = Prepared[tuple[int, str, str, str, bool, str, int]](
    ("id", *_PLACE), update(contact).where(contact.c.id == field("id")).values({name: field(name) for name in _PLACE})
)
_RESERVE = select(contact.c.id).where(among(contact.c.id, "ids")).order_by(contact.c.id).with_for_update()
_CONSENT = select(contact.c.id, contact.c.consent, contact.c.scrubbed_at).where(among(contact.c.id, "ids"))
_ATTEST = Prepared[tuple[int, str, int | None]](
    ("id", "consent", "scrubbed_at"),
    update(contact)
    .where(contact.c.id == field("id"))
    .values(consent=field("consent"), scrubbed_at=field("scrubbed_at")),
)


@dataclass(frozen=True, slots=True)
class Attested:
    """What a named person attests of everybody in a run: the evidence's id, consent by channel, the last scrub."""

    id: int
    consent: str
    scrubbed_at: int | None = None

    def added_to(self, consent: str) -> str:
        """Consent by channel, "phone:written,sms:express"; this word on a channel is the newer one."""
        pairs = [word.split(":") for word in (*consent.split(","), *self.consent.split(",")) if ":" in word]
        return ",".join(f"{channel}:{basis}" for channel, basis in sorted(dict(pairs).items()))


@dataclass(slots=True)
class ContactUpsert:
    """One person as a source says it, normalised: points in order of preference, candidate places, fields.

    `fields` is a JSON object, text to text. Not frozen, because a million are made in an import; nobody changes one.
    """

    key: str
    points: Sequence[tuple[str, str]]
    zones: tuple[str, ...] = ()
    zone_basis: str = "none"
    states: tuple[str, ...] = ()
    conflict: bool = False
    language: str = ""
    fields: str = "{}"


class UpsertResult(NamedTuple):
    """What became of one arrival: its contact, and whether the person was new or came twice in this run."""

    contact_id: int
    is_new: bool
    is_duplicate: bool


async def reserve(conn: AsyncConnection, contact_ids: Sequence[int]) -> None:
    """Lock these people until the transaction ends. Every transaction that locks enrollments of queued people calls
    this first, as the claim does, so that no two wait for each other. SQLite has one writer and needs no lock."""
    if contact_ids and conn.dialect.name == "postgresql":
        await conn.execute(_RESERVE, {"ids": json_of(sorted(set(contact_ids)))})


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
    conn: AsyncConnection,
    source: int,
    arrivals: Sequence[ContactUpsert],
    *,
    at: int,
    later_wins: bool = False,
    attested: Attested | None = None,
) -> list[UpsertResult]:
    """Take in one batch. Somebody already seen in this run (same source, same `at`) is a duplicate and left as is,
    unless `later_wins`. Answers come in the order of `arrivals`."""
    known = await _owners(conn, (value for person in arrivals for value in person.points))
    seen = await _seen(conn, source, known.values(), at) if known else set()
    ids = iter(await new_ids(conn, contact, len(arrivals)))  # at most; what is left over is not missed
    settled: list[UpsertResult] = []
    batch = _Batch(source, at, attested)
    for person in arrivals:
        owner = _owner(person.points, known)
        contact_id = next(ids) if owner is None else owner
        duplicate = contact_id in seen
        seen.add(contact_id)
        settled.append(UpsertResult(contact_id, owner is None, duplicate))
        if not duplicate or later_wins:
            batch.take(person, contact_id, is_new=owner is None, known=known)
    await batch.write(conn)
    return settled


def _owner(points: Sequence[tuple[str, str]], known: Mapping[tuple[str, str], int]) -> int | None:
    """Whose the first known point is."""
    for value in points:
        if value in known:
            return known[value]
    return None


class _Batch:
    """The rows of one batch, gathered and then written table by table."""

    def __init__(self, source: int, at: int, attested: Attested | None) -> None:
        self.source, self.at, self.attested = source, at, attested
        self.evidence = attested.id if attested else None
        self.first = (attested.added_to(""), attested.scrubbed_at) if attested else ("", None)
        self.contacts: dict[int, tuple[Any, ...]] = {}
        self.changed: dict[int, ContactUpsert] = {}
        self.points: list[tuple[int, str, str, int]] = []
        self.records: dict[str, tuple[Any, ...]] = {}

    def take(self, person: ContactUpsert, contact_id: int, *, is_new: bool, known: dict[tuple[str, str], int]) -> None:
        if is_new or contact_id in self.contacts:  # in it already: twice in one batch, and the later wins
            self.contacts[contact_id] = (
                contact_id, ",".join(person.zones), person.zone_basis, person.conflict, ",".join(person.states),
                *self.first, person.language, self.at, self.at,
            )  # fmt: skip
        else:
            self.changed[contact_id] = person
        for position, value in enumerate(person.points):
            if value not in known:
                known[value] = contact_id
                self.points.append((contact_id, *value, position))
        key = person.key
        self.records[key] = (self.source, "row", key, contact_id, self.evidence, person.fields, self.at)

    async def write(self, conn: AsyncConnection) -> None:
        """Rows in the order of the indexes they go into, which come in pages."""
        await _CONTACT.many(conn, list(self.contacts.values()))
        await _CHANGE.many(conn, [self._change(*changed) for changed in self.changed.items()])
        if self.attested and self.changed:
            await _attest(conn, self.attested, list(self.changed))
        await _POINT.many(conn, sorted(self.points, key=itemgetter(1, 2)))
        await _RECORD.many(conn, [self.records[key] for key in sorted(self.records)])

    def _change(self, contact_id: int, person: ContactUpsert) -> tuple[int, str, str, str, bool, str, int]:
        place = (",".join(person.zones), person.zone_basis, ",".join(person.states), person.conflict)
        return (contact_id, *place, person.language, self.at)


async def _attest(conn: AsyncConnection, attested: Attested, contact_ids: Sequence[int]) -> None:
    """People known before: the channels of this attestation override, other channels keep theirs."""
    rows = []
    for contact_id, consent, scrubbed_at in await conn.execute(_CONSENT, {"ids": json_of(contact_ids)}):
        scrubbed = scrubbed_at if attested.scrubbed_at is None else attested.scrubbed_at
        rows.append((contact_id, attested.added_to(consent), scrubbed))
    await _ATTEST.many(conn, rows)


async def _owners(conn: AsyncConnection, points: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    by_kind: dict[str, set[str]] = {"phone": set(), "email": set()}
    for kind, value in points:
        by_kind[kind].add(value)
    values = {kind: json_of(known) for kind, known in by_kind.items()}
    return {(kind, value): int(owner) for kind, value, owner in await conn.execute(_OWNERS, values)}


async def _seen(conn: AsyncConnection, source: int, contact_ids: Iterable[int], at: int) -> set[int]:
    """Who of these has come in this run already."""
    rows = await conn.execute(_SEEN, {"ids": json_of(set(contact_ids))})
    return {int(contact_id) for contact_id, whose, when in rows if whose == source and when == at}


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


async def are_away(conn: AsyncConnection, back: Mapping[int, int | None]) -> None:
    """Remember when people are back; None: they are."""
    for contact_id, until_at in back.items():
        changes = contact.c.away_until_at.is_distinct_from(until_at)
        await conn.execute(update(contact).where(contact.c.id == contact_id, changes).values(away_until_at=until_at))


async def find(conn: AsyncConnection, words: str, most: int) -> list[dict[str, Any]]:
    """People by number, address, or any word of what a source says of them; newest first."""
    pattern = like(words.lower())
    by_point = select(point.c.contact_id).where(func.lower(point.c.value).like(pattern, escape="\\"))
    by_field = select(record.c.contact_id).where(func.lower(record.c.fields).like(pattern, escape="\\"))
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
