"""Hosted agents: calls are created, found and ended; webhooks are hints, and polling finds what they leave out."""

from __future__ import annotations

import json
import os
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
import trio
import trio.testing
from fluentsd_channel_fluents.channel import LOOKS_AFTER_END
from fluentsd_channel_fluents.service import NoAnswer

from fluentsd.api import (
    Attempt,
    Cancelled,
    CannotTell,
    Forged,
    Found,
    Message,
    NeedsHuman,
    Outcome,
    Rejected,
    Request,
    Unavailable,
)
from plugins.channel_fluents.tests.fake_fluents import AGENT
from plugins.channel_fluents.tests.hosted import HUMAN, OURS, PERSON, SECRET, Stage, hint


async def test_a_call_carries_our_token_and_asks_for_opt_out_detection(stage: Stage) -> None:
    _, attempt = await stage.start(stage.use())
    [body] = stage.fluents.bodies
    assert body == {
        "from_number": OURS, "to_number": PERSON, "agent": AGENT, "on_no_human_answer": "hangup",
        "run_do_not_call_detection": True, "context": {"first_name": "Dana", "fluentsd_attempt": attempt.token},
    }  # fmt: skip
    spec = Path(os.environ.get("FLUENTSD_SPECS", "/nowhere")) / "vocode.json"
    if spec.exists():
        schemas = json.loads(spec.read_text())["components"]["schemas"]
        wanted = schemas["CreateCallRequest"]
        assert set(wanted["required"]) <= body.keys() <= wanted["properties"].keys()
        assert next(iter(stage.fluents.calls.values())).keys() <= schemas["Call"]["properties"].keys()


@pytest.mark.parametrize(
    ("bad", "error"),
    [("refuse", Rejected), ("unavailable", Unavailable), ("connect", Unavailable), ("accept_then_error", NoAnswer),
     ("garbage", NoAnswer)],
)  # fmt: skip
async def test_what_a_failed_creation_asserts(stage: Stage, bad: str, error: type[Exception]) -> None:
    channel = stage.use()
    stage.fluents.bad = bad
    with pytest.raises(error):
        await stage.start(channel)
    assert bool(stage.fluents.calls) is (error is NoAnswer)


async def test_a_call_whose_creation_was_not_answered_is_found_by_our_token(stage: Stage) -> None:
    channel = stage.use()
    await stage.start(channel)  # another one
    attempt = Attempt(uuid.uuid4().hex, "phone", PERSON, 0)
    stage.fluents.bad = "accept_then_error"
    with pytest.raises(NoAnswer):
        await channel.send(Message("phone", PERSON, agent="sales"), attempt)
    stage.fluents.bad = ""
    found = await stage.use().lookup(attempt)
    assert isinstance(found, Found)
    assert (found.by_token, found.receipt.ref) == (True, stage.fluents.held(attempt.token)[0])
    assert isinstance(await channel.lookup(Attempt("f" * 32, "phone", PERSON, 0)), CannotTell)
    stage.fluents.bad = "connect"
    unasked = await channel.lookup(attempt)
    assert isinstance(unasked, CannotTell)
    assert not unasked.asked


async def test_a_key_or_an_agent_that_is_wrong_needs_a_person(stage: Stage) -> None:
    with pytest.raises(NeedsHuman, match="refuses the key"):
        await stage.start(stage.use(key="wrong"))
    with pytest.raises(NeedsHuman, match="no agent at Fluents is called 'sales'"):
        await stage.start(stage.use(agents={"care": AGENT}))
    assert [one.ok for one in await stage.use(key="wrong").check()] == [False]
    assert [one.ok for one in await stage.use().check()] == [True]


async def test_a_webhook_is_a_hint_that_a_fetch_has_to_confirm(stage: Stage) -> None:
    channel = stage.use(poll=600)
    ref, attempt = await stage.start(channel)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(channel.listen, stage.keep)
        for early in (
            hint(ref),
            hint(ref, type="event_action", payload={"do_not_call": True}),
            hint(str(uuid.uuid4())),
        ):
            assert channel.webhook(early).inbounds == ()
        await trio.testing.wait_all_tasks_blocked()
        assert stage.reports == []  # it goes on; the other call is not ours
        said = "BOT: Hi\nHUMAN: Yes, send it."
        stage.fluents.end(ref, **HUMAN, transcript=said, recording_available=True, stage_outcome="human_disconnected")
        for _ in range(2):
            channel.webhook(hint(ref))
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    [first] = stage.reports
    assert (first.outcome, first.token, first.ref, first.duration_s) == (Outcome.answered, attempt.token, ref, 61)
    assert (first.transcript, first.cost_micros) == (said, 200)
    pieces: list[bytes] = []

    async def write(data: bytes) -> None:
        pieces.append(data)

    assert await channel.fetch_recording(first.recording, write) == "audio/wav"
    assert pieces == [b"RIFF"]
    with pytest.raises(Rejected):
        await channel.fetch_recording("https://evil.example/v1/calls/recording?id=" + ref, write)


async def test_a_webhook_that_never_comes_is_found_by_polling(stage: Stage) -> None:
    channel = stage.use(poll=1)
    ref, _ = await stage.start(channel)
    stage.fluents.end(ref, stage_outcome="human_unanswered")
    with trio.move_on_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(channel.listen, stage.keep)
            await stage.reported.wait()
            nursery.cancel_scope.cancel()
    assert [one.outcome for one in stage.reports] == [Outcome.no_answer]


