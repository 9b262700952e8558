"""The documents agree with the code."""

from __future__ import annotations

import importlib
import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

from fluentsd import api, hookspecs
from fluentsd.domain.campaign import read_campaign
from fluentsd.domain.review import Review, review
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


PRESETS = sorted((ROOT / "fluentsd" / "presets").glob("*.toml"))


def test_there_are_six_presets() -> None:
    assert [preset.stem for preset in PRESETS] == [
        "appointment-reminder", "call-and-follow-up", "multi-step-calls", "payment-reminder", "re-engagement",
        "simple-call",
    ]  # fmt: skip


@pytest.mark.parametrize("preset", PRESETS, ids=lambda p: p.stem)
def test_every_preset_is_a_campaign(preset: Path) -> None:
    spec = read_campaign(tomllib.loads(preset.read_text("utf-8")))
    assert spec.slug
    assert review(spec) == Review((), ())


def test_the_readme_types_only_verbs_that_exist() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    groups = "campaign|contacts|numbers|outbox|suppression|templates|unknown"
    commands = re.findall(rf"^fluentsd ((?:{groups}) [\w-]+|\w+)", readme, re.MULTILINE)
    known = {*VERBS, "init", "check", "run", "demo", "plugins", "campaign new", "contacts import"}
    assert commands
    assert not set(commands) - known


#: An old name in the changelog, and a folder that the benchmarks create.
NOT_IN_THE_TREE = {"fluentsd/patterns", "bench/.venv"}
DOCUMENTS = sorted(
    file
    for folder in (ROOT, ROOT / "docs", ROOT / "bench", ROOT / "plugins")
    for file in (folder.rglob("README.md") if folder.name == "plugins" else folder.glob("*.md"))
)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_that_a_document_names_exists(document: Path) -> None:
    text = document.read_text("utf-8")
    paths = set(re.findall(r"(?<![\w/.-])((?:fluentsd|plugins|tests|docs|bench|deploy)/[\w./-]*\w)", text))
    places = (ROOT, document.parent)
    missing = {path for path in paths - NOT_IN_THE_TREE if not any((place / path).exists() for place in places)}
    assert missing == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_that_a_document_names_exists(document: Path) -> None:
    """`fluentsd.domain.gate` is a module, `fluentsd.api.Table` a name in one, `fluentsd.toml` a file of the user."""
    names = set(re.findall(r"`(fluentsd(?:\.[A-Za-z_]\w*)+)", document.read_text("utf-8")))
    names = {
        name
        for name in names
        if not name.startswith("fluentsd.db.")
        and name.rpartition(".")[2] not in {"toml", "db", "sock", "key", "erased", "service"}
    }
    assert {name for name in names if not _is_known(name)} == set()


def _is_known(name: str) -> bool:
    parts = name.split(".")
    file = ROOT.joinpath(*parts)
    if file.is_dir() or file.with_suffix(".py").is_file():
        return True
    module = ".".join(parts[:-1])
    return len(parts) > 1 and _is_known(module) and hasattr(importlib.import_module(module), parts[-1])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_between_documents_leads_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:\s]+)\)", document.read_text("utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


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
