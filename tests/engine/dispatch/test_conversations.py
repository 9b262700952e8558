"""What a conversation came to: kept beside the outcome; a callback that was promised is made, before all others."""

from __future__ import annotations

from typing import Any

from fluentsd.api import Disposition, Inbound, Outcome
from tests.engine.stage import DAY, HOUR, MINUTE, MONDAY, SMS, Stage, person, spec

CALL = {"id": "call", "channel": "phone", "agent": "a"}


async def answered(stage: Stage, outcome: Outcome = Outcome.answered, **more: Any) -> None:
    """The latest call ends."""
    token = stage.phone.accepted[-1][0].token
    await stage.inbox.take(Inbound(outcome, token, **more), token_is_ours=True)


async def test_a_conversation_is_kept_with_its_evidence(stage: Stage) -> None:
    await stage.launch(spec(CALL), person(1))
    await stage.until(MONDAY + MINUTE)
    words = {"reason": "detected as human, 2 turns of the person", "summary": "Wants a red one.",
             "transcript": "agent: Hi\nperson: A red one.", "recording": "https://api.example/RE1"}  # fmt: skip
    await answered(stage, disposition=Disposition.interested, duration_s=31, **words)
    await stage.until(MONDAY + 5 * MINUTE)  # the work after the call is done
    [call] = (await stage.do("history", disposition="interested"))["calls"]
    assert {name: call[name] for name in words} == words
    assert (call["outcome"], call["disposition"], call["duration_s"]) == ("answered", "interested", 31)
    assert (await stage.do("history", disposition="angry"))["calls"] == []
    assert (await stage.do("history", channel="sms"))["calls"] == []
    assert (await stage.do("calls"))["calls"] == (await stage.do("history"))["calls"]
    assert len((await stage.do("history", attempt=call["id"]))["calls"]) == 1
    assert (await stage.overview())["exited"] == 1


async def test_what_an_opt_outs_conversation_came_to_is_added_later(stage: Stage) -> None:
    await stage.launch(spec(CALL), person(1))
    await stage.until(MONDAY + MINUTE)
    await answered(stage, Outcome.opted_out, text="stop", reason="asked to stop, in words")
    await answered(stage, Outcome.opted_out, transcript="person: stop", duration_s=9, disposition=Disposition.angry)
    [call] = (await stage.do("history"))["calls"]
    assert (call["outcome"], call["disposition"], call["duration_s"]) == ("opted_out", "angry", 9)
    assert (call["transcript"], call["reply"]) == ("person: stop", "stop")


async def test_a_promised_callback_repeats_the_step_then(stage: Stage) -> None:
    await stage.launch(spec(CALL, SMS), person(1))
    await stage.until(MONDAY + MINUTE)
    at = MONDAY + DAY + 5 * HOUR  # Tuesday at three
    await answered(stage, disposition=Disposition.callback, callback_at=at)
    assert (await stage.overview())["queued"] == 1
    await stage.until(at - MINUTE)
    assert len(stage.phone.accepted) == 1
    await stage.until(at + MINUTE)
    assert [(attempt.step, attempt.try_no) for attempt, _, _ in stage.phone.accepted] == [("call", 1), ("call", 2)]
    await answered(stage)
    assert (await stage.overview())["exited"] == 1
    [_, first] = (await stage.do("history"))["calls"]
    assert first["callback_at"] == at


async def test_a_promised_callback_waits_for_the_contact_window(stage: Stage) -> None:
    await stage.launch(spec(CALL), person(1))
    await stage.until(MONDAY + MINUTE)
    evening = MONDAY + 10 * HOUR
    await answered(stage, disposition=Disposition.callback, callback_at=evening)
    await stage.until(evening + HOUR)
    assert len(stage.phone.accepted) == 1
    await stage.until(MONDAY + DAY)
    assert len(stage.phone.accepted) == 2
    assert stage.phone.accepted[1][2] == MONDAY + DAY - HOUR  # Tuesday, nine o'clock


async def test_an_opt_out_beats_a_promise(stage: Stage) -> None:
    await stage.launch(spec(CALL), person(1))
    await stage.until(MONDAY + MINUTE)
    await answered(stage, Outcome.opted_out, callback_at=MONDAY + DAY)
    assert (await stage.overview())["exited"] == 1


async def test_a_promise_in_the_past_or_too_far_ahead_is_none(stage: Stage) -> None:
    for n, at in enumerate((MONDAY - DAY, MONDAY + 90 * DAY), 1):
        if n == 1:
            await stage.launch(spec(CALL), person(n))
        else:
            await stage.enroll(person(n))
        await stage.until(MONDAY + n * MINUTE)
        await answered(stage, disposition=Disposition.callback, callback_at=at)
    assert (await stage.overview())["exited"] == 2


async def test_an_agent_that_failed_is_retried_as_the_campaign_says(stage: Stage) -> None:
    await stage.launch(spec(CALL | {"retry": {"agent_error": "30 min", "limit": 1}}), person(1))
    await stage.until(MONDAY + MINUTE)
    await answered(stage, Outcome.agent_error, reason="the model's service answers 503")
    await stage.until(MONDAY + HOUR)
    assert len(stage.phone.accepted) == 2
    await answered(stage, Outcome.agent_error)
    assert (await stage.overview())["completed"] == 1