async def test_a_call_whose_fetch_is_not_answered_delays_no_other(stage: Stage) -> None:
    channel = stage.use()
    stuck, _ = await stage.start(channel)
    ref, attempt = await stage.start(channel)
    stage.fluents.stuck.add(stuck)
    stage.fluents.end(ref, stage_outcome="human_unanswered")
    with trio.fail_after(2):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(channel.listen, stage.keep)
            channel.webhook(hint(stuck))
            channel.webhook(hint(ref))
            await stage.reported.wait()
            nursery.cancel_scope.cancel()
    assert [one.token for one in stage.reports] == [attempt.token]


async def test_what_is_known_only_after_the_end_is_reported_too(stage: Stage) -> None:
    channel = stage.use(poll=1)
    ref, attempt = await stage.start(channel)
    stage.fluents.end(ref, **HUMAN, stage_outcome="human_disconnected")
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(channel.listen, stage.keep)
            channel.webhook(hint(ref))
            await stage.reported.wait()
            stage.reported = trio.Event()
            stage.fluents.calls[ref] |= {"do_not_call_result": True, "transcript": "HUMAN: Please go away."}
            await stage.reported.wait()
            nursery.cancel_scope.cancel()
    assert [(one.outcome, one.token) for one in stage.reports] == [
        (Outcome.answered, attempt.token), (Outcome.opted_out, attempt.token),
    ]  # fmt: skip


async def test_a_call_that_outlived_the_daemon_is_polled_again(stage: Stage) -> None:
    ref, attempt = await stage.start(stage.use())
    channel = stage.use(poll=1)  # after a restart
    lost = replace(attempt, provider_ref=None)
    found = await channel.lookup(lost)
    assert isinstance(found, Found)
    assert (found.receipt.ref, found.receipt.outcome) == (ref, None)
    stage.fluents.end(ref, stage_outcome="human_unanswered")
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(channel.listen, stage.keep)
            await stage.reported.wait()
            nursery.cancel_scope.cancel()
    assert [(one.outcome, one.token) for one in stage.reports] == [(Outcome.no_answer, attempt.token)]


async def test_a_lost_call_is_found_in_pages_shorter_than_asked_and_without_has_more(stage: Stage) -> None:
    channel = stage.use()
    ref, attempt = await stage.start(channel)
    for _ in range(70):
        await stage.start(channel)
    stage.fluents.page_at_most = 10
    found = await stage.use().lookup(replace(attempt, provider_ref=None))
    assert isinstance(found, Found)
    assert found.receipt.ref == ref
    for one in stage.fluents.calls:
        stage.fluents.end(one)
    assert len(await stage.use().made_since(0, 30)) == 30
    stage.fluents.page_at_most, stage.fluents.says_more = 50, False
    assert isinstance(await stage.use().lookup(replace(attempt, provider_ref=None)), Found)


async def test_a_call_that_was_deleted_is_not_asked_for_for_ever(stage: Stage) -> None:
    channel = stage.use()
    ref, attempt = await stage.start(channel)
    del stage.fluents.calls[ref]
    for _ in range(LOOKS_AFTER_END + 1):
        assert ref in channel._under_way
        await channel._look(ref, stage.keep)
    assert ref not in channel._under_way
    assert stage.reports == []
    assert isinstance(await channel.lookup(replace(attempt, provider_ref=ref)), CannotTell)


@pytest.mark.parametrize(
    ("status", "error"),
    [(402, NeedsHuman), (405, Rejected), (413, Rejected), (451, Rejected), (408, NoAnswer), (425, NoAnswer),
     (302, NoAnswer), (503, NoAnswer), (200, NoAnswer)],
)  # fmt: skip
async def test_what_a_status_without_a_body_asserts(stage: Stage, status: int, error: type[Exception]) -> None:
    stage.fluents.bad, stage.fluents.status = "status", status
    with pytest.raises(error):
        await stage.start(stage.use())


async def test_a_recording_that_breaks_off_is_read_again(stage: Stage) -> None:
    channel = stage.use()
    ref, _ = await stage.start(channel)
    stage.fluents.bad = "connect"

    async def write(data: bytes) -> None: ...

    with pytest.raises(Unavailable, match="cannot be read now"):
        await channel.fetch_recording(f"{channel.settings.base_url}/v1/calls/recording?id={ref}", write)


async def test_a_webhook_may_name_its_call_in_the_payload(stage: Stage) -> None:
    channel, ref = stage.use(), str(uuid.uuid4()).upper()
    assert channel.webhook(hint("", call_id=None, payload={"call_id": ref, "new": [1.5]})).inbounds == ()


async def test_a_forged_webhook_asks_for_nothing(stage: Stage) -> None:
    channel = stage.use()
    for secret in ("", "wrong", SECRET[:-1], "é"):
        with pytest.raises(Forged):
            channel.webhook(hint(str(uuid.uuid4()), secret))
    with pytest.raises(Forged):
        stage.use(webhook_secret="x" * 16).webhook(hint(str(uuid.uuid4())))
    for body in (b"", b"[]", b"{}", b'{"call_id": 7}', b'{"call_id": "../../v1/agents"}', b"[" * 9000):
        with pytest.raises(ValueError, match=r"call_id|not JSON"):
            channel.webhook(Request("POST", f"https://o.example/hooks/phone?secret={SECRET}", {}, body))
    assert stage.fluents.asked == []


async def test_a_ringing_call_is_ended_and_one_that_was_picked_up_is_not(stage: Stage) -> None:
    channel = stage.use()
    ref, attempt = await stage.start(channel)
    stage.fluents.calls[ref]["stage"] = "picked_up"
    assert await channel.cancel(attempt) is False
    stage.fluents.calls[ref]["stage"] = "created"
    assert await channel.cancel(attempt) == Cancelled.may_have_rung
    assert await channel.cancel(attempt) is False
