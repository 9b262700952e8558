"""The terms of a campaign: hours, limits and budget. They are live: a change applies to everybody in it.

What lives here: the hours of a step for a person's candidate places, from the campaign's window, the step's own hours
and the lawful hours of every place; the limits of the campaign, of all campaigns and of the law. What must not: a
decision about a person; that is the `gate`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from fluentsd.domain import statutes
from fluentsd.domain.flow import Step
from fluentsd.domain.reasons import Reason
from fluentsd.domain.render import Template
from fluentsd.domain.time import zones
from fluentsd.domain.time.durations import SECOND, Rate
from fluentsd.domain.time.windows import Calendar, ContactWindow, Part, calendar, together

DAY = 86_400 * SECOND
_EPOCH = date(1970, 1, 1)
#: Most compiled windows cached by one campaign's rules; beyond it the cache is cleared.
MOST_CALENDARS = 4096


@dataclass(frozen=True, slots=True)
class Limit:
    """A cap on contacts of one person in any period of the rate; `channels` None counts all channels."""

    rate: Rate
    rule: str
    reason: Reason = Reason.contact_cap
    channels: frozenset[str] | None = None


class Hours(NamedTuple):
    """The hours of one rule in one zone."""

    rule: str
    zone: str
    calendar: Calendar


@dataclass(frozen=True, slots=True)
class Rules:
    """The live rules of a campaign: window, zones, limits, budget, waived legal rules."""

    window: ContactWindow
    fixed_zone: str | None
    fallback_zone: str | None
    limits: tuple[Limit, ...] = ()  #: the campaign's own and those of all campaigns together
    spent: int = 0  #: micros today, reservations included
    budget: int | None = None
    cost: Mapping[str, int] = field(default_factory=dict)  #: micros of one attempt that the campaign names, by channel
    prices: Mapping[str, int] = field(default_factory=dict)  #: the channel's own micros of one attempt, by step
    day_zone: str = "UTC"  #: the zone of the budget's days
    chooses_number: bool = False  #: the campaign names numbers or tags
    hold_conflicts: bool = False
    purpose: statutes.Purpose = "marketing"
    waived: frozenset[str] = frozenset()
    goal: Template | None = None
    calendars: dict[Any, Calendar | None] = field(default_factory=dict, compare=False, repr=False)
    hours: dict[Any, list[Hours]] = field(default_factory=dict, compare=False, repr=False)

    def cost_of(self, step: Step) -> int:
        """The expected micros of one attempt of a step; 0 if unknown."""
        named = self.cost.get(step.channel)
        return self.prices.get(step.id, 0) if named is None else named

    def affords(self, cost: int) -> bool:
        """Whether the rest of the day's budget covers this cost."""
        return self.budget is None or self.spent + cost <= self.budget

    def day(self, at: int) -> int:
        """The budget's day at an instant, in days since 1970-01-01."""
        return zones.day_of(at, self.day_zone)

    def zones(self, person_zones: tuple[str, ...]) -> tuple[str, ...]:
        """The candidate zones of a person; empty when unknown and no fallback is allowed."""
        if self.fixed_zone:
            return (self.fixed_zone,)
        return person_zones or ((self.fallback_zone,) if self.fallback_zone else ())

    def calendar(self, step: Step, person_zones: tuple[str, ...], states: tuple[str, ...] = ()) -> Calendar | None:
        """The calendar of a step for a person: the intersection of the campaign's window, the step's hours and the
        lawful hours of every candidate place; None without a candidate zone."""
        key = (step.hours, step.channel, person_zones, states)
        if key not in self.calendars:
            if len(self.calendars) >= MOST_CALENDARS:
                self.calendars.clear()
            parts = [part for _, part in self.parts(step, person_zones, states)]
            self.calendars[key] = together(parts) if parts else None
        return self.calendars[key]

    def closed_by(self, step: Step, person_zones: tuple[str, ...], states: tuple[str, ...], at: int) -> Hours | None:
        """The first of `parts`, and of its zones, that is closed at this instant."""
        key = (step.hours, step.channel, person_zones, states)
        if (found := self.hours.get(key)) is None:
            if len(self.hours) >= MOST_CALENDARS:
                self.hours.clear()
            found = self.hours[key] = [
                Hours(name, zone, calendar(part.window, (zone,)))
                for name, part in self.parts(step, person_zones, states)
                for zone in sorted(part.zones)
            ]
        return next((hours for hours in found if not hours.calendar.is_open(at)), None)

    def parts(self, step: Step, person_zones: tuple[str, ...], states: tuple[str, ...]) -> Iterator[tuple[str, Part]]:
        """The parts that must all be open, each with its name: "window", "step", or the id of a legal rule."""
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
        """The limits on contacts of this person on this channel now: the campaigns' and the law's."""
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
