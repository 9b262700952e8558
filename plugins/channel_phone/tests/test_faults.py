"""What breaks: the model's service, the socket, our own code; one call at a time, and the others go on."""

from __future__ import annotations

import json
import re

import pytest
import trio
import trio.testing
from fluentsd_channel_phone.speech import SPOKEN_PER_SECOND

from fluentsd.api import Message, Outcome, Unavailable, WebhookSkill
from plugins.channel_phone.tests.fake_chat import Fault, Later, Use, use
from plugins.channel_phone.tests.fake_voice import NUMBER
from plugins.channel_phone.tests.stage import PERSON, an_agent

FALLBACK = {"base_url": "http://other.example/v1", "model": "second"}
BROKEN = "I am sorry, I have a technical problem and must end this call. Goodbye."


@pytest.mark.parametrize(
    "fault",
    [Fault("refuse"), Fault("status", 429), Fault("status", 500), Fault("status", 401), Fault("hang"),
     Fault("stall"), Fault("truncate"), Fault("malformed"), Fault("error")],
    ids=lambda fault: f"{fault.kind}-{fault.status}",
)  # fmt: skip
async def test_a_fault_is_answered_by_the_other_service(autojump_clock, stage, chat, fault):
    stage.use(fallback=FALLBACK)
    chat.script = [fault, "I am the second."]
    async with stage.talking() as call:
        call.line.say("Hello?")
        turn = await call.line.heard(2)
        assert turn.endswith("I am the second.")
        assert turn.startswith(("One moment, please.", "I am"))
    assert chat.paths[-1] == "http://other.example/v1/chat/completions"
    assert [body["model"] for body in chat.requests[-1:]] == ["second"]
    assert stage.reports[0].outcome == Outcome.answered


async def test_without_a_fallback_the_same_service_is_asked_once_more(autojump_clock, stage, chat):
    chat.script = [Fault("status", 429), "Again."]
    async with stage.talking() as call:
        call.line.say("Hello?")
        assert await call.line.heard(2) == "Again."


async def test_when_the_model_is_gone_the_agent_apologises_and_ends_the_call(autojump_clock, stage, chat):
    chat.otherwise = Fault("status", 503)
    async with stage.talking() as call:
        call.line.say("Hello?")
        assert await call.line.heard(2) == BROKEN
        await call.line.gone()
    assert stage.reports[0].outcome == Outcome.agent_error
    assert stage.reports[0].reason == "the model's service answers 503"


async def test_an_answer_that_breaks_off_is_kept_as_far_as_it_was_said(autojump_clock, stage, chat):
    chat.script = [Fault("stall", text="It has two")]
    async with stage.talking() as call:
        call.line.say("Hello?")
        assert await call.line.heard(2) == "It has two"
    assert len(chat.requests) == 1


async def test_a_service_that_does_not_stream_is_understood(autojump_clock, stage, chat):
    chat.streams = False
    async with stage.talking() as call:
        call.line.say("Hello?")
        assert await call.line.heard(2) == "I see."


@pytest.mark.parametrize("raw", ["", "{", "[1]", '{"to": 5}', '{"to": "sales", "number": "+1900"}', "null", "9" * 9000])
async def test_arguments_that_are_garbage_are_refused_to_the_model(autojump_clock, stage, chat, raw):
    chat.script = [Use((("transfer", raw),)), "Sorry."]
    async with stage.talking() as call:
        call.line.say("Hello?")
        assert await call.line.heard(2) == "Sorry."
    results = [m["content"] for m in chat.requests[1]["messages"] if m["role"] == "tool"]
    assert results[0].startswith("refused: ")
    assert stage.reports[0].disposition is None


def strict(body) -> str | None:
    """What a strict service refuses in a request: names, arguments and ids of the model's own earlier calls."""
    answered = {m["tool_call_id"] for m in body["messages"] if m["role"] == "tool"}
    calls = [call for m in body["messages"] for call in m.get("tool_calls") or ()]
    for call in calls:
        name, arguments = call["function"]["name"], call["function"]["arguments"]
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
            return f"name {name!r}"
        if not isinstance(json.loads(arguments, parse_constant=pytest.fail), dict):
            return f"arguments {arguments!r}"
    ids = [call["id"] for call in calls]
    return None if set(ids) == answered and len(set(ids)) == len(ids) else f"ids {ids} and {answered}"


