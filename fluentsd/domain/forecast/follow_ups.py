"""How many follow-ups the calls of a forecast ask for, beside the simulation: they stand outside the flow.

A follow-up that names outcomes follows as many calls as the simulation ends so; one that names dispositions follows a
share of the answered ones, from the installation's history mixed with assumed shares; one with a condition about what
an analysis finds cannot be known. Each is an upper bound: hours, caps, opt-outs and the suppression list count when it
is due. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fluentsd.api import Disposition, Kind, Outcome
from fluentsd.domain.flow import Step
from fluentsd.domain.forecast.assumptions import PSEUDO_COUNT

#: Assumed, not measured: what a hundred answered calls come to; in the rest nothing is noted.
ASSUMED: Mapping[str, float] = {
    Disposition.interested: 0.15, Disposition.not_interested: 0.45, Disposition.callback: 0.10,
    Disposition.wrong_number: 0.04, Disposition.transferred: 0.04, Disposition.angry: 0.02,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Expected:
    """One follow-up: `people` None if nobody can know before the calls."""

    step: str
    channel: Kind
    people: int | None


def shares_of(counted: Mapping[str, int], answered: int, weight: int = PSEUDO_COUNT) -> dict[str, float]:
    """The share of each disposition among answered calls: those of history (`answered` of them, `counted` by what they
    came to), mixed with `weight` assumed ones."""
    return {word: (counted.get(word, 0) + weight * share) / (answered + weight) for word, share in ASSUMED.items()}


def expected(
    follow_ups: Sequence[Step], ended: Mapping[Outcome, int], people: int, shares: Mapping[str, float]
) -> list[Expected]:
    """What follows calls that ended so, of this many people; nobody gets a follow-up twice."""
    found = []
    for step in follow_ups:
        wanted = step.after_call.words if step.after_call is not None else frozenset[str]()
        if step.after_call is None or step.after_call.condition is not None:
            found.append(Expected(step.id, step.channel, None))
            continue
        count = float(sum(number for outcome, number in ended.items() if outcome in wanted))
        if Outcome.answered not in wanted:  # else every disposition is counted already
            count += ended.get(Outcome.answered, 0) * sum(shares.get(word, 0.0) for word in wanted)
        found.append(Expected(step.id, step.channel, min(round(count), people)))
    return found
