"""Opt-outs of a list are on the suppression list after its import, for the channels that it names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from fluentsd.cli.app import build

SETTINGS = (
    '[database]\npath = "{folder}/people.db"\n[daemon]\nsocket = "{folder}/control"\n[channel.sms]\nplugin = "noop"\n'
)
LIST = (
    "First Name,Email,Phone,Do Not Call,Unsubscribed from all email\n"
    "Jane,jane@example.com,(212) 555-0111,1,true\n"
    "Kim,kim@example.com,(212) 555-0112,0,false\n"
)

pytestmark = pytest.mark.slow


def typed(folder: Path, *words: str) -> Any:
    result = CliRunner().invoke(build(), ["--config", str(folder / "fluentsd.toml"), *words, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "fluentsd.toml").write_text(SETTINGS.format(folder=tmp_path), "utf-8")
    (tmp_path / "list.csv").write_text(LIST, "utf-8")
    return tmp_path


def entries(folder: Path) -> set[tuple[str, str]]:
    return {(entry["value"], entry["channel"]) for entry in typed(folder, "suppression", "list")["entries"]}


def test_the_columns_enter_the_suppression_list(folder: Path) -> None:
    consent = ("--basis", "written", "--given", "2026-01-02", "--by", "A. Poe", "--scope", "phone,sms")
    answer = typed(folder, "contacts", "import", str(folder / "list.csv"), *consent)
    assert (answer["new"], answer["opted_out"]) == (2, 1)
    jane = {("+12125550111", "phone"), ("+12125550111", "sms"), ("jane@example.com", "email")}
    assert entries(folder) == jane
    typed(folder, "contacts", "import", str(folder / "list.csv"))
    assert entries(folder) == jane


def test_a_person_can_say_that_a_column_is_only_a_field(folder: Path) -> None:
    aside = ("--only-a-field", "Do Not Call", "--ignore", "Unsubscribed from all email")
    assert typed(folder, "contacts", "import", str(folder / "list.csv"), *aside)["opted_out"] == 0
    assert entries(folder) == set()


def test_the_preview_says_so(folder: Path) -> None:
    seen = typed(folder, "contacts", "import", str(folder / "list.csv"), "--preview")
    assert seen["opted_out"] == 1
    assert ["Do Not Call", "opt-out from phone and sms"] in [column[:2] for column in seen["columns"]]


def test_an_extension_does_not_pass_the_suppression_list(folder: Path) -> None:
    (folder / "bob.csv").write_text("First Name,Phone\nBob,+49 151 1234 5678 ext 12\n", "utf-8")
    typed(folder, "contacts", "import", str(folder / "bob.csv"))
    typed(folder, "suppression", "add", "+4915112345678", "--because", "asked on the phone")
    assert ("+4915112345678", "*") in entries(folder)
    shown = typed(folder, "suppression", "why", "+49 151 1234 5678 ext 12")
    assert "is on the suppression list" in shown["sentence"]


def test_a_suppression_list_with_two_numbers_in_a_cell_loses_none(folder: Path) -> None:
    (folder / "stop.csv").write_text("Phone\n415-555-0148 / 415-555-0149\n", "utf-8")
    typed(folder, "suppression", "import", str(folder / "stop.csv"), "--because", "the old list")
    assert {value for value, _ in entries(folder)} == {"+14155550148", "+14155550149"}


MIXED = """
name = "Mixed"
ref = "mixed"
[window]
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
hours = "00:00-24:00"
fallback_timezone = "America/New_York"
[[step]]
id = "mail"
channel = "email"
subject = "Hi"
text = "Hi {{ first_name }}"
[[step]]
id = "text"
channel = "sms"
text = "Hi {{ first_name }}"
"""


def test_whoever_one_step_can_reach_is_enrolled(folder: Path) -> None:
    settings = folder / "fluentsd.toml"
    settings.write_text(settings.read_text("utf-8") + '[channel.email]\nplugin = "noop"\n', "utf-8")
    (folder / "mixed.toml").write_text(MIXED, "utf-8")
    (folder / "ada.csv").write_text("First Name,Email,Phone\nAda,ada@example.com,\n", "utf-8")
    typed(folder, "campaign", "apply", str(folder / "mixed.toml"))
    answer = typed(folder, "contacts", "import", str(folder / "ada.csv"), "--campaign", "mixed")
    assert (answer["enrolled"], answer["rejected"]) == (1, 0)
