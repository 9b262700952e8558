"""The cost of one decision: the next open instant, a complete verdict of the gate, a forecast, an overview.

The window is compared with opening-hours-py, and checked against the slow oracle of the tests in a million random
cases. The gate decides about people in the US with all its facts: lawful hours and caps of two states, consent, limits,
caller IDs. Nothing here sleeps or sends.
"""

from __future__ import annotations

import datetime as dt
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import population
import steps
import trio
from peer_venv import python
from rows import BenchFailed, Row
from turns import HERE, in_turn, run

from fluentsd.domain import campaign as spec
from fluentsd.domain.flow import compile_flow
from fluentsd.domain.gate import Go, Person, Point, Rules, decide
from fluentsd.domain.pacing import CallerId, CallerIds
from fluentsd.domain.time.windows import Calendar, ContactWindow, Hours, calendar
from fluentsd.engine.dispatch.plans import rules_of
from fluentsd.store import counters
from fluentsd.store.db.bridge import open_store

ZONES = [
    "America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles",
    "America/Anchorage", "Pacific/Honolulu", "America/Boise", "America/Detroit", "America/Indiana/Indianapolis",
]  # fmt: skip
START = round(dt.datetime(2026, 1, 1, tzinfo=dt.UTC).timestamp() * 1_000_000)
YEARS = 2 * 365 * 86_400_000_000
ASKED, PEER_ASKED, CASES = 1_000_000, 20_000, 1_000_000
MILLION = 1_000_000
DECIDED = 200_000
_DAY = Hours.parse("09:00-12:00, 13:00-19:00")
WINDOW = ContactWindow((_DAY,) * 5 + (None, None), presets=("us-federal-holidays",))


def window(folder: Path) -> list[Row]:
    """The next open instant in ten zones, with holidays."""
    del folder
    theirs = [python(), HERE / "peers" / "opening_hours_window.py", str(PEER_ASKED), json.dumps(ZONES)]
    pairs = in_turn(_our_window, lambda: run(theirs, {}))
    ours, peer = (statistics.median(pair[side]["us"] for pair in pairs) for side in (0, 1))
    ratio = statistics.median(theirs["us"] / mine["us"] for mine, theirs in pairs)
    wrong = _mismatches(CASES)
    return [
        Row("window", round(ours, 3), None, "us", None, 1.0, "at most",
            "one question of next_open; a loop around nothing taken off"),
        Row("window versus opening-hours-py", round(1e6 / ours), round(1e6 / peer), "questions/s", round(ratio, 1), 20,
            note="is_open, else next_change, with PH off for the US; an instant in, an instant out"),
        Row("window versus the oracle", wrong, None, "mismatches", None, 0, "at most",
            f"of {CASES:,} random windows, zones and moments, each also a minute before its opening"),
    ]  # fmt: skip


def _our_window() -> dict[str, float]:
    chance = random.Random(7)
    calendars = [calendar(WINDOW, (name,)) for name in ZONES]
    asked = [(calendars[chance.randrange(len(ZONES))], START + chance.randrange(YEARS)) for _ in range(ASKED)]
    for one in calendars:
        one.next_open(START), one.next_open(START + YEARS)

    def ask() -> None:
        for one, at in asked:
            one.next_open(at)

    def nothing() -> None:
        for one, at in asked:
            _same(at)
            del one

    return {"us": (_seconds(ask) - _seconds(nothing) / 2) / ASKED * 1e6}


def _same(at: int) -> int:
    return at


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _mismatches(cases: int) -> int:
    """Random calendars compared with the oracle."""
    sys.path.insert(0, str(HERE.parent))
    from tests.domain.time import window_oracle as oracle

    chance, wrong = random.Random(11), 0
    texts = ["09:00-17:00", "09:00-12:00, 13:00-19:00", "22:00-02:00", "00:00-24:00", "08:30-20:15"]
    places = [*ZONES, "Australia/Lord_Howe", "Australia/Sydney", "Europe/London", "Africa/Casablanca"]
    made: list[tuple[Calendar, ContactWindow, list[str]]] = []
    for _ in range(400):
        hours = Hours.parse(chance.choice(texts))
        days = tuple(hours if chance.random() < 0.8 else None for _ in range(7))
        dates = {dt.date(2026 + chance.randrange(2), 1 + chance.randrange(12), 1 + chance.randrange(28)): None
                 for _ in range(chance.randrange(4))}  # fmt: skip
        rules = ContactWindow(days, tuple(dates.items()))  # type: ignore[arg-type]
        names = chance.sample(places, 1 + chance.randrange(2))
        made.append((calendar(rules, names), rules, names))
    for n in range(cases):
        one, rules, names = made[n % len(made)]
        at = START + chance.randrange(YEARS)
        is_open = oracle.all_open([rules], names, at)
        found = one.next_open(at)
        if is_open:
            wrong += found != at
        elif found is not None:
            wrong += not oracle.all_open([rules], names, found) or oracle.all_open([rules], names, found - 60_000_000)
    return wrong


