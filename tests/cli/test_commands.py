"""The first minutes at a shell: init, check, new, apply, plugins."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path

import pytest

from fluentsd.verbs import presets
from tests.cli.shell import CAMPAIGN, SETTINGS, Person


@pytest.mark.slow
def test_init_check_new_apply(person: Person) -> None:
    (person.folder / "fluentsd.toml").unlink()
    assert "next: fluentsd check" in person.gets("init").out
    before = sorted(os.listdir())
    checked = person.gets("check")
    assert 'plugin = "sandbox"' in checked.out
    assert "FAIL" not in checked.out
    assert sorted(os.listdir()) == before
    for pattern in presets.names():
        text = person.gets("campaign", "new", "--pattern", pattern).out
        person.gets("campaign", "new", f"{pattern}.toml", "--pattern", pattern)
        assert tomllib.loads(Path(f"{pattern}.toml").read_text()) == tomllib.loads(text) | {"ref": pattern}
        assert "is a new draft" in person.gets("campaign", "apply", f"{pattern}.toml").out
    assert len(person.gets("campaign", "list").rows) == 1 + len(presets.names())


def test_the_next_command_can_be_pasted_whatever_the_file_is_called(person: Person) -> None:
    said = person.gets("campaign", "new", "My leads.toml").out
    assert said.rstrip().endswith("fluentsd campaign apply 'My leads.toml'")


def test_init_and_new_want_a_file_not_a_folder(person: Person) -> None:
    for command in (["init", "."], ["init", ".", "--force"], ["campaign", "new", "/tmp"]):
        assert "is a folder; give the name of a file in it" in person.is_refused(*command)


def test_init_and_new_overwrite_only_when_told_to(person: Person) -> None:
    for command in (["init", "fluentsd.toml"], ["campaign", "new", "fair.toml"]):
        assert "exists already" in person.is_refused(*command)
        assert Path(command[-1]).read_text() in (SETTINGS, CAMPAIGN)
        assert person.asks(*command, "--force") == {"wrote": command[-1]}
        assert Path(command[-1]).read_text() not in (SETTINGS, CAMPAIGN)


def test_check_says_what_is_wrong_and_fails(person: Person) -> None:
    with Path("fluentsd.toml").open("a") as file:
        file.write('[channel.email]\nplugin = "emial"\n')
    typed = person.types("check")
    assert typed.status == 1
    assert "FAIL channel.email.plugin: no channel plugin is called 'emial'" in typed.out
    found = json.loads(person.types("check", "--json").out)
    assert set(found) == {"settings", "findings"}
    assert [finding["ok"] for finding in found["findings"]].count(False) == 1


def test_plugins_are_listed(person: Person) -> None:
    assert ["sandbox", "channel", "sandbox"] in person.gets("plugins").rows
    assert {"channel": "sandbox", "plugin": "sandbox"} in person.asks("plugins")["channels"]
