"""Fresh, older, newer and foreign databases; copies; and that the migrations come to the same as the schema."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import trio
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import CapturingLogger

from fluentsd.store import tables
from fluentsd.store.db import migrate, upgrade
from fluentsd.store.db.bridge import Store, open_store
from fluentsd.store.db.upgrade import (
    BackupFailed,
    DatabaseRefused,
    ForeignDatabase,
    NewerDatabase,
    UpgradeFailed,
    backup,
    prepare,
    refuse_foreign_file,
)

NOW = 1_767_625_200_000_000  # 2026-01-05 15:00 UTC
TODAY, NEXT = f"{tables.SCHEMA_VERSION:04d}", f"{tables.SCHEMA_VERSION + 1:04d}"
NEXT_MIGRATION = f"""
import sqlalchemy as sa
from alembic import op

revision = "{NEXT}"
down_revision = "{TODAY}"


def upgrade():
    with op.batch_alter_table("contact") as contact:
        contact.add_column(sa.Column("nickname", sa.Text(), nullable=False, server_default=""))
        contact.alter_column("language", type_=sa.String(35))
"""


@pytest.fixture
async def empty(empty_database_url: str) -> AsyncIterator[Store]:
    async with open_store(empty_database_url) as store:
        yield store


@pytest.fixture
def log() -> CapturingLogger:
    return CapturingLogger()


def said(log: CapturingLogger) -> list[str]:
    return [call.args[0] for call in log.calls]


async def describe(conn: AsyncConnection) -> Any:
    """Everything the database says of its own shape."""
    if conn.dialect.name == "sqlite":
        rows = await conn.execute(text("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"))
        return [(*row[:3], *shape(row[3] or "")) for row in rows]
    found = []
    for query in (
        "SELECT table_name, column_name, ordinal_position, data_type, character_maximum_length, is_nullable, "
        "column_default FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY 1, 3",
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() ORDER BY 1",
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = current_schema()::regnamespace ORDER BY 1",
    ):
        found += [tuple(row) for row in await conn.execute(text(query))]
    return found


def shape(sql: str) -> list[str]:
    """A statement's parts: columns in their order, constraints in any; a column added later stands on no line of its
    own."""
    head, _, inner = " ".join(sql.split()).partition("(")
    parts, depth = [""], 0
    for sign in inner.rpartition(")")[0]:
        depth += (sign == "(") - (sign == ")")
        if sign == "," and not depth:
            parts.append("")
        else:
            parts[-1] += sign
    parts = [part.strip() for part in parts]
    constraints = sorted(part for part in parts if part.startswith("CONSTRAINT"))
    return [head.strip(), *(part for part in parts if not part.startswith("CONSTRAINT")), *constraints]


async def version_of(conn: AsyncConnection) -> str | None:
    return (await conn.execute(text("SELECT version_num FROM alembic_version"))).scalar()


def differences(conn: Any) -> list[Any]:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    options = {"compare_type": True, "compare_server_default": conn.dialect.name == "postgresql"}
    return list(compare_metadata(MigrationContext.configure(conn, opts=options), tables.metadata))


async def test_a_fresh_database_gets_the_schema_and_its_stamp(empty: Store, log: CapturingLogger) -> None:
    await prepare(empty, backups=None, now=NOW, log=log)
    assert await empty.read(version_of) == f"{tables.SCHEMA_VERSION:04d}"
    assert await empty.read(lambda conn: conn.run_sync(differences)) == []
    assert said(log) == ["database.created"]


@pytest.mark.slow
async def test_migrations_and_schema_come_to_the_same(
    empty_database_url: str, empty: Store, log: CapturingLogger
) -> None:
    await empty.run(lambda conn: conn.run_sync(migrate.migrate))
    migrated = await empty.read(describe)
    made_by = await empty.read(lambda conn: conn.scalar(select(tables.meta.c.value)))
    assert await empty.read(lambda conn: conn.run_sync(differences)) == []
    await empty.run(wipe)
    await prepare(empty, backups=None, now=NOW, log=log)
    assert migrated == await empty.read(describe)
    assert made_by == await empty.read(lambda conn: conn.scalar(select(tables.meta.c.value))) == "fluentsd"


async def wipe(conn: AsyncConnection) -> None:
    await conn.run_sync(tables.metadata.drop_all)
    await conn.execute(text("DROP TABLE alembic_version"))


def test_the_newest_migration_is_the_schemas_version() -> None:
    names = sorted(path.name for path in (migrate.MIGRATIONS / "versions").glob("[0-9]*.py"))
    assert [name[:4] for name in names] == [f"{n:04d}" for n in range(1, tables.SCHEMA_VERSION + 1)]


async def test_a_database_of_today_is_left_alone(empty: Store, log: CapturingLogger) -> None:
    await prepare(empty, backups=None, now=NOW, log=log)
    before = await empty.read(describe)
    log.calls.clear()
    await prepare(empty, backups=Path("/nowhere"), now=NOW, log=log)
    assert await empty.read(describe) == before
    assert said(log) == []


@pytest.mark.slow
def test_neither_a_fresh_nor_a_current_database_loads_alembic(tmp_path: Path) -> None:
    code = f"""
