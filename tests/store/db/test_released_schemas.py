"""Released schemas: frozen migrations, a database of each upgrades, and a schema that is none of them is refused."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import structlog
from sqlalchemy import text

from fluentsd.store import tables
from fluentsd.store.db import migrate
from fluentsd.store.db.bridge import Store, open_store
from fluentsd.store.db.upgrade import UnknownSchema, prepare

NOW = 1_795_900_000_000_000
#: A migration that has run somewhere must never change by a byte: a database made before and one made after would
#: carry the same number and differ.
FROZEN = {
    "0001_first.py": "b5a49f9065e83fd2c2915ac6744dab0f732d46eee297f9ed9ea662efdd2c18e4",
    "0002_templates.py": "5085f72ecd9e53a8ad7edaa3666c3975752dc0a5caaaf4f2bfd8e9352b67bc0f",
    "0003_names.py": "dbf489d2e56d4a52d38dfbe6da99275c724c49103090896a0004f28414f5a287",
    "0004_nodes.py": "3e09167761358da1abe97a3ddee89e328b26ef0699b89a069a5582fbd3daf950",
    "0005_references.py": "1d2382f46efc3b0cfa5d5571e0019c8d311ab1156f15fb0164fd1681bc4cf350",
    "0006_inbound_ids.py": "d72917fcbf6372e4a68fb3e56720cce428ab14aa814858b8cc42caf8a51501b4",
    "0007_deliveries.py": "824e9397dbbc0b6136c282327680e61a0181a2ea9a7a95d3354eeb4b2783a06b",
    "0008_shared_points.py": "0609c1ca345a08e7419f602702aa9db2e0e8aac297622c79f01bd2758771484e",
    "0009_segments.py": "bfe135d217b989f48907d77915555fa3e9f4247c7b71a5cc3dbd5948fdcc6a34",
    "0010_slack.py": "e8537ab07ab9e36f7d98a0b749b5f7c47a0adc8641593b9a7b98b31b752b7007",
    "0011_agents.py": "7cd788b4897015eadc002952688293ba1065b7fff8a909730f97be7c58bfe0ca",
    "0012_edits.py": "6a831ce5974cc07bb1c250dd04b341cefecb5cd4cb37b2c66e9772c157f2d7f5",
    "0013_after_calls.py": "e7ebadf4266c6d8b2da2298de6c6ba1c4a4dd4d16dda6b36406f4ee327653eae",
    "0014_step_counts.py": "13f042da899dff820673d3e860dc7615e5bf79e9905a3cb3a2e0dda31b44711f",
    "0015_leads.py": "60e03c0c2db98ae94446a37ad1cac43cc00b0e832ca52087c33d8f3b4429131d",
    "0016_calls_to_us.py": "da322e9850503180be0c7eb3612d0d6e5b9721362ecb98356d3c3dbadd3fbdb7",
    "0017_people_by_result.py": "881600d16dd9a54224898d669ea39800218551c1bb08cdc4830f2768921a8bda",
    "0018_former_points.py": "c4dba0ebe6070304442e40b6e703a4cdc2e665cf36e068ac21b1b850dbc204fb",
}
#: What the release with schema 2 made: 8 people in a campaign under way, two suppression entries, one erased person.
DUMP = Path(__file__).with_name("schema_0002.sql")


@pytest.mark.parametrize("name", FROZEN)
def test_a_released_migration_does_not_change_by_a_byte(name: str) -> None:
    migration = migrate.MIGRATIONS / "versions" / name
    assert hashlib.sha256(migration.read_bytes()).hexdigest() == FROZEN[name]


def restored(folder: Path) -> Path:
    file = folder / "old.db"
    with closing(sqlite3.connect(file)) as conn:
        conn.executescript(DUMP.read_text("utf-8"))
    return file


def rows(file: Path, question: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(file)) as conn:
        return conn.execute(question).fetchall()


def dump(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as conn:
        return list(conn.iterdump())


async def prepared(file: Path) -> None:
    async with open_store(f"sqlite+aiosqlite:///{file}") as store:
        await prepare(store, backups=file.parent / "backups", now=NOW, log=structlog.get_logger())


ACTS = "id, at, actor, verb, target, request_id, details, answer"


@pytest.mark.slow
async def test_a_database_of_schema_2_upgrades_without_loss(tmp_path: Path) -> None:
    file = restored(tmp_path)
    old = {
        "attempts": rows(file, "SELECT id, enrollment_id, state, outcome, provider_ref, marked_at FROM attempt"),
        "entries": rows(file, 'SELECT id, kind, value, channel, reason, evidence, "by", at, lifted_at FROM stop'),
        "erased": rows(file, "SELECT hash, kind, stopped, campaigns, at FROM forgotten"),
        "counts": rows(file, "SELECT scope, target, channel, hour, figure, count FROM tally"),
        "waiting": rows(file, "SELECT * FROM waiting"),
        "contacts": rows(file, "SELECT * FROM contact"),
        "words": rows(file, "SELECT * FROM content"),
        "acts": rows(file, f"SELECT {ACTS} FROM audit"),
    }
    assert all(old.values())
    await prepared(file)
    assert (
        rows(file, "SELECT id, enrollment_id, state, outcome, provider_ref, claimed_at FROM attempt") == old["attempts"]
    )
    entries = rows(file, 'SELECT id, kind, value, channel, reason, evidence, "by", at, lifted_at FROM suppression')
    assert entries == old["entries"]
    assert rows(file, "SELECT hash, kind, stopped, campaigns, at FROM erased_point") == old["erased"]
    assert rows(file, "SELECT scope, target, channel, hour, figure, count FROM outcome_count") == old["counts"]
    for name, table in (("waiting", "waiting"), ("contacts", "contact"), ("words", "content")):
        width = len(old[name][0])  # later migrations add columns at the end
        assert [row[:width] for row in rows(file, f"SELECT * FROM {table}")] == old[name]
    assert rows(file, f"SELECT {ACTS} FROM audit") == old["acts"]
    by_step = "SELECT campaign_id, step, outcome, {} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    closed = rows(file, by_step.format("count(*) FROM attempt WHERE state <> 'open'"))
    assert rows(file, by_step.format("sum(count) FROM step_count")) == closed != []
    made = "count(DISTINCT contact_id) FROM attempt WHERE outcome IS NULL OR outcome <> 'not_sent'"
    contacted = rows(file, f"SELECT campaign_id, {made} GROUP BY 1 ORDER BY 1")
    counted = "SELECT campaign_id, sum(count) FROM counter WHERE state = 'contacted' GROUP BY 1 ORDER BY 1"
    assert rows(file, counted) == contacted != []
    assert rows(file, "SELECT next_slot_at FROM lane") == [(1_795_829_350_000_000,)]
    assert rows(file, "SELECT next_slot_at, used FROM number") == [(7, 3)]
    assert rows(file, "SELECT recompute_from FROM campaign") == [(3,)]
    assert rows(file, 'SELECT "cursor" FROM segment') == [('{"at": 5}',)]
    assert rows(file, "SELECT reason FROM enrollment WHERE id = 4") == [("suppressed_channel",)]
    assert rows(file, "PRAGMA integrity_check") == [("ok",)]
    names = {name for (name,) in rows(file, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert not names & {"stop", "forgotten", "tally"}


@pytest.mark.slow
async def test_a_half_known_schema_is_refused_before_the_upgrade_and_nothing_is_changed(tmp_path: Path) -> None:
    file = restored(tmp_path)
    with closing(sqlite3.connect(file)) as conn:  # as a development version between two releases left it
        conn.execute("ALTER TABLE hold DROP COLUMN cases")
    before = dump(file)
    with pytest.raises(UnknownSchema, match=r"says it has schema 2, but it lacks hold\.cases; .*Nothing was changed"):
        await prepared(file)
    assert dump(file) == before


async def test_a_database_of_todays_number_with_other_columns_is_refused(store: Store) -> None:
    await store.run(lambda conn: conn.run_sync(tables.metadata.drop_all))
    await prepare(store, backups=None, now=NOW, log=structlog.get_logger())
    await store.run(lambda conn: conn.execute(text("ALTER TABLE hold RENAME COLUMN cases TO cases_seen")))
    with pytest.raises(UnknownSchema, match=r"lacks hold\.cases and has hold\.cases_seen besides"):
        await prepare(store, backups=None, now=NOW, log=structlog.get_logger())


async def test_tables_of_an_operators_own_are_no_difference(store: Store) -> None:
    await store.run(lambda conn: conn.run_sync(tables.metadata.drop_all))
    await prepare(store, backups=None, now=NOW, log=structlog.get_logger())
    await store.run(lambda conn: conn.execute(text("CREATE TABLE notes (line TEXT)")))
    await prepare(store, backups=None, now=NOW, log=structlog.get_logger())
