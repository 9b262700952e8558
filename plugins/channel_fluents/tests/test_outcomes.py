"""What the service says of a call, as an outcome."""

from __future__ import annotations

from typing import Any

import pytest
from fluentsd_channel_fluents.outcomes import ended

from fluentsd.api import (
    Disposition,
    Outcome,
)
from plugins.channel_fluents.tests.hosted import HUMAN


@pytest.mark.parametrize(
    ("call", "outcome"),
    [
        ({"status": "in_progress"}, None), ({"status": "not_started"}, None), ({"status": "strange"}, None), ({}, None),
        ({"status": "ended", **HUMAN}, Outcome.answered),
        ({"status": "ended", **HUMAN, "stage": "transfer_successful"}, Outcome.answered),
        ({"status": "ended", "stage": "picked_up", "human_detection_result": "no_human"}, Outcome.voicemail),
        ({"status": "ended", "stage": "picked_up", "human_detection_result": "no_human",
          "stage_outcome": "human_disconnected"}, Outcome.voicemail),
        ({"status": "ended", "stage": "created", "stage_outcome": "call_did_not_connect"}, Outcome.failed),
        ({"status": "ended", "stage": "created", "stage_outcome": "human_unanswered"}, Outcome.no_answer),
        ({"status": "ended", **HUMAN, "do_not_call_result": True}, Outcome.opted_out),
        ({"status": "ended", **HUMAN, "transcript": "BOT: Hi\nHUMAN: Never call me again."}, Outcome.opted_out),
        ({"status": "ended", **HUMAN, "transcript": "BOT: To stop, say never call me again."}, Outcome.answered),
        ({"status": "ended", "stage": "picked_up", "transcript": "HUMAN: Hello?"}, Outcome.answered),
        ({"status": "ended", "stage": "picked_up", "transcript": "BOT: Hello?"}, Outcome.no_answer),
        ({"status": "ended"}, Outcome.unknown),
        ({"status": "completed", **HUMAN, "end_time": "2026-11-27T10:01:01Z"}, Outcome.answered),
        ({"status": "completed", "stage": "created", "stage_outcome": "human_unanswered"}, Outcome.no_answer),
        ({"status": None, "end_time": "soon"}, None),
        ({"status": "in_progress", "end_time": "2026-11-27T10:01:01"}, None),
        ({"status": "error", "stage": "picked_up"}, Outcome.agent_error), ({"status": "error"}, Outcome.failed),
    ],
)  # fmt: skip
def test_the_outcome_of_a_call(call: dict[str, Any], outcome: Outcome | None) -> None:
    found = ended(call)
    assert (found.outcome if found else None) == outcome
    if outcome == Outcome.failed and call["status"] == "error":
        assert found is not None
        assert found.fault == "message"  # a provider's error is no failure of the person
    if call.get("stage") == "transfer_successful":
        assert found is not None
        assert found.disposition == Disposition.transferred
