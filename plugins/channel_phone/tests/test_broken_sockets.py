"""Sockets that break, never open or hang: the person hears it, and the outcome is what was said before."""

from __future__ import annotations

from xml.etree import ElementTree

import trio
import trio.testing

from fluentsd.api import Disposition, Outcome, PickupVerdict
from plugins.channel_phone.tests.fake_chat import use
from plugins.channel_phone.tests.stage import an_agent

BROKEN = "I am sorry, I have a technical problem and must end this call. Goodbye."


async def test_a_broken_socket_is_resumed_once_with_what_was_said(autojump_clock, stage, chat):
    async with stage.talking() as call:
        call.line.say("My name is Dana.")
        await call.line.heard(2)
        call.line.hang_up(1006)
        await trio.testing.wait_all_tasks_blocked()
        found = stage.post(call, "end", SessionStatus="failed", SessionDuration="12")
        assert found.pickup.resumes
        twiml = stage.answer(call, found)
        assert twiml.find("Connect/ConversationRelay") is not None
        second = type(call.line)(call.kept.sid)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.channel.serve_call, second, call.call)
            second.setup()
            assert await second.heard(1) == "I am sorry, we were cut off for a moment. Please go on."
            second.say("What is my name?")
            await second.heard(2)
            second.hang_up(1006)
            await trio.testing.wait_all_tasks_blocked()
            again = stage.post(call, "end", SessionStatus="failed", SessionDuration="3")
            assert again.pickup is None
            assert last_words(again.reply) == (BROKEN, "en-US")
    turns = [m["content"] for m in chat.requests[-1]["messages"] if m["role"] == "user"]
    assert turns[-2:] == ["My name is Dana.", "What is my name?"]
    (report,) = stage.reports
    assert (report.outcome, report.reason) == (Outcome.agent_error, "the connection of the call broke twice")
    assert "My name is Dana." in report.transcript
    assert "What is my name?" in report.transcript


async def test_an_orderly_end_is_no_break_although_the_line_is_open(autojump_clock, stage, chat):
    """Some services send "in-progress" with the end of a session that the person has ended."""
    async with stage.talking() as call:
        call.line.say("My name is Dana.")
        await call.line.heard(2)
        call.line.hang_up(1000)
        await trio.testing.wait_all_tasks_blocked()
        found = stage.post(call, "end", SessionStatus="ended")
        stage.answer(call, found)
        second = type(call.line)(call.kept.sid)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.channel.serve_call, second, call.call)
            second.setup()
            await second.heard(1)
            second.hang_up(1000)
            await trio.testing.wait_all_tasks_blocked()
            assert last_words(stage.post(call, "end", SessionStatus="ended").reply)[0] == BROKEN
    (report,) = stage.reports
    assert report.outcome == Outcome.answered


def last_words(reply) -> tuple[str, str | None]:
    """What is said before the call is ended, and in which language."""
    first, then = ElementTree.fromstring(reply.body)
    assert (first.tag, then.tag) == ("Say", "Hangup")
    return first.text, first.get("language")


async def test_calls_that_break_twice_stop_no_others(autojump_clock, stage, chat):
    """It is no fault of the model's."""
    for _ in range(4):
        async with stage.talking() as call:
            call.line.say("Hello")
            await call.line.heard(2)
            call.line.hang_up(1006)
            await trio.testing.wait_all_tasks_blocked()
            stage.answer(call, stage.post(call, "end", SessionStatus="failed"))
            second = type(call.line)(call.kept.sid)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stage.channel.serve_call, second, call.call)
                second.setup()
                await second.heard(1)
                second.hang_up(1006)
                await trio.testing.wait_all_tasks_blocked()
                stage.post(call, "end", SessionStatus="failed")
    assert [one.outcome for one in stage.reports] == [Outcome.agent_error] * 4
    assert stage.channel._reception.model_rests_until == 0


