"""The launch check: who reaches which step, who does not and why, what is missing, and duties no code can check.

Nothing is decided here. For every enrollment the flow is walked in order, as the daemon will if nobody answers
(`domain.forecast.reach`), and the gate's verdicts are counted; a walk stops at the first hold. Errors prevent a start;
warnings need a confirmation; notes and duties are only shown. Enrollments are read in pages, so memory does not grow
with their number.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from fluentsd.api import Kind, Previews
from fluentsd.domain import statutes
from fluentsd.domain.flow import Step
from fluentsd.domain.forecast.reach import Stop, walk
from fluentsd.domain.gate import WORDS, Hold, Never, Person, Point, Reason, Skip
from fluentsd.domain.render import TemplateProblem
from fluentsd.domain.review import review
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
#: A verb that removes an error or a warning, and the arguments that are known.
Fix = tuple[str, Mapping[str, Any]]
#: Contacts on each channel in words.
_MANY: Mapping[str, str] = {"phone": "calls", "sms": "texts", "email": "e-mails"}
#: Fixes that a user can make before the start.
_FIXES: Mapping[str, str] = {
    Reason.no_consent: "record the consent",
    Reason.dnc_stale: "scrub the list against the DNC registry, then attest the date",
    Reason.zone_unknown: 'import their state or time zone, or allow a fallback: unknown_timezone = "fallback"',
    Reason.place_conflict: 'correct their places, or apply the hours of all places: conflicting_timezone = "all"',
    Reason.no_number: "add a caller ID",
    Reason.never_opens: "widen the window or the step's hours",
    Reason.exclusive: "they are contacted when that campaign has ended for them",
}


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
        person.late = False
        person.done = person.done or (step.id != row.step and f'"{step.id}":' in row.outcomes)
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
        said = message.settings.opening if message.settings is not None else message.text
        sample = {"to": point.value, "subject": message.subject, "text": said, "agent": step.agent}
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
    if not row.states and any(p.kind == "phone" and not p.value.startswith("+1") for p in facts.points(row)):
        found.foreign += 1


def as_answer(
    found: LaunchCheck, plan: Plan, problems: Mapping[str, Fix | None], confirm: Mapping[str, Fix | None]
) -> dict[str, Any]:
    """The check as JSON values. `problems` are those of the campaign itself, each with the verb that removes it;
    `confirm` are sentences that a person has to confirm.
    `suggestions`: such a verb for a sentence of the errors and warnings, where there is one."""
    errors, warnings = list(problems), list(confirm)
    suggestions = {sentence: fix for sentence, fix in {**problems, **confirm}.items() if fix is not None}
    for problem, some in found.missing.items():
        step, why = problem
        count = found.missing_people[problem]
        errors.append(f"step {step}: {why}; {_people(count)}, among them {', '.join(some)}")
    hopeless = not found.ready and any(reason != Reason.exclusive for reason, _ in found.out)
    if hopeless:
        errors.append("nobody could be contacted; these are the reasons:")
    for reason, sentence in _obstacles(found):
        (errors if hopeless else warnings if reason in _FIXES else []).append(sentence)
        if verb := _suggested(reason, plan):
            suggestions[sentence] = verb
    reviewed = review(plan.spec)
    errors += reviewed.errors
    warnings += reviewed.warnings
    for (step, name), count in found.dates.items():
        warnings.append(f"step {step}: {name} of {_people(count)} is not a date; write it like 2026-12-25 15:00")
    for step, name, of_date in _unknown_fields(found, plan):
        near = difflib.get_close_matches(name, found.fields, 1, 0.6)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        (errors if of_date else warnings).append(f"{step}: nobody has a field {name!r}{hint}")
    for ref, count in found.in_other_campaigns.items():
        warnings.append(f"{_people(count)} also enrolled in {ref}")
    return {
        "errors": errors,
        "warnings": warnings,
        "suggestions": {
            sentence: {"verb": verb, "arguments": arguments} for sentence, (verb, arguments) in suggestions.items()
        },
        "notes": _notes(found, plan),
        "duties": [
            {"rule": duty.id, "says": duty.says, "cite": duty.cite, "status": duty.status}
            for duty in statutes.duties(tuple(sorted(found.states)), tuple(plan.spec.channels))
        ],
        "people": found.people,
        "ready": found.ready,
        "first_step": _first_step(found, plan),
        "out": [
            {"reason": reason, "rule": rule, "sentence": WORDS[Reason(reason)], "people": count}
            for (reason, rule), count in found.out.most_common()
        ],
        "held": [
            {"step": step, "reason": reason, "rule": rule, "sentence": WORDS[Reason(reason)], "people": count}
            for (step, reason, rule), count in found.held.most_common()
        ],
        "steps": [{"step": step, "people": dict(counts)} for step, counts in _in_order(found, plan)],
        "opt_outs": asdict(found.opt_outs),
        "samples": found.samples,
        "rules_version": statutes.VERSION,
    }


def _unknown_fields(found: LaunchCheck, plan: Plan) -> list[tuple[str, str, bool]]:
    """Fields that the flow reads and nobody has: the place, the field, whether a date of the flow depends on it. A text
    whose field is missing without a default is an error of its people."""
    asked: dict[tuple[str, str], bool] = {}
    for step in plan.flow(plan.version_id).steps:
        read = step.variables | (step.when.variables if step.when is not None else frozenset())
        asked |= {(f"step {step.id}", name): False for name in sorted(read)}
        if step.moment is not None:
            asked[f"step {step.id}: of", step.moment.of] = True
    if plan.rules.goal is not None:
        asked |= {("exit.goal", name): False for name in sorted(plan.rules.goal.variables)}
    missing = {problem[0] for problem in found.missing}
    return [
        (place, name, of_date)
        for (place, name), of_date in asked.items()
        if found.people and name not in found.fields and place.removeprefix("step ") not in missing
    ]


def _in_order(found: LaunchCheck, plan: Plan) -> list[tuple[str, Counter[str]]]:
    """The lines of the steps: those of the current flow in its order, then those that only earlier versions have."""
    now = plan.flow(plan.version_id).index
    return sorted(found.steps.items(), key=lambda line: now.get(line[0], len(now)))


def _first_step(found: LaunchCheck, plan: Plan) -> dict[str, Any]:
    """The first step of the flow: who reaches it, who is held there, skips it, or leaves there."""
    step = plan.flow(plan.version_id).steps[0]
    counts = found.steps.get(step.id, Counter[str]())
    held = sum(people for (at, _, _), people in found.held.items() if at == step.id)
    skip = counts.total() - counts["ready"] - held - found.leaves[step.id]
    named = {"step": step.id, "channel": step.channel}
    return named | {"ready": counts["ready"], "held": held, "skip": skip, "leave": found.leaves[step.id]}


def _obstacles(found: LaunchCheck) -> list[tuple[str, str]]:
    """Sentences about the people who reach no step, and about those who are held at a later one: reason, sentence."""
    told = []
    for (reason, rule), count in found.out.most_common():
        told.append((reason, f"{_people(count)} will not be contacted: {_because(reason, rule)}"))
    for (step, reason, rule), count in found.late.most_common():
        if count:
            held = f"{_people(count)} will be held at {step}, after earlier steps"
            told.append((reason, f"{held}: {_because(reason, rule)}"))
    return told


def _because(reason: str, rule: str) -> str:
    fix = _FIXES.get(reason, "")
    return f"{WORDS[Reason(reason)]}{f' ({rule})' if rule else ''}{f'; {fix}' if fix else ''}"


def _suggested(reason: str, plan: Plan) -> Fix | None:
    """The verb that removes a reason; None when it needs more than a verb."""
    match reason:
        case Reason.no_consent:
            scope = [channel for channel in plan.spec.channels if channel != "email"]
            return "contacts attest", {"campaign": plan.ref, "basis": "written", "scope": scope}
        case Reason.dnc_stale:
            return "contacts attest", {"campaign": plan.ref, "scrubbed": None}
        case Reason.no_number:
            return "numbers add", {"tag": list(plan.spec.numbers.tags)}
    return None


def _notes(found: LaunchCheck, plan: Plan) -> list[str]:
    notes = []
    if count := found.zones["fallback"]:
        notes.append(
            f"time zone unknown for {_people(count)}: the fallback {plan.spec.window.fallback_timezone} is used"
        )
    if count := found.zones["conflict"]:
        notes.append(f"conflicting places for {_people(count)}: contacts only when every possible place allows them")
    if found.foreign:
        notes.append(f"no local contact rules are built in for {_people(found.foreign)} outside the US: only the "
                     "campaign's window applies")  # fmt: skip
    notes += [f"{_people(count)} without recorded consent to {_MANY[channel]} get them all the same: no rule of their "
              "places asks for it" for channel, count in found.unasked.items()]  # fmt: skip
    if found.states.get("US"):
        notes.append(f"US state unknown for {_people(found.states['US'])}: the strictest hours apply")
    notes += [f"step {step}: {what}; {advice}" for (step, what), advice in found.advice.items()]
    agents = {step.agent: step.speaker.agent for step in plan.flow(plan.version_id).steps if step.speaker}
    for name, agent in agents.items():
        notes += [f"the agent {name} leaves out its {w.part}, by {w.by}: {w.because}" for w in agent.waive]
    notes += [f"{w.rule} is waived by {w.by}: {w.because}" for w in plan.spec.law.waive]
    return notes


def _people(count: int) -> str:
    return f"{count:,} {'person' if count == 1 else 'people'}"
