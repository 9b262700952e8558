"""A user at a shell per test, in a new folder or in one with a campaign and people."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.shell import SAID, Person, settled


@pytest.fixture
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Person:
    return settled(tmp_path, monkeypatch)


@pytest.fixture(scope="session")
def campaign_with_people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with a draft and two people, made once in a process."""
    folder = tmp_path_factory.mktemp("launched")
    with pytest.MonkeyPatch.context() as patch:
        person = settled(folder, patch)
        person.gets("campaign", "apply", "fair.toml")
        person.gets("contacts", "import", "people.csv", "--campaign", "fair")
        person.gets("contacts", "attest", "--campaign", "fair", *SAID)
    return folder


@pytest.fixture
def launched(person: Person, campaign_with_people: Path) -> Person:
    """A user with a copy of that installation."""
    shutil.copytree(campaign_with_people, person.folder, dirs_exist_ok=True)
    return person
