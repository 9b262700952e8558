"""What `fluentsd check` finds out about the database."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import structlog

from fluentsd.bootstrap import open_runtime
from fluentsd.clock import SystemClock
from fluentsd.plugins import discover
from fluentsd.store.tables import SCHEMA_VERSION
from fluentsd.verbs.execute import execute
from tests.doctor.findings import DANA, SANDBOX, Write, bad, findings, prepared, tree
from tests.engine.stage import SMS, person, spec


def _foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("PRAGMA journal_mode=WAL")
        conn.execute("CREATE TABLE customers (id)")


def _newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("UPDATE alembic_version SET version_num = '0099'")
        conn.commit()


def _damaged(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xaa" * 40_000)


@pytest.mark.parametrize(
    ("spoil", "part"),
    [
        (lambda path: path.write_bytes(b"a letter, not a database"), "is not a SQLite database → give fluentsd a"),
        (lambda path: path.unlink() or _foreign(path), "belongs to another program (customers) → give fluentsd"),
        (_newer, f"has schema 99, newer than this fluentsd, which knows {SCHEMA_VERSION} → install the fluentsd that "),
        (_damaged, "is damaged: "),
        (lambda path: path.chmod(0o644), "other users can access "),
        (lambda path: path.unlink() or path.mkdir(mode=0o700), "is not a file → "),
    ],
    ids=["a letter", "another program's", "newer", "damaged", "open to all", "a folder"],
)
async def test_a_database_that_cannot_be_used_is_one_finding(
    write: Write, tmp_path: Path, spoil: Callable[[Path], object], part: str
) -> None:
    settings = write()
    await prepared(settings)
    file = tmp_path / "fluentsd.db"
    spoil(file)
    before = tree(tmp_path)
    [line] = bad(await findings(settings))
    assert line.startswith(f"database: {file}") or "other users can access" in line
    assert part in line
    assert tree(tmp_path) == before


async def test_an_older_schema_is_not_a_fault_and_is_not_upgraded(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = write()
    await prepared(settings)
    before = tree(tmp_path)
    monkeypatch.setattr("fluentsd.store.tables.SCHEMA_VERSION", SCHEMA_VERSION + 1)
    found = await findings(settings)
    assert bad(found) == []
    assert any(f"has schema {SCHEMA_VERSION}; the next start copies it to" in entry["what"] for entry in found)
    assert tree(tmp_path) == before


async def test_an_empty_file_is_a_database_that_is_not_there_yet(write: Write, tmp_path: Path) -> None:
    (tmp_path / "fluentsd.db").touch()
    assert bad(await findings(write())) == []


async def test_a_server_that_does_not_answer_is_one_finding_without_its_password(write: Write) -> None:
    pytest.importorskip("asyncpg")
    settings = write(f'[database]\nurl = "postgresql://u:CANARY@127.0.0.1:1/d"\n{SANDBOX}')
    [line] = bad(await findings(settings))
    assert line.startswith("database: The database cannot be reached")
    assert "CANARY" not in line


async def test_a_postgresql_database_is_looked_into_too(postgresql_server: Any, write: Write) -> None:
    postgresql_server.ask("CREATE DATABASE doctor STRATEGY file_copy")
    url = f"postgresql://postgres@/doctor?host={postgresql_server.folder}"
    settings = write(f'[database]\nurl = "{url}"\n{SANDBOX}')
    found = await findings(settings)
    assert bad(found) == []
    assert any("is empty; the first `fluentsd run` fills it" in entry["what"] for entry in found)
    await prepared(settings)
    found = await findings(settings)
    assert bad(found) == []
    assert f"database: the server's, schema {SCHEMA_VERSION}" in [entry["what"] for entry in found]


@pytest.mark.parametrize(
    ("numbers", "part"),
    [
        ({"tags": ["sales"]}, "has no caller ID: none has the tag sales → fluentsd numbers add NUMBER --tag"),
        ({"numbers": ["+13125550123"]}, "uses unknown caller IDs: +13125550123 → fluentsd numbers add"),
        ({"tags": ["other"]}, None),
        ({}, None),
    ],
)
async def test_caller_ids_that_a_running_campaign_lacks(write: Write, numbers: Any, part: str | None) -> None:
    settings = write()
    steer = {"numbers": ["+12125550123"]}
    await prepared(
        settings,
        ("numbers add", {"number": "+12125550123", "tag": ["other"]}),
        ("campaign apply", {"file": spec(SMS, numbers=steer)}),
    )
    log = structlog.wrap_logger(structlog.ReturnLogger())
    async with open_runtime(settings, SystemClock(), discover(), log=log) as runtime:
        run = await execute(runtime, "contacts begin-import", {"source": "x", "ref": "test"}, DANA)
        await execute(runtime, "contacts take", {"run": run, "people": [person(1)]}, DANA)
        await execute(runtime, "campaign start", {"ref": "test"}, DANA)
        await execute(runtime, "campaign apply", {"file": spec(SMS, numbers=numbers)}, DANA)
    found = bad(await findings(settings))
    assert [line for line in found if not part or part not in line] == []
    assert len(found) == (part is not None)
