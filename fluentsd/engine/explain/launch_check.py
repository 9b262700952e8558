"""The launch check: who reaches which step, who does not and why, what is missing, and duties no code can check.

Nothing is decided here. For every enrollment the flow is walked in order, as the daemon will if nobody answers
(`domain.forecast.reach`), and the gate's verdicts are counted; a walk stops at the first hold. Errors prevent a start;
warnings need a confirmation; notes and duties are only shown. Enrollments are read in pages, so memory does not grow
with their number. What must not live here: the sentences about what was counted (`launch_answer`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fluentsd.api import Kind, Previews
from fluentsd.domain import statutes
from fluentsd.domain.flow import Step
from fluentsd.domain.forecast.reach import Stop, walk
from fluentsd.domain.gate import Hold, Never, Person, Point, Reason, Skip
from fluentsd.domain.render import TemplateProblem
from fluentsd.engine.campaigns import previews
from fluentsd.engine.dispatch.facts import Facts, names_in
from fluentsd.engine.dispatch.plans import Plan, with_spending
from fluentsd.store import suppression
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import Due
from fluentsd.store.enrollments import queries as enrollment_queries
from fluentsd.store.enrollments.queries import UnderWay
from fluentsd.store.suppression import OptOuts

#: Enrollments in one page.
PAGE = 1000
#: Examples listed for a missing value.
NAMED = 3


@dataclass(slots=True)
class LaunchCheck:
    """Counts of one launch check."""

    people: int = 0
    ready: int = 0  #: people who reach a step
    out: Counter[tuple[str, str]] = field(default_factory=Counter)  #: people who reach none, by (reason, rule)
    steps: dict[str, Counter[str]] = field(default_factory=dict)  #: step → "ready" or a reason → people
    held: Counter[tuple[str, str, str]] = field(default_factory=Counter)  #: people held, by (step, reason, rule)
    late: Counter[tuple[str, str, str]] = field(default_factory=Counter)  #: those of them who reach an earlier step
    leaves: Counter[str] = field(default_factory=Counter)  #: people who leave the campaign at a step
    missing: dict[tuple[str, str], list[str]] = field(default_factory=dict)  #: (step, problem) → examples
    missing_people: Counter[tuple[str, str]] = field(default_factory=Counter)
    zones: Counter[str] = field(default_factory=Counter)  #: known, conflict, fallback, unknown
    states: Counter[str] = field(default_factory=Counter)
    foreign: int = 0
    samples: dict[str, dict[str, str]] = field(default_factory=dict)  #: step → one rendered message
    advice: dict[tuple[str, str], str] = field(default_factory=dict)  #: by step and finding of a channel
    in_other_campaigns: dict[str, int] = field(default_factory=dict)
    fields: set[str] = field(default_factory=set)  #: names of fields that somebody has
    dates: Counter[tuple[str, str]] = field(default_factory=Counter)  #: unread dates, by (step, field)
    opt_outs: OptOuts = field(default_factory=OptOuts)
    unasked: Counter[str] = field(default_factory=Counter)  #: people contacted without consent, which no rule asks for


async def pages(conn: Connection, plan: Plan, at: int) -> AsyncIterator[tuple[list[UnderWay], Facts]]:
    """Queued and active enrollments in pages, each with the gate's facts at `at`."""
    rules, after = await with_spending(conn, plan, at), 0
    while rows := await enrollment_queries.under_way(conn, plan.campaign_id, after, PAGE, at):
        facts = Facts(plan, rules, at)
        await facts.read(conn, [row.due for row in rows], lock=False, whole_flow=True)
        yield rows, facts
        after = rows[-1].due.id


async def examine(
    conn: Connection, plan: Plan, at: int, channels: Mapping[Kind, Previews | None] | None = None
) -> LaunchCheck:
    """Check every enrollment; `channels` give findings about the messages."""
    in_other_campaigns = await enrollment_queries.in_other_campaigns(conn, plan.campaign_id)
    found = LaunchCheck(
        in_other_campaigns=in_other_campaigns, opt_outs=await suppression.of_campaign(conn, plan.campaign_id)
    )
    messages = _MessageCheck(found, channels or {})
    async for rows, facts in pages(conn, plan, at):
        for row in rows:
            _check_row(found, row, facts, messages)
    return found


