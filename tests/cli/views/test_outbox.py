"""The outbox as the shell prints it."""

from __future__ import annotations

import pytest

from fluentsd.cli.screen import Screen
from fluentsd.cli.views import show

AT = 1_772_463_600_000_000
DEAD = {"id": 7, "target": "webhook", "topic": "campaign.paused", "key": "fair", "state": "dead", "tries": 12,
        "problem": "the address answered 422", "created_at": AT, "next_at": None}  # fmt: skip
DUE = DEAD | {"id": 9, "state": "due", "tries": 0, "problem": "", "next_at": AT}
UP = {"target": "log", "waiting": 0, "dead": 0, "down_until": None, "configured": True}
DOWN = UP | {"target": "webhook", "waiting": 1, "dead": 1, "down_until": AT}
GONE = UP | {"target": "old", "configured": False, "waiting": 3}


def shown(capsys: pytest.CaptureFixture[str], *deliveries: object) -> str:
    show(Screen(), "outbox list", {"deliveries": list(deliveries), "targets": [UP, DOWN, GONE]})
    return capsys.readouterr().out


def test_targets_and_deliveries_come_with_the_command_for_dead_letters(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, DEAD, DUE)
    for part in (
        "down, next probe 2026-03-02",
        "not configured",
        "the address answered 422",
        "campaign.paused",
    ):
        assert part in text
    assert "fluentsd outbox retry --target NAME" in text


def test_an_empty_outbox_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys)
    assert "every event is delivered" in text
    assert "retry" not in text
