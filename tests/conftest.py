"""The two databases of the tests: a SQLite file, and a real PostgreSQL server for the session; an installation."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from fluentsd.store.db.bridge import Store
from tests.databases import open_whole
from tests.postgresql import PostgresServer, running_server
from tests.statement_cache import share_compiled_statements

if TYPE_CHECKING:
    from tests.installation import Place


share_compiled_statements()


def pytest_collection_finish() -> None:
    """What is imported by now stays; the collector need not walk it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresServer]:
    with running_server() as server:
        yield server


def a_database(
    request: pytest.FixtureRequest, kind: str, folder: Path, *, whole: bool = True
) -> AbstractContextManager[str]:
    """The URL of a database of a kind, empty or for `open_whole`."""
    if kind == "sqlite":
        return nullcontext(f"sqlite+aiosqlite:///{folder / 'fluentsd.db'}")
    server: PostgresServer = request.getfixturevalue("postgresql_server")
    return server.whole() if whole else server.empty()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database for `open_whole`, on each kind in turn."""
    with a_database(request, request.param, tmp_path) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, on each kind in turn."""
    with a_database(request, request.param, tmp_path, whole=False) as url:
        yield url


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """An open store with the whole schema, as the daemon's."""
    async with open_whole(database_url, as_in_daemon=True) as store:
        yield store


@pytest.fixture
def place() -> Iterator[Place]:
    """An installation in a short folder, whose log the test can read."""
    from tests.installation import Place

    with tempfile.TemporaryDirectory(prefix="fsd-") as folder, capture_logs() as logs:
        yield Place(Path(folder), logs=logs)
