"""The gate: may we contact this person, on this channel, for this step, at this instant?

One pure function, `decide`, with five answers: `Go`, `Wait` (until), `Hold` (until a fact changes), `Skip` (not this
step for this person) and `Never` (leave the campaign), each with its reason. The mark, the second check at pick-up,
the forecast, the launch check and `why` all call it; there is no other place that decides.

The order of the questions is the order of their weight: what the person asked for, what is possible, what the
campaign says, when, how often, with what money, from which line.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from fluentsd.domain.durations import SECOND, Rate
from fluentsd.domain.flow import Step
from fluentsd.domain.pacing import Full, Line, Lines
from fluentsd.domain.windows import Calendar, ContactWindow, calendar

DAY = 86_400 * SECOND


class Reason(StrEnum):
    """Why not, in a word; the sentence for people is in `WORDS`."""

    opted_out = "opted_out"
    no_phone = "no_phone"
    no_email = "no_email"
    unreachable = "unreachable"
    stopped_channel = "stopped_channel"
    condition = "condition"
    zone_unknown = "zone_unknown"
    window = "window"
    never_opens = "never_opens"
    contact_cap = "contact_cap"
    budget = "budget"
    number_pace = "number_pace"
    no_number = "no_number"


WORDS: Mapping[Reason, str] = {
    Reason.opted_out: "the person is on the stop list",
    Reason.no_phone: "there is no phone number for this person",
    Reason.no_email: "there is no e-mail address for this person",
    Reason.unreachable: "every number or address of this person has failed on this channel",
    Reason.stopped_channel: "the person is on the stop list for this channel",
    Reason.condition: "the step's condition is not met",
    Reason.zone_unknown: "the person's time zone is unknown, and the campaign holds such people",
    Reason.window: "the contact window is shut",
    Reason.never_opens: "the contact window and the step's hours never meet",
    Reason.contact_cap: "the person has been contacted as often as the limit allows",
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

    `zones` are candidates: a moment counts as open only when it is open in all of them. `stopped` holds the channels
    on which the person is on the stop list, "*" for all. `touches` are instants of earlier attempts, ascending.
    """

    zones: tuple[str, ...] = ()
    points: Sequence[Point] = ()
    stopped: frozenset[str] = frozenset()
    touches: Sequence[int] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    sender_id: int | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What a campaign says, live: window, zones, limits."""

    window: ContactWindow
    fixed_zone: str | None
    fallback_zone: str | None
    per_contact: Rate | None = None
    spent: int = 0  #: micros today, reservations included
    budget: int | None = None
    cost: Mapping[str, int] = field(default_factory=dict)  #: expected micros of one attempt, by channel
    chooses_number: bool = False  #: the campaign names numbers or tags
    calendars: dict[Any, Calendar | None] = field(default_factory=dict, compare=False, repr=False)

    def zones(self, person_zones: tuple[str, ...]) -> tuple[str, ...]:
        """The zones that count for a person; empty when unknown and no fallback is allowed."""
        if self.fixed_zone:
            return (self.fixed_zone,)
        return person_zones or ((self.fallback_zone,) if self.fallback_zone else ())

    def calendar(self, step: Step, person_zones: tuple[str, ...]) -> Calendar | None:
        """The compiled window of a step for a person; None when no zone counts."""
        key = (step.hours, person_zones)
        if key not in self.calendars:
            zones = self.zones(person_zones)
            self.calendars[key] = calendar(self.window, zones, step.hours) if zones else None
        return self.calendars[key]


@dataclass(frozen=True, slots=True)
class Go:
    """Contact the person now, at this point, from this line, to arrive before `closes_at`."""

    point: Point
    line: Line | None
    closes_at: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Not before `until_at`. `whole_lane`: nobody else in the lane can go before then either."""

    until_at: int
    reason: Reason
    whole_lane: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """Not until a fact changes."""

    reason: Reason


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
    if "*" in person.stopped:
        return Never(Reason.opted_out)
    if step.channel in person.stopped:
        return Skip(Reason.stopped_channel)
    point = _point(step.channel, person.points)
    if isinstance(point, Reason):
        return Skip(point)
    if step.when is not None and not step.when.holds(person.values):
        return Skip(Reason.condition)
    open_hours = rules.calendar(step, person.zones)
    if open_hours is None:
        return Hold(Reason.zone_unknown)
    opens_at = open_hours.next_open(at)
    if opens_at is None:
        return Hold(Reason.never_opens)
    if opens_at > at:
        return Wait(opens_at, Reason.window)
    if (late := _capped(rules.per_contact, person.touches, at)) is not None:
        return _wait_open(open_hours, late, Reason.contact_cap)
    if rules.budget is not None and rules.spent + rules.cost.get(step.channel, 0) > rules.budget:
        return Wait((at // DAY + 1) * DAY, Reason.budget, whole_lane=True)
    return _with_line(step, rules, person, point, at, lines, open_hours)


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


def _capped(cap: Rate | None, touches: Sequence[int], at: int) -> int | None:
    """When the person may be contacted again under the cap; None if now."""
    if cap is None or len(touches) < cap.count:
        return None
    since = at - cap.per_s * SECOND
    recent = len(touches) - bisect.bisect_right(touches, since)
    if recent < cap.count:
        return None
    return touches[len(touches) - cap.count] + cap.per_s * SECOND


def _wait_open(open_hours: Calendar, at: int, reason: Reason) -> Verdict:
    opens_at = open_hours.next_open(at)
    return Hold(Reason.never_opens) if opens_at is None else Wait(opens_at, reason)
