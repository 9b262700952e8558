"""A phone channel that analyses as a test says, and an agent whose file asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluentsd.api import AnalysisRequest, Disposition, Inbound, Outcome
from tests.engine.stage import MINUTE, Stage, person, spec
from tests.engine.sync.fake_source import FakeCrm

AGENT = {
    "name": "ava", "company": "Acme Solar", "prompt": "Sell.",
    "analysis": {
        "instructions": "Find the budget.",
        "field": [
            {"name": "budget", "kind": "number", "write_to": {"crm": "annual_budget"}},
            {"name": "size", "kind": "choice", "options": ["small", "large"], "write_to": {"crm": "roof_size"}},
            {"name": "moves_on", "kind": "date"},
        ],
    },
}  # fmt: skip
CALL = {"id": "call", "channel": "phone", "agent": "ava"}
DETAILS = {"id": "details", "after_call": "interested", "after": "10 min", "channel": "sms", "text": "The details."}
GOOD = {"summary": "Wants a roof.", "disposition": "interested", "fields": {"budget": 5000, "size": "large"}}


class Analyst:
    """Answers with the next of its answers, then with `GOOD`; an exception is raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), list[AnalysisRequest]()

    async def analyse(self, request: AnalysisRequest) -> Mapping[str, Any]:
        self.asked.append(request)
        answer = self.answers.pop(0) if self.answers else GOOD
        if isinstance(answer, Exception):
            raise answer
        return answer


async def called(
    stage: Stage, *steps: dict[str, Any], analyst: Analyst | None = None, agent: Any = AGENT, **more: Any
) -> str:
    """A campaign whose one call rings; returns its attempt."""
    if analyst is not None:
        stage.phone.analyse = analyst.analyse  # type: ignore[attr-defined]
        stage.resolve("phone")
    stage.runtime.sources.setdefault("crm", FakeCrm(stage.clock))
    await stage.do("agents apply", file={"agent": [agent]})
    await stage.launch(spec(CALL, *steps, **more), person(1))
    await stage.until(stage.clock.now() + MINUTE)
    return stage.phone.accepted[-1][0].token


async def ended(stage: Stage, outcome: Outcome = Outcome.answered, **more: Any) -> None:
    """The latest call ends, and the work after it has time."""
    token = stage.phone.accepted[-1][0].token
    words = {"transcript": "agent: Hi\nperson: A roof, please."} if outcome == Outcome.answered else {}
    await stage.inbox.take(Inbound(outcome, token, **{**words, **more}), token_is_ours=True)
    await stage.until(stage.clock.now() + MINUTE)


INTERESTED = Disposition.interested
