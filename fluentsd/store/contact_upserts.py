"""Upserts of contacts in batches: what an import says of people, written table by table.

Which person a row is about is decided by one rule (`domain.contacts.identity`); here are the reads that the rule needs
for a batch, and the rows that follow. What a source says (`record`) is kept per source, so a second import of the same
file updates and never doubles. The result does not depend on how the rows were cut into batches.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.contacts.identity import Name, PointKey, Profile, choose, name_in, named_among
from fluentsd.domain.contacts.upserts import ContactUpsert
from fluentsd.store.contacts import IS_MERGED, new_ids, points_of
from fluentsd.store.db.bulk_insert import Insert
from fluentsd.store.db.statements import Prepared, among, json_of
from fluentsd.store.db.statements import field as column
from fluentsd.store.tables import contact, contact_point, point, record

#: What a record is known by in its source: an id of its own, or, for a row without one, its contact.
BY_ID, BY_CONTACT = "row", "contact"
_CONTACT = Insert(
    contact, "id", "zones", "zone_basis", "conflict", "states", "consent", "scrubbed_at", "language", "created_at",
    "updated_at",
)  # fmt: skip
_POINT = Insert(point, "id", "kind", "value")
_OWNED = Insert(contact_point, "contact_id", "point_id", "position")
_ORDER = Prepared[tuple[int, int, int, bool]](
    ("contact", "point", "position", "former"),
    update(contact_point)
    .where(contact_point.c.contact_id == column("contact"), contact_point.c.point_id == column("point"))
    .values(position=column("position"), former=column("former")),
)
_RECORD = Insert(
    record, "source_id", "object", "key", "contact_id", "attestation_id", "fields", "seen_at",
    then="ON CONFLICT (source_id, object, key) DO UPDATE SET"
    " fields = excluded.fields, seen_at = excluded.seen_at, contact_id = excluded.contact_id,"
    " attestation_id = coalesce(excluded.attestation_id, record.attestation_id)",
)  # fmt: skip

#: Each kind for itself, so that every look-up in the index is for a point that a row names.
_OWNERS = union_all(
    *(
        select(point.c.kind, point.c.value, point.c.id, contact_point.c.contact_id)
        .join(contact_point, contact_point.c.point_id == point.c.id)
        .where(point.c.kind == kind, among(point.c.value, kind))
        for kind in ("phone", "email")
    )
)
_BY_ID = select(record.c.key, record.c.contact_id).where(
    record.c.source_id == bindparam("source"), record.c.object == BY_ID, among(record.c.key, "keys")
)
#: The source and the time are compared in Python: asked for them, SQLite walks through all records of the source.
_SAID = select(
    record.c.contact_id, record.c.source_id, record.c.object, record.c.key, record.c.seen_at, record.c.fields,
    IS_MERGED.label("merged"),
).where(among(record.c.contact_id, "ids"))  # fmt: skip
_PLACE = ("zones", "zone_basis", "states", "conflict", "language", "updated_at")
_CHANGE = Prepared[tuple[int, str, str, str, bool, str, int]](
    ("id", *_PLACE), update(contact).where(contact.c.id == column("id")).values({name: column(name) for name in _PLACE})
)
_CONSENT = select(contact.c.id, contact.c.consent, contact.c.scrubbed_at).where(among(contact.c.id, "ids"))
_ATTEST = Prepared[tuple[int, str, int | None]](
    ("id", "consent", "scrubbed_at"),
    update(contact)
    .where(contact.c.id == column("id"))
    .values(consent=column("consent"), scrubbed_at=column("scrubbed_at")),
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


class UpsertResult(NamedTuple):
    """What became of one arrival: its contact, and whether the person was new or came twice in this run."""

    contact_id: int
    is_new: bool
    is_duplicate: bool


class Upserted(NamedTuple):
    """The results of a batch in the order of its arrivals, and the points among theirs that now belong to several
    people: (kind, id)."""

    results: list[UpsertResult]
    shared: list[tuple[str, int]]


async def upsert(
    conn: AsyncConnection,
    source: int,
    arrivals: Sequence[ContactUpsert],
    *,
    at: int,
    later_wins: bool = False,
    attested: Attested | None = None,
) -> Upserted:
    """Take in one batch. A person already seen in this run (same source, same `at`) is a duplicate and left as is,
    unless `later_wins`."""
    people = await _People.near(conn, source, arrivals, at)
    contact_ids = iter(await new_ids(conn, contact, len(arrivals)))  # at most; what is left over is not missed
    batch = _Batch(people, attested)
    results: list[UpsertResult] = []
    for person in arrivals:
        owner = people.find(person)
        contact_id = next(contact_ids) if owner is None else owner
        duplicate = contact_id in people.seen
        people.seen.add(contact_id)
        results.append(UpsertResult(contact_id, owner is None, duplicate))
        if not duplicate or later_wins:
            batch.take(person, contact_id, is_new=owner is None)
    await batch.write(conn)
    return Upserted(results, people.shared(arrivals))


_RecordKey = tuple[int, str, str]  # source, object, key


@dataclass(slots=True)
class _Known:
    """A contact near the batch: its points in order of preference, each with whether it is a former one, its ids in
    this source, and by each record its name, its fields, what it said before this run, and the points of a row."""

    points: dict[PointKey, bool]
    ids: set[str] = field(default_factory=set)
    names: dict[_RecordKey, Name] = field(default_factory=dict)
    fields: dict[_RecordKey, Mapping[str, str]] = field(default_factory=dict)
    before: dict[_RecordKey, str] = field(default_factory=dict)
    named: dict[_RecordKey, Collection[PointKey]] = field(default_factory=dict)

    def profile(self) -> Profile:
        return Profile({*self.points}, self.names.values(), self.ids)

    def replaced(self, its: _RecordKey, points: Sequence[PointKey]) -> set[PointKey]:
        """The points that a record names no more, now that it names these of their kind, and that no other record
        names. Where there is no other record, every point is its own, also one that its fields do not show."""
        kinds = {kind for kind, _ in points}
        gone = {point for point in self.points if point[0] in kinds}.difference(points)
        others = self.names.keys() - {its}
        if gone and others:
            gone = self._named_by(its, gone)
        for other in others if gone else ():
            gone -= self._named_by(other, gone)
        return gone

    def _named_by(self, its: _RecordKey, points: Collection[PointKey]) -> set[PointKey]:
        """Those of these points that a record names."""
        if its in self.named:
            return set(self.named[its]).intersection(points)
        return named_among(points, self.fields[its])


class _People:
    """The contacts that share a point or an id with a batch: those of the database, and those the batch has made."""

    def __init__(self, source: int, at: int) -> None:
        self.source, self.at = source, at
        self.seen: set[int] = set()  #: contacts that came in this run already
        self.owners: dict[PointKey, tuple[int, ...]] = {}
        self.point_ids: dict[PointKey, int] = {}
        self._by_id: dict[str, int] = {}
        self._known: dict[int, _Known] = {}
        self._made: dict[int, ContactUpsert] = {}  #: not yet looked at again, which is rare

    @classmethod
    async def near(cls, conn: AsyncConnection, source: int, arrivals: Sequence[ContactUpsert], at: int) -> _People:
        """Read what the rule needs of the people that these arrivals may be."""
        people = cls(source, at)
        values: dict[str, set[str]] = {"phone": set(), "email": set()}
        for person in arrivals:
            for kind, value in person.points:
                values[kind].add(value)
        given = {kind: json_of(known) for kind, known in values.items()}
        for kind, value, point_id, contact_id in await conn.execute(_OWNERS, given):
            people.owners[kind, value] = (*people.owners.get((kind, value), ()), contact_id)
            people.point_ids[kind, value] = point_id
        if keys := {person.key for person in arrivals if person.key}:
            rows = await conn.execute(_BY_ID, {"source": source, "keys": json_of(keys)})
            people._by_id.update((key, contact_id) for key, contact_id in rows)
        near = {contact_id for owners in people.owners.values() for contact_id in owners} | {*people._by_id.values()}
        if near:
            await people._read(conn, near)
        return people

    async def _read(self, conn: AsyncConnection, contact_ids: Iterable[int]) -> None:
        ids = list(contact_ids)
        for contact_id, points in (await points_of(conn, ids)).items():
            self._known[contact_id] = _Known({(p.kind, p.value): p.former for p in points})
            self.point_ids.update({(p.kind, p.value): p.id for p in points})
        for contact_id, source, object_, key, seen_at, fields, merged in await conn.execute(
            _SAID, {"ids": json_of(ids)}
        ):
            known, its = self._known.setdefault(contact_id, _Known({})), (source, object_, key)
            texts = json.loads(fields)
            known.names[its] = name_in(texts)
            known.fields[its] = {} if merged else texts  # a record that is part of another names no point any more
            if source == self.source:
                if object_ == BY_ID:
                    known.ids.add(key)
                if seen_at == self.at:
                    self.seen.add(contact_id)
                else:
                    known.before[its] = fields

    def find(self, person: ContactUpsert) -> int | None:
        """The contact that a row is about; None for a new one."""
        if person.key and (contact_id := self._by_id.get(person.key)) is not None:
            return contact_id
        owners = self.owners
        for value in person.points:
            if value in owners:
                break
        else:
            return None
        near = {contact_id for value in person.points for contact_id in owners.get(value, ())}
        row = _profile(person)
        return choose(row, {contact_id: self._one(contact_id).profile() for contact_id in near})

    def _one(self, contact_id: int) -> _Known:
        """A contact near the batch, also one that the batch itself has made."""
        if contact_id not in self._known:
            self._known[contact_id] = _Known({})
            self._learn(self._made.pop(contact_id), contact_id)
        return self._known[contact_id]

    def note(self, person: ContactUpsert, contact_id: int, *, is_new: bool) -> None:
        """What a row that was taken says of its contact."""
        if person.key:
            self._by_id[person.key] = contact_id
        if is_new:
            self._made[contact_id] = person
        else:
            self._one(contact_id)
            self._learn(person, contact_id)

    def _learn(self, person: ContactUpsert, contact_id: int) -> None:
        known, its = self._known[contact_id], (self.source, *record_key(person, contact_id))
        known.points.update(dict.fromkeys(person.points, False))
        known.names[its], known.named[its] = name_in(json.loads(person.fields)), person.points
        known.before.pop(its, None)  # a later row of the same run is no correction, wherever the batches are cut
        if person.key:
            known.ids.add(person.key)

    def reordered(self, person: ContactUpsert, contact_id: int) -> dict[PointKey, bool] | None:
        """The points of a known contact in another order of preference, each with whether it is a former one: what a
        record says comes before what it has said before. A point is a former one when its record names another of its
        kind in its place and no other record names it. None when nothing of this changes."""
        known, its = self._one(contact_id), (self.source, *record_key(person, contact_id))
        before = known.before.get(its)
        if before is None or before == person.fields:  # nothing is taken back
            points = known.points | {point: False for point in person.points if known.points.get(point)}
        else:
            replaced = known.replaced(its, person.points)
            points = dict.fromkeys(person.points, False)
            earlier = {point: former or point in replaced for point, former in known.points.items()}
            points |= {point: former for point, former in earlier.items() if point not in points}
        if list(points.items()) == list(known.points.items()):
            return None
        known.points = dict(points)  # for later rows of the batch
        return points

    def shared(self, arrivals: Iterable[ContactUpsert]) -> list[tuple[str, int]]:
        """Points of these rows that belong to several people."""
        several = {point for point, owners in self.owners.items() if len(owners) > 1}
        found = {value for person in arrivals for value in person.points if value in several} if several else ()
        return sorted((value[0], self.point_ids[value]) for value in found)


def _profile(person: ContactUpsert) -> Profile:
    ids = {person.key} if person.key else set()
    return Profile(set(person.points), [name_in(json.loads(person.fields))], ids)


def record_key(person: ContactUpsert, contact_id: int) -> tuple[str, str]:
    """(object, key) of the record in its source."""
    return (BY_ID, person.key) if person.key else (BY_CONTACT, str(contact_id))


class _Batch:
    """The rows of one batch, gathered and then written table by table."""

    def __init__(self, people: _People, attested: Attested | None) -> None:
        self.people, self.attested = people, attested
        self.evidence = attested.id if attested else None
        self.first = (attested.added_to(""), attested.scrubbed_at) if attested else ("", None)
        self.contacts: dict[int, tuple[Any, ...]] = {}
        self.changed: dict[int, ContactUpsert] = {}
        self.points: list[PointKey] = []
        self.owned: list[tuple[int, PointKey, int]] = []
        self.reordered: dict[int, dict[PointKey, bool]] = {}
        self.records: dict[tuple[str, str], tuple[Any, ...]] = {}

    def take(self, person: ContactUpsert, contact_id: int, *, is_new: bool) -> None:
        people = self.people
        source, at = people.source, people.at
        if is_new or contact_id in self.contacts:  # in it already: twice in one batch, and the later wins
            self.contacts[contact_id] = (
                contact_id, ",".join(person.zones), person.zone_basis, person.conflict, ",".join(person.states),
                *(("", None) if person.opt_outs else self.first), person.language, at, at,
            )  # fmt: skip
        else:
            self.changed[contact_id] = person
            if (points := people.reordered(person, contact_id)) is not None:
                self.reordered[contact_id] = points
        owners = people.owners
        for position, value in enumerate(person.points):
            if value not in owners:
                owners[value] = (contact_id,)
                self.points.append(value)
                self.owned.append((contact_id, value, position))
            elif contact_id not in owners[value]:
                owners[value] += (contact_id,)
                self.owned.append((contact_id, value, position))
        key = object_, its_key = record_key(person, contact_id)
        evidence = None if person.opt_outs else self.evidence
        self.records[key] = (source, object_, its_key, contact_id, evidence, person.fields, at)
        people.note(person, contact_id, is_new=is_new)

    async def write(self, conn: AsyncConnection) -> None:
        """Rows in the order of the indexes they go into, which come in pages."""
        await _CONTACT.many(conn, list(self.contacts.values()))
        await _CHANGE.many(conn, [self._change(*changed) for changed in self.changed.items()])
        if self.attested and self.changed:
            await _attest(conn, self.attested, [i for i, person in self.changed.items() if not person.opt_outs])
        point_ids = self.people.point_ids
        self.points.sort()
        ids = await new_ids(conn, point, len(self.points))
        point_ids.update(zip(self.points, ids, strict=True))
        await _POINT.many(conn, [(i, kind, value) for i, (kind, value) in zip(ids, self.points, strict=True)])
        owned = [(contact_id, point_ids[value], position) for contact_id, value, position in self.owned]
        owned.sort()
        await _OWNED.many(conn, owned)
        reordered = [
            (i, point_ids[value], n, former)
            for i, points in self.reordered.items()
            for n, (value, former) in enumerate(points.items())
        ]
        await _ORDER.many(conn, sorted(reordered))
        await _RECORD.many(conn, [self.records[key] for key in sorted(self.records)])

    def _change(self, contact_id: int, person: ContactUpsert) -> tuple[int, str, str, str, bool, str, int]:
        place = (",".join(person.zones), person.zone_basis, ",".join(person.states), person.conflict)
        return (contact_id, *place, person.language, self.people.at)


async def _attest(conn: AsyncConnection, attested: Attested, contact_ids: Sequence[int]) -> None:
    """People known before: the channels of this attestation override, other channels keep theirs."""
    rows = []
    for contact_id, consent, scrubbed_at in await conn.execute(_CONSENT, {"ids": json_of(contact_ids)}):
        scrubbed = scrubbed_at if attested.scrubbed_at is None else attested.scrubbed_at
        rows.append((contact_id, attested.added_to(consent), scrubbed))
    await _ATTEST.many(conn, rows)
