"""The gate: may we contact this person, on this channel, for this step, at this instant?

One pure function, `decide`, has five answers: `Go`, `Wait` (until), `Hold` (until a fact changes), `Skip` (not this
step for this person) and `Never` (leave the campaign). Each has its reason and, if it applies, the legal rule of the
place. The claim, the second check at pick-up, the forecast, the launch check and `why` all call it; nothing else
decides.

The questions are asked in order of weight: the person's opt-outs, reachability, the campaign's conditions, the law of
the place, hours, limits, budget, caller ID.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from fluentsd.domain import statutes
from fluentsd.domain.flow import Moment, Step
from fluentsd.domain.pacing import CallerId, CallerIds, Full
from fluentsd.domain.reasons import WORDS, Reason
from fluentsd.domain.terms import DAY, Limit, Rules
from fluentsd.domain.time.durations import SECOND
from fluentsd.domain.time.windows import Calendar
from fluentsd.domain.time.zones import next_day

__all__ = [
    "DAY",
    "WORDS",
    "Go",
    "Hold",
    "Limit",
    "Never",
    "Person",
    "Point",
    "Reason",
    "Rules",
    "Skip",
    "Touch",
    "Verdict",
    "Wait",
    "decide",
    "spent",
]


class Point(NamedTuple):
    """One phone number or address of a person. `former`: the person's records name another one in its place, so it is
    not contacted any more; its opt-outs hold. `others`: instants and channels of earlier attempts to it for others
    who share it, ascending; limits count them too."""

    id: int
    kind: str
    value: str
    dead_on: str = ""
    former: bool = False
    others: Sequence[Touch] = ()


@dataclass(slots=True)
class Person:
    """The gate's facts about one person, read in the claim's transaction.

    `zones` are candidates: an instant counts as open only when it is open in all of them. `states` are candidates too,
    and the rules of all apply ("US" alone is an unknown state; without any, no rules are shipped). `conflict`: the
    facts about the place disagree. `stopped` holds the channels on which the person is on the suppression list, "*" for
    all. `touches` are instants and channels of earlier attempts, ascending. `consent` is the basis on record by
    channel. `exclusive_in` names an exclusive campaign that has the person. `away_until_at` is the return date from an
    automatic reply.
    """

    zones: tuple[str, ...] = ()
    points: Sequence[Point] = ()
    stopped: frozenset[str] = frozenset()
    touches: Sequence[Touch] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    sender_id: int | None = None
    states: tuple[str, ...] = ()
    conflict: bool = False
    consent: Mapping[str, str] = field(default_factory=dict)
    scrubbed_at: int | None = None
    exclusive_in: str = ""
    is_late: bool = False  #: the step was due during a pause or downtime, and late steps are skipped
    is_done: bool = False  #: an attempt of this step was made before the person moved to another flow
    away_until_at: int | None = None
    source_hold: Reason | None = None  #: what the person's CRM record, or its absence, says against a contact
    called_back: bool = False  #: the person has called us since, and nobody has decided yet
    taken_over: bool = False  #: a hold on the person, in all campaigns, for a promised contact too
    promised: bool = False  #: a callback at a time the person chose; an automatic reply does not delay it


#: One earlier attempt: when, and on which channel.
Touch = tuple[int, str]


class Go(NamedTuple):
    """Contact the person now, at this point, from this caller ID, to arrive before `closes_at`."""

    point: Point
    caller_id: CallerId | None
    closes_at: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Not before `until_at`. `whole_lane`: nobody else in the lane can go before then either. `rule`, `zone` and, for
    `point_cap`, `point` name the obstacle, if there is one."""

    until_at: int
    reason: Reason
    whole_lane: bool = False
    rule: str = ""
    zone: str = ""
    point: Point | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """Not until a fact changes."""

    reason: Reason
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Skip:
    """This step cannot be done for this person; the flow goes on."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Never:
    """The person leaves the campaign."""

    reason: Reason


Verdict = Go | Wait | Hold | Skip | Never


def decide(step: Step, rules: Rules, person: Person, at: int, caller_ids: CallerIds | None = None) -> Verdict:
    """The one decision, for one person and one step at the instant `at` (epoch microseconds)."""
    point = _point(step.channel, person.points)
    refused = _check_person(step, rules, person, point) or _check_step(step, rules, person, at)
    if refused is not None:
        return refused
    assert isinstance(point, Point)  # noqa: S101 - `_check_person` refuses a person without one
    open_hours = rules.calendar(step, person.zones, person.states)
    if open_hours is None:
        return Hold(Reason.zone_unknown)
    if person.taken_over:
        return Hold(Reason.taken_over)
    if person.called_back and not person.promised:
        return Hold(Reason.called_back)
    if person.away_until_at is not None and person.away_until_at > at and not person.promised:
        return _wait_open(open_hours, Wait(person.away_until_at, Reason.away))
    opens_at = open_hours.next_open(at)
    if opens_at is None:
        return Hold(Reason.never_opens)
    if opens_at > at:
        return _closed(step, rules, person, at, opens_at)
    limits = rules.limits_for(step.channel, person.states, at)
    if limits and (full := _full(limits, step.channel, person, point, at)) is not None:
        return _wait_open(open_hours, full)
    if not rules.affords(rules.cost_of(step)):
        return spent(rules, at)
    return _with_caller_id(step, rules, person, point, at, caller_ids, open_hours)


def spent(rules: Rules, at: int) -> Wait:
    """The wait for the next day's budget."""
    return Wait(next_day(at, rules.day_zone), Reason.budget, whole_lane=True)


