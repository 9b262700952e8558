"""Rows of an import become people: the same as a slow second implementation says, however the rows are cut."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.contacts.upserts import ContactUpsert
from fluentsd.store import contacts, former_points, segments
from fluentsd.store.contact_upserts import Upserted, upsert
from fluentsd.store.db.bridge import Store
from fluentsd.store.tables import contact_point, point, record

AT = 1_795_900_000_000_000
Row = tuple[str, str, frozenset[str]]  # id, name, points


def as_upsert(row: Row) -> ContactUpsert:
    key, name, points = row
    kinds = [("email" if "@" in value else "phone", value) for value in sorted(points)]
    return ContactUpsert(key, kinds, fields=json.dumps({"first_name": name} if name else {}))


async def taken(
    store: Store, rows: Sequence[Row | ContactUpsert], source: str = "a.csv", at: int = AT, cut: int = 1000
) -> list[Upserted]:
    async def unit(conn: AsyncConnection, part: Sequence[Row | ContactUpsert]) -> Upserted:
        source_id = await contacts.source_id(conn, "csv", source, at)
        people = [row if isinstance(row, ContactUpsert) else as_upsert(row) for row in part]
        return await upsert(conn, source_id, people, at=at)

    return [await store.run(unit, rows[start : start + cut]) for start in range(0, len(rows), cut)]


async def owned(store: Store) -> dict[int, frozenset[str]]:
    """The points of each contact, read without the code under test."""

    async def unit(conn: AsyncConnection) -> dict[int, frozenset[str]]:
        joined = select(contact_point.c.contact_id, point.c.value).join(point, point.c.id == contact_point.c.point_id)
        found: dict[int, set[str]] = {}
        for contact_id, value in await conn.execute(joined):
            found.setdefault(contact_id, set()).add(value)
        return {contact_id: frozenset(values) for contact_id, values in found.items()}

    return await store.read(unit)


class Slow:
    """The rule once more: every row against everybody, with nothing but lists. Names of the test have one word."""

    def __init__(self) -> None:
        self.people: list[dict[str, Any]] = []

    def take(self, row: Row, seen: set[int]) -> tuple[int, bool]:
        """The person's place in the list, and whether the row is a duplicate in its run."""
        key, name, points = row
        who = next((n for n, person in enumerate(self.people) if key and key in person["ids"]), None)
        if who is None:
            who = self.best([n for n in range(len(self.people)) if self.fits(row, self.people[n])], row)
        if who is None:
            self.people.append({"ids": set(), "said": {}, "points": set()})
            who = len(self.people) - 1
        if who in seen:
            return who, True
        seen.add(who)
        person = self.people[who]
        person["ids"] |= {key} - {""}
        person["said"][key] = name  # the latest word of each record: by id, or the one without
        person["points"] |= points
        return who, False

    def fits(self, row: Row, person: dict[str, Any]) -> bool:
        key, name, points = row
        if not points & person["points"]:
            return False
        names = set(person["said"].values()) - {""}
        if name and names:
            return name in names or (points == person["points"] and not (key and person["ids"]))
        mine, theirs = split(points), split(person["points"])
        return all(not mine[k] or not theirs[k] or bool(mine[k] & theirs[k]) for k in (False, True))

    def best(self, people: list[int], row: Row) -> int | None:
        _, name, points = row

        def rank(n: int) -> tuple[int, int, int]:
            names = set(self.people[n]["said"].values()) - {""}
            known = 1 if not name or not names else 2 if name in names else 0
            return -known, -len(points & self.people[n]["points"]), n

        return min(people, key=rank, default=None)


def split(points: Any) -> dict[bool, set[str]]:
    return {is_mail: {p for p in points if ("@" in p) is is_mail} for is_mail in (False, True)}


