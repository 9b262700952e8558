"""Answers that are one sentence, as the shell prints them in a pipe."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.views.test_golden import printed

NUMBER = "+12125550190"


@pytest.mark.parametrize(
    ("verb", "answer", "said"),
    [
        ("numbers add", {"number": NUMBER, "tags": []}, f"{NUMBER} is a caller ID"),
        ("numbers add", {"number": NUMBER, "tags": ["us"]}, f"{NUMBER} is a caller ID with the tag us"),
        ("numbers untag", {"number": NUMBER, "untagged": ["us"]}, f"{NUMBER} has lost the tag us"),
        ("numbers remove", {"number": NUMBER, "removed": True}, f"{NUMBER} is no caller ID any more"),
        ("numbers inbound", {"number": NUMBER, "answered_by": "ava"}, f"a call to {NUMBER} is answered by: ava"),
        (
            "numbers rest",
            {"number": NUMBER, "rests": True, "until_at": None},
            f"{NUMBER} rests: no call or text comes from it; to use it again: fluentsd release number {NUMBER}",
        ),
        (
            "release",
            {"scope": "campaign", "target": "fair", "released": True},
            "the campaign fair is not held any more",
        ),
        ("contacts resume", {"person": "ann", "released": 1}, "the campaigns go on with ann"),
        (
            "contacts take-over",
            {"person": "ann", "contact": 4, "by": "dana"},
            "ann is taken over by dana: no campaign contacts them\nto give them back: fluentsd contacts resume '#4'",
        ),
        (
            "reload",
            {"reloads": True},
            "the daemon takes in its settings now; calls and messages in progress end first",
        ),
    ],
)
def test_an_act_is_told_in_words(verb: str, answer: dict[str, Any], said: str) -> None:
    assert printed("pipe", verb, answer) == f"{said}\n"
