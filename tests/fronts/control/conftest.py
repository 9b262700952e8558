"""A control socket per test, with verbs that misbehave."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import trio

from fluentsd.clock import SystemClock
from fluentsd.engine.runtime import Runtime
from fluentsd.fronts.control.server import serve
from fluentsd.verbs import catalogue, operations
from fluentsd.verbs.verb import Param, Verb
from tests.databases import open_whole
from tests.fronts.control.misbehaving import bug, echo, forever, heavy, locked, no, unspeakable


@pytest.fixture
def path() -> Iterator[Path]:
    """A short path for a socket, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="fsd-") as folder:
        yield Path(folder) / "control.sock"


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    async with open_whole(f"sqlite+aiosqlite:///{tmp_path / 'f.db'}", as_in_daemon=True) as store:
        yield Runtime(store, SystemClock(), {})


@pytest.fixture
async def served(runtime: Runtime, path: Path, nursery: trio.Nursery) -> Path:
    """A socket that is being served."""
    await nursery.start(serve, runtime, path)
    return path


@pytest.fixture(autouse=True)
def verbs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verbs that misbehave as real ones must not."""
    words = (Param("words", "text", "what to say", required=True),)
    for name, run, params in (
        ("echo", echo, words), ("bug", bug, ()), ("locked", locked, ()), ("unspeakable", unspeakable, ()),
        ("no", no, ()), ("forever", forever, ()), ("heavy", heavy, ()),
    ):  # fmt: skip
        monkeypatch.setattr(operations, f"test_{name}", run, raising=False)
        monkeypatch.setitem(catalogue.VERBS, name, Verb(name, "a test's", f"operations.test_{name}", params))
