"""Sources and the segments that campaigns follow, as the shell prints them."""

from __future__ import annotations

import pytest

from fluentsd.cli.screen import Screen
from fluentsd.cli.views import show

DOWN = {"source": "hub", "problem": "the key is refused", "next_try_at": 1_772_463_600_000_000}
#: Each command, and its answer about one source.
TOLD = [("source list", {"sources": [DOWN]}), ("sync status", {"segments": [DOWN | {"segment": "Spring fair"}]})]


@pytest.mark.parametrize(("verb", "answer"), TOLD)
def test_a_source_that_cannot_be_reached_says_when_it_is_tried_again(
    capsys: pytest.CaptureFixture[str], verb: str, answer: dict[str, object]
) -> None:
    show(Screen(), verb, answer)
    assert "the key is refused (next try 2026-03-02" in capsys.readouterr().out


def test_a_source_that_answers_is_ok(capsys: pytest.CaptureFixture[str]) -> None:
    show(Screen(), "source list", {"sources": [{"source": "hub", "from": "connected"}]})
    text = capsys.readouterr().out
    assert "ok" in text
    assert "next try" not in text
