"""The gate: may we contact this person, on this channel, for this step, at this instant?

One pure function, `decide`, with five answers: `Go`, `Wait` (until), `Hold` (until a fact changes), `Skip` (not this
step for this person) and `Never` (leave the campaign), each with its reason and, where there is one, the rule of the
place it rests on. The mark, the second check at pick-up, the forecast, the launch check and `why` all call it; there
is no other place that decides.

The order of the questions is the order of their weight: what the person asked for, what is possible, what the
campaign says, what the law of the place asks for, when, how often, with what money, from which line.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from fluentsd.domain import statutes
from fluentsd.domain.durations import SECOND, Rate
from fluentsd.domain.flow import Moment, Step
from fluentsd.domain.pacing import Full, Line, Lines
from fluentsd.domain.render import Template
from fluentsd.domain.windows import Calendar, ContactWindow, Part, calendar, together

DAY = 86_400 * SECOND
_EPOCH = date(1970, 1, 1)
#: Compiled windows kept by one campaign's rules; beyond it they are compiled anew as they are needed.
MOST_CALENDARS = 4096


class Reason(StrEnum):
    """Why not, in a word; the sentence for people is in `WORDS`."""

    opted_out = "opted_out"
    goal = "goal"
    no_phone = "no_phone"
    no_email = "no_email"
    unreachable = "unreachable"
    stopped_channel = "stopped_channel"
    condition = "condition"
    no_moment = "no_moment"
    moment_passed = "moment_passed"
    moment = "moment"
    late = "late"
    done = "done"
    no_consent = "no_consent"
    dnc_stale = "dnc_stale"
    zone_unknown = "zone_unknown"
    place_conflict = "place_conflict"
    elsewhere = "elsewhere"
    window = "window"
    lawful_hours = "lawful_hours"
    never_opens = "never_opens"
    contact_cap = "contact_cap"
    lawful_cap = "lawful_cap"
    budget = "budget"
    number_pace = "number_pace"
    no_number = "no_number"


WORDS: Mapping[Reason, str] = {
    Reason.opted_out: "the person is on the stop list",
    Reason.goal: "the campaign's goal is met for this person",
    Reason.no_phone: "there is no phone number for this person",
    Reason.no_email: "there is no e-mail address for this person",
    Reason.unreachable: "every number or address of this person has failed on this channel",
    Reason.stopped_channel: "the person is on the stop list for this channel",
    Reason.condition: "the step's condition is not met",
    Reason.no_moment: "the field that the step's moment hangs on is empty or not a date",
    Reason.moment_passed: "what the step should have come before has passed",
    Reason.moment: "the step waits for the moment that a field of the person names",
    Reason.late: "the step's moment passed while nobody was contacted, and the campaign skips such steps",
    Reason.done: "the step was made for this person before the flow was changed",
    Reason.no_consent: "the consent that the law of the place asks for is not on record",
    Reason.dnc_stale: "the list was not held against the national do-not-call list lately enough",
    Reason.zone_unknown: "the person's time zone is unknown, and the campaign holds such people",
    Reason.place_conflict: "what is known of the person's place disagrees, and the campaign holds such people",
    Reason.elsewhere: "the person is in a campaign that wants nobody else to contact them",
    Reason.window: "the contact window is shut",
    Reason.lawful_hours: "it is outside the lawful hours of the person's place",
    Reason.never_opens: "the contact window, the step's hours and the lawful hours never meet",
    Reason.contact_cap: "the person has been contacted as often as the limits allow",
    Reason.lawful_cap: "the person has been contacted as often as the law of the place allows",
    Reason.budget: "today's budget is spent",
    Reason.number_pace: "every caller ID has reached its pace",
    Reason.no_number: "no caller ID fits the campaign's numbers and tags",
}


@dataclass(frozen=True, slots=True)
class Point:
    """One phone number or address of a person."""

    id: int
    kind: str
    value: str
    dead_on: str = ""


@dataclass(slots=True)
class Person:
    """What the gate knows of one person: facts only, read in the mark's transaction.

    `zones` are candidates: a moment counts as open only when it is open in all of them; so with `states`, whose rules
    all hold ("US" alone is an unknown one, none means that no rules are shipped); `conflict` says that they rest on
    facts that disagree. `stopped` holds the channels on which the person is on the stop list, "*" for all. `touches`
    are instants and channels of earlier attempts, ascending. `consent` is the basis on record by channel.
    `elsewhere` names a campaign that wants the person for itself.
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
    elsewhere: str = ""
    late: bool = False  #: the step was due while nobody was contacted, and such steps are skipped
    done: bool = False  #: an attempt of this step was made before the person was moved to another flow


