"""What a call of the API says: its outcome, with the evidence in words. Pure.

The API knows no "busy" and no "voicemail": a machine is a call that was picked up without a human. `human_disconnected`
alone proves no person. Reference: the call object of Vocode's hosted API (openapi.json), which Fluents has renamed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fluentsd.api import Disposition, Fault, Outcome, asks_to_stop
from fluentsd_channel_fluents.call_list import SECOND, instant

#: Lines of a transcript that are the person's; the API gives the transcript as one text.
_PERSON = re.compile(r"^\s*(?:human|user|customer|caller|person)\s*:\s*(.+)$", re.IGNORECASE)
_PICKED_UP = ("picked_up", "transfer_started", "transfer_successful")
_GOES_ON = ("not_started", "in_progress")


@dataclass(frozen=True, slots=True)
class Ended:
    """A call that is over."""

    outcome: Outcome
    reason: str
    fault: Fault = "person"
    disposition: Disposition | None = None
    transcript: str = ""
    duration_s: int | None = None
    has_recording: bool = False
    is_whole: bool = False  #: nothing more can come: whether the person opted out is decided, and the words are there


def ended(call: Mapping[str, Any]) -> Ended | None:
    """The end of a call; None while it goes on. A call of a status that is not known has ended when it says when, or
    how."""
    status = call.get("status")
    says_end = instant(call.get("end_time")) is not None or bool(call.get("stage_outcome"))
    if status not in ("ended", "error") and (status in _GOES_ON or not says_end):
        return None
    transcript = call.get("transcript") if isinstance(call.get("transcript"), str) else ""
    outcome, reason, fault = _judged(call, status, str(transcript))
    transferred = call.get("stage") == "transfer_successful" and outcome == Outcome.answered
    return Ended(
        outcome, reason, fault, Disposition.transferred if transferred else None, str(transcript),
        _seconds(call.get("start_time"), call.get("end_time")), call.get("recording_available") is True,
        _is_whole(call, outcome, str(transcript)),
    )  # fmt: skip


def _is_whole(call: Mapping[str, Any], outcome: Outcome, transcript: str) -> bool:
    """Whether all is known of an ended call. One that nobody picked up has no words."""
    if call.get("stage") not in _PICKED_UP and outcome != Outcome.unknown:
        return True
    return call.get("do_not_call_result") is not None and bool(transcript)


def _judged(call: Mapping[str, Any], status: object, transcript: str) -> tuple[Outcome, str, Fault]:
    stage, end, detected = (call.get(name) for name in ("stage", "stage_outcome", "human_detection_result"))
    spoken = [found[1] for line in transcript.splitlines() if (found := _PERSON.match(line))]
    if call.get("do_not_call_result") is True:
        return Outcome.opted_out, "asked to stop, as Fluents detected", "person"
    if any(asks_to_stop(one) for one in spoken):
        return Outcome.opted_out, "asked to stop, in words", "person"
    if status == "error":
        if stage in _PICKED_UP:
            return Outcome.agent_error, "Fluents reports an error in the call", "message"
        return Outcome.failed, "Fluents reports an error before the call was picked up", "message"
    if end == "call_did_not_connect":
        return Outcome.failed, "the call did not connect", "person"
    if end == "human_unanswered":
        return Outcome.no_answer, "nobody picked up", "person"
    if stage not in _PICKED_UP:
        return Outcome.unknown, "the call has ended, and Fluents does not say how", "person"
    if detected == "no_human":
        return Outcome.voicemail, "picked up, detected as no human", "person"
    if detected == "human":
        return Outcome.answered, f"picked up, detected as human, {len(spoken)} turns of the person", "person"
    if spoken:
        return Outcome.answered, f"picked up, not detected, {len(spoken)} turns of the person", "person"
    return Outcome.no_answer, "picked up, not detected, and nobody spoke", "person"


def _seconds(start: object, end: object) -> int | None:
    began_at, over_at = instant(start), instant(end)
    return None if began_at is None or over_at is None else max(0, round((over_at - began_at) / SECOND))
