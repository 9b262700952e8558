"""One person's course through a flow: where they stand, and where an outcome takes them.

Pure: the store writes what these functions return. `Standing` is what the enrollment row says; a `Move` is what has
to become of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fluentsd.api import Fault, Outcome
from fluentsd.domain.flow import Flow, Next, Step, count_unreached, exit_reason, next_after_outcome
from fluentsd.domain.gate import Rules


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a person stands: the step, its next try, and what counts towards the exits."""

    step: str
    try_no: int
    retries: int
    unreached: int
    zones: tuple[str, ...]
    states: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Queue:
    """Back to the queue: this step at the moment the flow asks for, and at the one the hours make of it."""

    step: Step
    wanted_at: int
    due_at: int
    try_no: int
    retries: int
    unreached: int


@dataclass(frozen=True, slots=True)
class Leave:
    """The end: `reason` is empty when the flow was carried out to its end."""

    reason: str
    unreached: int


Move = Queue | Leave


@dataclass(frozen=True, slots=True)
class Exits:
    """When to stop, as the campaign says."""

    on: Sequence[str]
    unreachable_after: int


def move_after(
    flow: Flow, rules: Rules, exits: Exits, standing: Progress, outcome: Outcome, at: int, fault: Fault = "person"
) -> Move:
    """Where a proven (or unprovable) outcome of the present step takes a person.

    `not_sent` repeats the same try under a new number and counts as nothing; `unknown` counts as made. A failure that
    is not the person's `fault` does not count towards "unreachable".
    """
    step = flow.step(standing.step)
    if outcome == Outcome.not_sent:
        due = align(rules, step, standing, at)
        return Queue(step, at, due, standing.try_no + 1, standing.retries, standing.unreached)
    unreached = count_unreached(standing.unreached, outcome, fault)
    reason = exit_reason(exits.on, outcome, unreached, exits.unreachable_after, fault)
    if reason:
        return Leave(reason, unreached)
    following = next_after_outcome(flow, step, outcome, standing.retries, at, local_zone(rules, standing.zones))
    return queue(rules, standing, following, unreached)


def queue(rules: Rules, standing: Progress, following: Next, unreached: int) -> Move:
    """The move that `following` asks for, its moment taken into the contact window."""
    if following.step is None:
        return Leave("", unreached)
    wanted = following.due_at
    due = align(rules, following.step, standing, wanted)
    if following.again:
        return Queue(following.step, wanted, due, standing.try_no + 1, standing.retries + 1, unreached)
    return Queue(following.step, wanted, due, 1, 0, unreached)


class Placed(Protocol):
    """Whoever may be in some zones and states."""

    @property
    def zones(self) -> tuple[str, ...]: ...
    @property
    def states(self) -> tuple[str, ...]: ...


def align(rules: Rules, step: Step, placed: Placed, at: int) -> int:
    """The first open moment at or after `at`; `at` itself when there is none, so that the gate says why."""
    open_hours = rules.calendar(step, placed.zones, placed.states)
    opens_at = open_hours.next_open(at) if open_hours else at
    return at if opens_at is None else opens_at


def local_zone(rules: Rules, zones: tuple[str, ...]) -> str:
    """The zone in which "1 day" keeps its wall time: the first that counts."""
    return next(iter(rules.zones(zones)), "UTC")
