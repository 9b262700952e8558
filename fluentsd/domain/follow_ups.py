"""Follow-ups: the steps of a flow that stand outside its order and are taken after a call (`after_call`).

Each is an enrollment of its own at that one step, so the gate, caps, claim and outcomes are those of any step. It goes
out also when "answered" has ended the flow. Here is the condition; who is enrolled is decided in `engine.after_calls`.
Pure.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fluentsd.api import Disposition, Outcome
from fluentsd.domain.render import Template, TemplateProblem, template

#: Outcomes of a call after which something can follow; an opt-out is followed by nothing.
OUTCOMES = (Outcome.answered, Outcome.voicemail, Outcome.no_answer, Outcome.busy, Outcome.failed, Outcome.agent_error)
WORDS = tuple(map(str, (*Disposition, *OUTCOMES)))


@dataclass(frozen=True, slots=True)
class AfterCall:
    """The condition of a follow-up: one of these words, or a liquid condition about `call`."""

    words: frozenset[str] = frozenset()
    condition: Template | None = None

    def holds(self, call: CallResult, values: Mapping[str, Any]) -> bool:
        """Whether the follow-up is due after this call; `values` are the variables of conditions."""
        if self.condition is not None:
            return self.condition.holds({**values, "call": call.values})
        return bool(self.words.intersection((call.disposition, call.outcome)))


@dataclass(frozen=True, slots=True)
class CallResult:
    """What a call came to. `disposition` is "" when there is none; `fields` are those of its analysis."""

    outcome: str
    disposition: str = ""
    summary: str = ""
    fields: Mapping[str, Any] | None = None

    @property
    def values(self) -> dict[str, Any]:
        """The variable `call` of conditions."""
        return {"outcome": self.outcome, "disposition": self.disposition, "summary": self.summary,
                "fields": dict(self.fields or {})}  # fmt: skip


def read_after_call(given: str | Sequence[str]) -> AfterCall:
    """The condition in a file: a word, a list of words, or a liquid condition. Raises ValueError."""
    words = [given] if isinstance(given, str) else list(given)
    if isinstance(given, str) and not given.isidentifier():
        try:
            return AfterCall(condition=template(given, "condition"))
        except TemplateProblem as why:
            raise ValueError(f"{why}; compare like call.disposition == 'interested'") from None
    if not words:
        raise ValueError(f"names no result of a call; write one or more of {', '.join(WORDS)}")
    if strange := [word for word in words if word not in WORDS]:
        near = difflib.get_close_matches(strange[0], WORDS, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(WORDS)}"
        raise ValueError(f"{strange[0]!r} is no result of a call; {hint}")
    return AfterCall(frozenset(words))