@pytest.mark.parametrize(
    "raw", ["{", '{"at": ', "[1]", "null", '"x"', "7", '{"at": NaN}', "[" * 5000, '{"at": "x"} {}']
)
@pytest.mark.parametrize("name", ["book_callback", "book callback!", "x" * 90])
async def test_no_mistake_of_the_model_spoils_later_requests(autojump_clock, stage, chat, raw, name):
    chat.script = [Use(((name, raw),)), "Sorry."]
    async with stage.talking() as call:
        call.line.say("Call me later.")
        assert await call.line.heard(2) == "Sorry."
        call.line.say("Hello?")
        assert await call.line.heard(3) == "I see."
    assert [strict(body) for body in chat.requests] == [None, None, None]
    results = [m["content"] for m in chat.requests[1]["messages"] if m["role"] == "tool"]
    assert results[0].startswith("refused: ")
    assert stage.reports[0].outcome == Outcome.answered


@pytest.mark.parametrize("raw", ["", "{", "null", '{"reason": "asked"}'])
async def test_an_opt_out_that_the_model_writes_badly_is_one(autojump_clock, stage, chat, raw):
    chat.script = [Use((("opt_out", raw),))]
    async with stage.talking() as call:
        call.line.say("I would rather hear nothing more of this.")
        await call.line.gone()
    assert {one.outcome for one in stage.reports} == {Outcome.opted_out}


async def test_half_a_character_breaks_no_call(autojump_clock, stage, chat):
    chat.script = ["Fine \ud83d", "Good."]
    async with stage.talking() as call:
        call.line.say("How are \ud83d you?")
        assert await call.line.heard(2) == "Fine ?"
        call.line.say("Good?")
        assert await call.line.heard(3) == "Good."
    json.dumps(chat.requests, ensure_ascii=False).encode()
    stage.reports[0].transcript.encode()
    assert stage.reports[0].outcome == Outcome.answered


async def test_skills_without_an_end_end_the_call(autojump_clock, stage, chat):
    chat.otherwise = use("note_result", disposition="interested")
    async with stage.talking() as call:
        call.line.say("Hello?")
        assert (await call.line.heard(2)).endswith(BROKEN)
    assert len(chat.requests) == 4


async def test_a_slow_skill_is_covered_by_a_word(autojump_clock, stage, chat):
    chat.script = [use("webhook_slow"), "Here it is."]
    chat.webhook_after = 3.0
    hook = WebhookSkill("slow", "Slow.", "http://slow.example/")
    async with stage.talking(an_agent(webhooks=(hook,))) as call:
        call.line.say("Look it up.")
        assert await call.line.heard(2) == "One moment, please. Here it is."


STILL = "It takes a little longer. Please stay on the line."


def silences(spoken: list[tuple[float, str]]) -> list[float]:
    """The seconds between the end of what was said and the beginning of what came next."""
    found, end = [], spoken[0][0]
    for at, text in spoken:
        found.append(at - end)
        end = max(end, at) + len(text) / SPOKEN_PER_SECOND
    return found


@pytest.mark.parametrize("before", ["", "Let me look that up for you."])
async def test_a_long_wait_is_never_silent(autojump_clock, stage, chat, before):
    """Two skills of seven seconds each, and a model that takes five: the person hears that it goes on."""
    chat.script = [Use((("webhook_slow", {}), ("webhook_slow", {})), before), Later(5.0, "Here it is.")]
    chat.webhook_after = 7.0
    hook = WebhookSkill("slow", "Slow.", "http://slow.example/")
    async with stage.talking(an_agent(webhooks=(hook,))) as call:
        await trio.sleep(6)  # the opening is heard out
        call.line.say("Look it up.")
        turn = await call.line.heard(2)
    assert turn.startswith(before or "One moment, please.")
    assert turn.endswith(f"{STILL} Here it is.")
    assert turn.count(STILL) >= 2
    assert max(silences(call.line.spoken_at[1:])) < 5
    assert chat.requests[1]["messages"][-1]["role"] == "tool"
    assert stage.reports[0].outcome == Outcome.answered


