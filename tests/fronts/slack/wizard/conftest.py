"""The wizard's tests run on SQLite, because what they save is tested on each database in `tests/verbs`; the story of a
whole campaign runs on both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fluentsd.fronts.slack.wizard import memory
from tests.conftest import a_database


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a SQLite database, or of the kind that the test asks for."""
    with a_database(request, getattr(request, "param", "sqlite"), tmp_path) as url:
        yield url


@pytest.fixture(autouse=True)
def _typing_is_saved_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "TYPED_EVERY", 0.01)