def random_rows(chance: random.Random, count: int) -> list[Row]:
    """Few phones, mailboxes and names, so that they meet; each id has one name, as in a source."""
    rows = []
    for _ in range(count):
        phones = chance.sample([f"+1212555{n:04d}" for n in range(6)], chance.choice([0, 1, 1, 1, 2]))
        mails = chance.sample([f"p{n}@example.com" for n in range(8)], chance.choice([0, 1, 1, 2]) if phones else 1)
        name = chance.choice(["", "Ann", "Bob", "Cy", "Dee"])
        key = f"{name}{chance.randrange(4)}" if name and chance.random() < 0.3 else ""
        rows.append((key, name, frozenset(phones + mails)))
    return rows


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
async def test_random_rows_are_the_people_of_the_slow_implementation(store: Store, seed: int) -> None:
    chance, slow = random.Random(seed), Slow()
    ids: dict[int, int] = {}
    for run in range(3):
        seen: set[int] = set()
        rows = random_rows(chance, 40)
        expected = [slow.take(row, seen) for row in rows]
        parts = await taken(store, rows, at=AT + run, cut=chance.choice([1, 7, 100]))
        results = [result for part in parts for result in part.results]
        for (who, is_duplicate), result, row in zip(expected, results, rows, strict=True):
            assert ids.setdefault(who, result.contact_id) == result.contact_id, (run, row)
            assert result.is_duplicate == is_duplicate, (run, row)
        assert len(set(ids.values())) == len(ids)
        assert await owned(store) == {ids[n]: frozenset(person["points"]) for n, person in enumerate(slow.people)}
    owners = [p for person in slow.people for p in person["points"]]
    assert any(owners.count(p) > 1 for p in owners), "nobody shares a point"


async def test_a_household_is_two_people_with_one_phone_and_a_second_import_finds_both(store: Store) -> None:
    phone = "+12125550101"
    rows: list[Row] = [
        ("", "Ann", frozenset([phone, "ann@example.com"])),
        ("", "Bob", frozenset([phone, "bob@example.com"])),
    ]
    (first,) = await taken(store, rows)
    (again,) = await taken(store, rows[::-1], at=AT + 1)
    assert [r.is_new for r in first.results] == [True, True]
    assert [r.is_new for r in again.results] == [False, False]
    assert [r.contact_id for r in again.results] == [r.contact_id for r in first.results][::-1]
    assert first.shared == again.shared
    assert [kind for kind, _ in first.shared] == ["phone"]


async def test_a_row_without_an_id_has_one_record_per_source(
    store: Store,
) -> None:
    one: Row = ("", "Ann", frozenset(["+12125550101", "ann@example.com"]))
    other: Row = ("", "Ann", frozenset(["+12125550109", "ann@example.com"]))
    await taken(store, [one])
    ((result,), _) = (await taken(store, [other], at=AT + 1))[0]
    await taken(store, [other], source="b.csv", at=AT + 2)
    found = select(record.c.object, record.c.key, record.c.seen_at).order_by(record.c.id)
    key = str(result.contact_id)
    assert [tuple(row) for row in await store.read(lambda conn: conn.execute(found))] == [
        ("contact", key, AT + 1),
        ("contact", key, AT + 2),
    ]


async def test_the_number_that_a_record_says_now_comes_before_its_earlier_one(store: Store) -> None:
    """Also when the record goes back to a number, or to one that another person has."""
    old, new, mail = "+12125550101", "+12125550102", "ann@example.com"
    await taken(store, [("L9", "Bob", frozenset([new])), ("L1", "Ann", frozenset([old, mail]))])

    async def phones() -> list[str]:
        points = (await store.read(contacts.points_of, [2]))[2]
        return [one.value for one in points if one.kind == "phone"]

    said = [("L1", "Ann", frozenset([new, mail])), ("L1", "Anne", frozenset([old, mail]))]
    found = []
    for later, row in enumerate(said, 1):
        person = replace(as_upsert(row), fields=json.dumps({"first_name": row[1], "phone": min(row[2])}))
        await taken(store, [person], at=AT + later)
        found.append(await phones())
    assert found == [[new, old], [old, new]]


OLD, NEW, MAIL = "+12125550101", "+12125550102", "ann@example.com"


def ann(key: str, *numbers: str, name: str = "Ann") -> ContactUpsert:
    """A record of Ann as readers make it: its fields name its first number and its mailbox."""
    points = [*(("phone", number) for number in numbers), ("email", MAIL)]
    fields = {"first_name": name, "email": "Ann@Example.com"} | ({"phone": numbers[0]} if numbers else {})
    return ContactUpsert(key, points, fields=json.dumps(fields))


