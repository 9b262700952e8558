"""Hosted agents: calls are created, found and ended; webhooks are hints, and polling finds what they leave out."""

from __future__ import annotations

import datetime as dt
import json
import os
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from fluentsd_channel_fluents import FluentsChannel, read_settings, register_channels
from fluentsd_channel_fluents.call_list import SECOND, instant
from fluentsd_channel_fluents.channel import LOOKS_AFTER_END
from fluentsd_channel_fluents.outcomes import ended
from fluentsd_channel_fluents.service import NoAnswer

from fluentsd.api import (
    Attempt,
    Cancelled,
    CannotTell,
    ConfigProblem,
    Disposition,
    Forged,
    Found,
    Inbound,
    Message,
    NeedsHuman,
    Outcome,
    Rejected,
    Request,
    Tools,
    Unavailable,
)
from fluentsd.testing import Fault, exercise_channel, tools
from plugins.channel_fluents.tests.fake_fluents import AGENT, KEY, FakeFluents

SECRET = "a-secret-of-some-length"
PERSON, OURS = "+14155550001", "+14155550100"
HUMAN = {"stage": "picked_up", "human_detection_result": "human"}


@dataclass
class Stage:
    """A channel before the fake; `reports` are what it delivers."""

    fluents: FakeFluents
    tools: Tools
    reports: list[Inbound] = field(default_factory=list)
    reported: trio.Event = field(default_factory=trio.Event)

    def use(self, **more: Any) -> FluentsChannel:
        table = {"key": KEY, "sender": OURS, "agents": {"sales": AGENT}, "webhook_secret": SECRET, "minute_price": 100}
        return FluentsChannel(read_settings(table | more), self.tools)

    async def start(self, channel: FluentsChannel) -> tuple[str, Attempt]:
        attempt = Attempt(uuid.uuid4().hex, "phone", PERSON, self.tools.clock.now())
        message = Message("phone", PERSON, agent="sales", variables={"first_name": "Dana"})
        receipt = await channel.send(message, attempt)
        return receipt.ref, replace(attempt, provider_ref=receipt.ref)

    async def keep(self, inbound: Inbound) -> None:
        self.reports.append(inbound)
        self.reported.set()


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    fluents = FakeFluents()
    client = fluents.client()
    made = tools(folder=tmp_path, kind="phone", public_url="https://outreach.example")
    yield Stage(fluents, replace(made, http=lambda: client))
    await client.aclose()


def hint(ref: str, secret: str = SECRET, **more: Any) -> Request:
    body = {"type": "event_phone_call_ended", "call_id": ref, "payload": {}} | more
    return Request("POST", f"https://outreach.example/hooks/phone?secret={secret}", {}, json.dumps(body).encode())


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


class Provider:
    """The fake as the provider of the conformance suite."""

    faults = (Fault.refuse, Fault.unavailable, Fault.accept_then_error, Fault.accept_then_hang, Fault.hang)

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def make(self, given: Tools) -> FluentsChannel:
        return Stage(self.stage.fluents, replace(given, http=self.stage.tools.http)).use(agents={"trial": AGENT})

    def arrange(self, fault: Fault | None) -> None:
        self.stage.fluents.bad = str(fault.value) if fault is not None else ""

    def held(self, token: str) -> Sequence[str]:
        return [self.stage.fluents.calls[ref]["to_number"] for ref in self.stage.fluents.held(token)]


@pytest.mark.slow
async def test_it_keeps_every_promise_of_a_channel(stage: Stage) -> None:
    provider = Provider(stage)
    await exercise_channel(provider.make, tools=stage.tools, provider=provider, patience=0.5)


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


async def test_a_lost_call_is_found_beyond_the_first_page(stage: Stage) -> None:
    channel = stage.use()
    ref, attempt = await stage.start(channel)
    for _ in range(70):
        await stage.start(channel)
    found = await stage.use().lookup(replace(attempt, provider_ref=None))
    assert isinstance(found, Found)
    assert found.receipt.ref == ref


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


def test_every_mistake_of_the_settings_is_named_without_a_secret() -> None:
    wrong = {"sender": "12", "agents": {"a": "b"}, "webhook_secret": "short", "poll": 0, "no_human": "x", "strange": 1}
    with pytest.raises(ConfigProblem) as why:
        read_settings(wrong)
    assert all(
        name in str(why.value) for name in ("key", "sender", "agents", "webhook_secret", "poll", "no_human", "strange")
    )
    assert "short" not in str(why.value)


def test_it_registers_under_a_name_of_its_own() -> None:
    names: list[str] = []
    register_channels(lambda name, factory: names.append(name))
    assert names == ["fluents"]


async def test_calls_since_an_instant_are_listed_newest_first(stage: Stage) -> None:
    channel = stage.use()
    first, _ = await stage.start(channel)
    second, _ = await stage.start(channel)
    queued, _ = await stage.start(channel)
    stage.fluents.end(first)
    stage.fluents.end(second, start_time="2026-11-27T11:00:00")
    begun_at = round(dt.datetime(2026, 11, 27, 10, tzinfo=dt.UTC).timestamp() * SECOND)
    hour = 3600 * SECOND
    both = [(second, PERSON, begun_at + hour, None), (first, PERSON, begun_at, None)]
    assert [astuple(one) for one in await channel.made_since(begun_at, 50)] == both
    assert [one.ref for one in await channel.made_since(begun_at + 1, 50)] == [second]
    assert await channel.made_since(begun_at, 1) == []  # the newest is queued, without a time
    assert queued not in [one.ref for one in await channel.made_since(0, 50)]
    assert {one.sender for one in await stage.use(sender="+14155550199").made_since(0, 50)} == {OURS}


@pytest.mark.parametrize(
    ("facts", "is_ours"),
    [
        ({}, True),
        ({"context": None}, True),  # nothing says that it is not
        ({"context": {"first_name": "Dana"}}, False),  # another system's call
        ({"to_number": OURS}, False),  # a call to us
        ({"start_time": None}, False),
        ({"from_number": None}, False),
    ],
)
async def test_only_calls_that_may_be_ours_are_listed(stage: Stage, facts: dict[str, Any], is_ours: bool) -> None:
    channel = stage.use()
    ref, _ = await stage.start(channel)
    stage.fluents.end(ref, **facts)
    assert [one.ref for one in await channel.made_since(0, 50)] == [ref] * is_ours


@pytest.mark.parametrize(
    ("value", "at"),
    [
        (1764237600, 1764237600 * SECOND),
        (1764237600.5, 1764237600_500_000),
        (1764237600000, 1764237600 * SECOND),
        ("2025-11-27T10:00:00", 1764237600 * SECOND),
        ("2025-11-27T11:00:00+01:00", 1764237600 * SECOND),
        ("yesterday", None), ("", None), (True, None), (float("nan"), None), (-1, None), (None, None), ([], None),
    ],
)  # fmt: skip
def test_the_times_of_a_list_are_read(value: object, at: int | None) -> None:
    assert instant(value) == at


@pytest.mark.parametrize("bad", ["unavailable", "connect"])
async def test_a_list_that_cannot_be_read_is_an_error(stage: Stage, bad: str) -> None:
    channel = stage.use()
    stage.fluents.bad = bad
    with pytest.raises(Unavailable):
        await channel.made_since(0, 50)
