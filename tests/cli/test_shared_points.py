"""Two people, one phone, two mailboxes, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from fluentsd.cli.app import build
from tests.cli.test_import_csv import CAMPAIGN, installed

pytestmark = pytest.mark.slow

HOUSEHOLD = """First Name,Last Name,Phone,Email
Ann,Poe,(212) 555-0111,ann@example.com
Bob,Poe,212-555-0111,bob@example.com
ANN,POE,+1 212 555 0111,
Cy,Roe,212-555-0112,cy@example.com
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    home = installed(tmp_path / "home")
    (home / "people.csv").write_text(HOUSEHOLD, "utf-8")
    assert (home / "fair.toml").read_text("utf-8") == CAMPAIGN
    return home


def typed(folder: Path, *words: str, status: int = 0) -> Any:
    result = CliRunner().invoke(build(), ["--config", str(folder / "fluentsd.toml"), *words])
    assert result.exit_code == status, result.output
    return result


def test_both_are_imported_found_asked_about_and_told_apart(folder: Path) -> None:
    file = str(folder / "people.csv")
    assert "1 phone belongs to several people" in typed(folder, "contacts", "import", file, "--preview").stdout
    typed(folder, "campaign", "apply", str(folder / "fair.toml"))
    answer = json.loads(typed(folder, "contacts", "import", file, "--campaign", "fair", "--json").stdout)
    counts = {name: answer[name] for name in ("new", "duplicates", "enrolled", "rejected", "shared")}
    assert counts == {"new": 3, "duplicates": 1, "enrolled": 3, "rejected": 0, "shared": {"phone": 1}}
    again = typed(folder, "contacts", "import", file, "--campaign", "fair").stdout
    assert "1 phone belongs to several people" in again
    found = json.loads(typed(folder, "contacts", "find", "+12125550111", "--json").stdout)["people"]
    assert sorted(p["fields"]["first_name"] for p in found) == ["Ann", "Bob"]
    ids = {p["fields"]["first_name"]: f"#{p['id']}" for p in found}
    question = typed(folder, "contacts", "why", "+12125550111", status=1).stderr
    assert f"belongs to 2 people: Ann Poe ('{ids['Ann']}'), Bob Poe ('{ids['Bob']}')" in question
    assert "fair (queued)" in typed(folder, "contacts", "why", ids["Bob"]).stdout
    typed(folder, "suppression", "add", "212-555-0111", "--because", "asked on the phone")
    for who in (ids["Ann"], ids["Bob"]):
        assert "fair (exited)" in typed(folder, "contacts", "why", who).stdout
    assert "fair (queued)" in typed(folder, "contacts", "why", "cy@example.com").stdout