async def numbers(store: Store) -> list[tuple[str, bool]]:
    """The numbers of the first contact in their order, each with whether it is a former one."""
    return [(p.value, p.former) for p in (await store.read(contacts.points_of, [1]))[1] if p.kind == "phone"]


async def test_a_number_that_its_record_replaces_is_a_former_one_until_a_record_names_it_again(store: Store) -> None:
    await taken(store, [ann("L1", OLD)])
    await taken(store, [ann("L1", NEW)], at=AT + 1)
    assert await numbers(store) == [(NEW, False), (OLD, True)]
    await taken(store, [ann("L1", NEW, name="Anne")], at=AT + 2)  # it changes, and its number does not
    assert await numbers(store) == [(NEW, False), (OLD, True)]
    await taken(store, [ann("R1", OLD)], source="b.csv", at=AT + 3)
    assert await numbers(store) == [(NEW, False), (OLD, False)]
    await taken(store, [ann("R1", NEW)], source="b.csv", at=AT + 4)
    assert await numbers(store) == [(NEW, False), (OLD, True)]
    await taken(store, [ann("L1", OLD)], at=AT + 5)
    assert await numbers(store) == [(OLD, False), (NEW, False)]  # the other source names it


async def test_a_number_that_another_record_still_names_is_no_former_one(store: Store) -> None:
    await taken(store, [ann("L1", OLD)])
    await taken(store, [ann("R1", OLD)], source="b.csv", at=AT + 1)
    await taken(store, [ann("L1", NEW)], at=AT + 2)
    assert await numbers(store) == [(NEW, False), (OLD, False)]


async def test_a_record_without_a_number_takes_none_back(store: Store) -> None:
    """A file of fewer columns says nothing of numbers."""
    await taken(store, [ann("L1", OLD)])
    await taken(store, [ann("L1")], at=AT + 1)
    assert await numbers(store) == [(OLD, False)]


@pytest.mark.parametrize("cut", [1, 2])
async def test_a_later_row_of_the_same_run_corrects_nothing(store: Store, cut: int) -> None:
    async def unit(conn: AsyncConnection, part: Sequence[ContactUpsert], at: int) -> Upserted:
        return await upsert(conn, await contacts.source_id(conn, "csv", "a.csv", AT), part, at=at, later_wins=True)

    await store.run(unit, [ann("L1", OLD)], AT)
    rows = [ann("L1", NEW), ann("L1", "+12125550103")]
    for start in range(0, 2, cut):
        await store.run(unit, rows[start : start + cut], AT + 1)
    assert await numbers(store) == [(NEW, False), ("+12125550103", False), (OLD, True)]


THIRD, FOURTH = "+12125550103", "+12125550104"


def with_mobile(key: str, *numbers: str, mobile: str) -> ContactUpsert:
    """A record of two columns of phones: the fields hold the second as the source writes it."""
    person = ann(key, *numbers)
    person.fields = json.dumps(json.loads(person.fields) | {"mobile_phone": mobile})
    return person


async def test_a_second_number_that_its_record_replaces_is_a_former_one(store: Store) -> None:
    await taken(store, [with_mobile("L1", OLD, NEW, mobile="(212) 555-0102")])
    await taken(store, [with_mobile("L1", OLD, THIRD, mobile="(212) 555-0103 ext. 7")], at=AT + 1)
    assert await numbers(store) == [(OLD, False), (THIRD, False), (NEW, True)]


async def test_a_number_that_another_record_names_second_is_no_former_one(store: Store) -> None:
    await taken(store, [with_mobile("L1", OLD, NEW, mobile="212.555.0102 / work")])
    await taken(store, [ann("R1", NEW)], source="b.csv", at=AT + 1)
    await taken(store, [ann("R1", THIRD)], source="b.csv", at=AT + 2)
    assert await numbers(store) == [(THIRD, False), (OLD, False), (NEW, False)]


async def test_a_number_is_replaced_after_a_time_in_which_its_record_named_none(store: Store) -> None:
    for later, row in enumerate([ann("L1", OLD), ann("L1"), ann("L1", NEW)]):
        await taken(store, [row], at=AT + later)
    assert await numbers(store) == [(NEW, False), (OLD, True)]


