"""The answer of the launch check: what was counted, as errors, warnings, notes and duties in sentences.

An error prevents a start, a warning needs a confirmation. A sentence may have the verb that removes its cause. What
must not live here: counting (`launch_check`).
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from fluentsd.domain import statutes
from fluentsd.domain.gate import WORDS, Reason
from fluentsd.domain.review import review
from fluentsd.engine.dispatch.plans import Plan
from fluentsd.engine.explain.launch_check import LaunchCheck

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


def as_answer(
    found: LaunchCheck, plan: Plan, problems: Mapping[str, Fix | None], confirm: Mapping[str, Fix | None]
) -> dict[str, Any]:
    """The check as JSON values. `problems` are those of the campaign itself, each with the verb that removes it;
    `confirm` are sentences that a person has to confirm. `suggestions`: such a verb for a sentence of the errors and
    warnings, where there is one."""
    sentences = _Sentences()
    sentences.add_all(problems, sentences.errors)
    sentences.add_all(confirm, sentences.warnings)
    sentences.add_found(found, plan)
    return {
        "errors": sentences.errors,
        "warnings": sentences.warnings,
        "suggestions": {
            sentence: {"verb": verb, "arguments": arguments} for sentence, (verb, arguments) in sentences.fixes.items()
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


@dataclass(slots=True)
class _Sentences:
    """Errors and warnings in the order in which they are shown. `fixes`: sentence → the verb that removes its cause."""

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    fixes: dict[str, Fix] = field(default_factory=dict)

    def add_all(self, given: Mapping[str, Fix | None], sentences: list[str]) -> None:
        """Add sentences that another check has found, to the errors or to the warnings."""
        sentences += given
        self.fixes |= {sentence: fix for sentence, fix in given.items() if fix is not None}

    def add_found(self, found: LaunchCheck, plan: Plan) -> None:
        """Add what follows from the counts, and from the review of the campaign's file."""
        for problem, some in found.missing.items():
            step, why = problem
            count = found.missing_people[problem]
            self.errors.append(f"step {step}: {why}; {_people(count)}, among them {', '.join(some)}")
        self._add_obstacles(found, plan)
        reviewed = review(plan.spec)
        self.errors += reviewed.errors
        self.warnings += reviewed.warnings
        for (step, name), count in found.dates.items():
            self.warnings.append(
                f"step {step}: {name} of {_people(count)} is not a date; write it like 2026-12-25 15:00"
            )
        for step, name, of_date in _unknown_fields(found, plan):
            near = difflib.get_close_matches(name, found.fields, 1, 0.6)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            (self.errors if of_date else self.warnings).append(f"{step}: nobody has a field {name!r}{hint}")
        for ref, count in found.in_other_campaigns.items():
            self.warnings.append(f"{_people(count)} also enrolled in {ref}")

    def _add_obstacles(self, found: LaunchCheck, plan: Plan) -> None:
        """Why people are not contacted: errors when nobody can be, else warnings for what a user can fix."""
        is_hopeless = not found.ready and any(reason != Reason.exclusive for reason, _ in found.out)
        if is_hopeless:
            self.errors.append("nobody could be contacted; these are the reasons:")
        for reason, sentence in _obstacles(found):
            if is_hopeless:
                self.errors.append(sentence)
            elif reason in _FIXES:
                self.warnings.append(sentence)
            if fix := _suggested(reason, plan):
                self.fixes[sentence] = fix


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
    obstacles = []
    for (reason, rule), count in found.out.most_common():
        obstacles.append((reason, f"{_people(count)} will not be contacted: {_because(reason, rule)}"))
    for (step, reason, rule), count in found.late.most_common():
        if count:
            held = f"{_people(count)} will be held at {step}, after earlier steps"
            obstacles.append((reason, f"{held}: {_because(reason, rule)}"))
    return obstacles


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
    for channel, count in found.unasked.items():
        get, places = ("gets", "place") if count == 1 else ("get", "places")
        notes.append(f"{_people(count)} without recorded consent to {_MANY[channel]} {get} them all the same: no rule "
                     f"of their {places} asks for it")  # fmt: skip
    if found.states.get("US"):
        notes.append(f"US state unknown for {_people(found.states['US'])}: the strictest hours apply")
    notes += [f"step {step}: {what}; {advice}" for (step, what), advice in found.advice.items()]
    agents = {step.agent: step.compiled_agent.agent for step in plan.flow(plan.version_id).steps if step.compiled_agent}
    for name, agent in agents.items():
        notes += [f"the agent {name} leaves out its {w.part}, by {w.by}: {w.because}" for w in agent.waive]
    notes += [f"{w.rule} is waived by {w.by}: {w.because}" for w in plan.spec.law.waive]
    return notes


def _people(count: int) -> str:
    return f"{count:,} {'person' if count == 1 else 'people'}"
