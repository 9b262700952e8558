"""The forecast agrees with the slow, obvious walk on random campaigns."""

from __future__ import annotations

import random
from collections import Counter
from copy import deepcopy
from typing import Any

import pytest

from fluentsd.api import Kind, Outcome
from fluentsd.domain.campaign import CampaignFile, read_campaign
from fluentsd.domain.enrollment import Exits
from fluentsd.domain.flow import compile_flow
from fluentsd.domain.forecast import Channel, Lane, Subject, World, forecast
from fluentsd.domain.forecast.assumptions import (
    DEFAULTS,
    Assumed,
)
from fluentsd.domain.forecast.figures import Forecast
from fluentsd.domain.pacing import CallerId, CallerIds
from fluentsd.domain.time.durations import Rate
from fluentsd.engine.dispatch.plans import rules_of
from tests.domain.forecast import oracle
from tests.domain.forecast.campaigns import CHANNELS, DAY, HOUR, MINUTE, SECOND, instant, subject

ZONES = ("America/New_York", "America/Los_Angeles", "Australia/Lord_Howe", "Asia/Kathmandu", "Europe/London")
#: Two zones that share their days all year, and two that never do.
PAIRS = (("America/New_York", "America/Los_Angeles"), ("America/New_York", "Asia/Kathmandu"))
#: Mondays, or the days before the clocks change.
STARTS = ("2026-01-12T15:00", "2026-03-06T19:30", "2026-10-23T13:45", "2026-03-27T08:00", "2026-04-03T02:00")


def random_step(chance: random.Random, n: int) -> dict[str, Any]:
    channel = chance.choice(CHANNELS)
    after = chance.choice(["0", "0", "45 min", "24 hours", "1 day", "3 days"])
    step: dict[str, Any] = {"id": f"s{n}", "channel": channel, "after": after}
    step |= {"phone": {"agent": "a"}, "sms": {"text": "Hi"}, "email": {"subject": "s", "text": "t"}}[channel]
    if chance.random() < 0.5:
        step["retry"] = {"busy": "20 min", "no_answer": "2 hours", "failed": "1 day", "limit": chance.randint(1, 3)}
    if n and chance.random() < 0.4:
        step["when"] = chance.choice(list(oracle.CONDITIONS))
    if chance.random() < 0.3:
        step["hours"] = chance.choice(["10:00-15:00", "12:00-12:15"])
    return step


def random_file(chance: random.Random) -> dict[str, Any]:
    window: dict[str, Any] = {
        "days": ["mon", "tue", "wed", "thu", "fri", "sat"],
        "hours": chance.choice(["09:00-17:00", "08:00-11:00, 20:00-01:00", "00:00-24:00", "01:30-03:15"]),
    }
    if chance.random() < 0.2:
        window["timezone"] = chance.choice(ZONES)
    elif chance.random() < 0.7:
        window["fallback_timezone"] = "America/New_York"
    else:
        window["unknown_timezone"] = "hold"
    limits: dict[str, Any] = {}
    if chance.random() < 0.5:
        limits["per_contact"] = chance.choice(["1/day", "2/hour", "3/week"])
    if chance.random() < 0.4:
        limits["pace"] = chance.choice(["10/hour", "1/second", "200/minute"])
    if chance.random() < 0.3:
        limits["concurrency"] = chance.randint(1, 3)
    if chance.random() < 0.3:
        limits |= {"budget": "0.5 USD/day", "cost": {"phone": 0.1, "sms": 0.05}}
    numbers: dict[str, Any] = {}
    if chance.random() < 0.6:
        numbers = {"tags": ["t"], "local_presence": chance.random() < 0.7}
    exits = {"on": ["opted_out", *chance.sample(["answered", "unreachable", "replied"], 2)], "unreachable_after": 2}
    file = {"name": "Random", "window": window, "limits": limits, "numbers": numbers, "exit": exits}
    return file | {"step": [random_step(chance, n) for n in range(chance.randint(1, 5))]}


def random_assumed(chance: random.Random) -> Assumed:
    shares = {
        kind: {o: share * chance.random() + 0.01 for o, share in DEFAULTS.shares[kind].items()} for kind in CHANNELS
    }
    quick = chance.random() < 0.4
    seconds: dict[Kind, dict[Outcome, float]] = {
        kind: {o: 0 if kind != "phone" and quick else chance.uniform(0, 900) for o in shares[kind]} for kind in CHANNELS
    }
    return Assumed(shares, seconds)


