"""The documents say what the code does."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

from fluentsd import api, hookspecs
from fluentsd.domain.campaign import read_campaign
from fluentsd.verbs.catalogue import VERBS

ROOT = Path(__file__).parents[1]


def test_the_machines_are_drawn_from_the_tables() -> None:
    spec = importlib.util.spec_from_file_location("machines", ROOT / "docs" / "machines.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs" / "machines.md").read_text("utf-8") == module.draw()


def test_the_campaign_in_the_readme_is_one() -> None:
    block = re.search(r"```toml\n(name = .*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert block is not None
    assert len(read_campaign(tomllib.loads(block[1])).step) == 4


@pytest.mark.parametrize("pattern", sorted((ROOT / "fluentsd" / "patterns").glob("*.toml")), ids=lambda p: p.stem)
def test_every_pattern_is_a_campaign(pattern: Path) -> None:
    assert read_campaign(tomllib.loads(pattern.read_text("utf-8"))).slug


def test_the_readme_types_only_verbs_that_exist() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    groups = "campaign|contacts|numbers|stop-list|templates|unknown"
    commands = re.findall(rf"^fluentsd ((?:{groups}) [\w-]+|\w+)", readme, re.MULTILINE)
    known = {*VERBS, "init", "check", "run", "demo", "plugins", "campaign new", "contacts import"}
    assert commands
    assert not set(commands) - known


def test_everything_public_is_documented() -> None:
    for module in (api, hookspecs):
        for name, thing in vars(module).items():
            if not name.startswith("_") and callable(thing) and getattr(thing, "__module__", "") == module.__name__:
                assert thing.__doc__, f"{module.__name__}.{name}"


def test_every_verb_says_what_it_does_and_who_may() -> None:
    for verb in VERBS.values():
        assert verb.help
        assert verb.run.__doc__
        assert verb.effect == "read" or verb.role != "viewer", verb.name
        assert all(param.help for param in verb.params)