#: One earlier attempt: when, and on which channel.
Touch = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many contacts of one person in any such span; `channels` None counts them all."""

    rate: Rate
    rule: str
    reason: Reason = Reason.contact_cap
    channels: frozenset[str] | None = None


class Door(NamedTuple):
    """One thing that has to be open, in one zone."""

    rule: str
    zone: str
    calendar: Calendar


@dataclass(frozen=True, slots=True)
class Rules:
    """What a campaign says, live: window, zones, limits, and which rules of the place it waives."""

    window: ContactWindow
    fixed_zone: str | None
    fallback_zone: str | None
    limits: tuple[Limit, ...] = ()  #: the campaign's own and those of all campaigns together
    spent: int = 0  #: micros today, reservations included
    budget: int | None = None
    cost: Mapping[str, int] = field(default_factory=dict)  #: expected micros of one attempt, by channel
    chooses_number: bool = False  #: the campaign names numbers or tags
    hold_conflicts: bool = False
    purpose: statutes.Purpose = "marketing"
    waived: frozenset[str] = frozenset()
    goal: Template | None = None
    calendars: dict[Any, Calendar | None] = field(default_factory=dict, compare=False, repr=False)
    doors: dict[Any, list[Door]] = field(default_factory=dict, compare=False, repr=False)

    def zones(self, person_zones: tuple[str, ...]) -> tuple[str, ...]:
        """The zones that count for a person; empty when unknown and no fallback is allowed."""
        if self.fixed_zone:
            return (self.fixed_zone,)
        return person_zones or ((self.fallback_zone,) if self.fallback_zone else ())

    def calendar(self, step: Step, person_zones: tuple[str, ...], states: tuple[str, ...] = ()) -> Calendar | None:
        """When a step may reach a person: the campaign's window, the step's hours and the lawful hours of every
        place the person may be in, together; None when no zone counts."""
        key = (step.hours, step.channel, person_zones, states)
        if key not in self.calendars:
            if len(self.calendars) >= MOST_CALENDARS:
                self.calendars.clear()
            parts = [part for _, part in self.parts(step, person_zones, states)]
            self.calendars[key] = together(parts) if parts else None
        return self.calendars[key]

    def shut_by(self, step: Step, person_zones: tuple[str, ...], states: tuple[str, ...], at: int) -> Door | None:
        """The first of `parts`, and of its zones, that is shut at this moment."""
        key = (step.hours, step.channel, person_zones, states)
        if (doors := self.doors.get(key)) is None:
            if len(self.doors) >= MOST_CALENDARS:
                self.doors.clear()
            doors = self.doors[key] = [
                Door(name, zone, calendar(part.window, (zone,)))
                for name, part in self.parts(step, person_zones, states)
                for zone in sorted(part.zones)
            ]
        return next((door for door in doors if not door.calendar.is_open(at)), None)

    def parts(self, step: Step, person_zones: tuple[str, ...], states: tuple[str, ...]) -> Iterator[tuple[str, Part]]:
        """What has to be open, each under its name: "window", "step", or the id of a rule of the place."""
        zones = frozenset(self.zones(person_zones))
        if not zones:
            return
        yield "window", Part(self.window, zones)
        if step.hours is not None:
            yield "step", Part(step.hours, zones)
        places = frozenset(person_zones or ((self.fallback_zone,) if self.fallback_zone else zones))
        for rule, hours in statutes.hours(states, step.channel):
            if rule.id not in self.waived:
                yield rule.id, Part(hours, places)

    def limits_for(self, channel: str, states: tuple[str, ...], at: int) -> Sequence[Limit]:
        """How often this person may be contacted on this channel now: by the campaigns' will and by law."""
        lawful = _lawful_limits(states, channel, at // DAY)
        if not lawful:
            return self.limits
        return [*self.limits, *(limit for limit in lawful if limit.rule not in self.waived)]


@lru_cache(maxsize=4096)
def _lawful_limits(states: tuple[str, ...], channel: str, day: int) -> tuple[Limit, ...]:
    """The caps in force on a day, counted from the epoch in UTC."""
    today = _EPOCH + timedelta(days=day)
    return tuple(
        Limit(cap.rate, cap.rule.id, Reason.lawful_cap, cap.channels)
        for cap in statutes.caps(states, channel)
        if (cap.since is None or cap.since <= today) and (cap.until is None or today < cap.until)
    )


@dataclass(frozen=True, slots=True)
class Go:
    """Contact the person now, at this point, from this line, to arrive before `closes_at`."""

    point: Point
    line: Line | None
    closes_at: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Not before `until_at`. `whole_lane`: nobody else in the lane can go before then either. `rule` and `zone` name
    what stands in the way, when it is one."""

    until_at: int
    reason: Reason
    whole_lane: bool = False
    rule: str = ""
    zone: str = ""


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


def decide(step: Step, rules: Rules, person: Person, at: int, lines: Lines | None = None) -> Verdict:
    """The one decision, for one person and one step at the instant `at` (epoch microseconds)."""
    point = _point(step.channel, person.points)
    refused = _who(step, rules, person, point) or _what(step, rules, person, at)
    if refused is not None:
        return refused
    assert isinstance(point, Point)  # noqa: S101 - `_who` refuses a person without one
    open_hours = rules.calendar(step, person.zones, person.states)
    if open_hours is None:
        return Hold(Reason.zone_unknown)
    opens_at = open_hours.next_open(at)
    if opens_at is None:
        return Hold(Reason.never_opens)
    if opens_at > at:
        return _shut(step, rules, person, at, opens_at)
    limits = rules.limits_for(step.channel, person.states, at)
    if limits and (full := _capped(limits, step.channel, person.touches, at)) is not None:
        return _wait_open(open_hours, full)
    if rules.budget is not None and rules.spent + rules.cost.get(step.channel, 0) > rules.budget:
        return Wait((at // DAY + 1) * DAY, Reason.budget, whole_lane=True)
    return _with_line(step, rules, person, point, at, lines, open_hours)


def _who(step: Step, rules: Rules, person: Person, point: Point | Reason) -> Verdict | None:
    """What the person asked for, and whether there is a way to them."""
    if "*" in person.stopped:
        return Never(Reason.opted_out)
    if rules.goal is not None and rules.goal.holds(person.values):
        return Never(Reason.goal)
    if step.channel in person.stopped:
        return Skip(Reason.stopped_channel)
    if isinstance(point, Reason):
        return Skip(point)
    return None


def _what(step: Step, rules: Rules, person: Person, at: int) -> Verdict | None:
    """What the campaign says of this step, and what has to be on record before anybody is contacted."""
    if person.done or person.late:
        return Skip(Reason.done if person.done else Reason.late)
    if step.when is not None and not step.when.holds(person.values):
        return Skip(Reason.condition)
    if step.moment is not None and (early := _moment(step.moment, rules, person, at)) is not None:
        return early
    if person.states and (missing := _evidence(step.channel, rules, person, at)) is not None:
        return missing
    if person.conflict and rules.hold_conflicts and not rules.fixed_zone:
        return Hold(Reason.place_conflict)
    return Hold(Reason.elsewhere, person.elsewhere) if person.elsewhere else None


def _moment(moment: Moment, rules: Rules, person: Person, at: int) -> Verdict | None:
    """A step that hangs on a date of the person's: not before its moment, and not after what it should precede."""
    zone = next(iter(rules.zones(person.zones)), "UTC")
    named_at = moment.named(person.values, zone)
    if named_at is None:
        return Skip(Reason.no_moment)
    if moment.is_before and at >= named_at:
        return Skip(Reason.moment_passed)
    due_at = moment.due(named_at, zone)
    return Wait(due_at, Reason.moment) if due_at > at else None


def _evidence(channel: str, rules: Rules, person: Person, at: int) -> Verdict | None:
    """Consent and the do-not-call list, as the places the person may be in ask for them."""
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


def _shut(step: Step, rules: Rules, person: Person, at: int, opens_at: int) -> Verdict:
    """A wait for the hours, with the first rule and zone in the order of `parts` that is shut at this moment."""
    door = rules.shut_by(step, person.zones, person.states, at)
    if door is None:
        return Wait(opens_at, Reason.window)
    reason = Reason.window if door.rule in ("window", "step") else Reason.lawful_hours
    return Wait(opens_at, reason, rule=door.rule, zone=door.zone)


def _with_line(
    step: Step, rules: Rules, person: Person, point: Point, at: int, lines: Lines | None, open_hours: Calendar
) -> Verdict:
    line: Line | None = None
    if step.channel != "email" and rules.chooses_number:
        if not lines:
            return Hold(Reason.no_number)
        chosen = lines.choose(point.value, person.sender_id, at)
        if isinstance(chosen, Full):
            return Wait(chosen.until_at, Reason.number_pace, whole_lane=True)
        line = chosen
    return Go(point, line, open_hours.closes(at))


def _point(channel: str, points: Sequence[Point]) -> Point | Reason:
    kind = "email" if channel == "email" else "phone"
    answer = Reason.no_email if kind == "email" else Reason.no_phone
    for point in points:
        if point.kind == kind:
            if not point.dead_on or channel not in point.dead_on.split(","):
                return point
            answer = Reason.unreachable
    return answer


def _capped(limits: Sequence[Limit], channel: str, touches: Sequence[Touch], at: int) -> Wait | None:
    """The limit that keeps the person waiting longest; None if none does."""
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


#: After every channel's name, so that a touch at the very edge of a span is not counted.
_LAST = "~"


def _wait_open(open_hours: Calendar, full: Wait) -> Verdict:
    opens_at = open_hours.next_open(full.until_at)
    return Hold(Reason.never_opens) if opens_at is None else Wait(opens_at, full.reason, rule=full.rule)