@pytest.mark.parametrize("cut", [1, 2])
async def test_another_record_of_the_same_batch_takes_no_replacement_back(store: Store, cut: int) -> None:
    """Two records of one CRM are about the same person: one changes the number, the other a name."""

    async def unit(conn: AsyncConnection, part: Sequence[ContactUpsert], at: int) -> Upserted:
        return await upsert(conn, await contacts.source_id(conn, "csv", "a.csv", AT), part, at=at, later_wins=True)

    await store.run(unit, [ann("L1", OLD), ann("L2", FOURTH)], AT)
    rows = [ann("L1", NEW), ann("L2", FOURTH, name="Anne")]
    for start in range(0, 2, cut):
        await store.run(unit, rows[start : start + cut], AT + 1)
    assert sorted(await numbers(store)) == [(OLD, True), (NEW, False), (FOURTH, False)]


@pytest.mark.parametrize("cut", [1, 2])
async def test_a_row_that_names_a_number_again_outweighs_an_earlier_one_of_its_batch(store: Store, cut: int) -> None:
    async def unit(conn: AsyncConnection, part: Sequence[ContactUpsert], at: int) -> Upserted:
        return await upsert(conn, await contacts.source_id(conn, "csv", "a.csv", AT), part, at=at, later_wins=True)

    await store.run(unit, [ann("L1", OLD)], AT)
    rows = [ann("L1", NEW), ann("L1", OLD)]
    for start in range(0, 2, cut):
        await store.run(unit, rows[start : start + cut], AT + 1)
    assert sorted(await numbers(store)) == [(OLD, False), (NEW, False)]


async def test_a_record_that_was_merged_into_another_names_no_number_any_more(store: Store) -> None:
    await taken(store, [ann("L1", OLD)])
    await taken(store, [ann("L2", OLD)], at=AT + 1)

    async def merge(conn: AsyncConnection) -> None:
        source = await contacts.source_id(conn, "csv", "a.csv", AT)
        known = await segments.known(conn, source, ["L1", "L2"])
        await segments.merge(conn, [known["L2"].id], known["L1"])

    await store.run(merge)
    await taken(store, [ann("L1", NEW)], at=AT + 2)
    assert await numbers(store) == [(NEW, False), (OLD, True)]


@pytest.mark.parametrize(("other", "expected"), [("", []), ("(212) 555-0102", [NEW])])
async def test_every_number_of_a_record_that_is_emptied_is_a_former_one_unless_another_record_names_it(
    store: Store, other: str, expected: list[str]
) -> None:
    await taken(store, [with_mobile("L1", OLD, NEW, mobile="212-555-0102")])
    if other:
        await taken(store, [with_mobile("R1", THIRD, NEW, mobile=other)], source="b.csv", at=AT + 1)

    async def empty(conn: AsyncConnection) -> None:
        known = await segments.known(conn, await contacts.source_id(conn, "csv", "a.csv", AT), ["L1"])
        await former_points.withdraw(conn, {known["L1"].id: (1, ["phone"])})

    await store.run(empty)
    assert [value for value, former in await numbers(store) if not former and value != THIRD] == expected


async def test_another_source_does_not_change_the_order_of_numbers(store: Store) -> None:
    old, new, mail = "+12125550101", "+12125550102", "ann@example.com"
    await taken(store, [("L1", "Ann", frozenset([new, mail]))])
    await taken(store, [("R1", "Ann", frozenset([old, mail]))], source="b.csv", at=AT + 1)
    points = (await store.read(contacts.points_of, [1]))[1]
    assert next(one.value for one in points if one.kind == "phone") == new


async def test_the_id_of_the_source_outweighs_every_name_and_point(store: Store) -> None:
    ann, bob = frozenset(["+12125550101"]), frozenset(["+12125550102"])
    await taken(store, [("L1", "Ann", ann), ("L2", "Bob", bob)])
    (part,) = await taken(store, [("L1", "Bob", bob), ("L2", "Bob", frozenset(["bob@example.com"]))], at=AT + 1)
    first, second = part.results
    assert (first.is_new, second.is_new) == (False, False)
    assert first.contact_id != second.contact_id
    assert [kind for kind, _ in part.shared] == ["phone"]
