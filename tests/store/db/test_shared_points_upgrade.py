"""The upgrade that gives points several owners: a database of before has everything, on each database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.domain.contacts.upserts import ContactUpsert
from fluentsd.store import contacts, tables
from fluentsd.store.contact_upserts import upsert
from fluentsd.store.db import migrate
from fluentsd.store.db.bridge import Store, open_store
from fluentsd.store.db.upgrade import prepare

NOW = 1_795_900_000_000_000
BEFORE = [
    *(f"INSERT INTO contact (id, created_at, updated_at) VALUES ({n}, 1, 1)" for n in (4, 7, 9)),
    "INSERT INTO point (id, contact_id, kind, value, position, dead_on) VALUES"
    " (3, 7, 'phone', '+12125550101', 1, 'sms'), (5, 7, 'email', 'ann@example.com', 0, ''),"
    " (6, 4, 'phone', '+12125550102', 0, ''), (12, 9, 'email', 'cy@example.com', 0, 'email')",
    "INSERT INTO source (id, kind, name, config, created_at) VALUES (1, 'csv', 'a.csv', '{}', 1),"
    " (2, 'csv', 'b.csv', '{}', 1)",
    # 7 came with one number, then with another; 4 has an id of its own; 9 is in two sources
    "INSERT INTO record (id, source_id, object, key, contact_id, fields, seen_at) VALUES"
    """ (1, 1, 'row', 'phone:+12125550101', 7, '{"first_name":"Ann"}', 30),"""
    """ (2, 1, 'row', 'email:ann@example.com', 7, '{"city":"Rome"}', 20),"""
    """ (3, 1, 'row', 'L-17', 4, '{"first_name":"Bob"}', 20),"""
    " (4, 1, 'row', 'email:cy@example.com', 9, '{}', 20), (5, 2, 'row', 'email:cy@example.com', 9, '{}', 20)",
    "INSERT INTO attempt (id, enrollment_id, campaign_id, contact_id, step, try_no, channel, point_id, state,"
    " claimed_at) VALUES ('a1', 1, 1, 7, 's', 1, 'sms', 3, 'open', 10),"
    " ('a2', 2, 1, 4, 's', 1, 'sms', NULL, 'open', 10)",
]


@pytest.fixture
async def old(empty_database_url: str) -> AsyncIterator[Store]:
    async with open_store(empty_database_url) as store:
        await store.run(lambda conn: conn.run_sync(migrate.migrate, "0006"))

        async def fill(conn: AsyncConnection) -> None:
            for statement in BEFORE:
                await conn.execute(text(statement.replace(":", r"\:")))
            for table in ("contact", "record") if store.dialect == "postgresql" else ():
                await conn.execute(text(f"SELECT setval('{table}_id_seq', 100)"))  # the rows above named their ids

        await store.run(fill)
        yield store


async def rows(store: Store, question: str) -> list[Any]:
    return [tuple(row) for row in await store.read(lambda conn: conn.execute(text(question)))]


@pytest.mark.slow
async def test_points_owners_and_attempts_are_those_of_before(old: Store) -> None:
    await prepare(old, backups=None, now=NOW, log=structlog.get_logger())
    assert await rows(old, "SELECT id, kind, value, dead_on FROM point ORDER BY id") == [
        (3, "phone", "+12125550101", "sms"),
        (5, "email", "ann@example.com", ""),
        (6, "phone", "+12125550102", ""),
        (12, "email", "cy@example.com", "email"),
    ]
    owned = "SELECT contact_id, point_id, position FROM contact_point ORDER BY contact_id, point_id"
    assert await rows(old, owned) == [(4, 6, 0), (7, 3, 1), (7, 5, 0), (9, 12, 0)]
    found = await old.read(contacts.points_of, [4, 7, 9])
    assert {who: [p.value for p in points] for who, points in found.items()} == {
        4: ["+12125550102"], 7: ["ann@example.com", "+12125550101"], 9: ["cy@example.com"],
    }  # fmt: skip
    assert await rows(old, "SELECT id, contact_id, point_id FROM attempt ORDER BY id") == [
        ("a1", 7, 3),
        ("a2", 4, None),
    ]


@pytest.mark.slow
async def test_a_record_without_an_id_is_known_by_its_contact_and_none_is_lost(old: Store) -> None:
    await prepare(old, backups=None, now=NOW, log=structlog.get_logger())
    assert await rows(old, "SELECT id, source_id, object, key, contact_id FROM record ORDER BY id") == [
        (1, 1, "contact", "7", 7),
        (2, 1, "row", "email:ann@example.com", 7),  # an older word of the same source about the same person
        (3, 1, "row", "L-17", 4),
        (4, 1, "contact", "9", 9),
        (5, 2, "contact", "9", 9),
    ]
    assert await old.read(contacts.fields_of, [7]) == {7: {"first_name": "Ann", "city": "Rome"}}


@pytest.mark.slow
async def test_the_next_import_finds_everybody_and_new_points_get_ids_of_their_own(old: Store) -> None:
    await prepare(old, backups=None, now=NOW, log=structlog.get_logger())
    ann = ContactUpsert("", [("email", "ann@example.com")], fields='{"first_name":"Ann"}')
    bob = ContactUpsert("L-17", [("phone", "+12125550199")], fields='{"first_name":"Rob"}')
    eve = ContactUpsert("", [("phone", "+12125550101"), ("email", "eve@example.com")], fields='{"first_name":"Eve"}')

    async def unit(conn: AsyncConnection) -> Any:
        return await upsert(conn, 1, [ann, bob, eve], at=NOW)

    results, shared = await old.run(unit)
    assert [(r.contact_id, r.is_new) for r in results[:2]] == [(7, False), (4, False)]
    assert results[2].is_new
    assert shared == [("phone", 3)]
    assert len(await rows(old, "SELECT id FROM record WHERE source_id = 1")) == 5  # two of them updated, one made
    assert sorted(await rows(old, "SELECT id, value FROM point WHERE id > 12")) == [
        (13, "eve@example.com"), (14, "+12125550199"),
    ]  # fmt: skip
    assert await rows(old, "SELECT version_num FROM alembic_version") == [(f"{tables.SCHEMA_VERSION:04d}",)]
