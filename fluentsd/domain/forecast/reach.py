"""The steps that a person reaches if nobody answers: one walk in the order of the flow that stops at the first hold.

The launch check counts these walks. The gate decides at each step, at the time the person comes there; what happens in
a contact is assumed as in the longest forecast (`assumptions.NOBODY`): nobody is reached and nobody opts out, so
nothing but the gate ends a walk. Lanes, pace and money are left out, because they delay people and turn nobody away; a
condition over outcomes is taken as met, because no outcome is known yet. What must not live here: any decision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from fluentsd.domain.enrollment import align, local_zone
from fluentsd.domain.flow import Flow, Step
from fluentsd.domain.forecast.assumptions import NOBODY
from fluentsd.domain.gate import Go, Hold, Never, Person, Rules, Skip, Wait, decide
from fluentsd.domain.pacing import CallerIds

#: Waits followed at one step; after that many the person counts as reached.
WAITS = 16


@dataclass(frozen=True, slots=True)
class Stop:
    """One step of a walk: when the person comes there, and what the gate says then."""

    step: Step
    at: int
    verdict: Go | Wait | Hold | Skip | Never  #: `Wait` only for the whole lane: the step is reached some day
    person: Person

    @property
    def is_reached(self) -> bool:
        """Whether a contact is made at this step."""
        return isinstance(self.verdict, (Go, Wait))


def walk(
    flow: Flow,
    rules: Rules,
    first: Step,
    at: int,
    person_at: Callable[[Step], Person],
    caller_ids: CallerIds | None,
) -> Iterator[Stop]:
    """The steps from `first` on, for a person who comes there at `at`. `person_at`: the gate's facts for a step. Raises
    `TemplateProblem` from a condition over fields."""
    step: Step | None = first
    made = list(person_at(first).touches)
    while step is not None:
        person = replace(person_at(step), touches=made)
        at, verdict = _arrive(_with_known_condition(step), rules, person, at, caller_ids)
        yield Stop(step, at, verdict, person)
        if isinstance(verdict, (Hold, Never)):
            return
        zone = local_zone(rules, person.zones)
        if not isinstance(verdict, Skip):
            made.append((at, step.channel))
            at = _after_tries(step, at, zone)
        step = flow.following(step)
        if step is not None:
            at = align(rules, step, person, step.after.after(at, zone))


def _arrive(
    step: Step, rules: Rules, person: Person, at: int, caller_ids: CallerIds | None
) -> tuple[int, Go | Wait | Hold | Skip | Never]:
    """The gate's verdict once the waits for hours, limits and dates are over."""
    for _ in range(WAITS):
        verdict = decide(step, rules, person, at, caller_ids)
        if not isinstance(verdict, Wait) or verdict.whole_lane:
            break
        at = verdict.until_at
    return at, verdict


def _after_tries(step: Step, at: int, zone: str) -> int:
    """The time of the last try, if no try reaches the person."""
    outcome = next(iter(NOBODY.shares[step.channel]))
    delay = step.retry.get(outcome)
    for _ in range(step.retry_limit if delay is not None else 0):
        assert delay is not None  # noqa: S101 - no tries without one
        at = delay.after(at, zone)
    return at


def _with_known_condition(step: Step) -> Step:
    return replace(step, when=None) if step.when is not None and step.when.reads_outcomes else step