def _check_person(step: Step, rules: Rules, person: Person, point: Point | Reason) -> Verdict | None:
    """The person's opt-outs, the campaign's goal, and whether the person has a usable point."""
    if "*" in person.stopped:
        return Never(Reason.opted_out)
    if rules.goal is not None and rules.goal.holds(person.values):
        return Never(Reason.goal)
    if person.source_hold is not None:
        return Hold(person.source_hold)
    if step.channel in person.stopped:
        return Skip(Reason.suppressed_channel)
    if isinstance(point, Reason):
        return Skip(point)
    return None


def _check_step(step: Step, rules: Rules, person: Person, at: int) -> Verdict | None:
    """The campaign's conditions for this step, and the evidence that must be on record before a contact."""
    if person.is_done or person.is_late:
        return Skip(Reason.done if person.is_done else Reason.late)
    if step.when is not None and not step.when.holds(person.values):
        return Skip(Reason.condition)
    if step.moment is not None and (early := _moment(step.moment, rules, person, at)) is not None:
        return early
    if person.states and (missing := _evidence(step.channel, rules, person, at)) is not None:
        return missing
    if person.conflict and rules.hold_conflicts and not rules.fixed_zone:
        return Hold(Reason.place_conflict)
    return Hold(Reason.exclusive, person.exclusive_in) if person.exclusive_in else None


def _moment(moment: Moment, rules: Rules, person: Person, at: int) -> Verdict | None:
    """A step timed by a date field: not before its time, and for "before" steps not after that date."""
    zone = next(iter(rules.zones(person.zones)), "UTC")
    named_at = moment.named(person.values, zone)
    if named_at is None:
        return Skip(Reason.no_moment)
    if moment.is_before and at >= named_at:
        return Skip(Reason.moment_passed)
    due_at = moment.due(named_at, zone)
    return Wait(due_at, Reason.moment) if due_at > at else None


def _evidence(channel: str, rules: Rules, person: Person, at: int) -> Verdict | None:
    """Consent and DNC scrub, as required by the person's candidate states."""
    need = statutes.consent(person.states, channel, rules.purpose)
    basis = person.consent.get(channel, "")
    if need is not None and need.rule.id not in rules.waived and basis not in need.bases:
        return Hold(Reason.no_consent, need.rule.id)
    if rules.purpose != "marketing":  # the registry is about sales
        return None
    scrub = statutes.scrub(person.states, channel, basis)
    if scrub is not None and scrub[0].id not in rules.waived:
        rule, fresh = scrub
        if person.scrubbed_at is None or at - person.scrubbed_at > fresh:
            return Hold(Reason.dnc_stale, rule.id)
    return None


def _closed(step: Step, rules: Rules, person: Person, at: int, opens_at: int) -> Verdict:
    """A wait for open hours, with the first rule and zone of `parts` that is closed now."""
    closed = rules.closed_by(step, person.zones, person.states, at)
    if closed is None:
        return Wait(opens_at, Reason.window)
    reason = Reason.window if closed.rule in ("window", "step") else Reason.lawful_hours
    return Wait(opens_at, reason, rule=closed.rule, zone=closed.zone)


def _with_caller_id(
    step: Step, rules: Rules, person: Person, point: Point, at: int, caller_ids: CallerIds | None, open_hours: Calendar
) -> Verdict:
    caller_id: CallerId | None = None
    if step.channel != "email" and rules.chooses_number:
        chosen = caller_ids.choose(point.value, person.sender_id, at, step.channel) if caller_ids else None
        if chosen is None:
            return Hold(Reason.no_number)
        if isinstance(chosen, Full):
            return Wait(chosen.until_at, Reason.number_pace, whole_lane=True)
        caller_id = chosen
    return Go(point, caller_id, open_hours.closes(at))


def _point(channel: str, points: Sequence[Point]) -> Point | Reason:
    kind = "email" if channel == "email" else "phone"
    answer = Reason.no_email if kind == "email" else Reason.no_phone
    for point in points:
        if point.kind == kind and not point.former:
            if not point.dead_on or channel not in point.dead_on.split(","):
                return point
            answer = Reason.unreachable
    return answer


def _full(limits: Sequence[Limit], channel: str, person: Person, point: Point, at: int) -> Wait | None:
    """The wait for the limits on the person, and on the point that others share: whichever ends last."""
    own = _capped(limits, channel, person.touches, at)
    if not point.others:
        return own
    together = _capped(limits, channel, sorted([*person.touches, *point.others]), at)
    if together is None or (own is not None and own.until_at >= together.until_at):
        return own
    return replace(together, reason=Reason.point_cap, point=point)


def _capped(limits: Sequence[Limit], channel: str, touches: Sequence[Touch], at: int) -> Wait | None:
    """The wait of the limit that ends last; None if no limit is reached."""
    latest: Wait | None = None
    for limit in limits:
        if limit.channels is not None and channel not in limit.channels:
            continue
        span, count = limit.rate.per_s * SECOND, limit.rate.count
        recent = [
            moment
            for moment, by in touches[bisect.bisect_right(touches, (at - span, _LAST)) :]
            if limit.channels is None or by in limit.channels
        ]
        if len(recent) >= count:
            until_at = recent[len(recent) - count] + span
            if latest is None or until_at > latest.until_at:
                latest = Wait(until_at, limit.reason, rule=limit.rule)
    return latest


#: Sorts after every channel's name, so that a touch exactly at the edge of a span is not counted.
_LAST = "~"


def _wait_open(open_hours: Calendar, full: Wait) -> Verdict:
    opens_at = open_hours.next_open(full.until_at)
    return Hold(Reason.never_opens) if opens_at is None else replace(full, until_at=opens_at)
