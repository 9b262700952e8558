"""Before a start: who would be contacted and who would not, and why; what is missing; what no code can check.

Nothing is decided here either. Everybody in the queue is shown to the gate at the moment they are due, once for each
step of their flow, and what it says is counted. Errors keep a campaign from starting; warnings are asked about; notes
and duties are told. People come in pages, so a million of them need no more memory than a thousand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fluentsd.api import Channel, Kind
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

#: People looked at together.
PAGE = 1000
#: People named where something is missing.
NAMED = 3
#: What somebody can mend before the start, and how.
_MENDS: Mapping[str, str] = {
    Reason.no_consent: "attest it: fluentsd contacts attest --campaign {ref} --basis written --given DATE"
    ' --scope {scope} --by "NAME"',
    Reason.dnc_stale: "hold the list against the registry, then: fluentsd contacts attest … --scrubbed DATE",
    Reason.zone_unknown: 'give their places, or let the campaign use a fallback: unknown_timezone = "fallback"',
    Reason.place_conflict: 'correct their places, or let all of them count: conflicting_timezone = "all"',
    Reason.no_number: "add a caller ID: fluentsd numbers add NUMBER --tag …",
    Reason.never_opens: "widen the window or the step's hours",
    Reason.elsewhere: "they come when that campaign is done with them",
}


@dataclass(slots=True)
class Launch:
    """What a look at everybody found."""

    people: int = 0
    ready: int = 0
    first: Counter[tuple[str, str]] = field(default_factory=Counter)  #: of those who are not: (reason, rule)
    steps: dict[str, Counter[str]] = field(default_factory=dict)  #: step → "ready" or why not → people
    missing: dict[tuple[str, str], list[str]] = field(default_factory=dict)  #: (step, problem) → some people
    missing_people: Counter[tuple[str, str]] = field(default_factory=Counter)
    zones: Counter[str] = field(default_factory=Counter)  #: known, conflict, fallback, unknown
    states: Counter[str] = field(default_factory=Counter)
    foreign: int = 0
    samples: dict[str, dict[str, str]] = field(default_factory=dict)  #: step → one rendered message
    remarks: dict[tuple[str, str], str] = field(default_factory=dict)  #: (step, what a channel says of it) → advice
    elsewhere: dict[str, int] = field(default_factory=dict)


async def pages(conn: Connection, plan: Plan, at: int) -> AsyncIterator[tuple[list[UnderWay], Facts]]:
    """Everybody who is queued or active, a page at a time, with the facts the gate may ask about them at `at`."""
    rules, after = await with_spending(conn, plan, at), 0
    while rows := await enrollment_queries.under_way(conn, plan.campaign_id, after, PAGE, at):
        facts = Facts(plan, rules, at)
        await facts.read(conn, [row.due for row in rows], lock=False, whole_flow=True)
        yield rows, facts
        after = rows[-1].due.id


async def examine(conn: Connection, plan: Plan, at: int, channels: Mapping[Kind, Channel] | None = None) -> Launch:
    """Look at everybody in the queue; `channels` say what they can of the messages."""
    found = Launch(elsewhere=await enrollment_queries.also_elsewhere(conn, plan.campaign_id))
    trials = _Trials(found, channels or {})
    async for rows, facts in pages(conn, plan, at):
        for row in rows:
            _one(found, row.due, facts, trials)
    return found


def _one(found: Launch, row: Due, facts: Facts, trials: _Trials) -> None:
    found.people += 1
    _placed(found, row, facts)
    flow = facts.plan.flow(row.version_id)
    answers = [(step, *_asked(row, step, facts)) for step in flow.steps[flow.index[row.step] :]]
    for step, person, word, _ in answers:
        found.steps.setdefault(step.id, Counter())[word or "ready"] += 1
        if not word:
            trials.render(row, step, person, facts.at)
    if all(word for _, _, word, _ in answers):
        _, _, word, rule = answers[0]
        found.first[word, rule] += 1
    else:
        found.ready += 1


def _asked(row: Due, step: Step, facts: Facts) -> tuple[Person, str, str]:
    """What the gate says of one step as far as it can be known now: "" when it may be made, else why not, and the
    rule. Conditions and dates of a person's own are for later."""
    person = facts.person(row, step)
    person.late = person.done = False
    match decide(_bare(step), facts.rules, person, facts.at, facts.caller_ids):
        case Go() | Wait():
            return person, "", ""
        case Hold(reason, rule):
            return person, reason, rule
        case Skip(reason) | Never(reason):
            return person, reason, ""


