"""SQL that is compiled once in a process of tests.

SQLAlchemy keeps compiled statements per engine and dialect, and each test opens engines of its own: to compile the same
hundred statements again was a quarter of the processor time of a test that runs the engine. So engines of one kind,
made for tests, share the dialect of the first one and its compiled statements. The daemon has one store, and needs none
of this.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import LRUCache

from fluentsd.store.db import engines

_SHARED: dict[tuple[str, str], tuple[Dialect, Any]] = {}


def _create(url: Any, **options: Any) -> AsyncEngine:
    engine = create_async_engine(url, **options)
    _share(engine.sync_engine, str(options.get("isolation_level")))
    return engine


def _share(engine: Engine, isolation_level: str) -> None:
    dialect, compiled = _SHARED.setdefault((engine.dialect.name, isolation_level), (engine.dialect, LRUCache(2000)))
    engine.dialect = dialect
    engine._compiled_cache = compiled


def share_compiled_statements() -> None:
    """From now on, in this process."""
    engines.create_async_engine = _create
