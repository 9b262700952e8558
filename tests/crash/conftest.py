"""Databases of processes that tests kill."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest


@pytest.fixture
def a_url(request: pytest.FixtureRequest) -> Iterator[Callable[[str], str]]:
    """The URL of an empty database of a kind; none for SQLite, whose file is made in the installation's folder."""
    with ExitStack() as databases:

        def url(kind: str) -> str:
            if kind == "sqlite":
                return ""
            return databases.enter_context(request.getfixturevalue("postgresql_server").empty())  # type: ignore[no-any-return]

        yield url
