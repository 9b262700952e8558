"""Holds as the shell prints them."""

from __future__ import annotations

from typing import Any

import pytest

from fluentsd.cli.screen import Screen
from fluentsd.cli.views import show

CASE = {"to": "+12125550100", "ref": "fair", "step": "text", "claimed_at": 1_772_463_600_000_000, "outcome": "failed",
        "reason": "Twilio 30007: filtered", "id": "a1", "contact_id": 1, "channel": "sms"}  # fmt: skip
PAUSED = {"scope": "campaign", "target": "fair", "reason": "carriers filter the texts: 3 of 20", "by": "fluentsd",
          "since_at": 1_772_463_600_000_000, "until_at": None, "cases": [CASE]}  # fmt: skip
COOLING = PAUSED | {"scope": "number", "target": "+12125550901", "until_at": 1_772_550_000_000_000, "cases": []}
COUNTS = ("total", "queued", "active", "errored", "exited", "completed", "attempts", "unknown")
STATUS: dict[str, Any] = dict.fromkeys(COUNTS, 0) | {
    "ref": "fair", "name": "Fair", "state": "paused", "started_at": None, "next_at": None, "held_people": {},
    "exited_by_reason": {},
}  # fmt: skip


def shown(capsys: pytest.CaptureFixture[str], verb: str, **answer: Any) -> list[str]:
    show(Screen(), verb, answer)
    return capsys.readouterr().out.splitlines()


def test_holds_come_with_their_cases(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, "holds", holds=[PAUSED, COOLING])
    assert [line.split("\t")[:3] for line in lines[1:3]] == [
        ["campaign", "fair", PAUSED["reason"]],
        ["number", "+12125550901", PAUSED["reason"]],
    ]
    (case,) = (line.split("\t") for line in lines[4:])
    assert (case[:4], case[5:]) == (["campaign fair", "+12125550100", "fair", "text"], ["failed", CASE["reason"]])


def test_a_status_says_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, "campaign status", **STATUS, holds=[PAUSED, COOLING])
    (paused, cooling) = (line for line in lines if line.startswith("held: "))
    assert paused.endswith("carriers filter the texts: 3 of 20  (lift it: fluentsd campaign resume fair)")
    assert " until 2026-03-" in cooling
    assert cooling.endswith("(lift it: fluentsd release number +12125550901)")
    assert any("Twilio 30007" in line for line in lines)


def test_a_number_that_rests_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    number: dict[str, Any] = {"e164": "+12125550901", "label": "", "tags": [], "pace": None, "used": 3,
                              "next_slot_at": 0, "carries": "phone,sms"}  # fmt: skip
    resting = number | {"held": "texts do not arrive", "held_until_at": COOLING["until_at"]}
    held = number | {"held": "not registered", "held_until_at": None}
    heads, *rows = [line.split("\t") for line in shown(capsys, "numbers list", numbers=[resting, held])]
    resting, held = (dict(zip(heads, row, strict=True)) for row in rows)
    assert [row["Held"] for row in (resting, held)] == ["cooling down: texts do not arrive", "not registered"]
    assert resting["Next use"].startswith("2026-03-")
    assert (held["Carries"], held["Next use"]) == ("phone, sms", "")
    assert "Label" not in heads  # no number has one


def test_the_list_says_held_beside_the_state(capsys: pytest.CaptureFixture[str]) -> None:
    fair = STATUS | {"state": "active", "owner": "@sales", "zone": ""}
    heads, *rows = (line.split("\t") for line in
                    shown(capsys, "campaign list", campaigns=[fair | {"held": True}, fair]))  # fmt: skip
    assert [row[heads.index("State")] for row in rows] == ["active, held", "active"]