def random_body(chance: random.Random, n: int, file: dict[str, Any], start_at: int) -> oracle.Body:
    zones = list(chance.choice(PAIRS)) if chance.random() < 0.1 else [chance.choice(ZONES)]
    area = chance.choice(["212", "415", "303"])
    points = [(10 * n, "phone", f"+1{area}555{n:04d}", chance.choice([[], [], [], ["sms"], ["phone", "sms"]]))]
    points += [(10 * n + 1, "phone", f"+1303556{n:04d}", [])] if chance.random() < 0.2 else []
    points += [(10 * n + 2, "email", f"p{n}@example.com", [])] if chance.random() < 0.8 else []
    body = oracle.Body(
        id=n,
        zones=[] if chance.random() < 0.1 else zones,
        points=points,
        stopped=[chance.choice(["*", "sms", "email"])] if chance.random() < 0.1 else [],
        fields={"plan": chance.choice(["gold", "tin"])},
        step=chance.randrange(len(file["step"])) if chance.random() < 0.2 else 0,
        due_at=start_at + chance.choice([-HOUR, 0, 0, chance.randrange(DAY)]),
        rank=0 if chance.random() < 0.1 else 1,
        touches=[start_at - chance.randrange(DAY)] if chance.random() < 0.2 else [],
    )
    if chance.random() < 0.1:
        body.unreached, body.last, body.outcomes = 1, "failed", {"s0": "failed"}
    return body


def roads(chance: random.Random, spec: CampaignFile) -> list[oracle.Road]:
    pace = Rate.parse(spec.limits.pace).interval if spec.limits.pace else 0
    most = spec.limits.concurrency or 10**9
    return [
        oracle.Road(
            n,
            channel,
            pace,
            most,
            channel_interval=chance.choice([0, 0, 700_000, 40 * SECOND]),
            channel_most=chance.choice([1, 2, 5, 50]),
        )
        for n, channel in enumerate(spec.channels, 1)
    ]


def told(
    file: dict[str, Any],
    subjects: list[Subject],
    given: list[oracle.Road],
    numbers: list[oracle.Number],
    assumed: Assumed,
    start_at: int,
    until_at: int,
    seed: int = 0,
) -> tuple[Forecast, list[oracle.Event]]:
    """A forecast and its events."""
    spec, events = read_campaign(file), list[oracle.Event]()
    lanes = [Lane(r.id, r.channel, 0, r.interval, None if r.most == 10**9 else r.most) for r in given]  # type: ignore[arg-type]
    channels = {r.channel: Channel(r.channel_most, r.channel_interval) for r in given}
    caller_ids = CallerIds(
        (CallerId(n.id, n.e164, interval=n.interval) for n in numbers), local_presence=spec.numbers.local_presence
    )
    exits = Exits(tuple(spec.exit.on), spec.exit.unreachable_after)
    world = World({1: compile_flow(spec.step)}, rules_of(spec), exits, lanes, channels, caller_ids)  # type: ignore[arg-type]
    span = {"start_at": start_at, "until_at": until_at}
    found = forecast(subjects, world, assumed, **span, seed=seed, on_event=lambda *event: events.append(event))
    return found, events


@pytest.mark.slow
@pytest.mark.parametrize("block", range(16))
def test_the_forecast_is_the_slow_obvious_walk(block: int) -> None:
    made: Counter[str] = Counter()
    for seed in range(block * 20, block * 20 + 20):
        chance = random.Random(seed)
        file, assumed = random_file(chance), random_assumed(chance)
        spec, start_at = read_campaign(file), instant(chance.choice(STARTS))
        until_at = start_at + chance.randrange(2, 15) * DAY
        given = roads(chance, spec)
        bodies = [random_body(chance, n, file, start_at) for n in range(1, chance.randint(3, 14))]
        numbers = [
            oracle.Number(n, f"+1{chance.choice(['212', '415'])}5550{n:03d}", chance.choice([0, 3 * MINUTE, HOUR]))
            for n in range(1, chance.randint(2, 5))
        ]
        subjects = [subject(body, file) for body in bodies]

        def ends(
            person: int, step: str, try_no: int, channel: Any, seed: int = seed, assumed: Assumed = assumed
        ) -> tuple[str, int]:
            outcome = assumed.outcome(seed, person, step, try_no, channel)
            return outcome, assumed.length(seed, person, step, try_no, channel)

        before = deepcopy(subjects)
        found, events = told(file, subjects, given, numbers, assumed, start_at, until_at, seed)
        expected = oracle.Walk(file, bodies, numbers, given, ends).run(start_at, until_at)
        assert events == expected, f"seed {seed}"
        states = Counter((body.state, body.why) for body in bodies)
        assert found.completed == states["completed", ""], f"seed {seed}"
        assert found.exited == {why: n for (state, why), n in states.items() if state == "exited"}, f"seed {seed}"
        assert found.held == {why: n for (state, why), n in states.items() if state == "held"}, f"seed {seed}"
        assert found.waiting == states["queued", ""] + states["active", ""], f"seed {seed}"
        assert found.numbers == {n.id: n.used for n in numbers if n.used}
        assert subjects == before, "the arguments are not changed"
        made += Counter(event[4] for event in events)
        made["retries"] += sum(event[3] > 1 for event in events)
        made["skips"] += sum(found.skips.values())
    assert min(made[what] for what in (*CHANNELS, "retries", "skips")) > 0, made