def _bare(step: Step) -> Step:
    """The step without what cannot be known before the start."""
    return step if step.when is None and step.moment is None else replace(step, when=None, moment=None)


class _Trials:
    """Messages made to see whether they can be: once for all of whom just the same fields are known."""

    def __init__(self, found: Launch, channels: Mapping[Kind, Channel]) -> None:
        self._found, self._channels = found, channels
        self._tried: dict[Any, str] = {}

    def render(self, row: Due, step: Step, person: Person, at: int) -> None:
        """One step for one person, or what is known of their like."""
        fields = person.values.get("contact", {})
        key = (row.version_id, step.id, frozenset(name for name in step.variables if fields.get(name)))
        if key not in self._tried:
            self._tried[key] = self._problem(step, person, at)
        if self._tried[key]:
            problem = (step.id, self._tried[key])
            self._found.missing_people[problem] += 1
            some = self._found.missing.setdefault(problem, [])
            if len(some) < NAMED:
                some.append(next((p.value for p in person.points), "?"))

    def _problem(self, step: Step, person: Person, at: int) -> str:
        """Why the message cannot be made or would never be taken; "" when it can be."""
        point = next(p for p in person.points if p.kind == ("email" if step.channel == "email" else "phone"))
        try:
            message = previews.made(step, person.values, point, at)
        except TemplateProblem as why:
            return str(why)
        said = previews.remarks(self._channels.get(step.channel), message)
        if refused := [finding for finding in said if not finding.ok]:
            return "; ".join(filter(None, (word for finding in refused for word in (finding.what, finding.fix))))
        self._found.remarks |= {(step.id, finding.what): finding.fix for finding in said if finding.fix}
        sample = {"to": point.value, "subject": message.subject, "text": message.text, "agent": step.agent}
        self._found.samples.setdefault(step.id, sample)
        return ""


def _placed(found: Launch, row: Due, facts: Facts) -> None:
    """Where the person is, as far as is known."""
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


def told(found: Launch, plan: Plan, problems: list[str]) -> dict[str, Any]:
    """The whole check as every front shows it. `problems` are those of the campaign itself."""
    errors, warnings = list(problems), list[str]()
    for problem, some in found.missing.items():
        step, why = problem
        count = found.missing_people[problem]
        errors.append(f"step {step}: {why}; {_people(count)}, among them {', '.join(some)}")
    hopeless = not found.ready and any(reason != Reason.elsewhere for reason, _ in found.first)
    if hopeless:
        errors.append("nobody could be contacted; these are the reasons:")
    for (reason, rule), count in found.first.most_common():
        how = _mend(reason, plan)
        sentence = f"{_people(count)} will not be contacted: {WORDS[Reason(reason)]}{f' ({rule})' if rule else ''}"
        (errors if hopeless else warnings if how else []).append(f"{sentence}; {how}" if how else sentence)
    for ref, count in found.elsewhere.items():
        warnings.append(f"{_people(count)} are in {ref} too")
    return {
        "errors": errors,
        "warnings": warnings,
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


def _mend(reason: str, plan: Plan) -> str:
    channels = ",".join(channel for channel in plan.spec.channels if channel != "email")
    return _MENDS.get(reason, "").format(ref=plan.ref, scope=channels)


def _notes(found: Launch, plan: Plan) -> list[str]:
    notes = []
    if count := found.zones["fallback"]:
        notes.append(f"{_people(count)} whose zone is unknown count as in {plan.spec.window.fallback_timezone}")
    if count := found.zones["conflict"]:
        notes.append(f"what is known of the place disagrees for {_people(count)}; they are contacted only when it is "
                     "allowed in every place they may be in")  # fmt: skip
    if found.foreign:
        notes.append(f"no rules of the place are shipped for {_people(found.foreign)} outside the US: the campaign's "
                     "own window alone counts for them")  # fmt: skip
    if found.states.get("US"):
        notes.append(f"the state of {_people(found.states['US'])} in the US is unknown: the strictest hours count")
    notes += [f"step {step}: {what}; {advice}" for (step, what), advice in found.remarks.items()]
    notes += [f"{w.rule} is not followed, says {w.by}: {w.because}" for w in plan.spec.law.waive]
    return notes


def _people(count: int) -> str:
    return f"{count:,} {'person' if count == 1 else 'people'}"
