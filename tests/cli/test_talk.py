"""`agents talk` on the shell: a script answers where no model is configured, and says so."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import trio

from fluentsd.api import AgentSettings, AnalysisRequest, Inbound, Message, Outcome, Unavailable
from fluentsd.cli import talk
from fluentsd.cli.runner import Shell


class Rehearsing:
    """A channel that repeats what it hears."""

    has_model = False

    async def rehearse(self, message: Message, typist: Any) -> Inbound:
        assert message.settings is not None
        await typist.say(message.settings.opening)
        heard = []
        while (line := await typist.listen()) is not None:
            heard.append(line)
            await typist.say(f"I heard {line}")
        return Inbound(Outcome.answered, reason="2 turns", transcript="\n".join(f"person: {one}" for one in heard))


def test_the_conversation_and_its_outcome_are_on_the_screen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shell = Shell(tmp_path / "fluentsd.toml")
    monkeypatch.setattr("sys.stdin", io.StringIO("hello\nbye\n"))
    message = Message("phone", "+12125550100", agent="sales", settings=AgentSettings("sales", opening="Hi."))
    channel = Rehearsing()
    talk._begin(shell, message, channel)
    talk._report(shell, trio.run(channel.rehearse, message, talk._Keyboard(shell)), None)
    shown = capsys.readouterr().out
    wanted = ("a script, because no model", "agent: Hi.", "I heard hello", "outcome: answered (2 turns)", "person: bye")
    for line in wanted:
        assert line in shown


def test_the_answer_of_the_daemon_becomes_a_message() -> None:
    settings = {"name": "sales", "skills": ["end_call"], "webhooks": [{"name": "a", "description": "b", "url": "c"}]}
    answer = {"settings": settings, "to": "+1", "variables": {"x": "y"}, "timezone": "Europe/Oslo"}
    message = talk._message(answer)
    assert message.settings is not None
    assert message.settings.webhooks[0].url == "c"
    assert (message.timezone, message.agent) == ("Europe/Oslo", "sales")


WANTED = {"field": [{"name": "budget", "kind": "number", "write_to": {"crm": "annual_budget"}}]}
SAID = Inbound(Outcome.answered, reason="2 turns", transcript="person: 5000")


class Analysing:
    """An analysis by a model."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    async def analyse(self, request: AnalysisRequest) -> Any:
        assert (request.transcript, request.outcome) == ("person: 5000", Outcome.answered)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "lines"),
    [
        ({"summary": "Wants a roof.", "disposition": "interested", "fields": {"budget": 5000}, "opted_out": True},
         ["analysis, interested: Wants a roof.", "  budget: 5000", "  would be written to crm: annual_budget = 5000",
          "  the person would be put on the suppression list"]),
        ({"summary": "x", "fields": {"budget": "much"}}, ["no analysis: ", "budget must be of type number"]),
        (Unavailable("away", 5.0), ["no analysis: away"]),
        (None, ["no analysis: no model is configured"]),
    ],
)  # fmt: skip
def test_what_an_analysis_would_keep_and_write_is_shown(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, answer: Any, lines: list[str]
) -> None:
    message = Message("phone", "+12125550100", agent="sales", settings=AgentSettings("sales", opening="Hi."))
    analysing = Analysing(answer) if answer is not None else None
    analysis = trio.run(talk._analyse, analysing, message, SAID, WANTED)
    talk._report(Shell(tmp_path / "fluentsd.toml"), SAID, analysis)
    shown = capsys.readouterr().out
    assert [line for line in lines if line not in shown] == []
