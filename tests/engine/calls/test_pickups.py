"""Pick-ups: the gate is asked again, the call id is bound once, and a call that must end is recorded with a reason."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from fluentsd.api import (
    Attempt,
    Call,
    CallSocket,
    Inbound,
    Message,
    Outcome,
    Pickup,
    PickupVerdict,
    Receipt,
    Reply,
    Request,
    WebhookResult,
)
from fluentsd.domain.gate import WORDS, Reason
from fluentsd.engine.calls.pickups import FULL, decide
from fluentsd.engine.channel_state import ChannelState
from fluentsd.store import holds, suppression
from tests.engine.stage import DAY, HOUR, FakeChannel, Stage, person, spec

CALL = {"id": "call", "channel": "phone", "agent": "sales"}
BASE = "https://calls.example.com"


class Phone(FakeChannel):
    """A channel that answers pick-ups and serves calls."""

    def webhook(self, request: Request) -> WebhookResult:
        return WebhookResult()

    def answer(self, pickup: Pickup, verdict: PickupVerdict) -> Reply:
        return Reply(200)

    async def serve_call(self, socket: CallSocket, call: Call) -> None:
        await trio.sleep_forever()


def equip(stage: Stage) -> ChannelState:
    phone = Phone("phone", stage.clock)
    stage.channels["phone"] = phone
    channel_state = stage.runtime.channels["phone"]
    stage.runtime.channels["phone"] = ChannelState("phone", phone, channel_state.concurrency, call_deadline=30 * DAY)
    return stage.runtime.channels["phone"]


async def ring(stage: Stage, **more: Any) -> str:
    """Start a campaign that calls one person; returns the token of the attempt, once it rings."""
    equip(stage)
    rung = trio.Event()

    def accept(message: Message, attempt: Attempt) -> Receipt:
        stage.phone.accept(message, attempt)
        rung.set()
        return Receipt(f"CA-{attempt.token}")

    stage.phone.always = accept
    await stage.launch(spec(CALL, **more), person(1), checked=False)
    await rung.wait()
    await stage.until(stage.clock.now() + 1_000_000)
    return stage.phone.accepted[0][0].token


async def pick_up(stage: Stage, token: str | None, ref: str | None = None, **more: Any) -> PickupVerdict:
    pickup = Pickup(ref or f"CA-{token}", token, **more)
    channel_state = stage.runtime.channels["phone"]
    return await decide(stage.runtime, stage.inbox.report, channel_state, pickup, BASE)


async def attempt_of(stage: Stage) -> tuple[Any, ...]:
    from sqlalchemy import text

    async def unit(conn: Any) -> tuple[Any, ...]:
        row = await conn.execute(text("SELECT state, outcome, reason, provider_ref FROM attempt ORDER BY id LIMIT 1"))
        return tuple(row.one())

    return await stage.runtime.store.read(unit)


def token_in(verdict: PickupVerdict) -> str:
    assert verdict.relay_url is not None
    head, _, token = verdict.relay_url.rpartition("/")
    assert head == "wss://calls.example.com/relay/phone"
    return token


async def test_a_call_that_may_go_on_gets_a_socket_with_all_it_needs(stage: Stage) -> None:
    token = await ring(stage)
    verdict = await pick_up(stage, token, details={"stream": "MZ"})
    assert verdict.go
    assert verdict.message is not None
    assert (verdict.message.agent, verdict.message.variables["first_name"]) == ("sales", "P1")
    call = stage.runtime.calls.admit("phone", token_in(verdict), stage.clock.now())
    assert call is not None
    assert call.attempt is not None
    assert (call.ref, call.attempt.token, call.attempt.to, call.details) == (
        f"CA-{token}", token, "+12125550001", {"stream": "MZ"},
    )  # fmt: skip
    assert (await attempt_of(stage))[0] == "open"


async def test_a_pick_up_that_overtakes_the_receipt_binds_the_call(stage: Stage) -> None:
    equip(stage)
    picked: list[PickupVerdict] = []

    async def answered_at_once(message: Message, attempt: Attempt) -> Receipt:
        stage.phone.accept(message, attempt)
        picked.append(await pick_up(stage, attempt.token, "CA1"))
        return Receipt("CA1")

    stage.phone.always = answered_at_once
    await stage.launch(spec(CALL), person(1), checked=False)
    await stage.until(stage.clock.now() + 1_000_000)
    assert picked[0].go
    assert await attempt_of(stage) == ("open", None, "", "CA1")


async def test_a_pick_up_is_answered_once(stage: Stage) -> None:
    token = await ring(stage)
    assert (await pick_up(stage, token)).go
    again = await pick_up(stage, token)
    assert (again.go, again.reason, again.relay_url) == (False, "this pick-up was answered before", None)
    assert (await attempt_of(stage))[0] == "open"


async def test_a_call_whose_socket_broke_is_resumed_once_and_asks_the_gate_again(stage: Stage) -> None:
    token = await ring(stage)
    assert (await pick_up(stage, token)).go
    first = await pick_up(stage, token, resumes=True)
    assert first.go
    assert first.relay_url is not None
    second = await pick_up(stage, token, resumes=True)
    assert (second.go, second.reason) == (False, "this resumption was answered before")
    assert (await attempt_of(stage))[0] == "open"


async def test_an_opt_out_ends_a_call_that_would_be_resumed(stage: Stage) -> None:
    token = await ring(stage)
    assert (await pick_up(stage, token)).go
    await stage.do("suppression add", point="+12125550001", channel="phone", because="asked")
    assert not (await pick_up(stage, token, resumes=True)).go


async def test_a_call_id_that_no_database_stores_harms_nobody(stage: Stage) -> None:
    equip(stage)
    stage.phone.always = _rings_forever
    await stage.launch(spec(CALL), person(1), checked=False)
    await stage.until(stage.clock.now() + 1_000_000)
    token = stage.runtime.in_flight.sending.copy().pop()
    assert (await pick_up(stage, token, "CA\x00\ud800" + "9" * 5000)).go
    ref = (await attempt_of(stage))[3]
    assert ref.startswith("CA")
    assert len(ref) <= 1000


async def _rings_forever(message: Message, attempt: Attempt) -> Receipt:
    await trio.sleep_forever()
    raise AssertionError


async def test_a_stranger_binds_nothing(stage: Stage) -> None:
    token = await ring(stage)
    assert (await pick_up(stage, "f" * 32)).reason == "there is no such attempt"
    assert (await pick_up(stage, token, "CA-other")).reason == "the provider's call id belongs to another call"
    assert await attempt_of(stage) == ("open", None, "", f"CA-{token}")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("opted out", WORDS[Reason.opted_out]),
        ("suppressed", WORDS[Reason.suppressed_channel]),
        ("window closed", WORDS[Reason.window]),
        ("paused", "the campaign is paused"),
        ("channel held", "the channel is held"),
        ("campaign held", "the campaign is held"),
        ("full", FULL),
    ],
)
async def test_a_changed_answer_ends_the_call_and_is_recorded(stage: Stage, change: str, reason: str) -> None:
    token = await ring(stage)
    at, run = stage.clock.now(), stage.runtime.store.run
    if change == "opted out":
        await run(suppression.add, [("phone", "+12125550001")], reason="opted_out", by="contact", at=at)
    elif change == "suppressed":
        await run(suppression.add, [("phone", "+12125550001")], reason="asked", by="tester", at=at, channel="phone")
    elif change == "window closed":
        stage.phone.cancel = _too_late  # type: ignore[method-assign]
        await stage.until(at + 8 * HOUR)
    elif change == "paused":
        stage.phone.cancel = _too_late  # type: ignore[method-assign]
        await stage.do("campaign pause", ref="test")
    elif change == "full":
        stage.runtime.calls.most = 0
    else:
        scope, target = ("channel", "phone") if change == "channel held" else ("campaign", "test")
        await run(_hold, scope, target, at)
    verdict = await pick_up(stage, token)
    assert not verdict.go
    assert verdict.relay_url is None
    assert reason in verdict.reason
    state, outcome, why, ref = await attempt_of(stage)
    assert (state, outcome, ref) == ("settled", Outcome.no_answer, f"CA-{token}")
    assert why == f"ended at pick-up: {verdict.reason}"
    assert stage.runtime.in_flight.of("phone") == 0


async def _too_late(attempt: Attempt) -> bool:
    return False


async def _hold(conn: Any, scope: str, target: str, at: int) -> None:
    await holds.place(conn, scope, target, reason="a test", by="tester", at=at)


async def test_an_attempt_does_not_count_against_itself(stage: Stage) -> None:
    limits = {"per_contact": "1/week", "budget": "1.00 USD/day", "cost": {"phone": 1.0}}
    token = await ring(stage, limits=limits)
    assert (await pick_up(stage, token)).go


async def test_an_attempt_that_has_ended_is_not_begun_again(stage: Stage) -> None:
    token = await ring(stage)
    await stage.inbox.take(Inbound(Outcome.voicemail, token=token))
    assert (await pick_up(stage, token)).reason == "the attempt has ended"
    assert (await attempt_of(stage))[1] == Outcome.voicemail


async def test_a_person_who_calls_us_asks_no_gate(stage: Stage) -> None:
    equip(stage)
    verdict = await pick_up(stage, None, "CA-in", address="+12125550009")
    assert verdict.go
    assert verdict.message is None
    call = stage.runtime.calls.admit("phone", token_in(verdict), stage.clock.now())
    assert call == Call("phone", "CA-in", address="+12125550009")
    stage.runtime.calls.most = 0
    assert (await pick_up(stage, None, "CA-in2")).reason == FULL
