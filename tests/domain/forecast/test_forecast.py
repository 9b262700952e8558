"""The forecast agrees with the slow, obvious walk on random campaigns, and its figures match the events."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest

from fluentsd.api import Kind, Outcome
from fluentsd.domain.campaign import CampaignFile, read_campaign
from fluentsd.domain.enrollment import Exits
from fluentsd.domain.flow import compile_flow
from fluentsd.domain.forecast import CannotForecast, Channel, Lane, Subject, World, forecast
from fluentsd.domain.forecast.assumptions import (
    DEFAULTS,
    NOBODY,
    PSEUDO_COUNT,
    Assumed,
    BadAssumption,
    draw,
    from_history,
)
from fluentsd.domain.forecast.figures import FEW, Forecast, finish
from fluentsd.domain.gate import Person, Point
from fluentsd.domain.pacing import CallerId, CallerIds
from fluentsd.domain.time.durations import Rate
from fluentsd.engine.dispatch.plans import rules_of
from tests.domain.forecast import oracle

SECOND, MINUTE, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
ZONES = ("America/New_York", "America/Los_Angeles", "Australia/Lord_Howe", "Asia/Kathmandu", "Europe/London")
#: Two zones that share their days all year, and two that never do.
PAIRS = (("America/New_York", "America/Los_Angeles"), ("America/New_York", "Asia/Kathmandu"))
#: Mondays, or the days before the clocks change.
STARTS = ("2026-01-12T15:00", "2026-03-06T19:30", "2026-10-23T13:45", "2026-03-27T08:00", "2026-04-03T02:00")
CHANNELS: tuple[Kind, ...] = ("phone", "sms", "email")


def instant(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp() * 1_000_000)


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


def subject(body: oracle.Body, file: dict[str, Any]) -> Subject:
    person = Person(
        zones=tuple(body.zones),
        points=tuple(Point(i, kind, value, ",".join(dead)) for i, kind, value, dead in body.points),
        stopped=frozenset(body.stopped),
        touches=[(at, "sms") for at in body.touches],
    )
    progress: dict[str, Any] = {"outcomes": dict(body.outcomes), "last_outcome": body.last, "unreached": body.unreached}
    return Subject(
        body.id, body.id, 1, file["step"][body.step]["id"], body.due_at, person, rank=body.rank, fields=body.fields,
        sender_id=body.sender, **progress,
    )  # fmt: skip


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


# ── what the figures say ─────────────────────────────────────────────────────────────────────────────────────────

MONDAY_TEN = instant("2026-03-02T15:00")  # in New York
SMS = {"id": "text", "channel": "sms", "text": "Hi"}
CALL = {"id": "call", "channel": "phone", "agent": "a"}
QUIET = Assumed({"phone": {Outcome.no_answer: 1}, "sms": {Outcome.sent: 1}, "email": {Outcome.sent: 1}})


def campaign(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    window = {"hours": "09:00-17:00", "fallback_timezone": "America/New_York"}
    return {"name": "A test", "window": window, "step": list(steps)} | more


def people(count: int, due_at: int = MONDAY_TEN, **said: Any) -> list[Subject]:
    found = []
    for n in range(1, count + 1):
        points = (Point(2 * n, "phone", f"+1212555{n:04d}"), Point(2 * n + 1, "email", f"p{n}@example.com"))
        person = Person(zones=("America/New_York",), points=points)
        found.append(
            Subject(n, n, 1, said.get("step", "text"), due_at, person, **{k: v for k, v in said.items() if k != "step"})
        )
    return found


def simple(
    file: dict[str, Any],
    subjects: list[Subject],
    *,
    lanes: Mapping[str, Mapping[str, Any]] | None = None,
    channels: Mapping[Kind, Channel] | None = None,
    caller_ids: CallerIds | None = None,
    assumed: Assumed = QUIET,
    days: int = 10,
    events: list[Any] | None = None,
    seed: int = 0,
) -> Forecast:
    spec = read_campaign(file)
    given = [Lane(n, kind, **(lanes or {}).get(kind, {})) for n, kind in enumerate(spec.channels, 1)]
    channel_state = channels if channels is not None else {kind: Channel() for kind in CHANNELS}
    exits = Exits(tuple(spec.exit.on), spec.exit.unreachable_after)
    world = World({1: compile_flow(spec.step)}, rules_of(spec), exits, given, channel_state, caller_ids)
    return forecast(
        subjects, world, assumed, seed=seed, start_at=MONDAY_TEN, until_at=MONDAY_TEN + days * DAY,
        on_event=None if events is None else lambda *event: events.append(event),
    )  # fmt: skip


def test_figures_count_what_happens() -> None:
    file = campaign(
        SMS, CALL | {"after": "1 day", "retry": {"no_answer": "2 hours", "limit": 1}}, limits={"cost": {"sms": 0.02}}
    )
    found = simple(file, people(3), assumed=Assumed(QUIET.shares, {"phone": {Outcome.no_answer: 60}}))
    assert (found.people, found.made, found.completed, found.waiting) == (3, 9, 3, 0)
    assert found.contacts == {"text": 3, "call": 6}
    assert found.outcomes == {("text", "sent"): 3, ("call", "no_answer"): 6}
    assert (found.contacts_by("sms"), found.contacts_by("phone"), found.contacts_by("email")) == (3, 6, 0)
    assert found.money == {"sms": 60_000}
    assert 3 <= found.minutes("phone") <= 9
    assert found.peak == (MONDAY_TEN, 3)
    assert found.last_contact_at is not None
    assert found.finish_at is not None
    assert MONDAY_TEN + DAY + 2 * HOUR < found.last_contact_at < found.finish_at < MONDAY_TEN + DAY + 3 * HOUR
    assert found.bottleneck.cause == "delay"


def test_who_cannot_go_on_is_counted_by_reason() -> None:
    nobody = Person(zones=("America/New_York",))
    stopped = Person(zones=("America/New_York",), points=(Point(1, "phone", "+12125550100"),), stopped=frozenset("*"))
    nowhere = Person(points=(Point(2, "phone", "+12125550101"),))
    subjects = [Subject(n, n, 1, "text", MONDAY_TEN, who) for n, who in enumerate((nobody, stopped, nowhere), 1)]
    window = {"hours": "09:00-17:00", "unknown_timezone": "hold"}
    found = simple(campaign(SMS, window=window), subjects)
    assert found.skips == {("text", "no_phone"): 1}
    assert (found.completed, found.exited, found.held) == (1, {"opted_out": 1}, {"zone_unknown": 1})
    assert (found.made, found.waiting, found.last_contact_at, found.peak[1]) == (0, 0, None, 0)


def test_a_channel_that_is_not_served_is_an_error_of_everybody_in_it() -> None:
    assert simple(campaign(SMS), people(2), channels={}).errored == {"not_served": 2}


def test_a_place_that_was_not_handed_in_cannot_be_forecast() -> None:
    with pytest.raises(CannotForecast, match="version 1"):
        simple(campaign(SMS), people(1, step="other"))
    flows, rules = {1: compile_flow(read_campaign(campaign(SMS, CALL)).step)}, rules_of(read_campaign(campaign(SMS)))
    world = World(flows, rules, Exits((), 3), [Lane(1, "sms")], {"sms": Channel()})
    with pytest.raises(CannotForecast, match="phone"):
        forecast(people(1), world, QUIET, start_at=MONDAY_TEN, until_at=MONDAY_TEN + DAY)


def test_a_contact_in_the_air_at_the_start_ends_and_is_not_made_again() -> None:
    calls = Assumed(QUIET.shares, {"phone": {Outcome.no_answer: 60}})
    found = simple(
        campaign(CALL, SMS),
        people(2, step="call", in_flight=True),
        assumed=calls,
        channels={"phone": Channel(1), "sms": Channel()},
    )
    assert (found.contacts, found.completed) == ({"text": 2}, 2)
    assert found.outcomes == {("call", "no_answer"): 2, ("text", "sent"): 2}


def test_promised_ones_go_first() -> None:
    subjects = [*people(3), *people(1)]
    subjects[3].id, subjects[3].rank = 9, 0
    events: list[Any] = []
    simple(campaign(SMS), subjects, events=events, channels={"sms": Channel(1)})
    assert [event[1] for event in events] == [9, 1, 2, 3]


def test_steps_due_during_downtime_are_dripped_or_skipped() -> None:
    late = {"late_since_at": MONDAY_TEN - HOUR, "late_before_at": MONDAY_TEN}
    subjects, events = [*people(3, MONDAY_TEN - MINUTE), *people(1)], list[Any]()
    subjects[3].id = 9
    found = simple(campaign(SMS), subjects, lanes={"sms": late | {"late_interval": MINUTE}}, events=events)
    assert [(event[0] - MONDAY_TEN) // MINUTE for event in events] == [0, 1, 2, 3]
    found = simple(campaign(SMS), subjects, lanes={"sms": late})
    assert (found.made, found.skips) == (4, {}), "a first step is never skipped"
    for subject in subjects[:3]:
        subject.outcomes = {"before": "sent"}
    found = simple(campaign(SMS), subjects, lanes={"sms": late})
    assert (found.made, found.skips) == (1, {("text", "late"): 3})


@pytest.mark.parametrize(
    ("cause", "limits", "channel", "numbers"),
    [
        ("number_pace", {}, Channel(), [HOUR]),
        ("pace", {"pace": "2/hour"}, Channel(), []),
        ("concurrency", {"concurrency": 1}, Channel(), []),
        ("channel_concurrency", {}, Channel(1), []),
        ("channel_pace", {}, Channel(50, HOUR), []),
        ("budget", {"budget": "0.02 USD/day", "cost": {"phone": 0.01}}, Channel(), []),
    ],
)
def test_the_bottleneck_is_what_people_wait_for(
    cause: str, limits: dict[str, Any], channel: Channel, numbers: list[int]
) -> None:
    file = campaign(CALL, limits=limits, numbers={"tags": ["t"]} if numbers else {})
    caller_ids = CallerIds(
        (CallerId(n, f"+1212556{n:04d}", interval=interval) for n, interval in enumerate(numbers, 1)),
        local_presence=True,
    )
    lane: dict[str, Any] = {"concurrency": limits.get("concurrency")}
    lane["interval"] = Rate.parse(limits["pace"]).interval if "pace" in limits else 0
    calls = Assumed(QUIET.shares, {"phone": {Outcome.no_answer: 3600}})
    found = simple(
        file,
        people(30, step="call"),
        lanes={"phone": lane},
        channels={"phone": channel},
        caller_ids=caller_ids,
        assumed=calls,
    )
    assert found.bottleneck.cause == cause
    assert found.bottleneck.share > 0.5
    assert found.bottleneck.hours > 1
    assert found.bottleneck.sentence


def test_a_window_that_is_hardly_open_is_what_people_wait_for() -> None:
    window = {"days": ["wed"], "hours": "09:00-17:00", "fallback_timezone": "America/New_York"}
    subjects = people(3, MONDAY_TEN + 46 * HOUR)
    for subject in subjects:
        subject.wanted_at = MONDAY_TEN
    assert simple(campaign(SMS, window=window), subjects).bottleneck.cause == "window"


def test_the_finish_of_a_few_is_a_matter_of_chance_and_that_of_many_of_the_assumption() -> None:
    calls: list[tuple[Assumed, int]] = []

    def run(count: int) -> Any:
        def once(assumed: Assumed, seed: int) -> Forecast:
            calls.append((assumed, seed))
            return simple(
                campaign(CALL | {"retry": {"no_answer": "1 day"}}),
                people(count, step="call"),
                assumed=assumed,
                seed=seed,
            )

        return once

    few = finish(run(3), DEFAULTS, 7)
    assert calls == [(DEFAULTS, seed) for seed in range(7, 12)]
    assert few.early_at is not None
    assert few.late_at is not None
    assert few.early_at <= few.late_at
    calls.clear()
    many = finish(run(FEW + 1), DEFAULTS)
    assert calls == [(DEFAULTS, 0), (NOBODY, 0)]
    assert many.late_at is not None
    assert many.late_at > MONDAY_TEN + 2 * DAY


def test_a_finish_beyond_the_horizon_has_no_instant() -> None:
    ends = finish(lambda assumed, seed: simple(campaign(SMS), people(1, MONDAY_TEN + 20 * DAY)), QUIET)
    assert (ends.early_at, ends.late_at, ends.likely.waiting) == (None, None, 1)


# ── what is assumed ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_draw_is_the_same_for_ever() -> None:
    assert draw(1, 42, "call", 1) == 2_185_498_240_688_810_130
    assert DEFAULTS.outcome(1, 42, "call", 1, "phone") == Outcome.answered
    assert DEFAULTS.length(1, 42, "call", 1, "phone") == 70_077_042
    assert len({draw(s, i, step, t) for s in range(3) for i in range(3) for step in "ab" for t in range(3)}) == 54


def test_outcomes_come_in_their_shares_and_lengths_about_their_mean() -> None:
    ends = [DEFAULTS.ends("phone", draw(0, n, "call", 1)) for n in range(5_000)]
    shares = Counter(outcome for outcome, _ in ends)
    for outcome, share in DEFAULTS.shares["phone"].items():
        assert abs(shares[outcome] / 5_000 - share) < 0.02
    talks = [length for outcome, length in ends if outcome == Outcome.answered]
    assert min(talks) >= 60 * SECOND
    assert max(talks) <= 180 * SECOND
    assert abs(sum(talks) / len(talks) - 120 * SECOND) < 6 * SECOND


def test_history_outweighs_the_assumption_as_it_grows() -> None:
    assert from_history({}).shares == DEFAULTS.shares
    counted = {Outcome.answered: 9 * PSEUDO_COUNT, Outcome.unknown: 1_000}
    mixed = from_history({"phone": counted}, {"phone": {Outcome.answered: 200, Outcome.busy: 9}})
    assert mixed.shares["phone"][Outcome.answered] == pytest.approx(0.9 + 0.1 * 0.22)
    assert sum(mixed.shares["phone"].values()) == pytest.approx(1)
    assert (mixed.seconds["phone"][Outcome.answered], mixed.seconds["phone"][Outcome.busy]) == (200, 5)
    assert mixed.shares["sms"] == pytest.approx(DEFAULTS.shares["sms"])


@pytest.mark.parametrize("shares", [{}, {Outcome.sent: -1.0, Outcome.failed: 2.0}, {Outcome.unknown: 1.0}])
def test_shares_that_cannot_be_meant_are_refused(shares: dict[Outcome, float]) -> None:
    with pytest.raises(BadAssumption, match="sms"):
        Assumed({"sms": shares})


def test_a_length_that_cannot_be_meant_is_refused() -> None:
    with pytest.raises(BadAssumption, match="86400"):
        Assumed(QUIET.shares, {"phone": {Outcome.no_answer: 90_000}})
