"""The pictures of docs/slack.md: they are there, they are small, and without a browser a sentence says what to do."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from tests.preview import browser

DOCS = Path(__file__).parents[2] / "docs"


def test_every_picture_of_the_page_is_there_and_shown_and_all_are_small() -> None:
    shown = set(re.findall(r"\]\(pictures/([\w-]+)\.png\)", (DOCS / "slack.md").read_text("utf-8")))
    files = {file.stem: file.stat().st_size for file in (DOCS / "pictures").glob("*.png")}
    assert shown == set(files)
    assert len(files) == 23
    assert sum(files.values()) < 1_500_000


def test_without_a_browser_a_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("pictures", DOCS / "pictures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(browser, "PROGRAM", None)
    with pytest.raises(SystemExit, match="install Chromium"):
        module.run(set())
