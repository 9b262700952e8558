"""What was heard in a call, and who is taken to have said it: a voicemail greeting comes in pieces."""

from __future__ import annotations

import pytest
import trio
from fluentsd_channel_phone.evidence import Evidence

from fluentsd.api import Outcome
from plugins.channel_phone.tests.stage import an_agent

PIECES = (
    "Hi, you\u2019ve reached Dana.",
    "I can\u2019t come to the phone right now.",
    "Please leave a message after the tone.",
)
SPLIT = ("Hello.", "Please leave a", "message after the beep.", "Thank you.")
NUMBER = (
    "The person you are trying to reach",
    "4 1 5 5 5 5 0 0 0 1",
    "is not available.",
    "At the tone, record your message.",
    "When you have finished recording, you may hang up or press 1 for more options.",
)
SPANISH = ("Hola, se ha comunicado con Dana.", "No puedo contestar en este momento.", "Deje su mensaje.", "Gracias.")
MESSAGE = "Acme here. We will call again."


def evidence(*turns: str, answered_by: str = "", waited: bool = False) -> Evidence:
    found = Evidence(answered_by)
    for text in turns:
        found.hear(text, waited=waited)
    return found


@pytest.mark.parametrize("answered_by", ["", "unknown", "machine_start", "machine_end_beep", "fax"])
@pytest.mark.parametrize("pieces", [PIECES, SPLIT, NUMBER, SPANISH], ids=["name", "split", "number", "spanish"])
def test_a_greeting_in_pieces_is_a_voicemail(pieces, answered_by):
    found = evidence(*pieces, answered_by=answered_by)
    assert found.spoke == 0
    assert found.outcome()[0] == Outcome.voicemail


def test_pieces_with_long_pauses_are_told_by_the_detection():
    found = evidence(*PIECES, "Goodbye.", answered_by="machine_end_silence", waited=True)
    assert found.outcome()[0] == Outcome.voicemail


@pytest.mark.parametrize(
    "turns",
    [
        [("Hello.", False), ("She is not available.", True)],  # a person waits for the answer
        [("Hello?", False), ("You can leave a message with me.", False)],  # a recording asks nothing
        [("Please leave a message.", False), ("Oh, it is you. Go on.", True)],
        [("You've reached Dana.", False)],
        [("Thank you.", False)],
    ],
)
@pytest.mark.parametrize("answered_by", ["", "unknown", "human"])
def test_a_person_is_one(turns, answered_by):
    found = Evidence(answered_by)
    for text, waited in turns:
        found.hear(text, waited=waited)
    assert found.outcome()[0] == Outcome.answered


def test_a_greeting_that_is_detected_as_a_person_is_neither():
    assert evidence(*PIECES, answered_by="human").outcome() == (
        Outcome.no_answer, "picked up, detected as human, and only a voicemail greeting was heard",
    )  # fmt: skip


@pytest.mark.parametrize("pieces", [PIECES, SPANISH], ids=["english", "spanish"])
@pytest.mark.parametrize("after", [0.2, 2.0])
async def test_a_machine_that_speaks_in_pieces_is_left_the_message_alone(autojump_clock, stage, chat, pieces, after):
    """The agent begins to answer the first piece; a recording speaks on."""
    chat.otherwise, chat.piece_after = "This is a long answer of the agent to a person who is none.", 0.5
    async with stage.talking(an_agent(voicemail=MESSAGE)) as call:
        for piece in pieces:
            call.line.interrupt("Hello, this is")
            call.line.say(piece)
            await trio.sleep(after)
        asked = len(chat.requests)
        stage.channel.webhook(stage.twilio.detected(call.kept, "machine_end_beep"))
        await call.line.gone()
    assert call.line.turns[-1] == MESSAGE
    assert len(chat.requests) == asked <= 2
    assert stage.reports[0].outcome == Outcome.voicemail
    assert "a message was left" in stage.reports[0].reason


async def test_a_person_who_answers_the_agent_is_answered_whatever_they_mention(autojump_clock, stage, chat):
    async with stage.talking() as call:
        call.line.say("Hello.")
        await call.line.heard(2)
        await trio.sleep(7)  # the opening and the answer are heard out
        call.line.say("She is not available.")
        assert await call.line.heard(3) == "I see."
    assert stage.reports[0].outcome == Outcome.answered


@pytest.mark.parametrize("first", ["words", "detection"])
async def test_a_person_who_sounds_like_a_greeting_is_answered_once_detected(autojump_clock, stage, chat, first):
    async with stage.talking() as call:
        if first == "detection":
            stage.channel.webhook(stage.twilio.detected(call.kept, "human"))
        call.line.say("He is not available.")
        if first == "words":
            await trio.sleep(1)
            assert chat.requests == []
            stage.channel.webhook(stage.twilio.detected(call.kept, "human"))
        assert await call.line.heard(2) == "I see."
        await trio.sleep(7)
        call.line.say("Call him tomorrow.")
        await call.line.heard(3)
    assert stage.reports[0].outcome == Outcome.answered
