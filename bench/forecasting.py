"""The time of a forecast: 100,000 people, four steps, six weeks, with retries, caller IDs and a daily cap.

Prints the seconds of the people's set-up, of the simulation and of both, the processor time, and the contacts.
"""

from __future__ import annotations

import argparse
import datetime as dt
import time
from typing import Any

from fluentsd.api import Kind
from fluentsd.domain import gate
from fluentsd.domain.campaign import CampaignFile, read_campaign
from fluentsd.domain.enrollment import Exits, align
from fluentsd.domain.flow import compile_flow
from fluentsd.domain.forecast import Channel, Lane, Subject, World, forecast, walk
from fluentsd.domain.forecast.assumptions import DEFAULTS, NOBODY, Assumed
from fluentsd.domain.forecast.figures import Forecast
from fluentsd.domain.gate import Person, Point, Rules
from fluentsd.domain.pacing import CallerId, CallerIds
from fluentsd.engine.dispatch.plans import rules_of

PEOPLE, WEEKS = 100_000, 6
START = round(dt.datetime(2026, 3, 2, 14, tzinfo=dt.UTC).timestamp() * 1_000_000)
END = START + WEEKS * 7 * 86_400_000_000
MINUTE = 60_000_000
ZONES = (("America/New_York",),) * 9 + (("America/Chicago",),) * 6 + (("America/Los_Angeles",),) * 4 + ((),)
FILE = {
    "name": "Spring fair",
    "window": {
        "days": ["mon", "tue", "wed", "thu", "fri"],
        "hours": "09:00-17:00",
        "fallback_timezone": "America/New_York",
        "blackout": ["us-federal-holidays"],
    },
    "numbers": {"tags": ["fair"]},
    "limits": {"per_contact": "2/day", "cost": {"phone": 0.05, "sms": 0.01}},
    "step": [
        {"id": "call", "channel": "phone", "agent": "a", "retry": {"no_answer": "3 hours", "busy": "20 min"}},
        {"id": "text", "channel": "sms", "after": "1 day", "text": "Hello", "hours": "10:00-16:00"},
        {"id": "mail", "channel": "email", "after": "3 days", "subject": "Hello", "text": "Hello"},
        {"id": "again", "channel": "phone", "after": "1 week", "agent": "a", "when": "steps.call.outcome != 'busy'"},
    ],
}


def population(spec: CampaignFile, rules: Rules, count: int) -> list[Subject]:
    """Every person enters at the start, due when the window opens."""
    first = compile_flow(spec.step).steps[0]
    people = []
    for n in range(count):
        zones = ZONES[n % len(ZONES)]
        points = (
            Point(2 * n, "phone", f"+1{2120000000 + n * 79}"),
            Point(2 * n + 1, "email", f"p{n}@example.com"),
        )
        person = Person(zones=zones, points=points)
        people.append(Subject(n, n, 1, first.id, align(rules, first, person, START), person, wanted_at=START))
    return people


def pool(count: int) -> CallerIds:
    """Caller IDs in as many area codes, each with a pace of twenty per hour."""
    caller_ids = (CallerId(n, f"+1{212 + n * 3}5550100", interval=3 * MINUTE) for n in range(count))
    return CallerIds(caller_ids, local_presence=True)


def walked(people: int = PEOPLE, assumed: Assumed = DEFAULTS, numbers: int = 120) -> tuple[Forecast, float, float]:
    """One forecast, the seconds of its people's set-up, and those of the simulation."""
    began = time.perf_counter()
    spec = read_campaign(FILE)
    rules = rules_of(spec)
    lanes = [Lane(n, channel) for n, channel in enumerate(spec.channels, 1)]
    subjects = population(spec, rules, people)
    built = time.perf_counter()
    exits = Exits(tuple(spec.exit.on), spec.exit.unreachable_after)
    channels: dict[Kind, Channel] = {"phone": Channel(200), "sms": Channel(200), "email": Channel(200)}
    world = World({1: compile_flow(spec.step)}, rules, exits, lanes, channels, pool(numbers))
    found = forecast(subjects, world, assumed, start_at=START, until_at=END)
    return found, built - began, time.perf_counter() - built


class GateTimes:
    """Counts and times the forecast's questions to the gate; the clock's own cost is a part of the time."""

    def __init__(self) -> None:
        self.calls, self.seconds = 0, 0.0

    def decide(self, *question: Any) -> Any:
        began = time.perf_counter()
        verdict = gate.decide(*question)
        self.seconds += time.perf_counter() - began
        self.calls += 1
        return verdict


def main() -> None:
    """Print the figures as JSON on the last line."""
    from bench.figures import tell

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--numbers", type=int, default=120, help="caller IDs, twenty contacts an hour each")
    parser.add_argument("--unreached", action="store_true", help="the longest case: no one is reached")
    parser.add_argument("--gate", action="store_true", help="time the questions to the gate too")
    asked = parser.parse_args()
    times = GateTimes()
    if asked.gate:
        walk.decide = times.decide  # type: ignore[attr-defined]
    began = time.process_time()
    found, build_s, walk_s = walked(asked.people, NOBODY if asked.unreached else DEFAULTS, asked.numbers)
    cpu_s = round(time.process_time() - began, 2)
    seconds = {
        "cpu_s": cpu_s,
        "build_s": round(build_s, 2),
        "walk_s": round(walk_s, 2),
        "all_s": round(build_s + walk_s, 2),
    }
    if asked.gate:
        seconds |= {"gate_s": round(times.seconds, 2), "gate_calls": times.calls}
    tell(people=asked.people, contacts=found.made, waiting=found.waiting, bottleneck=found.bottleneck.cause, **seconds)


if __name__ == "__main__":
    main()
