"""Databases for tests, copied from one that has the whole schema: to make the schema takes a third of a second, to copy
it a hundredth."""

from __future__ import annotations

import asyncio
import atexit
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from fluentsd.store import tables
from fluentsd.store.db.bridge import Store, open_store
from tests.stores import open_cheap


@cache
def _whole_file() -> Path:
    """A SQLite file with the whole schema, for this process."""
    folder = Path(tempfile.mkdtemp(prefix="fluentsd-schema-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    engine = create_engine(f"sqlite:///{folder / 'whole.db'}")
    tables.metadata.create_all(engine)
    engine.dispose()
    return folder / "whole.db"


def make_whole(url: str) -> None:
    """Make the whole schema in an empty database of PostgreSQL."""

    async def make() -> None:
        engine = create_async_engine(url)
        async with engine.begin() as conn:
            await conn.run_sync(tables.metadata.create_all)
        await engine.dispose()

    asyncio.run(make())


@asynccontextmanager
async def open_whole(url: str, *, as_in_daemon: bool = False, **options: Any) -> AsyncIterator[Store]:
    """An open store with the whole schema: of a SQLite file, which is made if it is new, or of `database_url`. It is a
    cheap one, or `as_in_daemon`: with threads and connections of its own."""
    parts = make_url(url)
    if parts.get_backend_name() == "sqlite" and not (file := Path(str(parts.database))).exists():
        shutil.copyfile(_whole_file(), file)
    async with (open_store if as_in_daemon else open_cheap)(url, **options) as store:
        yield store