async def test_a_result_that_was_noted_before_the_break_counts(autojump_clock, stage, chat):
    """Nobody is called again who has said that they do not want it."""
    chat.script = [use("note_result", disposition="not_interested"), "I see."]
    async with stage.talking() as call:
        call.line.say("That is nothing for me.")
        await call.line.heard(2)
        call.line.hang_up(1006)
        await trio.testing.wait_all_tasks_blocked()
        found = stage.post(call, "end", SessionStatus="failed")
        reply = stage.channel.answer(found.pickup, PickupVerdict(go=False, reason="full"))
        assert last_words(reply)[0] == BROKEN
    assert [(one.outcome, one.disposition) for one in stage.reports] == [(Outcome.answered, Disposition.not_interested)]


async def test_a_conversation_that_may_not_be_resumed_ends_with_words(autojump_clock, stage, chat):
    async with stage.talking(an_agent(language="es-MX")) as call:
        call.line.say("Hola")
        await call.line.heard(2)
        call.line.hang_up(1006)
        await trio.testing.wait_all_tasks_blocked()
        found = stage.post(call, "end", SessionStatus="failed")
        reply = stage.channel.answer(found.pickup, PickupVerdict(go=False, reason="full"))
        assert last_words(reply)[0].startswith("Lo siento")
    assert [(one.outcome, one.reason) for one in stage.reports] == [
        (Outcome.agent_error, "the connection of the call broke")
    ]


async def test_an_opt_out_whose_goodbye_broke_is_confirmed(autojump_clock, stage, chat):
    async with stage.talking() as call:
        call.line.say("Take me off your list.")
        call.line.hang_up(1006)
        await trio.testing.wait_all_tasks_blocked()
        found = stage.post(call, "end", SessionStatus="failed")
        assert last_words(found.reply)[0] == "Understood. You will not be contacted again. Goodbye."
    assert {one.outcome for one in stage.reports} == {Outcome.opted_out}


async def test_a_conversation_that_never_opens_is_not_tried_without_an_end(stage):
    call = stage.dial()
    stage.pick_up(call)
    stage.answer(call, stage.post(call, "end", SessionStatus="failed", ErrorCode="64102"))
    found = stage.post(call, "end", SessionStatus="failed", ErrorCode="64102")
    assert found.pickup is None
    assert last_words(found.reply)[0] == BROKEN
    (report,) = stage.channel.webhook(stage.twilio.ended(call.kept, "completed", CallDuration="9")).inbounds
    assert report.outcome == Outcome.agent_error


async def test_a_call_that_ends_with_its_socket_is_reported_at_once(autojump_clock, stage):
    async with stage.talking() as call:
        call.line.say("Hello")
        await call.line.heard(2)
        call.line.hang_up(1006)
        began = trio.current_time()
        await trio.testing.wait_all_tasks_blocked()
        found = stage.channel.webhook(stage.twilio.ended(call.kept, "completed", CallDuration="41"))
        assert list(found.inbounds) == []
        await trio.testing.wait_all_tasks_blocked()
        assert trio.current_time() - began < 1
    assert (stage.reports[0].outcome, stage.reports[0].duration_s) == (Outcome.answered, 41)


async def test_a_resumption_that_never_opens_is_reported_when_the_call_ends(autojump_clock, stage):
    async with stage.talking() as call:
        call.line.say("Hello")
        await call.line.heard(2)
        call.line.hang_up(1006)
        await trio.testing.wait_all_tasks_blocked()
        stage.answer(call, stage.post(call, "end", SessionStatus="failed"))
        await trio.testing.wait_all_tasks_blocked()
        assert stage.reports == []
        stage.channel.webhook(stage.twilio.ended(call.kept, "completed"))
    assert [one.outcome for one in stage.reports] == [Outcome.answered]


async def test_after_a_restart_a_call_goes_on_from_the_beginning(autojump_clock, stage):
    call = stage.dial()
    call.kept.status = "in-progress"
    found = stage.post(call, "end", SessionStatus="failed")  # of a process that is gone
    assert found.pickup.resumes
    assert stage.answer(call, found).find("Connect") is not None


async def test_an_earlier_socket_that_hangs_does_not_hold_the_call(autojump_clock, stage, chat):
    async with stage.talking() as call:
        stage.answer(call, stage.post(call, "end", SessionStatus="failed"))
        second = type(call.line)(call.kept.sid)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.channel.serve_call, second, call.call)
            second.setup()
            await second.heard(1)
            second.say("Hello")
            assert await second.heard(2) == "I see."
            second.hang_up()