def _check_row(found: LaunchCheck, row: UnderWay, facts: Facts, messages: _MessageCheck) -> None:
    due = row.due
    found.people += 1
    found.fields.update(facts.fields(due))
    _count_place(found, due, facts)
    flow = facts.plan.flow(due.version_id)
    obstacle: tuple[str, str] | None = None
    is_reached, step, unasked = row.is_active, flow.step(due.step), set[str]()
    try:
        for stop in walk(flow, facts.rules, step, max(facts.at, due.due_at), _persons(facts, due), facts.caller_ids):
            step, reason, rule = stop.step, "ready", ""
            if step.moment is not None and facts.fields(due).get(step.moment.of) and _is_unread(stop):
                found.dates[step.id, step.moment.of] += 1
            if stop.is_reached:
                is_reached = True
                if _is_unasked(step.channel, stop.person, facts):
                    unasked.add(step.channel)
                messages.check(due, step, stop.person, stop.at)
            else:
                reason, rule = str(stop.verdict.reason), getattr(stop.verdict, "rule", "")  # type: ignore[union-attr]
                ends = isinstance(stop.verdict, (Hold, Never))
                obstacle = (reason, rule) if ends or obstacle is None else obstacle
            found.steps.setdefault(step.id, Counter())[reason] += 1
            if isinstance(stop.verdict, Hold):
                found.held[step.id, reason, rule] += 1
                found.late[step.id, reason, rule] += is_reached
            elif isinstance(stop.verdict, Never):
                found.leaves[step.id] += 1
    except TemplateProblem as why:
        following = flow.following(step) if step.id in found.steps else step
        messages.note((following or step).id, str(why), facts.points(due))
    found.unasked.update(unasked)
    for later in flow.steps[step.index + 1 :]:
        found.steps.setdefault(later.id, Counter())
    if step.after_call is None:
        for follow_up in flow.follow_ups:  # nobody comes there by the flow; their texts are checked all the same
            messages.check(due, follow_up, facts.person(due, follow_up), facts.at)
    if is_reached:
        found.ready += 1
    else:
        found.out[obstacle or ("condition", "")] += 1


def _is_unasked(channel: str, person: Person, facts: Facts) -> bool:
    """Whether a person without recorded consent to a channel is contacted on it because no rule asks for consent."""
    needs = statutes.consent(person.states, channel, facts.rules.purpose)
    return needs is None and not person.consent.get(channel)


def _is_unread(stop: Stop) -> bool:
    return isinstance(stop.verdict, Skip) and stop.verdict.reason is Reason.no_moment


def _persons(facts: Facts, row: Due) -> Callable[[Step], Person]:
    """The gate's facts about one person, by step. No step counts as late: nothing has been missed before a start."""

    def person_at(step: Step) -> Person:
        person = facts.person(row, step)
        person.is_late = False
        person.is_done = person.is_done or (step.id != row.step and f'"{step.id}":' in row.outcomes)
        return person

    return person_at


class _MessageCheck:
    """Renders messages to find problems, once for all people who have the same fields."""

    def __init__(self, found: LaunchCheck, channels: Mapping[Kind, Previews | None]) -> None:
        self._found, self._channels = found, channels
        self._problems: dict[Any, str] = {}

    def check(self, row: Due, step: Step, person: Person, at: int) -> None:
        """Check one step for one person; the result is cached by the set of filled fields."""
        fields = person.values.get("contact", {})
        key = (row.version_id, step.id, frozenset(name for name in step.variables if fields.get(name)))
        if key not in self._problems:
            self._problems[key] = self._problem(step, person, at)
        if self._problems[key]:
            self.note(step.id, self._problems[key], person.points)

    def note(self, step: str, problem: str, points: Sequence[Point]) -> None:
        """Note a problem of one person at one step."""
        self._found.missing_people[step, problem] += 1
        some = self._found.missing.setdefault((step, problem), [])
        if len(some) < NAMED:
            some.append(next((p.value for p in points), "?"))

    def _problem(self, step: Step, person: Person, at: int) -> str:
        """The reason why the message cannot be rendered or would be rejected; "" when there is none."""
        point = next(p for p in person.points if p.kind == ("email" if step.channel == "email" else "phone"))
        try:
            message = previews.render(step, person.values, point, at)
        except TemplateProblem as why:
            return str(why)
        findings = previews.findings(self._channels.get(step.channel), message)
        if failed := [finding for finding in findings if not finding.ok]:
            return "; ".join(filter(None, (text for finding in failed for text in (finding.what, finding.fix))))
        self._found.advice |= {(step.id, finding.what): finding.fix for finding in findings if finding.fix}
        spoken = message.settings.opening if message.settings is not None else message.text
        sample = {"to": point.value, "subject": message.subject, "text": spoken, "agent": step.agent}
        self._found.samples.setdefault(step.id, sample)
        return ""


def _count_place(found: LaunchCheck, row: Due, facts: Facts) -> None:
    """Count the person's time zone and state."""
    rules = facts.rules
    if rules.fixed_zone or (row.zones and not row.conflict):
        found.zones["known"] += 1
    elif row.zones:
        found.zones["conflict"] += 1
    else:
        found.zones["fallback" if rules.fallback_zone else "unknown"] += 1
    found.states.update(names_in(row.states))
    phones = [p.value for p in facts.points(row) if p.kind == "phone" and not p.former]
    if not row.states and not all(value.startswith("+1") for value in phones):
        found.foreign += 1