async def test_a_model_that_stalls_in_its_sentence_is_not_talked_over(autojump_clock, stage, chat):
    chat.script, chat.piece_after = ["It has two wheels."], 4.5
    async with stage.talking() as call:
        call.line.say("Hello?")
        assert await call.line.heard(2) == "One moment, please. It has two wheels."


async def test_nobody_is_called_while_the_model_fails(autojump_clock, stage, chat):
    chat.otherwise = Fault("status", 503)
    for _ in range(3):
        async with stage.talking() as call:
            call.line.say("Hello?")
            await call.line.gone()
    message = Message("phone", PERSON, NUMBER, agent="sales", settings=an_agent())
    with pytest.raises(Unavailable, match="the model failed in the last calls"):
        await stage.channel.send(message, call.attempt)


# A socket that breaks


# Many calls


class Bug(Exception):
    """A fault of our own."""


async def test_a_fault_in_one_of_a_hundred_calls_touches_no_other(autojump_clock, stage, chat):
    """Every tenth call breaks in one of four ways: our own bug, garbage, a lost socket, a person who stalls."""
    calls = [stage.dial() for _ in range(100)]
    failed: list[str] = []

    def reply(messages):
        if messages[-1]["content"] == "Turn 3":
            raise Bug
        return "I see."

    chat.otherwise = reply

    async def serve(call) -> None:
        try:
            await stage.channel.serve_call(call.line, call.call)
        except Exception:  # noqa: BLE001 - as the web front guards each call
            failed.append(call.attempt.token)

    async def talk(number: int, call) -> None:
        call.line.setup()
        await call.line.heard(1)
        if number % 10 == 1:
            call.line.hang_up(1006)
            return
        if number % 10 == 0:
            call.line.raw("{")
        call.line.say(f"Turn {number % 10}")
        if number % 10 == 3:
            return
        await call.line.heard(2)
        if number % 10 != 2:  # that one says no more, and never hangs up by itself
            call.line.hang_up()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.channel.listen, stage._keep)
        async with trio.open_nursery() as inner:
            for number, call in enumerate(calls):
                stage.pick_up(call)
                inner.start_soon(serve, call)
                inner.start_soon(talk, number, call)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    outcomes = {one.token: one.outcome for one in stage.reports}
    assert len(stage.reports) == len(outcomes) == 100
    for number, call in enumerate(calls):
        wanted = {1: Outcome.no_answer, 3: Outcome.agent_error}.get(number % 10, Outcome.answered)
        assert outcomes[call.attempt.token] == wanted, number
    assert sorted(failed) == sorted(call.attempt.token for number, call in enumerate(calls) if number % 10 == 3)


async def test_eighty_calls_end_at_the_same_moment(autojump_clock, stage):
    calls = [stage.dial() for _ in range(80)]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.channel.listen, stage._keep)
        async with trio.open_nursery() as inner:
            for call in calls:
                stage.pick_up(call)
                inner.start_soon(stage.channel.serve_call, call.line, call.call)
                call.line.setup()
            for call in calls:
                await call.line.heard(1)
                call.line.say("Hello")
                await call.line.heard(2)
            for call in calls:
                call.line.hang_up()
                stage.channel.webhook(stage.twilio.ended(call.kept, "completed"))
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert sorted(one.token for one in stage.reports) == sorted(call.attempt.token for call in calls)
    assert {one.outcome for one in stage.reports} == {Outcome.answered}


async def test_a_stopping_daemon_reports_what_was_said(autojump_clock, stage):
    call = stage.dial()
    stage.pick_up(call)
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.channel.serve_call, call.line, call.call)
            call.line.setup()
            await call.line.heard(1)
            call.line.say("Hello")
            await call.line.heard(2)
            scope.cancel()
    assert stage.channel._reception.reports.receive_nowait()[0].outcome == Outcome.answered