import sys, trio
from pathlib import Path
import structlog
from fluentsd.store.db.bridge import open_store
from fluentsd.store.db.upgrade import prepare
structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
async def main():
    for _ in range(2):
        async with open_store("sqlite+aiosqlite:///{tmp_path}/f.db") as store:
            await prepare(store, backups=Path("/nowhere"), now=0, log=structlog.get_logger())
trio.run(main)
print("alembic" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.fixture
def next_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A release with one more migration; returns its file."""
    folder = tmp_path / "migrations"
    shutil.copytree(migrate.MIGRATIONS, folder)
    monkeypatch.setattr(migrate, "MIGRATIONS", folder)
    path = folder / "versions" / f"{NEXT}_next.py"
    path.write_text(NEXT_MIGRATION)
    return path


async def with_a_person(store: Store, log: CapturingLogger) -> None:
    await prepare(store, backups=None, now=NOW, log=log)

    async def fill(conn: AsyncConnection) -> None:
        await conn.execute(insert(tables.contact).values(id=7, created_at=1, updated_at=1, language="en"))
        await conn.execute(insert(tables.point).values(id=3, kind="phone", value="+12125550123"))
        await conn.execute(insert(tables.contact_point).values(contact_id=7, point_id=3))

    await store.run(fill)


@pytest.mark.slow
async def test_an_older_database_is_copied_then_migrated_with_everything_in_it(
    empty: Store, log: CapturingLogger, next_one: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await with_a_person(empty, log)
    monkeypatch.setattr(tables, "SCHEMA_VERSION", int(NEXT))
    await prepare(empty, backups=tmp_path / "backups", now=NOW, log=log)
    assert await empty.read(version_of) == NEXT
    people = text("SELECT contact.id, nickname, value FROM contact, point")
    assert await empty.read(lambda conn: rows(conn, people)) == [(7, "", "+12125550123")]
    copies = sorted((tmp_path / "backups").glob("*"))
    if empty.dialect == "postgresql":
        assert copies == []
        assert said(log) == ["database.created", "database.upgraded"]
        return
    assert said(log) == ["database.created", "database.backed_up", "database.upgraded"]
    assert [copy.name for copy in copies] == [f"fluentsd-20260105T150000Z-schema-{TODAY}.db"]
    assert copies[0].stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(copies[0])) as conn:
        assert conn.execute("SELECT version_num FROM alembic_version").fetchall() == [(TODAY,)]
        assert conn.execute("SELECT value FROM point").fetchall() == [("+12125550123",)]


@pytest.mark.slow
async def test_the_first_schema_comes_to_todays_with_everything_in_it(empty: Store, log: CapturingLogger) -> None:
    await empty.run(lambda conn: conn.run_sync(migrate.migrate, "0001"))
    person = text("INSERT INTO contact (id, created_at, updated_at, language) VALUES (7, 1, 1, 'en')")
    await empty.run(lambda conn: conn.execute(person))
    await prepare(empty, backups=None, now=NOW, log=log)
    assert said(log) == ["database.upgraded"]
    assert await empty.read(lambda conn: conn.run_sync(differences)) == []
    found = select(tables.contact.c.id, tables.contact.c.language, tables.contact.c.away_until_at)
    assert await empty.read(lambda conn: rows(conn, found)) == [(7, "en", None)]


async def rows(conn: AsyncConnection, statement: Any) -> list[Any]:
    return [tuple(row) for row in await conn.execute(statement)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("breaks", "part"),
    [
        ('op.execute("DELETE FROM nothing")', "nothing"),
        ('op.execute("DELETE FROM contact")', "point"),
    ],
)
async def test_a_migration_that_fails_changes_nothing_and_says_where_the_copy_is(
    breaks: str, part: str, empty: Store, log: CapturingLogger, next_one: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    await with_a_person(empty, log)
    before = await empty.read(describe)
    next_one.write_text(f"{NEXT_MIGRATION}    {breaks}\n")  # noqa: ASYNC240 - a test's own file
    monkeypatch.setattr(tables, "SCHEMA_VERSION", int(NEXT))
    with pytest.raises(UpgradeFailed, match=part) as caught:
        await prepare(empty, backups=tmp_path / "backups", now=NOW, log=log)
    assert ("there is a copy" in str(caught.value)) == (empty.dialect == "sqlite")
    assert await empty.read(describe) == before
    assert await empty.read(version_of) == TODAY
    assert await empty.read(lambda conn: rows(conn, select(tables.contact.c.id))) == [(7,)]


async def test_no_copy_no_upgrade(
    empty: Store, log: CapturingLogger, next_one: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if empty.dialect == "postgresql":
        pytest.skip("a server's copies are its operator's")
    await prepare(empty, backups=None, now=NOW, log=log)
    monkeypatch.setattr(tables, "SCHEMA_VERSION", int(NEXT))
    (tmp_path / "backups").write_text("a file where a folder should be")
    with pytest.raises(BackupFailed, match="nothing was changed"):
        await prepare(empty, backups=tmp_path / "backups", now=NOW, log=log)
    assert await empty.read(version_of) == TODAY


async def test_a_newer_database_is_refused_and_both_versions_named(empty: Store, log: CapturingLogger) -> None:
    await prepare(empty, backups=None, now=NOW, log=log)
    await empty.run(lambda conn: conn.execute(text("UPDATE alembic_version SET version_num = '0099'")))
    before = await empty.read(describe)
    with pytest.raises(NewerDatabase, match=rf"schema 99; this fluentsd knows schema {tables.SCHEMA_VERSION} "):
        await prepare(empty, backups=None, now=NOW, log=log)
    assert await empty.read(describe) == before


@pytest.mark.parametrize(
    "theirs",
    [
        ["CREATE TABLE invoice (id INTEGER)"],
        ["CREATE TABLE alembic_version (version_num VARCHAR(32))", "INSERT INTO alembic_version VALUES ('0001')"],
        ["CREATE TABLE meta (key TEXT, value TEXT)", "INSERT INTO meta VALUES ('made_by', 'somebody')"],
    ],
)
async def test_another_programs_database_is_refused(empty: Store, log: CapturingLogger, theirs: list[str]) -> None:
    async def fill(conn: AsyncConnection) -> None:
        for statement in theirs:
            await conn.execute(text(statement))

    await empty.run(fill)
    before = await empty.read(describe)
    with pytest.raises(ForeignDatabase, match="belongs to another program"):
        await prepare(empty, backups=None, now=NOW, log=log)
    assert await empty.read(describe) == before


def test_another_programs_file_is_refused_before_anything_is_changed_in_it(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("CREATE TABLE invoice (id INTEGER)")
    before = path.read_bytes()
    with pytest.raises(ForeignDatabase, match="invoice"):
        refuse_foreign_file(path)
    (tmp_path / "letter.txt").write_text("Dear Dana, this is not a database")
    with pytest.raises(ForeignDatabase, match="not a SQLite database"):
        refuse_foreign_file(tmp_path / "letter.txt")
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["letter.txt", "theirs.db"]


def test_no_file_and_an_empty_file_are_fine(tmp_path: Path) -> None:
    refuse_foreign_file(tmp_path / "new.db")
    (tmp_path / "empty.db").touch()
    refuse_foreign_file(tmp_path / "empty.db")
    assert (tmp_path / "empty.db").read_bytes() == b""


async def test_our_own_file_passes_also_after_a_crash(tmp_path: Path, log: CapturingLogger) -> None:
    async with open_store(f"sqlite+aiosqlite:///{tmp_path}/ours.db") as store:
        await prepare(store, backups=None, now=NOW, log=log)
        for name in ("ours.db", "ours.db-wal"):  # what a SIGKILL leaves: nothing has reached the main file yet
            shutil.copy(tmp_path / name, tmp_path / name.replace("ours", "left"))
    refuse_foreign_file(tmp_path / "left.db")
    async with open_store(f"sqlite+aiosqlite:///{tmp_path}/left.db") as store:
        assert await store.read(version_of) == TODAY


# ── copies ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def busy_file(tmp_path: Path) -> Path:
    path = tmp_path / "busy.db"
    with closing(sqlite3.connect(path)) as conn:
        conn.executescript("PRAGMA journal_mode=WAL; CREATE TABLE t (n INTEGER, filler TEXT)")
        conn.executemany("INSERT INTO t VALUES (?, ?)", [(n, "x" * 400) for n in range(1000)])
        conn.commit()
    return path


async def test_a_copy_made_while_others_write_is_one_moment(
    busy_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = 0

    def write_meanwhile() -> None:
        nonlocal steps
        steps += 1
        with closing(sqlite3.connect(busy_file)) as conn:
            conn.execute("UPDATE t SET n = n + 1")
            conn.commit()

    monkeypatch.setattr(upgrade, "COPIED_AT_ONCE", 20)
    monkeypatch.setattr(trio.from_thread, "check_cancelled", write_meanwhile)
    await backup(busy_file, tmp_path / "deep" / "copy.db")
    assert steps > 3
    with closing(sqlite3.connect(tmp_path / "deep" / "copy.db")) as conn:
        assert conn.execute("SELECT min(n), max(n), count(*) FROM t").fetchone() == (0, 999, 1000)
        assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert (tmp_path / "deep" / "copy.db").stat().st_mode & 0o777 == 0o600
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["copy.db"]


async def test_a_cancelled_copy_leaves_nothing(
    busy_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrade, "COPIED_AT_ONCE", 20)
    with trio.CancelScope() as scope:
        real = trio.from_thread.check_cancelled

        def cancel_then_look() -> None:
            trio.from_thread.run_sync(scope.cancel)
            real()

        monkeypatch.setattr(trio.from_thread, "check_cancelled", cancel_then_look)
        await backup(busy_file, tmp_path / "copies" / "copy.db")
    assert scope.cancelled_caught
    assert list((tmp_path / "copies").iterdir()) == []


async def test_a_copy_never_replaces_a_file(busy_file: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("precious")
    with pytest.raises(BackupFailed, match="exists already"):
        await backup(busy_file, tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "precious"


async def test_what_is_not_there_cannot_be_copied(tmp_path: Path) -> None:
    with pytest.raises(DatabaseRefused, match="could not be copied"):
        await backup(tmp_path / "none.db", tmp_path / "copies" / "copy.db")
    assert list((tmp_path / "copies").iterdir()) == []


def test_the_draft_of_the_next_migration_is_empty_today() -> None:
    from fluentsd.store.db.migrations.draft import draft

    assert draft(whole=False).strip() == "pass"
    assert "op.create_table('attempt'" in draft(whole=True)


async def test_a_copy_that_a_person_asked_for_names_their_file_and_no_setting(busy_file: Path, tmp_path: Path) -> None:
    (tmp_path / "full").write_text("a file where a folder should be")
    target = tmp_path / "full" / "copy.db"
    with pytest.raises(BackupFailed, match=f"could not be copied to {target} .*in another place") as caught:
        await backup(busy_file, target.with_name("copy.db.unchecked"), target)
    assert "fluentsd.toml" not in str(caught.value)
