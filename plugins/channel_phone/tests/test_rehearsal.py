"""Talking with an agent at a keyboard: the conversation of a call, with its skills, opt-outs and outcome."""

from __future__ import annotations

from fluentsd.api import Disposition, Message, Outcome
from plugins.channel_phone.tests.fake_chat import use
from plugins.channel_phone.tests.stage import OPENING, PERSON, an_agent


class Somebody:
    """Types these lines, and hangs up."""

    def __init__(self, *lines: str) -> None:
        self.lines, self.heard = list(lines), list[str]()

    async def say(self, text: str) -> None:
        self.heard.append(text)

    async def listen(self) -> str | None:
        return self.lines.pop(0) if self.lines else None


MESSAGE = Message("phone", PERSON, agent="sales", settings=an_agent(), variables={"first_name": "Dana"})


async def test_the_model_answers_with_its_skills(autojump_clock, stage, chat):
    chat.script = ["Two wheels.", use("end_call", "Goodbye.", disposition="interested", summary="Wants one.")]
    typist = Somebody("What is it?", "", "I want one.")
    found = await stage.channel.rehearse(MESSAGE, typist)
    assert typist.heard == [OPENING, "Two wheels.", "Goodbye."]
    assert (found.outcome, found.disposition, found.summary) == (
        Outcome.answered, Disposition.interested, "Wants one."
    )  # fmt: skip
    assert found.transcript.splitlines()[1] == "person: What is it?"
    assert stage.channel.has_model


async def test_an_opt_out_and_a_key_count_as_in_a_call(autojump_clock, stage, chat):
    for lines in (["take me off your list"], ["9"]):
        typist = Somebody(*lines)
        found = await stage.channel.rehearse(MESSAGE, typist)
        assert found.outcome == Outcome.opted_out
        assert typist.heard[-1].startswith("Understood.")
    assert chat.requests == []


async def test_without_a_model_a_script_answers(autojump_clock, stage, chat):
    channel = type(stage.channel)(stage.channel.settings, stage.tools)
    channel._model = channel._reception._model = None
    typist = Somebody("Hello there", "bye")
    found = await channel.rehearse(MESSAGE, typist)
    assert typist.heard == [OPENING, "(script) I heard: Hello there", "Thank you for your time. Goodbye."]
    assert (found.outcome, channel.has_model, chat.requests) == (Outcome.answered, False, [])
