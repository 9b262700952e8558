"""A person's progress through a flow, and the move that follows an outcome.

Pure: the store writes the results. `Progress` is read from the enrollment row; a `Move` is the change to write to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from fluentsd.api import Fault, Outcome
from fluentsd.domain.flow import Flow, Next, Step, count_unreached, exit_reason, next_after_outcome
from fluentsd.domain.gate import Rules

#: Outcomes of a call in which a callback can have been promised.
PROMISING = (Outcome.answered, Outcome.agent_error)


class Progress(NamedTuple):
    """A person's place in the flow: the step, its next try, and the counters of the exit criteria."""

    step: str
    try_no: int
    retries: int
    unreached: int
    zones: tuple[str, ...]
    states: tuple[str, ...] = ()


class Queue(NamedTuple):
    """Back to the queue: the step, its time by the flow (`wanted_at`), and within the contact hours (`due_at`)."""

    step: Step
    wanted_at: int
    due_at: int
    try_no: int
    retries: int
    unreached: int
    promised: bool = False  #: a time that the person was promised: before all others, if the gate allows it


class Leave(NamedTuple):
    """The end: `reason` is empty when the flow was completed."""

    reason: str
    unreached: int


Move = Queue | Leave


@dataclass(frozen=True, slots=True)
class Exits:
    """The exit criteria of the campaign."""

    on: Sequence[str]
    unreachable_after: int


def move_after(
    flow: Flow,
    rules: Rules,
    exits: Exits,
    progress: Progress,
    outcome: Outcome,
    at: int,
    fault: Fault = "person",
    callback_at: int | None = None,
) -> Move:
    """The move after an outcome of the current step, proven or unknown. A callback that was promised in a call repeats
    the step then; it goes before the exit criterion "answered", never before an opt-out.

    `not_sent` repeats the same try under a new number and is not counted; `unknown` counts as made. A failure that is
    not the person's `fault` does not count towards "unreachable".
    """
    step = flow.step(progress.step)
    if outcome == Outcome.not_sent:
        due = align(rules, step, progress, at)
        return Queue(step, at, due, progress.try_no + 1, progress.retries, progress.unreached)
    unreached = count_unreached(progress.unreached, outcome, fault)
    if callback_at is not None and outcome in PROMISING:
        due = align(rules, step, progress, callback_at)
        return Queue(step, callback_at, due, progress.try_no + 1, progress.retries, unreached, promised=True)
    reason = exit_reason(exits.on, outcome, unreached, exits.unreachable_after, fault)
    if reason:
        return Leave(reason, unreached)
    following = next_after_outcome(flow, step, outcome, progress.retries, at, local_zone(rules, progress.zones))
    return queue(rules, progress, following, unreached)


def queue(rules: Rules, progress: Progress, following: Next, unreached: int) -> Move:
    """The move to `following`, with its time moved into the contact window."""
    if following.step is None:
        return Leave("", unreached)
    wanted = following.due_at
    due = align(rules, following.step, progress, wanted)
    if following.is_retry:
        return Queue(following.step, wanted, due, progress.try_no + 1, progress.retries + 1, unreached)
    return Queue(following.step, wanted, due, 1, 0, unreached)


class Placed(Protocol):
    """A person's candidate zones and states."""

    @property
    def zones(self) -> tuple[str, ...]: ...
    @property
    def states(self) -> tuple[str, ...]: ...


def align(rules: Rules, step: Step, placed: Placed, at: int) -> int:
    """The first open instant at or after `at`; `at` itself when there is none, so that the gate reports the reason."""
    open_hours = rules.calendar(step, placed.zones, placed.states)
    opens_at = open_hours.next_open(at) if open_hours else at
    return at if opens_at is None else opens_at


def local_zone(rules: Rules, zones: tuple[str, ...]) -> str:
    """The zone in which "1 day" keeps its wall time: the first candidate."""
    candidates = rules.zones(zones)
    return candidates[0] if candidates else "UTC"
