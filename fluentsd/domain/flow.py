"""The flow: an ordered list of steps, and the next step after each outcome.

Pure functions over frozen values. A flow is compiled once per version from the file's steps; enrolled people keep
the version they entered with. A step's "after" counts from the time the previous step was done or skipped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from fluentsd.api import Fault, Kind, Outcome
from fluentsd.domain import campaign as spec
from fluentsd.domain.agents import unpinned
from fluentsd.domain.compiled_agent import CompiledAgent
from fluentsd.domain.follow_ups import AfterCall, read_after_call
from fluentsd.domain.message_parts import TEXTS
from fluentsd.domain.render import Template, template
from fluentsd.domain.retries import delay_before_retry, delays_of
from fluentsd.domain.time.durations import NOW, Delay
from fluentsd.domain.time.windows import ContactWindow
from fluentsd.domain.time.zones import read_instant

#: Proven failures to reach; several in a row make a person unreachable. A call without an answer is not one.
FAILURES = ("failed", "bounced")
#: Proof that the person can be reached; it resets the count of failures.
REACHED = ("answered", "voicemail", "agent_error", "delivered", "replied", "opted_out")


@dataclass(frozen=True, slots=True)
class Moment:
    """A step's time relative to a date field of the person: a delay before or after it."""

    of: str
    delay: Delay
    is_before: bool

    def named(self, values: Mapping[str, Any], zone: str) -> int | None:
        """The instant in the field, in the person's zone unless it names one; None when the field holds no date."""
        return read_instant(str(values.get(self.of, "")), zone)

    def due(self, named_at: int, zone: str) -> int:
        """The step's time."""
        return self.delay.before(named_at, zone) if self.is_before else self.delay.after(named_at, zone)


@dataclass(frozen=True, slots=True)
class Step:
    """One planned contact, compiled."""

    id: str
    index: int
    channel: Kind
    after: Delay
    hours: ContactWindow | None
    when: Template | None
    moment: Moment | None  #: the gate applies it; the flow moves the person to the step at once
    retry: Mapping[str, Delay]
    retry_limit: int
    agent: str  #: without its version
    compiled_agent: CompiledAgent | None  #: of an agent that is kept here, not hosted
    subject: Template
    sender: Template
    reply_to: Template
    text: Template
    html: Template
    #: Contact fields that the texts read.
    variables: frozenset[str]
    #: Whether the step needs the contact's fields.
    reads_fields: bool
    #: Of a follow-up: the calls after which it is taken. It stands outside the flow's order.
    after_call: AfterCall | None = None


@dataclass(frozen=True, slots=True)
class Flow:
    """The steps of one version, in order."""

    steps: tuple[Step, ...]
    index: Mapping[str, int]
    has_conditions: bool = False  #: whether a step has a condition, which may read earlier outcomes

    def step(self, step_id: str) -> Step:
        return self.steps[self.index[step_id]]

    def following(self, step: Step) -> Step | None:
        """The next step in order; None at the end, and after a follow-up."""
        following = self.steps[step.index + 1] if step.index + 1 < len(self.steps) else None
        return following if following is not None and following.after_call is None else None

    @property
    def follow_ups(self) -> tuple[Step, ...]:
        """The steps that are taken after a call; they stand behind those in order."""
        return tuple(step for step in self.steps if step.after_call is not None)


class Next(NamedTuple):
    """The next step and its time, before the contact window is applied; `step` None is the end."""

    step: Step | None
    due_at: int = 0
    is_retry: bool = False  #: the same step once more


def compile_flow(steps: Sequence[spec.Step], compiled_agents: Mapping[str, CompiledAgent] | None = None) -> Flow:
    """The flow the daemon runs on; `compiled_agents` are the kept agents that the steps name, by name and version."""
    compiled = tuple(_compile(i, step, (compiled_agents or {}).get(step.agent)) for i, step in enumerate(steps))
    has_conditions = any(step.when is not None for step in compiled)
    return Flow(compiled, {step.id: step.index for step in compiled}, has_conditions)


def _compile(index: int, step: spec.Step, compiled: CompiledAgent | None) -> Step:
    parts = {part: template(getattr(step, part), part) for part in TEXTS}
    when = template(step.when, "condition") if step.when else None
    texts = [*parts.values(), *([when] if when else [])]
    moment = None
    if step.of is not None:
        moment = Moment(step.of, Delay.parse(step.before or step.after), is_before=step.before is not None)
    return Step(
        id=step.id,
        index=index,
        channel=step.channel,
        after=NOW if moment else Delay.parse(step.after),
        moment=moment,
        hours=spec.step_window(step),
        when=when,
        retry=delays_of(step.retry),
        retry_limit=step.retry.limit if step.retry else 0,
        agent=unpinned(step.agent)[0],
        compiled_agent=compiled,
        variables=frozenset[str]().union(
            *(part.variables for part in parts.values()), compiled.variables if compiled else ()
        ),
        reads_fields=bool(step.agent or moment) or any(t.variables or "contact" in t.source for t in texts),
        after_call=read_after_call(step.after_call) if step.after_call is not None else None,
        **parts,
    )


def next_after_start(flow: Flow, at: int, zone: str) -> Next:
    """The first step of a person who enters now."""
    step = flow.steps[0]
    return Next(step, step.after.after(at, zone))


def next_after_skip(flow: Flow, step: Step, at: int, zone: str) -> Next:
    """The step after a skipped one; its delay counts from the skip."""
    following = flow.following(step)
    return Next(following, following.after.after(at, zone)) if following else Next(None)


def next_after_outcome(flow: Flow, step: Step, outcome: str, retries: int, at: int, zone: str) -> Next:
    """The same step again, if its retry rule says so; otherwise the following step."""
    delay = delay_before_retry(step.retry, step.retry_limit, outcome, retries)
    if delay is not None:
        return Next(step, delay.after(at, zone), is_retry=True)
    return next_after_skip(flow, step, at, zone)


def counts_against(outcome: str, fault: Fault) -> bool:
    """Whether an outcome counts towards "unreachable": a failure that is the person's `fault`."""
    return outcome in FAILURES and fault == "person"


def exit_reason(
    on: Sequence[str], outcome: str, unreached: int, unreachable_after: int, fault: Fault = "person"
) -> str | None:
    """The exit criterion that this outcome meets, if any; `unreached` counts proven failures in a row with this one."""
    if outcome == Outcome.opted_out:
        return "opted_out"
    if outcome in (Outcome.answered, Outcome.replied) and outcome in on:
        return outcome
    if counts_against(outcome, fault) and unreached >= unreachable_after and "unreachable" in on:
        return "unreachable"
    return None


def count_unreached(before: int, outcome: str, fault: Fault = "person") -> int:
    """Proven failures in a row after this outcome."""
    if counts_against(outcome, fault):
        return before + 1
    return 0 if outcome in REACHED else before
