"""The slow, obvious walk through a campaign, to hold the forecast to.

It reads the campaign file as written, asks the wall clock of `window_oracle` whether a quarter of an hour is open, and
looks at everybody at every step: no heaps, no compiled windows, no lines kept in order, no flow, no gate. All windows
of its tests open and close on quarters of an hour, as all zones' clocks change on them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

from fluentsd.domain.campaign import Step, contact_window, read_campaign, step_window
from fluentsd.domain.time.durations import Budget, Delay, Rate
from fluentsd.domain.time.windows import ContactWindow, zone
from tests.domain.time import window_oracle

SECOND = 1_000_000
DAY = 86_400 * SECOND
QUARTER = 900 * SECOND
#: Contacts of so much time may start at once.
AT_ONCE = SECOND // 10
#: Conditions the tests use, and what they mean of (last outcome, outcomes by step, fields).
CONDITIONS: dict[str, Callable[[str, dict[str, str], dict[str, str]], bool]] = {
    "last.outcome != 'voicemail'": lambda last, steps, fields: last != "voicemail",
    "steps.s0.outcome == 'no_answer' or steps.s1.outcome == 'sent'": lambda last, steps, fields: (
        steps.get("s0") == "no_answer" or steps.get("s1") == "sent"
    ),
    "contact.plan == 'gold'": lambda last, steps, fields: fields.get("plan") == "gold",
}
Event = tuple[int, int, str, int, str, int | None, int, str]


@dataclass
class Body:
    """One person; `points` are (id, kind, value, channels on which it is dead)."""

    id: int
    zones: list[str]
    points: list[tuple[int, str, str, list[str]]]
    stopped: list[str]
    fields: dict[str, str]
    step: int
    due_at: int
    rank: int = 1
    try_no: int = 1
    retries: int = 0
    unreached: int = 0
    outcomes: dict[str, str] = field(default_factory=dict)
    last: str = ""
    sender: int | None = None
    touches: list[int] = field(default_factory=list)
    state: str = "queued"
    why: str = ""
    lands_at: int = 0
    recording: str = ""


@dataclass
class Number:
    id: int
    e164: str
    interval: int = 0
    used: int = 0
    next_slot_at: int = 0


@dataclass
class Road:
    """A lane with its channel."""

    id: int
    channel: str
    interval: int = 0
    most: int = 10**9
    channel_interval: int = 0
    channel_most: int = 50
    next_slot_at: int = 0
    channel_slot_at: int = 0
    not_before: int = 0


class Quarters:
    """Which quarters of an hour are open in a window, looked up once each."""

    def __init__(self, window: ContactWindow) -> None:
        self.window = window
        self.known: dict[tuple[str, int], bool] = {}

    def is_open(self, name: str, quarter: int) -> bool:
        if (known := self.known.get((name, quarter))) is None:
            known = self.known[name, quarter] = window_oracle.is_open(self.window, name, quarter * QUARTER)
        return known


#: Each window once: to compare windows again and again takes longer than to look at the clock.
quarters = cache(Quarters)


def later(at: int, delay: Delay, name: str) -> int:
    """So much later: elapsed seconds, or days on the wall clock."""
    if delay.unit == "seconds" or delay.count == 0:
        return at + delay.count * (SECOND if delay.unit == "seconds" else 0)
    wall = window_oracle.shown(at, name).replace(tzinfo=None) + timedelta(days=delay.count)
    found = (wall.replace(tzinfo=zone(name)) - window_oracle.EPOCH) // timedelta(microseconds=1)
    if window_oracle.shown(found, name).replace(tzinfo=None) == wall:
        return found
    found = found - found % window_oracle.MINUTE - 240 * window_oracle.MINUTE  # a time that the clock skips
    while window_oracle.shown(found, name).replace(tzinfo=None) < wall:
        found += window_oracle.MINUTE
    return found


class Walk:
    """One campaign, looked at as a whole at every moment."""

    def __init__(
        self,
        file: dict[str, Any],
        bodies: list[Body],
        numbers: list[Number],
        roads: list[Road],
        ends: Callable[[int, str, int, str], tuple[str, int]],
    ) -> None:
        self.spec = read_campaign(file)
        windows = {step.id: [contact_window(self.spec.window), step_window(step)] for step in self.spec.step}
        self.windows = {id: [quarters(window) for window in both if window] for id, both in windows.items()}
        self.bodies, self.numbers, self.roads, self.ends = bodies, numbers, roads, ends
        self.spent: dict[int, int] = {}
        self.events: list[Event] = []
        self.now = 0

    # ── when ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def zones(self, body: Body) -> list[str]:
        window = self.spec.window
        if window.timezone != "contact":
            return [window.timezone]
        fallback = [window.fallback_timezone] if window.unknown_timezone == "fallback" else []
        return body.zones or [name for name in fallback if name]

    def is_open(self, step: Step, names: list[str], at: int) -> bool:
        return all(window.is_open(name, at // QUARTER) for window in self.windows[step.id] for name in names)

    def opening(self, step: Step, body: Body, at: int) -> int | None:
        names = self.zones(body)
        if not names or self.is_open(step, names, at):
            return at
        for quarter in range(at // QUARTER + 1, at // QUARTER + 96 * 21):
            if self.is_open(step, names, quarter * QUARTER):
                return quarter * QUARTER
        return None

    def queue(self, body: Body, index: int, delay: Delay) -> None:
        step = self.spec.step[index]
        wanted = later(self.now, delay, (self.zones(body) or ["UTC"])[0])
        opening = self.opening(step, body, wanted)
        body.step, body.due_at, body.rank = index, wanted if opening is None else opening, 1
        body.state = "queued"

    # ── what an outcome does ─────────────────────────────────────────────────────────────────────────────────────

    def land(self, body: Body) -> None:
        step, outcome = self.spec.step[body.step], body.recording
        body.outcomes[step.id], body.last = outcome, outcome
        if outcome in ("failed", "bounced"):
            body.unreached += 1
        elif outcome in ("answered", "voicemail", "delivered", "replied", "opted_out"):
            body.unreached = 0
        exits = self.spec.exit
        if outcome == "opted_out" or (outcome in ("answered", "replied") and outcome in exits.on):
            body.state, body.why = "exited", outcome
        elif (
            outcome in ("failed", "bounced") and body.unreached >= exits.unreachable_after and "unreachable" in exits.on
        ):
            body.state, body.why = "exited", "unreachable"
        elif step.retry and getattr(step.retry, outcome, None) and body.retries < step.retry.limit:
            body.try_no, body.retries = body.try_no + 1, body.retries + 1
            self.queue(body, body.step, Delay.parse(getattr(step.retry, outcome)))
        else:
            self.following(body)

    def following(self, body: Body) -> None:
        body.try_no, body.retries = 1, 0
        if body.step + 1 == len(self.spec.step):
            body.state = "completed"
        else:
            self.queue(body, body.step + 1, Delay.parse(self.spec.step[body.step + 1].after))

    # ── the question ─────────────────────────────────────────────────────────────────────────────────────────────

    def ask(self, body: Body, road: Road) -> bool:
        """Judge one person; False when the lane stops. Those who are judged leave the queue or get a later moment."""
        step, now = self.spec.step[body.step], self.now
        if "*" in body.stopped:
            body.state, body.why = "exited", "opted_out"
            return True
        kind = "email" if step.channel == "email" else "phone"
        alive = [point for point in body.points if point[1] == kind and step.channel not in point[3]]
        fields = body.fields
        if (
            step.channel in body.stopped
            or not alive
            or (body.try_no == 1 and step.id in body.outcomes)
            or (step.when and not CONDITIONS[step.when](body.last, body.outcomes, fields))
        ):
            body.state = "skipped"
            return True
        if not self.zones(body):
            body.state, body.why = "held", "zone_unknown"
            return True
        opening = self.opening(step, body, now)
        if opening is None:
            body.state, body.why = "held", "never_opens"
            return True
        if opening > now:
            body.due_at = opening
            return True
        if self.spec.limits.per_contact:
            cap = Rate.parse(self.spec.limits.per_contact)
            recent = [at for at in body.touches if at > now - cap.per_s * SECOND]
            if len(recent) >= cap.count:
                free_at = sorted(recent)[-cap.count] + cap.per_s * SECOND
                body.due_at = self.opening(step, body, free_at) or free_at
                return True
        cost = round(self.spec.limits.cost.get(step.channel, 0) * 1_000_000)
        budget = Budget.parse(self.spec.limits.budget).micros if self.spec.limits.budget else None
        window = self.spec.window
        here = zone(window.timezone if window.timezone != "contact" else window.fallback_timezone or "UTC")
        local = dt.datetime.fromtimestamp(now / SECOND, here)
        today = local.date().toordinal()
        if budget is not None and self.spent.get(today, 0) + cost > budget:
            tomorrow = dt.datetime.combine(local.date() + dt.timedelta(1), dt.time(), here)
            road.not_before = round(tomorrow.timestamp() * SECOND)
            return False
        number = None
        if step.channel != "email" and self.spec.numbers.tags:
            if not self.numbers:
                body.state, body.why = "held", "no_number"
                return True
            number = self.choose(body, alive[0][2])
            if number is None:
                road.not_before = min(n.next_slot_at for n in self.numbers)
                return False
            number.used, number.next_slot_at, body.sender = number.used + 1, now + number.interval, number.id
        self.spent[today] = self.spent.get(today, 0) + cost
        body.touches.append(now)
        outcome, length = self.ends(body.id, step.id, body.try_no, step.channel)
        body.state, body.recording, body.lands_at = "active", outcome, now + length
        about = (step.id, body.try_no, step.channel, number.id if number else None, alive[0][0], outcome)
        self.events.append((now, body.id, *about))
        return True

    def choose(self, body: Body, to: str) -> Number | None:
        free = [number for number in self.numbers if number.next_slot_at <= self.now]
        for number in free:
            if number.id == body.sender:
                return number
        near = [number for number in free if number.e164[:5] == to[:5]] if self.spec.numbers.local_presence else []
        return min(near or free, key=lambda number: (number.used, number.id), default=None)

    # ── the course of time ───────────────────────────────────────────────────────────────────────────────────────

    def waiting(self, road: Road) -> list[Body]:
        found = [b for b in self.bodies if b.state == "queued" and self.spec.step[b.step].channel == road.channel]
        return sorted(found, key=lambda body: (body.rank, body.due_at, body.id))

    def flying(self, road: Road) -> int:
        return sum(b.state == "active" and self.spec.step[b.step].channel == road.channel for b in self.bodies)

    def opens_at(self, road: Road) -> int | None:
        waiting = self.waiting(road)
        if not waiting or self.flying(road) >= min(road.most, road.channel_most):
            return None
        return max(min(b.due_at for b in waiting), road.next_slot_at, road.channel_slot_at, road.not_before)

    def turn(self, road: Road) -> bool:
        """One turn; whether the lane may have another at this moment."""
        now = self.now
        most = min(500, road.most - self.flying(road), road.channel_most - self.flying(road))
        if most <= 0 or road.next_slot_at > now or road.channel_slot_at > now:
            return False
        for interval in (road.interval, road.channel_interval):
            if interval:
                most = max(1, min(most, AT_ONCE // interval))
        due = [body for body in self.waiting(road) if body.due_at <= now][:most]
        judged, before = 0, len(self.events)
        for body in due:
            if not self.ask(body, road):
                break
            judged += 1
        for body in due:
            if body.state == "skipped":
                self.following(body)
        made = len(self.events) - before
        if road.interval and made:
            road.next_slot_at = _after(road.next_slot_at, road.interval, now, made)
        if road.channel_interval and made:
            road.channel_slot_at = _after(road.channel_slot_at, road.channel_interval, now, made)
        return judged == most and not road.interval

    def run(self, start_at: int, until_at: int) -> list[Event]:
        self.now = start_at
        while True:
            opens = {road.id: self.opens_at(road) for road in self.roads}
            moments = [at for at in opens.values() if at is not None]
            moments += [body.lands_at for body in self.bodies if body.state == "active"]
            if not moments or max(self.now, min(moments)) > until_at:
                return self.events
            self.now = max(self.now, min(moments))
            landed = [body for body in self.bodies if body.state == "active" and body.lands_at <= self.now]
            for body in sorted(landed, key=lambda body: (body.lands_at, body.id)):
                self.land(body)
            if not landed:
                roads = [road for road in self.roads if (at := opens[road.id]) is not None and at <= self.now]
                roads.sort(key=lambda road: (min(b.due_at for b in self.waiting(road)), road.id))
                for _ in range(8):
                    roads = [road for road in roads if self.turn(road)]


def _after(slot_at: int, interval: int, now: int, made: int) -> int:
    """The next slot; a pace of more than ten a second catches up on what a late turn missed."""
    late = min(now - slot_at, AT_ONCE - interval) if now > slot_at and interval < AT_ONCE else 0
    return max(slot_at, now) - late + made * interval