_FILE = {
    "name": "Bench",
    "window": {"hours": "09:00-12:00, 13:00-19:00", "fallback_timezone": "America/Chicago",
               "blackout": ["us-federal-holidays"]},
    "numbers": {"tags": ["x"]},
    "limits": {"per_contact": "3/day", "gap": "1 hour", "budget": "500 USD/day", "cost": {"phone": 0.1}},
    "step": [{"id": "call", "channel": "phone", "agent": "a", "when": "stage != 'won'"}],
}  # fmt: skip


def gate(folder: Path) -> list[Row]:
    """A complete verdict for one person, at random instants of two years."""
    del folder
    file = spec.read_campaign(_FILE)
    step, rules = compile_flow(file.step).steps[0], rules_of(file)
    people, chance = _people(), random.Random(3)
    asked = [(people[chance.randrange(len(people))], START + chance.randrange(YEARS)) for _ in range(DECIDED)]
    rounds = [_decide_all(step, rules, asked) for _ in range(3)]
    us = statistics.median(seconds for seconds, _ in rounds) / DECIDED * 1e6
    note = (
        f"{rounds[0][1] / DECIDED:.0%} of them Go; two states, consent, caps, limits, budget, condition, 20 caller IDs"
    )
    return [Row("gate", round(us, 2), None, "us", None, 20, "at most", note)]


def _people() -> list[Person]:
    states = [("US-NY", "US-NJ"), ("US-FL",), ("US-TX",), ("US-CA", "US-NY"), ("US-PA",), ("US",), ("US-ME",), ()]
    chance = random.Random(5)
    return [
        Person(
            zones=tuple(chance.sample(ZONES, 1 + n % 2)),
            points=(Point(n, "phone", f"+1212555{n:04d}"),),
            states=states[n % len(states)],
            consent={"phone": "written"},
            values={"stage": "lead", "contact": {"stage": "lead"}},
            touches=[(START - 86_400_000_000 * k, "phone") for k in (3, 2, 1)],
        )
        for n in range(1000)
    ]


def _decide_all(step: Any, rules: Rules, asked: list[tuple[Person, int]]) -> tuple[float, int]:
    caller_ids = CallerIds([CallerId(n, f"+1{212 + n}5550199") for n in range(20)], local_presence=True)
    began, gone = time.perf_counter(), 0
    for person, at in asked:
        gone += isinstance(decide(step, rules, person, at, caller_ids), Go)
    return time.perf_counter() - began, gone


def forecast(folder: Path) -> list[Row]:
    """A hundred thousand people, four steps, six weeks, including the set-up of the people."""
    del folder
    env = {"PYTHONPATH": str(HERE.parent)}
    done = [run([sys.executable, "-m", "bench.forecasting"], env) for _ in range(3)]
    longest = run([sys.executable, "-m", "bench.forecasting", "--unreached"], env)
    timed = [run([sys.executable, "-m", "bench.forecasting", "--gate"], env) for _ in range(3)]
    asked = timed[0]
    seconds = statistics.median(one["all_s"] for one in done)
    note = f"{done[0]['contacts']:,} contacts; the longest case, {longest['contacts']:,}, takes {longest['all_s']} s"
    note += f"; beside it the {asked['gate_calls']:,} questions to the gate alone"
    extra = {"peak_mib": done[0]["peak_mib"], "longest_s": longest["all_s"]}
    ratio = round(statistics.median(one["all_s"] / one["gate_s"] for one in timed), 2)
    gate_s = statistics.median(one["gate_s"] for one in timed)
    return [Row("forecast", seconds, gate_s, "s", ratio, 2.5, "at most", note, extra)]


def overview(folder: Path) -> list[Row]:
    """The overview of a campaign with a million people."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        database = Path(own, "people.db")
        trio.run(steps.make, database, "Hello")
        population.put(database, steps.REF, waiting=MILLION, at=START)
        ms, total = trio.run(_look, database)
    if total != MILLION:
        raise BenchFailed(f"the overview says {total:,} people, not {MILLION:,}")
    return [Row("overview", round(ms, 3), None, "ms", None, 1, "at most", f"of {total:,} people, through the bridge")]


async def _look(database: Path) -> tuple[float, int]:
    async with open_store(steps.url(database)) as store:
        found = await store.read(counters.overview, 1)
        taken = []
        for _ in range(200):
            began = time.perf_counter()
            found = await store.read(counters.overview, 1)
            taken.append(time.perf_counter() - began)
        return statistics.median(taken) * 1000, found["total"]
