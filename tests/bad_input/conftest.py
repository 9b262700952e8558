"""The installation that all tests of bad input share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.bad_input.installation import Installation


@pytest.fixture(scope="session")
def used(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(tmp_path_factory.mktemp("used"))


@pytest.fixture
def installation(used: Installation) -> Iterator[Installation]:
    """The same installation for all tests, because none changes it; only the folder of broken files is cleared."""
    kept = {path.name for path in used.desk.iterdir()}
    yield used
    for path in used.desk.iterdir():
        if path.name not in kept:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
