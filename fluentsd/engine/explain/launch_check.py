"""The launch check: who would be contacted, who would not and why, what is missing, and duties no code can check.

Nothing is decided here. The gate is asked about every queued enrollment at its due time, once for each step of its
flow, and the verdicts are counted. Errors prevent a start; warnings need a confirmation; notes and duties are only
shown. Enrollments are read in pages, so memory does not grow with their number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fluentsd.api import Kind, Previews
from fluentsd.domain import statutes
from fluentsd.domain.flow import Step
from fluentsd.domain.gate import WORDS, Go, Hold, Never, Person, Reason, Skip, Wait, decide
from fluentsd.domain.render import TemplateProblem
from fluentsd.engine.campaigns import previews
from fluentsd.engine.dispatch.facts import Facts, names_in
from fluentsd.engine.dispatch.plans import Plan, with_spending
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import Due
from fluentsd.store.enrollments import queries as enrollment_queries
from fluentsd.store.enrollments.queries import UnderWay

#: Enrollments in one page.
PAGE = 1000
#: Examples listed for a missing value.
NAMED = 3
#: A verb that removes an error or a warning, and the arguments that are known.
Fix = tuple[str, Mapping[str, Any]]
#: Fixes that a user can make before the start.
_FIXES: Mapping[str, str] = {
    Reason.no_consent: "record the consent",
    Reason.dnc_stale: "scrub the list against the DNC registry, then attest the date",
    Reason.zone_unknown: 'import their state or time zone, or allow a fallback: unknown_timezone = "fallback"',
    Reason.place_conflict: 'correct their places, or apply the hours of all places: conflicting_timezone = "all"',
    Reason.no_number: "add a caller ID",
    Reason.never_opens: "widen the window or the step's hours",
    Reason.elsewhere: "they are contacted when that campaign has ended for them",
}


@dataclass(slots=True)
class LaunchCheck:
    """Counts of one launch check."""

    people: int = 0
    ready: int = 0
    first: Counter[tuple[str, str]] = field(default_factory=Counter)  #: people not ready, by (reason, rule)
    steps: dict[str, Counter[str]] = field(default_factory=dict)  #: step → "ready" or a reason → people
    missing: dict[tuple[str, str], list[str]] = field(default_factory=dict)  #: (step, problem) → examples
    missing_people: Counter[tuple[str, str]] = field(default_factory=Counter)
    zones: Counter[str] = field(default_factory=Counter)  #: known, conflict, fallback, unknown
    states: Counter[str] = field(default_factory=Counter)
    foreign: int = 0
    samples: dict[str, dict[str, str]] = field(default_factory=dict)  #: step → one rendered message
    remarks: dict[tuple[str, str], str] = field(default_factory=dict)  #: (step, a channel's finding) → advice
    elsewhere: dict[str, int] = field(default_factory=dict)


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
    found = LaunchCheck(elsewhere=await enrollment_queries.also_elsewhere(conn, plan.campaign_id))
    messages = _MessageCheck(found, channels or {})
    async for rows, facts in pages(conn, plan, at):
        for row in rows:
            _check_row(found, row.due, facts, messages)
    return found


def _check_row(found: LaunchCheck, row: Due, facts: Facts, messages: _MessageCheck) -> None:
    found.people += 1
    _count_place(found, row, facts)
    flow = facts.plan.flow(row.version_id)
    answers = [(step, *_decide(row, step, facts)) for step in flow.steps[flow.index[row.step] :]]
    for step, person, reason, _ in answers:
        found.steps.setdefault(step.id, Counter())[reason or "ready"] += 1
        if not reason:
            messages.check(row, step, person, facts.at)
    in_order = [answer for answer in answers if answer[0].after_call is None] or answers
    if all(reason for _, _, reason, _ in in_order):
        _, _, reason, rule = in_order[0]
        found.first[reason, rule] += 1
    else:
        found.ready += 1


def _decide(row: Due, step: Step, facts: Facts) -> tuple[Person, str, str]:
    """The gate's facts about one person, the reason against one step ("" when it is allowed) and its rule. Conditions
    and date fields are ignored, because they are not known yet."""
    person = facts.person(row, step)
    person.late = person.done = False
    match decide(_unconditional(step), facts.rules, person, facts.at, facts.caller_ids):
        case Go() | Wait():
            return person, "", ""
        case Hold(reason, rule):
            return person, reason, rule
        case Skip(reason) | Never(reason):
            return person, reason, ""


def _unconditional(step: Step) -> Step:
    """The step without its condition and date field."""
    return step if step.when is None and step.moment is None else replace(step, when=None, moment=None)


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
            problem = (step.id, self._problems[key])
            self._found.missing_people[problem] += 1
            some = self._found.missing.setdefault(problem, [])
            if len(some) < NAMED:
                some.append(next((p.value for p in person.points), "?"))

    def _problem(self, step: Step, person: Person, at: int) -> str:
        """The reason why the message cannot be rendered or would be rejected; "" when there is none."""
        point = next(p for p in person.points if p.kind == ("email" if step.channel == "email" else "phone"))
        try:
            message = previews.render(step, person.values, point, at)
        except TemplateProblem as why:
            return str(why)
        findings = previews.remarks(self._channels.get(step.channel), message)
        if failed := [finding for finding in findings if not finding.ok]:
            return "; ".join(filter(None, (text for finding in failed for text in (finding.what, finding.fix))))
        self._found.remarks |= {(step.id, finding.what): finding.fix for finding in findings if finding.fix}
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


def as_answer(found: LaunchCheck, plan: Plan, problems: Mapping[str, Fix | None]) -> dict[str, Any]:
    """The check as JSON values. `problems` are those of the campaign itself, each with the verb that removes it.
    `suggestions`: such a verb for a sentence of the errors and warnings, where there is one."""
    errors, warnings = list(problems), list[str]()
    suggestions = {sentence: fix for sentence, fix in problems.items() if fix is not None}
    for problem, some in found.missing.items():
        step, why = problem
        count = found.missing_people[problem]
        errors.append(f"step {step}: {why}; {_people(count)}, among them {', '.join(some)}")
    hopeless = not found.ready and any(reason != Reason.elsewhere for reason, _ in found.first)
    if hopeless:
        errors.append("nobody could be contacted; these are the reasons:")
    for (reason, rule), count in found.first.most_common():
        fix = _FIXES.get(reason, "")
        sentence = f"{_people(count)} will not be contacted: {WORDS[Reason(reason)]}{f' ({rule})' if rule else ''}"
        sentence += f"; {fix}" if fix else ""
        (errors if hopeless else warnings if fix else []).append(sentence)
        if verb := _suggested(reason, plan):
            suggestions[sentence] = verb
    for ref, count in found.elsewhere.items():
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
        "out": [
            {"reason": reason, "rule": rule, "sentence": WORDS[Reason(reason)], "people": count}
            for (reason, rule), count in found.first.most_common()
        ],
        "steps": [{"step": step, "people": dict(counts)} for step, counts in found.steps.items()],
        "samples": found.samples,
        "rules_version": statutes.VERSION,
    }


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
    if found.states.get("US"):
        notes.append(f"US state unknown for {_people(found.states['US'])}: the strictest hours apply")
    notes += [f"step {step}: {what}; {advice}" for (step, what), advice in found.remarks.items()]
    agents = {step.agent: step.speaker.agent for step in plan.flow(plan.version_id).steps if step.speaker}
    for name, agent in agents.items():
        notes += [f"the agent {name} leaves out its {w.part}, by {w.by}: {w.because}" for w in agent.waive]
    notes += [f"{w.rule} is waived by {w.by}: {w.because}" for w in plan.spec.law.waive]
    return notes


def _people(count: int) -> str:
    return f"{count:,} {'person' if count == 1 else 'people'}"
