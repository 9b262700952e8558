"""The figures of a forecast match its events."""

from __future__ import annotations

from typing import Any

import pytest

from fluentsd.api import Outcome
from fluentsd.domain.campaign import read_campaign
from fluentsd.domain.enrollment import Exits
from fluentsd.domain.flow import compile_flow
from fluentsd.domain.forecast import CannotForecast, Channel, Lane, Subject, World, forecast
from fluentsd.domain.forecast.assumptions import (
    DEFAULTS,
    NOBODY,
    Assumed,
)
from fluentsd.domain.forecast.figures import FEW, Forecast, finish
from fluentsd.domain.gate import Person, Point
from fluentsd.domain.pacing import CallerId, CallerIds
from fluentsd.domain.time.durations import Rate
from fluentsd.engine.dispatch.plans import rules_of
from tests.domain.forecast.campaigns import (
    CALL,
    DAY,
    HOUR,
    MINUTE,
    MONDAY_TEN,
    QUIET,
    SMS,
    campaign,
    people,
    simple,
)


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
